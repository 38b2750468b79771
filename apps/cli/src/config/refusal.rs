//! What is said of a configuration that cannot be read: the line, what is wrong, what would be right. Never
//! a value, which may be a secret in the wrong place: a word is repeated only where it is a slip of the pen
//! for one that is known there.

use redistrict_model::MaskName;

use crate::failure::Failure;
use crate::nearest;

/// The parser's error as a failure.
pub(super) fn refusal(text: &str, error: &toml::de::Error) -> Failure {
    let line = error.span().map_or(1, |span| {
        text.get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1)
    });
    let message = error.message().lines().next().unwrap_or_default();
    let refused = |what: String| Failure::prerequisite(format!("line {line}: {what}"));
    let again = "mend that line, then `redistrict config check` reads it again";
    if is_about_a_secret(message) {
        return refused("a secret is never written here, only a reference to it".to_owned())
            .with_hint("name where it is: { env = \"NAME\" }, { file = \"PATH\" } or { command = [\"PROGRAM\"] }");
    }
    if message.ends_with("enum MaskSetting") {
        let written = error.span().and_then(|span| text.get(span));
        return mask(written.unwrap_or_default(), &refused);
    }
    if message.ends_with("enum OneOrMany") {
        return refused("it must be a text, or a list of texts".to_owned())
            .with_hint("key = \"id\" or key = [\"a\", \"b\"]");
    }
    match unknown(message) {
        Some((what, word, known)) => match nearest_key(word, known) {
            Some(near) => refused(message.to_owned()).with_hint(format!("did you mean `{near}`?")),
            None => {
                refused(format!("{what} that is not known here, expected{known}")).with_hint(again)
            }
        },
        None => {
            let said = without_value(message);
            let is_list = said.ends_with("expected a list");
            let hint = if is_list {
                "a list is written [\"a\", \"b\"]"
            } else {
                again
            };
            refused(said).with_hint(hint)
        }
    }
}

/// Whether it complains about what stands in the place of a reference to a secret.
fn is_about_a_secret(message: &str) -> bool {
    message.starts_with("unknown variant") && message.contains("one of `env`, `file`, `command`")
}

/// Of serde's own sentence (unknown field `a`, expected one of `b`, `c`): what is unknown, the word, and
/// what is known.
fn unknown(message: &str) -> Option<(&'static str, &str, &str)> {
    let (what, rest) = match message.strip_prefix("unknown field `") {
        Some(rest) => ("a key", rest),
        None => ("a word", message.strip_prefix("unknown variant `")?),
    };
    // What is known has no backquotes of its own, the word may.
    let at = rest.rfind("`, expected")?;
    Some((what, &rest[..at], &rest[at + "`, expected".len()..]))
}

fn nearest_key(unknown: &str, known: &str) -> Option<String> {
    let quoted = known.split('`').skip(1).step_by(2);
    quoted
        .map(|known| (strsim::damerau_levenshtein(unknown, known), known))
        .filter(|(distance, known)| *distance <= known.len().max(3) / 2)
        .min()
        .map(|(_, known)| known.to_owned())
}

/// `invalid type: string "…", expected u32` without what is quoted.
fn without_value(message: &str) -> String {
    let found = ["invalid type: ", "invalid value: ", "invalid length "];
    let is_about_a_value = found.iter().any(|start| message.starts_with(start));
    let bare = match (message.find(['"', '`']), message.rfind(", expected")) {
        (Some(start), Some(end)) if is_about_a_value && start < end => {
            format!("{}{}", message[..start].trim_end(), &message[end..])
        }
        _ => message.to_owned(),
    };
    match is_about_a_value {
        // As people call them who write TOML.
        true => bare.replace("sequence", "list").replace("a map", "a table"),
        false => bare,
    }
}

/// The names of all masks, which their reader lists when it is given another.
fn masks() -> Vec<String> {
    let none = serde_json::from_value::<MaskName>(serde_json::Value::from("?"));
    let listed = none.err().map(|error| error.to_string());
    let listed = listed.unwrap_or_default();
    let listed = listed.split("expected").nth(1).unwrap_or_default();
    let quoted = listed.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

fn mask(written: &str, refused: &dyn Fn(String) -> Failure) -> Failure {
    let word = written.trim().trim_matches(['"', '\'']);
    let known = masks();
    match nearest::name(word, known.iter().map(String::as_str)) {
        Some(near) => refused(format!("no mask is called {word:?}"))
            .with_hint(format!("did you mean `{near}`?")),
        None => refused("no mask is called that".to_owned())
            .with_hint(format!("the masks are: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_value_only_its_kind_is_told() {
        for (message, said) in [
            (
                "invalid type: string \"s3cret\", expected u32",
                "invalid type: string, expected u32",
            ),
            (
                "invalid type: string \"a\\\", expected s3cret\", expected u32",
                "invalid type: string, expected u32",
            ),
            (
                "invalid value: integer `71077`, expected u8",
                "invalid value: integer, expected u8",
            ),
            (
                "invalid basic string, expected `\"`",
                "invalid basic string, expected `\"`",
            ),
        ] {
            assert_eq!(without_value(message), said);
        }
    }

    #[test]
    fn an_odd_word_hides_no_list_of_what_is_known() {
        let message = "unknown field `a`, expected `b`, expected one of `source`, `target`";
        let (what, word, known) = unknown(message).unwrap();
        assert_eq!((what, word), ("a key", "a`, expected `b"));
        assert_eq!(known, " one of `source`, `target`");
    }

    #[test]
    fn there_are_masks_to_choose_from() {
        assert!(masks().iter().any(|name| name == "email"), "{:?}", masks());
    }
}
