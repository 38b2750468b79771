//! Walks through the text of a JSON document: keys, strings and numbers can be looked at and
//! replaced, everything else stays byte by byte. No document tree, no recursion.

/// A part of a document that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JsonPart<'a> {
    /// The key of a member.
    Key(&'a str),
    /// A text with the key of the member it stands in.
    Text { key: &'a str, text: &'a str },
    /// A number, as written.
    Number { key: &'a str, text: &'a str },
}

/// Shows each part to `look`, which may give another text for it, and gives the document with the
/// replacements; none if the text is no JSON document.
pub(crate) fn walk(
    document: &str,
    look: &mut dyn FnMut(JsonPart<'_>) -> Option<String>,
) -> Option<String> {
    let mut walker = Walker {
        rest: document,
        output: String::with_capacity(document.len()),
        look,
        keys: Vec::new(),
    };
    walker.document()?;
    Some(walker.output)
}

/// Where the walker stands: within objects (with the key of the member) and arrays.
enum Level {
    Object(String),
    /// Its members belong to the key of the array.
    Array(String),
}

impl Level {
    fn key(&self) -> &str {
        match self {
            Self::Object(key) | Self::Array(key) => key,
        }
    }
}

struct Walker<'a, 'f> {
    rest: &'a str,
    output: String,
    look: &'f mut dyn FnMut(JsonPart<'_>) -> Option<String>,
    keys: Vec<Level>,
}

impl Walker<'_, '_> {
    fn document(&mut self) -> Option<()> {
        loop {
            // A value begins here.
            self.blanks();
            match self.rest.as_bytes().first()? {
                b'{' => {
                    self.copy(1);
                    self.blanks();
                    self.keys.push(Level::Object(String::new()));
                    if !self.rest.starts_with('}') {
                        self.member_key()?;
                        continue;
                    }
                }
                b'[' => {
                    self.copy(1);
                    self.blanks();
                    let key = self.key();
                    self.keys.push(Level::Array(key));
                    if !self.rest.starts_with(']') {
                        continue;
                    }
                }
                b'"' => self.text()?,
                b'-' | b'0'..=b'9' => self.number(),
                _ => self.word()?,
            }
            if self.after_value()? {
                return Some(());
            }
        }
    }

    /// Closes what ends here and goes on to the next value; true at the end of the document.
    fn after_value(&mut self) -> Option<bool> {
        loop {
            self.blanks();
            let next = self.rest.as_bytes().first();
            match (self.keys.last(), next) {
                (None, None) => return Some(true),
                (Some(Level::Object(_)), Some(b'}')) | (Some(Level::Array(_)), Some(b']')) => {
                    self.copy(1);
                    self.keys.pop();
                }
                (Some(Level::Array(_)), Some(b',')) => {
                    self.copy(1);
                    return Some(false);
                }
                (Some(Level::Object(_)), Some(b',')) => {
                    self.copy(1);
                    self.blanks();
                    self.member_key()?;
                    return Some(false);
                }
                _ => return None,
            }
        }
    }

    fn member_key(&mut self) -> Option<()> {
        let key = self.token()?;
        let replaced = (self.look)(JsonPart::Key(&key));
        self.write(replaced.as_deref(), &key);
        self.blanks();
        if !self.rest.starts_with(':') {
            return None;
        }
        self.copy(1);
        if let Some(Level::Object(current)) = self.keys.last_mut() {
            *current = key;
        }
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        let text = self.token()?;
        let key = self.key();
        let part = JsonPart::Text {
            key: &key,
            text: &text,
        };
        let replaced = (self.look)(part);
        self.write(replaced.as_deref(), &text);
        Some(())
    }

    fn number(&mut self) {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let key = self.key();
        let replaced = (self.look)(JsonPart::Number { key: &key, text });
        self.output.push_str(replaced.as_deref().unwrap_or(text));
    }

    fn word(&mut self) -> Option<()> {
        let words = ["true", "false", "null"];
        let word = words.iter().find(|word| self.rest.starts_with(**word))?;
        self.copy(word.len());
        Some(())
    }

    /// Takes a quoted token and gives its text.
    fn token(&mut self) -> Option<String> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        })?;
        let (quoted, rest) = self.rest.split_at(end.0 + 1);
        let text = serde_json::from_str(quoted).ok()?;
        self.rest = rest;
        Some(text)
    }

    fn write(&mut self, replaced: Option<&str>, own: &str) {
        let text = replaced.unwrap_or(own);
        let quoted = serde_json::to_string(text).expect("a text can be quoted");
        self.output.push_str(&quoted);
    }

    fn key(&self) -> String {
        self.keys
            .last()
            .map_or_else(String::new, |level| level.key().to_owned())
    }

    fn copy(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.output.push_str(taken);
        self.rest = rest;
    }

    fn blanks(&mut self) {
        let end = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
        self.copy(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(document: &str) -> Option<Vec<String>> {
        let mut seen = Vec::new();
        walk(document, &mut |part| {
            seen.push(format!("{part:?}"));
            None
        })
        .map(|output| {
            let same = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(same(&output), same(document));
            seen
        })
    }

    #[test]
    fn every_part_is_shown_with_its_key() {
        let seen =
            parts(r#" {"a": [1, {"b\u0041": "x\"y"}], "c": {}, "d": null, "e": []} "#).unwrap();
        assert_eq!(
            seen,
            [
                r#"Key("a")"#,
                r#"Number { key: "a", text: "1" }"#,
                r#"Key("bA")"#,
                r#"Text { key: "bA", text: "x\"y" }"#,
                r#"Key("c")"#,
                r#"Key("d")"#,
                r#"Key("e")"#,
            ]
        );
        assert_eq!(parts("\"x\"").unwrap().len(), 1);
        assert_eq!(parts("true").unwrap().len(), 0);
    }

    #[test]
    fn what_is_no_document_gives_nothing_and_never_panics() {
        for text in [
            "", "{", "[1", "{\"a\"}", "x", "[1]]", "{,}", "\"ä", "nul", "{1:2}", "\"\\",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
