//! What a database that is only read may be sent: a reading of every statement that knows nothing of the
//! code that makes it. A statement is one of a few, or made of names in quotes and of the words listed here
//! alone; none of these writes, and no text of a database or of a person can be one of them.

use crate::recorder::Sent;

/// Why a message to PostgreSQL is outside; none if it is inside.
#[must_use]
pub fn outside_of_sql(sent: &Sent) -> Option<String> {
    outside(sent, sql)
}

/// The same for a message of Bolt.
#[must_use]
pub fn outside_of_cypher(sent: &Sent) -> Option<String> {
    outside(sent, cypher)
}

fn outside(sent: &Sent, judge: impl Fn(&str) -> Result<(), String>) -> Option<String> {
    match sent {
        Sent::Statement(text) => judge(text).err().map(|why| format!("{why}: {text}")),
        Sent::Simple(text) if text == DRIVERS => None,
        Sent::Simple(text) => Some(format!("a text that may hold several statements: {text}")),
        Sent::Other(letter) => Some(format!("a message of the kind {letter}")),
        Sent::Unread => Some("bytes that are no message".to_owned()),
    }
}

/// Statements that are not made of names.
const WHOLE_SQL: [&str; 4] = [
    "begin isolation level repeatable read read only",
    "rollback",
    "savepoint redistrict",
    "rollback to savepoint redistrict",
];

/// What the driver itself asks where a URL says `target_session_attrs`, before there is a session of ours.
const DRIVERS: &str = "SHOW transaction_read_only";

/// Texts that the product keeps in files; those among them that write are no part of the set.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../stores/postgres/sql");

/// What begins a statement that writes, locks, changes settings for others, or runs something.
const WRITING: &str = "insert update delete truncate merge create alter drop grant revoke lock do call execute \
     prepare deallocate discard set reset notify listen load vacuum analyze cluster reindex \
     refresh comment security into";

/// All words of statements that are made of names. What casts a key to its type is among them.
const SQL_WORDS: &str = "select copy from only as where order by group over limit collate desc any and not in is \
     null distinct true false case when then else end to stdout format binary unnest k t ctid \
     tableoid count filter sum set_config current_setting trim_scale octet_length \
     pg_column_size pg_catalog text tid oid int2 int4 int8 smallint integer bigint numeric \
     decimal real double precision float4 float8 boolean bool uuid date time timetz timestamp \
     timestamptz with without zone interval year month day hour minute second character varying \
     char varchar bpchar name bytea bit varbit inet cidr macaddr macaddr8 money xml json jsonb \
     point line lseg box path polygon circle tsvector tsquery pg_lsn regclass xid8 citext \
     having exists";

/// The procedures that may be called: they only tell.
const PROCEDURES: [&str; 4] = [
    "db.info()",
    "dbms.components()",
    "db.schema.nodeTypeProperties()",
    "db.schema.relTypeProperties()",
];

/// All words of statements of a graph, in lower case: of the language, of its types, of what the procedures
/// give, and the variables.
const CYPHER_WORDS: &str = "match where return unwind with as and or not in is null case when then else end distinct \
     order by limit using index seek any all none count labels keys type valuetype elementid \
     size tostring reduce date datetime realtime time local zoned duration list string true \
     false show constraints current user roles yield call db dbms info components schema \
     nodetypeproperties reltypeproperties name names labelsortypes properties versions edition \
     id nodelabels propertyname propertytypes reltype starts n a b k l t s e v y i x r asc \
     exists label first redistrictenvironment redistrictheartbeat redistrictjournal redistrictlease redistrictpart \
     redistrictrun p known";

fn sql(text: &str) -> Result<(), String> {
    let plain = folded(text);
    if WHOLE_SQL.contains(&plain.as_str()) || is_snapshot(&plain) || is_of_file(&plain)? {
        return Ok(());
    }
    let is_copy =
        plain.starts_with("copy (select ") && plain.ends_with(") to stdout (format binary)");
    if !plain.starts_with("select ") && !is_copy {
        return Err("it begins otherwise".to_owned());
    }
    let all = tokens(text, '"', '\'')?;
    let is_call = |pair: &[Token]| matches!(pair, [Token::Name, Token::Sign('(')]);
    if all.windows(2).any(is_call) {
        return Err("it calls something by a name in quotes".to_owned());
    }
    for token in all {
        match token {
            Token::Name => {}
            Token::Text(text) if is_known_text(&text) => {}
            Token::Text(_) => return Err("a text stands in it".to_owned()),
            Token::Word(word) if is_known_word(&word) => {}
            Token::Word(word) => return Err(format!("the word {word}")),
            Token::Sign(sign) if "()[],.:=+<>*|~-$".contains(sign) => {}
            Token::Sign(sign) => return Err(format!("the sign {sign}")),
        }
    }
    let stars = plain.matches("stdout").count();
    if stars > usize::from(is_copy) {
        return Err("it copies twice".to_owned());
    }
    Ok(())
}

/// `set transaction snapshot 'NAME'`: the name is the server's, of digits, letters up to F and hyphens.
fn is_snapshot(plain: &str) -> bool {
    let name = plain.strip_prefix("set transaction snapshot '");
    let name = name.and_then(|rest| rest.strip_suffix('\''));
    name.is_some_and(|name| {
        name.chars()
            .all(|one| one.is_ascii_hexdigit() || one == '-')
    })
}

/// A text of the product's files, if none of its words writes.
fn is_of_file(plain: &str) -> Result<bool, String> {
    let failed =
        |error: std::io::Error| format!("the texts of the product cannot be read: {error}");
    for entry in std::fs::read_dir(FILES).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        if folded(&text) == plain {
            return Ok(!writes(&text)?);
        }
    }
    Ok(matches!(
        plain,
        "select $1::text" | "select current_database()::text"
    ))
}

fn writes(text: &str) -> Result<bool, String> {
    let lines = text.lines();
    let lines: Vec<&str> = lines
        .map(|line| line.split("--").next().unwrap_or_default())
        .collect();
    let words = tokens(&lines.join("\n"), '"', '\'')?;
    let is_writing = |token: &Token| matches!(token, Token::Word(word) if is_among(WRITING, word));
    Ok(words.iter().any(is_writing))
}

fn is_among(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|one| one == word)
}

fn is_known_word(word: &str) -> bool {
    let is_numbered = word
        .strip_prefix('k')
        .is_some_and(|rest| rest.chars().all(|one| one.is_ascii_digit()));
    is_numbered || word.chars().all(|one| one.is_ascii_digit()) || is_among(SQL_WORDS, word)
}

/// Formats, names of our settings, limits of what travels.
fn is_known_text(text: &str) -> bool {
    let is_setting = text
        .strip_prefix("redistrict.k")
        .is_some_and(|rest| rest.chars().all(|one| one.is_ascii_digit()));
    let is_moment = |one: char| one.is_ascii_digit() || "-:+. ".contains(one);
    is_setting
        || ["%s", "infinity"].contains(&text)
        || text.chars().all(is_moment)
        || text.starts_with("^([\\x01-\\x7f]|")
}

fn cypher(text: &str) -> Result<(), String> {
    let mut previous = String::new();
    for token in tokens(text, '`', '\'')? {
        let Token::Word(word) = token else {
            match token {
                Token::Text(text) if text == "Z" || is_day(&text) => {}
                Token::Text(_) => return Err("a text stands in it".to_owned()),
                Token::Sign(';') => return Err("the sign ;".to_owned()),
                _ => {}
            }
            continue;
        };
        let word = word.to_lowercase();
        let digits = word.strip_prefix('f').unwrap_or(&word);
        let is_number = digits.chars().all(|one| one.is_ascii_digit());
        if previous == "call"
            && !PROCEDURES
                .iter()
                .any(|one| text.contains(&format!("CALL {one}")))
        {
            return Err(format!("it calls {word}"));
        }
        if previous == "show" && !["constraints", "current"].contains(&word.as_str()) {
            return Err(format!("it shows {word}"));
        }
        if !is_number && !is_among(CYPHER_WORDS, &word) {
            return Err(format!("the word {word}"));
        }
        previous = word;
    }
    Ok(())
}

/// A limit of what travels.
fn is_day(text: &str) -> bool {
    text.chars()
        .all(|one| one.is_ascii_digit() || "+-".contains(one))
}

enum Token {
    /// In quotes.
    Name,
    Text(String),
    /// Letters, digits and underscores; in lower case for SQL's sake.
    Word(String),
    Sign(char),
}

/// Takes a statement apart. What is in no quotes and is no word is a sign; comments and texts with escapes
/// are errors.
fn tokens(text: &str, name: char, quote: char) -> Result<Vec<Token>, String> {
    if text.contains('\0') {
        return Err("an end of text stands in it".to_owned());
    }
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(one) = chars.next() {
        if one == name || one == quote {
            let mut inside = String::new();
            loop {
                match chars.next() {
                    None => return Err("a quote is not closed".to_owned()),
                    Some(next) if next == one && chars.peek() == Some(&one) => {
                        inside.push(one);
                        chars.next();
                    }
                    Some(next) if next == one => break,
                    Some(next) => inside.push(next),
                }
            }
            found.push(if one == name {
                Token::Name
            } else {
                Token::Text(inside)
            });
        } else if one.is_alphanumeric() || one == '_' {
            let mut word = String::from(one);
            while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                word.push(next);
            }
            if chars.peek() == Some(&quote) || chars.peek() == Some(&name) {
                return Err(format!("{word} right before a quote"));
            }
            found.push(Token::Word(word.to_lowercase()));
        } else if one == '-' && chars.peek() == Some(&'-')
            || one == '/' && chars.peek() == Some(&'*')
        {
            return Err("a comment stands in it".to_owned());
        } else if !one.is_whitespace() {
            found.push(Token::Sign(one));
        }
    }
    Ok(found)
}

/// White space folded.
fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_inside(text: &str) -> bool {
        outside_of_sql(&Sent::Statement(text.to_owned())).is_none()
    }

    #[test]
    fn what_reads_is_inside_and_what_could_write_is_not() {
        for text in [
            "begin isolation level repeatable read read only",
            "select t.\"a\"\"; drop table b; --\"::text from only \"s\".\"t'\" as t where t.\"x\" = any ((select $1::text[]::int4[])::int4[])",
            "copy (select t.\"a\" from \"s\".\"t\" as t where false) to stdout (format binary)",
            "set transaction snapshot '00000003-0000001B-1'",
            "select set_config('redistrict.k1', $1, true)",
        ] {
            assert!(is_inside(text), "{text}");
        }
        for text in [
            "begin",
            "begin isolation level repeatable read read only; insert into t values (1)",
            "insert into t values (1)",
            "select 1; drop table t",
            "select t.\"a\" from \"s\".\"t\" as t -- where",
            "select t.\"a\" /* */ from \"s\".\"t\" as t",
            "select pg_terminate_backend(1)",
            "select lo_create(0) from \"s\".\"t\" as t",
            "select 'a child' from \"s\".\"t\" as t",
            "select \"s\".\"f\"(t.\"a\") into \"x\" from \"s\".\"t\" as t",
            "select \"s\".\"f\"(t.\"a\") from \"s\".\"t\" as t",
            "copy (select t.\"a\" from \"s\".\"t\" as t) to program (format binary)",
            "copy \"t\" to stdout (format binary)",
            "set transaction snapshot 'x'",
            "set default_transaction_read_only = off",
            "select e'\\'' from \"t\" as t",
            "select $$a$$",
            "select t.\"a from t",
        ] {
            assert!(!is_inside(text), "{text}");
        }
        assert!(outside_of_sql(&Sent::Simple("select 1".to_owned())).is_some());
        assert!(outside_of_sql(&Sent::Other('d')).is_some());
    }

    #[test]
    fn a_graph_is_asked_and_not_changed() {
        let judge = |text: &str| outside_of_cypher(&Sent::Statement(text.to_owned()));
        for text in [
            "MATCH (n:`a``) DETACH DELETE n //`) WHERE n.`x` IN $keys RETURN elementId(n) AS f0",
            "CALL db.info() YIELD id, name RETURN id, name",
            "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties RETURN name",
        ] {
            assert_eq!(judge(text), None);
        }
        for text in [
            "MATCH (n) DETACH DELETE n",
            "MATCH (n) SET n.x = 1",
            "CREATE (n)",
            "CALL apoc.cypher.runWrite('x', {})",
            "CALL db.info() YIELD id CALL db.createLabel(`x`)",
            "SHOW TRANSACTIONS",
            "MATCH (n) RETURN n; MATCH (n) RETURN n",
            "LOAD CSV FROM 'file:///x' AS k RETURN k",
            "MATCH (n) RETURN 'a child'",
        ] {
            assert!(judge(text).is_some(), "{text}");
        }
    }

    #[test]
    fn files_that_write_are_outside() {
        let mut counts = [0, 0];
        for entry in std::fs::read_dir(FILES).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            counts[usize::from(is_inside(&text))] += 1;
        }
        assert!(counts[0] >= 2 && counts[1] >= 15, "{counts:?}");
    }
}
