//! What the worlds of all kinds have in common: names that are used up, tables with a district column,
//! rows as texts, the configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Role;

/// Column to text; NULL is not there.
pub(super) type Row = BTreeMap<String, String>;

/// Table to rows.
pub(super) type State = BTreeMap<String, Vec<Row>>;

/// Hostile names of one world. What is taken out counts as placed.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    left: BTreeMap<Role, Vec<String>>,
    pub(super) placed: BTreeSet<(Role, String)>,
    plain: usize,
    /// Districts; each makes the journey, the others are its neighbours.
    pub(super) keys: Vec<String>,
}

/// Districts that are there besides the hostile ones.
pub(super) const PLAIN_KEYS: [&str; 2] = ["plain", "1"];

/// A district that CERT has and PROD has not.
pub(super) const CERT_KEY: &str = "made by hand";

impl Batch {
    pub(super) fn new(left: BTreeMap<Role, Vec<String>>, keys: Vec<String>) -> Self {
        Self {
            left,
            placed: BTreeSet::new(),
            plain: 0,
            keys,
        }
    }

    /// Without a name that was refused.
    pub(super) fn without(&self, refused: &BTreeSet<(Role, String)>) -> Self {
        let mut left = self.left.clone();
        for (role, texts) in &mut left {
            texts.retain(|text| !refused.contains(&(*role, text.clone())));
        }
        let is_left = |key: &&String| !refused.contains(&(Role::DistrictKey, (*key).clone()));
        Self::new(left, self.keys.iter().filter(is_left).cloned().collect())
    }

    /// The next name of a role, a plain one where there is none left.
    pub(super) fn take(&mut self, role: Role) -> String {
        match self.left.get_mut(&role).filter(|texts| !texts.is_empty()) {
            Some(texts) => {
                let text = texts.remove(0);
                self.placed.insert((role, text.clone()));
                text
            }
            None => {
                self.plain += 1;
                format!("plain {role:?} {}", self.plain)
            }
        }
    }

    pub(super) fn left(&self, role: Role) -> usize {
        self.left.get(&role).map_or(0, Vec::len)
    }

    /// All of a role.
    pub(super) fn take_all(&mut self, role: Role) -> Vec<String> {
        (0..self.left(role)).map(|_| self.take(role)).collect()
    }

    /// All districts of PROD.
    pub(super) fn all_keys(&self) -> Vec<String> {
        let plain = PLAIN_KEYS.map(str::to_owned);
        self.keys.iter().cloned().chain(plain).collect()
    }
}

/// A table as the configuration and the judge see it.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its name in a `State`.
    pub(super) name: String,
    /// Schema and name for the configuration.
    pub(super) parts: [String; 2],
    pub(super) kept: Vec<String>,
    pub(super) masked: BTreeSet<String>,
    /// The column of a `Row` with the district's key.
    pub(super) district: String,
}

/// A world that stands in its databases.
#[derive(Clone, Debug)]
pub(super) struct Built {
    pub(super) tables: Vec<Table>,
    /// The tenant root is the first table.
    pub(super) root_key: String,
    /// `[[link]]`s to the root: table and column.
    pub(super) links: Vec<(usize, String)>,
    /// A table that the configuration excludes.
    pub(super) canary: Option<Table>,
}

/// The store's name in the configuration.
pub(super) const STORE: &str = "s";

/// `store."schema"."table"` with more parts behind it.
pub(super) fn dotted(table: &Table, more: &[&str]) -> String {
    let parts = table.parts.iter().map(String::as_str);
    let quoted = parts.chain(more.iter().copied()).map(sql_quoted);
    let all: Vec<String> = std::iter::once(STORE.to_owned()).chain(quoted).collect();
    all.join(".")
}

/// The whole configuration.
pub(super) fn config(built: &Built, kind: &str, source: &str, target: &str) -> String {
    let root = &built.tables[0];
    let mut text = format!(
        "[tenant]\nroot = {}\nkey = {}\n\n[store.{STORE}]\nkind = \"{kind}\"\n\
         source = {{ file = {} }}\ntarget = {{ file = {} }}\n",
        toml_text(&dotted(root, &[])),
        toml_text(&built.root_key),
        toml_text(source),
        toml_text(target),
    );
    for (table, column) in &built.links {
        let from = format!(
            "{}({})",
            dotted(&built.tables[*table], &[]),
            sql_quoted(column)
        );
        let to = format!("{}({})", dotted(root, &[]), sql_quoted(&built.root_key));
        text.extend([format!(
            "\n[[link]]\nfrom = {}\nto = {}\nowns = true\n",
            toml_text(&from),
            toml_text(&to)
        )]);
    }
    if let Some(table) = &built.canary {
        text.extend([format!(
            "\n[table.{}]\nexcluded = \"it sings\"\n",
            toml_text(&dotted(table, &[]))
        )]);
    }
    for table in &built.tables {
        for column in &table.kept {
            text.extend([format!(
                "\n[column.{}]\nmask = \"keep\"\npublic = true\nreason = \"made up\"\n",
                toml_text(&dotted(table, &[column]))
            )]);
        }
    }
    text
}

/// A name in double quotes.
pub(super) fn sql_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes.
pub(super) fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A basic string of TOML.
pub(super) fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.extend([format!("\\u{:04X}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What one state has that the other has not; equal rows count.
pub(super) fn minus(one: &[Row], other: &[Row]) -> Vec<Row> {
    let mut counts: BTreeMap<&Row, usize> = BTreeMap::new();
    for row in other {
        *counts.entry(row).or_default() += 1;
    }
    let mut new = Vec::new();
    for row in one {
        match counts.get_mut(row) {
            Some(count) if *count > 0 => *count -= 1,
            _ => new.push(row.clone()),
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_and_names_are_quoted() {
        let row = |text: &str| Row::from([("c".to_owned(), text.to_owned())]);
        let two = [row("a"), row("a"), row("b")];
        assert_eq!(minus(&two, &[row("a")]), [row("a"), row("b")]);
        assert_eq!(toml_text("a\"\\\n\u{7f}"), "\"a\\\"\\\\\\u000A\\u007F\"");
        assert_eq!(sql_quoted("a\"b"), "\"a\"\"b\"");
    }
}
