//! Walks through the text of a JSON document: keys, strings and numbers can be looked at and
//! replaced, everything else stays byte by byte. No document tree, no recursion.

/// A part of a document that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonPart<'a> {
    /// The key of a member.
    Key(&'a str),
    /// A text with the key of the member it stands in.
    Text { key: &'a str, text: &'a str },
    /// A number, as written, with the key of the member it stands in.
    Number { key: &'a str, text: &'a str },
}

/// What stands in the place of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonToken {
    /// A text, which is quoted.
    Text(String),
    /// A number, a truth or `null`: written as it is.
    Bare(String),
}

/// Where a part stands.
#[derive(Clone, Copy, Debug)]
pub struct JsonPlace<'a>(&'a [Level]);

impl JsonPlace<'_> {
    /// Whether these are the names of the members on the way from the document to here. Lists on the way
    /// do not count: each of their elements stands where the list does.
    #[must_use]
    pub fn is(&self, members: &[String]) -> bool {
        let mut names = self.0.iter().filter_map(|level| match level {
            Level::Object(key) => Some(key.as_deref().unwrap_or_default()),
            Level::Array(_) => None,
        });
        members.iter().all(|member| names.next() == Some(member)) && names.next().is_none()
    }

    /// The names of the members on the way from the document to here.
    #[must_use]
    pub fn members(&self) -> Vec<&str> {
        let names = self.0.iter().filter_map(|level| match level {
            Level::Object(key) => Some(key.as_deref().unwrap_or_default()),
            Level::Array(_) => None,
        });
        names.collect()
    }

    /// Whether it is an element of a list.
    #[must_use]
    pub fn is_element(&self) -> bool {
        matches!(self.0.last(), Some(Level::Array(_)))
    }

    /// Of the name of a member that stands here: the object that it stands in, by the number of objects around
    /// that, and whether it is the first name there.
    #[must_use]
    pub fn object(&self) -> (usize, bool) {
        let mut objects = self.0.iter().filter_map(|level| match level {
            Level::Object(key) => Some(key),
            Level::Array(_) => None,
        });
        let is_first = objects.next_back().is_none_or(Option::is_none);
        (objects.count(), is_first)
    }
}

/// Shows each part to `look`, which may give another token for it, and gives the document with the
/// replacements; none if the text is no JSON document. In the place of a key only a text can stand.
pub fn walk(
    document: &str,
    look: &mut dyn FnMut(JsonPlace<'_>, JsonPart<'_>) -> Option<JsonToken>,
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
#[derive(Debug)]
enum Level {
    /// None before its first member.
    Object(Option<String>),
    /// Its members belong to the key of the array.
    Array(String),
}

impl Level {
    fn key(&self) -> &str {
        match self {
            Self::Object(key) => key.as_deref().unwrap_or_default(),
            Self::Array(key) => key,
        }
    }
}

struct Walker<'a, 'f> {
    rest: &'a str,
    output: String,
    look: &'f mut dyn FnMut(JsonPlace<'_>, JsonPart<'_>) -> Option<JsonToken>,
    keys: Vec<Level>,
}

impl<'a> Walker<'a, '_> {
    fn document(&mut self) -> Option<()> {
        loop {
            // A value begins here.
            self.blanks();
            match self.rest.as_bytes().first()? {
                b'{' => {
                    self.copy(1);
                    self.blanks();
                    self.keys.push(Level::Object(None));
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
        let (key, quoted) = self.token()?;
        let replaced = (self.look)(JsonPlace(&self.keys), JsonPart::Key(&key));
        match replaced {
            Some(JsonToken::Text(text)) => self.quote(&text),
            _ => self.output.push_str(quoted),
        }
        self.blanks();
        if !self.rest.starts_with(':') {
            return None;
        }
        self.copy(1);
        if let Some(Level::Object(current)) = self.keys.last_mut() {
            *current = Some(key);
        }
        Some(())
    }

    fn text(&mut self) -> Option<()> {
        let (text, quoted) = self.token()?;
        let key = self.key();
        let part = JsonPart::Text {
            key: &key,
            text: &text,
        };
        let replaced = (self.look)(JsonPlace(&self.keys), part);
        self.write(replaced, quoted);
        Some(())
    }

    fn number(&mut self) {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let key = self.key();
        let part = JsonPart::Number { key: &key, text };
        let replaced = (self.look)(JsonPlace(&self.keys), part);
        self.write(replaced, text);
    }

    fn word(&mut self) -> Option<()> {
        let words = ["true", "false", "null"];
        let word = words.iter().find(|word| self.rest.starts_with(**word))?;
        self.copy(word.len());
        Some(())
    }

    /// Takes a quoted token; gives its text, and the token as it stands there.
    fn token(&mut self) -> Option<(String, &'a str)> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        })?;
        let (quoted, rest) = self.rest.split_at(end.0 + 1);
        let text = serde_json::from_str(quoted).ok()?;
        self.rest = rest;
        Some((text, quoted))
    }

    fn write(&mut self, replaced: Option<JsonToken>, own: &str) {
        match replaced {
            None => self.output.push_str(own),
            Some(JsonToken::Bare(text)) => self.output.push_str(&text),
            Some(JsonToken::Text(text)) => self.quote(&text),
        }
    }

    fn quote(&mut self, text: &str) {
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
        walk(document, &mut |_, part| {
            seen.push(format!("{part:?}"));
            None
        })
        .map(|output| {
            assert_eq!(output, document);
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

    #[test]
    fn a_place_is_told_by_the_members_on_the_way_and_lists_are_gone_through() {
        let document = r#"{"a": [{"id": 1}, [{"id": "2"}], 3], "id": 4, "b": {"a": {"id": 5}}}"#;
        let at = |members: &[&str]| {
            let members: Vec<String> = members.iter().map(|one| (*one).to_owned()).collect();
            let mut found = Vec::new();
            walk(document, &mut |place, part| {
                if let JsonPart::Text { text, .. } | JsonPart::Number { text, .. } = part
                    && place.is(&members)
                {
                    found.push(text.to_owned());
                }
                None
            })
            .unwrap();
            found
        };
        assert_eq!(at(&["a", "id"]), ["1", "2"]);
        assert_eq!(at(&["a"]), ["3"]);
        assert_eq!(at(&["id"]), ["4"]);
        assert_eq!(at(&["b", "a", "id"]), ["5"]);
        assert!(at(&["b", "a"]).is_empty() && at(&[]).is_empty());
    }

    #[test]
    fn keys_are_told_by_the_object_that_they_stand_in() {
        let mut seen = Vec::new();
        let document = r#"[{"": {"b": 1}, "c": [{"d": 2}, {"e": {}}]}, {"f": 3}]"#;
        walk(document, &mut |place, part| {
            if let JsonPart::Key(key) = part {
                seen.push((key.to_owned(), place.object()));
            }
            None
        })
        .unwrap();
        let seen: Vec<(&str, (usize, bool))> =
            seen.iter().map(|(key, at)| (key.as_str(), *at)).collect();
        assert_eq!(
            seen,
            [
                ("", (0, true)),
                ("b", (1, true)),
                ("c", (0, false)),
                ("d", (1, true)),
                ("e", (1, true)),
                ("f", (0, true)),
            ]
        );
    }

    #[test]
    fn what_is_not_replaced_stays_as_it_was_written() {
        let made = walk(
            r#"{"\u0061": "\u00e4", "b": [1.0, "x"]}"#,
            &mut |_, part| match part {
                JsonPart::Number { .. } => Some(JsonToken::Bare("null".to_owned())),
                JsonPart::Text { text: "x", .. } => Some(JsonToken::Text("\"".to_owned())),
                _ => None,
            },
        );
        assert_eq!(
            made.as_deref(),
            Some(r#"{"\u0061": "\u00e4", "b": [null, "\""]}"#)
        );
    }
}
