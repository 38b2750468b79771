//! Names and texts in statements that an administrator reads, pastes and runs. Pure.

use std::fmt::Write as _;

use redistrict_model::shown;

/// An identifier in double quotes. Where something in it would end its line, move a cursor or turn the
/// direction of what follows, the form with numbers, which means the same and is one plain line.
pub(crate) fn identifier(name: &str) -> String {
    if shown(name) == name {
        return crate::statement::quoted(name);
    }
    let mut text = String::from("U&\"");
    for c in name.chars() {
        let is_plain = shown(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8();
        match c {
            '"' => text.push_str("\"\""),
            '\\' => text.push_str("\\\\"),
            c if is_plain => text.push(c),
            c => write!(text, "\\+{:06X}", u32::from(c)).expect("a String takes every write"),
        }
    }
    text + "\""
}

/// `"schema"."name"`.
pub(super) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// A text as a literal, whatever `standard_conforming_strings` says; one plain line.
pub(crate) fn literal(text: &str) -> String {
    if shown(text) == text && !text.contains('\\') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut literal = String::from("E'");
    for c in text.chars() {
        let is_plain = shown(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8();
        match c {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            c if is_plain => literal.push(c),
            c => write!(literal, "\\U{:08X}", u32::from(c)).expect("a String takes every write"),
        }
    }
    literal + "'"
}

/// A block that runs `body` unless the condition holds. Its quotes are none that stand in the body.
pub(super) fn unless(condition: &str, body: &str) -> String {
    let inner = format!("begin if not {condition} then {body}; end if; end");
    let mut tag = String::from("$redistrict$");
    while inner.contains(&tag) {
        tag.insert(1, '_');
    }
    format!("do {tag} {inner} {tag}")
}

#[cfg(test)]
mod tests {
    use redistrict_testkit::postgres::TestServer;

    use super::*;

    const HOSTILE: [&str; 9] = [
        "plain",
        "Two Words",
        "a\"; drop table x; --",
        "it's",
        "back\\slash",
        "line\n; drop table x; --",
        "\u{1b}[2J\u{202e}x",
        "$redistrict$ begin; end $redistrict$",
        "ünï😀",
    ];

    /// The server reads back what was written, and each text is one plain line.
    #[tokio::test]
    async fn names_and_texts_mean_the_same_and_stay_in_their_line() {
        let server = TestServer::start();
        let url = server.create_database().await;
        for name in HOSTILE {
            let name = format!("{name} text");
            for text in [identifier(&name), literal(&name)] {
                assert_eq!(shown(&text), text);
            }
            let sql = format!("select {} as {}", literal(&name), identifier(&name));
            assert_eq!(server.scalar(&url, &sql).await, name);
            let body = format!("create schema {}", identifier(&name));
            let exists = format!(
                "exists (select from pg_catalog.pg_namespace where nspname = {})",
                literal(&name)
            );
            for _ in 0..2 {
                server.psql(&url, &unless(&exists, &body)).await;
            }
            let found = format!(
                "select count(*) from pg_namespace where nspname = {}",
                literal(&name)
            );
            assert_eq!(server.scalar(&url, &found).await, "1");
        }
    }
}
