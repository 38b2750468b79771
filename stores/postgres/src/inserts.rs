//! Which tables a trigger fills, as far as its text says. A hint for a person, never a decision: text that is
//! put together at run time is not seen.

/// The tables that SQL text inserts into: schema, where it is named, and table, each once, in the order of the
/// text. Names are folded as PostgreSQL folds them: lower case unless quoted. Comments and strings are passed
/// over, bodies in dollar quotes are not.
pub(crate) fn inserted_tables(sql: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut words = Words { rest: sql };
    // `insert into`, `insert or ignore into`, `replace into`, `merge into`.
    let mut is_writing = false;
    let mut is_into = false;
    let mut next = words.next();
    while let Some(word) = next.take() {
        next = words.next();
        if is_into && let Word::Name { text, .. } = &word {
            let mut target = (None, text.clone());
            if next == Some(Word::Sign('.'))
                && let Some(Word::Name { text: table, .. }) = words.next()
            {
                target = (Some(text.clone()), table);
                next = words.next();
            }
            if !found.contains(&target) {
                found.push(target);
            }
        }
        let is_one_of = |names: &[&str]| names.iter().any(|name| word == Word::name(name));
        is_into = is_writing && is_one_of(&["into"]);
        is_writing = is_one_of(&["insert", "replace", "merge"])
            || is_writing && is_one_of(&["or", "ignore", "abort", "fail", "rollback"]);
    }
    found
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Name { text: String, is_quoted: bool },
    Sign(char),
}

impl Word {
    fn name(text: &str) -> Self {
        Self::Name {
            text: text.to_owned(),
            is_quoted: false,
        }
    }
}

struct Words<'t> {
    rest: &'t str,
}

impl Words<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    /// Passes over everything up to and with an end, or all of it.
    fn skip_past(&mut self, end: &str) {
        let at = self.rest.find(end).map(|at| at + end.len());
        self.skip(at.unwrap_or(self.rest.len()));
    }

    /// What stands between this quote and the next one that is not doubled.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        self.skip(quote.len_utf8());
        loop {
            let Some(at) = self.rest.find(quote) else {
                text.push_str(self.rest);
                self.rest = "";
                return text;
            };
            text.push_str(&self.rest[..at]);
            self.skip(at + quote.len_utf8());
            if !self.rest.starts_with(quote) {
                return text;
            }
            text.push(quote);
            self.skip(quote.len_utf8());
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("--") {
                self.skip_past("\n");
            } else if self.rest.starts_with("/*") {
                self.skip_past("*/");
            } else if first == '\'' {
                self.quoted('\'');
            } else if first == '"' {
                let text = self.quoted('"');
                return Some(Word::Name {
                    text,
                    is_quoted: true,
                });
            } else if first.is_alphabetic() || first == '_' {
                let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
                let text = self.rest[..end].to_lowercase();
                self.skip(end);
                return Some(Word::Name {
                    text,
                    is_quoted: false,
                });
            } else {
                self.skip(first.len_utf8());
                return Some(Word::Sign(first));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(sql: &str) -> Vec<String> {
        let named = |(schema, table): (Option<String>, String)| match schema {
            Some(schema) => format!("{schema}|{table}"),
            None => table,
        };
        inserted_tables(sql).into_iter().map(named).collect()
    }

    #[test]
    fn what_text_inserts_into_is_found_and_nothing_that_only_speaks_of_it() {
        let body = "begin
            -- insert into nothing (1)
            /* insert into nothing */
            INSERT INTO Audit.Changes(id, what) select old.id, 'insert into nothing; it''s';
            insert\n into \"Odd \"\"name\" values (1);
            insert into plain select 1; insert into plain select 2;
            insert into \"S.x\" . \"T\" values (1);
            perform note('x'); return \"insert into nothing\";
        end";
        assert_eq!(
            targets(body),
            ["audit|changes", "Odd \"name", "plain", "S.x|T"]
        );
        assert_eq!(targets("insert into"), [] as [&str; 0]);
        assert_eq!(targets("insert into 'x' /* open"), [] as [&str; 0]);
        assert_eq!(targets("select into x from y"), [] as [&str; 0]);
    }

    #[test]
    fn other_ways_to_insert_are_found_too() {
        assert_eq!(targets("insert or ignore into log values (1)"), ["log"]);
        assert_eq!(targets("replace into log values (1)"), ["log"]);
        assert_eq!(targets("merge into log using x on true"), ["log"]);
    }
}
