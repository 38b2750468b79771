//! What only the text of a CREATE TABLE says: names of constraints, CHECKs, deferrability. A reader of
//! SQLite's own stored DDL; must not be used on text that SQLite has not accepted.

use crate::names::same;

/// What was read of one CREATE TABLE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ddl {
    pub(crate) foreign_keys: Vec<DdlForeignKey>,
    pub(crate) uniques: Vec<DdlUnique>,
    pub(crate) checks: Vec<DdlCheck>,
    pub(crate) has_autoincrement: bool,
}

/// `[CONSTRAINT name] FOREIGN KEY (columns) REFERENCES …` in either place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DdlForeignKey {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) parent: String,
    pub(crate) is_deferrable: bool,
}

/// `[CONSTRAINT name] UNIQUE (columns)` in either place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DdlUnique {
    pub(crate) name: Option<String>,
    pub(crate) columns: Vec<String>,
}

/// `[CONSTRAINT name] CHECK (expression)` in either place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DdlCheck {
    pub(crate) name: Option<String>,
    pub(crate) expression: String,
    /// Every name that stands in the expression; not all are columns.
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// A bare word: keyword or name.
    Word,
    /// A name in quotes of any style.
    Quoted,
    Literal,
    Symbol,
}

#[derive(Clone, Debug)]
struct Token<'a> {
    class: Class,
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    fn is(&self, keyword: &str) -> bool {
        self.class == Class::Word && same(self.text, keyword)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.class == Class::Symbol && self.text == symbol
    }

    fn is_name(&self) -> bool {
        matches!(self.class, Class::Word | Class::Quoted)
    }

    /// The name without its quotes. A string literal stands for a name where SQLite takes it as one.
    fn name(&self) -> String {
        let mut chars = self.text.chars();
        let (Some(open), Some(_)) = (chars.next(), chars.next_back()) else {
            return self.text.to_owned();
        };
        match open {
            '"' | '`' | '\'' => {
                let inside = chars.as_str();
                let doubled: String = [open, open].iter().collect();
                inside.replace(&doubled, &open.to_string())
            }
            '[' => chars.as_str().to_owned(),
            _ => self.text.to_owned(),
        }
    }
}

/// Reads the text that `sqlite_schema` keeps of a table.
pub(crate) fn parse(sql: &str) -> Ddl {
    let tokens = tokens(sql);
    let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
        return Ddl::default();
    };
    let body = group(&tokens, open);
    let mut ddl = Ddl::default();
    for item in split(body) {
        read_item(sql, item, &mut ddl);
    }
    ddl
}

/// The tokens between the parenthesis at `open` and its partner.
fn group<'t, 'a>(tokens: &'t [Token<'a>], open: usize) -> &'t [Token<'a>] {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return tokens.get(open + 1..position).unwrap_or_default();
            }
        }
    }
    tokens.get(open + 1..).unwrap_or_default()
}

/// The items between commas that stand in no inner parenthesis.
fn split<'t, 'a>(body: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0_i32;
    body.split(|token| {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth -= 1;
        }
        depth == 0 && token.is_symbol(",")
    })
    .collect()
}

/// Reads a column definition or table constraints (SQLite wants no commas between these).
fn read_item(sql: &str, item: &[Token<'_>], ddl: &mut Ddl) {
    const CONSTRAINTS: [&str; 5] = ["constraint", "primary", "unique", "check", "foreign"];
    let Some(first) = item.first() else { return };
    let is_constraint = CONSTRAINTS.iter().any(|keyword| first.is(keyword));
    let column = (!is_constraint).then(|| first.name());
    let mut position = usize::from(column.is_some());
    let mut name = None;
    let mut key_columns = column.clone().into_iter().collect::<Vec<_>>();
    while let Some(token) = item.get(position) {
        let next = item.get(position + 1);
        let inside = || group(item, position + 1);
        if token.is("constraint") {
            name = next.map(Token::name);
            position += 1;
        } else if token.is("check") {
            ddl.checks.push(check(sql, name.take(), inside()));
        } else if token.is("unique") {
            let columns = column
                .as_ref()
                .map_or_else(|| column_names(inside()), |column| vec![column.clone()]);
            let name = name.take();
            ddl.uniques.push(DdlUnique { name, columns });
        } else if token.is("primary") {
            name = None;
        } else if token.is("foreign") {
            key_columns = column_names(group(item, position + 2));
        } else if token.is("references") {
            ddl.foreign_keys.push(DdlForeignKey {
                name: name.take(),
                columns: key_columns.clone(),
                parent: next.map(Token::name).unwrap_or_default(),
                is_deferrable: false,
            });
            position += 1;
        } else if token.is("deferrable") {
            let is_not = position > 0 && item[position - 1].is("not");
            let is_deferred = item.get(position + 2).is_some_and(|t| t.is("deferred"));
            if let Some(key) = ddl.foreign_keys.last_mut() {
                key.is_deferrable = !is_not && is_deferred;
            }
        } else if token.is("autoincrement") {
            ddl.has_autoincrement = true;
        } else if token.is_symbol("(") {
            position += group(item, position).len() + 1;
        }
        position += 1;
    }
}

fn check(sql: &str, name: Option<String>, inside: &[Token<'_>]) -> DdlCheck {
    let start = inside.first().map_or(0, |token| token.start);
    let end = inside
        .last()
        .map_or(0, |token| token.start + token.text.len());
    DdlCheck {
        name,
        expression: sql.get(start..end).unwrap_or_default().to_owned(),
        names: inside
            .iter()
            .filter(|token| token.is_name())
            .map(Token::name)
            .collect(),
    }
}

fn column_names(inside: &[Token<'_>]) -> Vec<String> {
    split(inside)
        .into_iter()
        .filter_map(|item| item.first())
        .map(Token::name)
        .collect()
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = sql[start..].chars().next() {
        let (class, length) = token_at(&sql[start..], first);
        if let Some(class) = class {
            let text = &sql[start..start + length];
            tokens.push(Token { class, text, start });
        }
        start += length;
    }
    tokens
}

/// The class (none for space and comments) and length of the token that `rest` begins with.
fn token_at(rest: &str, first: char) -> (Option<Class>, usize) {
    if rest.starts_with("--") {
        return (None, rest.find('\n').map_or(rest.len(), |end| end + 1));
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        return (None, comment.find("*/").map_or(rest.len(), |end| end + 4));
    }
    match first {
        '"' | '`' => (Some(Class::Quoted), quoted_length(rest, first)),
        '\'' => (Some(Class::Literal), quoted_length(rest, first)),
        '[' => (
            Some(Class::Quoted),
            rest.find(']').map_or(rest.len(), |end| end + 1),
        ),
        _ if first.is_ascii_whitespace() => (None, first.len_utf8()),
        _ if is_word(first) => (
            Some(if first.is_ascii_digit() {
                Class::Literal
            } else {
                Class::Word
            }),
            rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        ),
        _ => (Some(Class::Symbol), first.len_utf8()),
    }
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut position = 1;
    while let Some(end) = rest[position..].find(quote) {
        position += end + 1;
        if !rest[position..].starts_with(quote) {
            return position;
        }
        position += 1;
    }
    rest.len()
}

/// Letters, digits, `_`, `$` and everything beyond ASCII, as SQLite's tokenizer has it.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_checks_and_deferrability_are_read_from_both_places() {
        let ddl = parse(
            "CREATE TABLE \"odd (t\" ( -- a comment, with ( and '\n\
             id INTEGER PRIMARY KEY AUTOINCREMENT,\n\
             [a b] text CONSTRAINT short CHECK (length([a b]) < 5 AND \"a b\" <> ')') UNIQUE,\n\
             p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED,\n\
             q int CONSTRAINT \"q\"\"fk\" REFERENCES `other t`(x) NOT DEFERRABLE INITIALLY DEFERRED,\n\
             price DECIMAL(10, 2) DEFAULT (1 + 2), /* , */\n\
             CONSTRAINT two FOREIGN KEY (p, \"q\") REFERENCES pair(a, b) ON DELETE CASCADE\n\
             CHECK (p > 0) CHECK (q IN (1, 2)),\n\
             CONSTRAINT u UNIQUE (p COLLATE nocase DESC, [a b]))",
        );
        assert!(ddl.has_autoincrement);
        let keys: Vec<_> = ddl
            .foreign_keys
            .iter()
            .map(|key| {
                (
                    key.name.as_deref(),
                    key.columns.join(","),
                    key.is_deferrable,
                )
            })
            .collect();
        assert_eq!(
            keys,
            [
                (None, "p".to_owned(), true),
                (Some("q\"fk"), "q".to_owned(), false),
                (Some("two"), "p,q".to_owned(), false),
            ]
        );
        assert_eq!(ddl.foreign_keys[1].parent, "other t");
        assert_eq!(ddl.checks[0].name.as_deref(), Some("short"));
        assert_eq!(
            ddl.checks[0].expression,
            "length([a b]) < 5 AND \"a b\" <> ')'"
        );
        assert_eq!(ddl.checks[1].expression, "p > 0");
        assert_eq!(ddl.checks[2].expression, "q IN (1, 2)");
        assert_eq!(ddl.uniques[0].columns, ["a b"]);
        assert_eq!(ddl.uniques[1].name.as_deref(), Some("u"));
        assert_eq!(ddl.uniques[1].columns, ["p", "a b"]);
    }

    #[test]
    fn broken_text_is_read_without_a_panic() {
        for sql in [
            "",
            "create table t",
            "create table t(a check (",
            "create table t(a \"",
            "create table t(a, [b",
            "create table t(constraint",
            "create table t(references",
            "/*",
            "create table ü(ö check (ö <> 'ä'))",
        ] {
            parse(sql);
        }
    }
}
