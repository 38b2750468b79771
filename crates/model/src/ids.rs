//! Identifiers: one type per kind of name, so that two kinds cannot be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A store's name in the configuration: `ids`, `hcp1`.
    StoreName
}
text_id! {
    /// The value of the tenant root's key, any text, always bound. A composite key is joined by `,`.
    DistrictId
}
text_id! {
    /// `mig-{YYYYMMDDTHHMMSSZ}-{seq}` of a migration, `rb-…` of an undo. Made by us, safe in paths.
    RunId
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    Postgres,
    Sqlite,
    Neo4j,
    Mysql,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
            Self::Neo4j => "neo4j",
            Self::Mysql => "mysql",
        })
    }
}

/// A table of a store: `store.schema.table`, names exactly as in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableRef {
    pub store: StoreName,
    pub schema: String,
    pub table: String,
}

impl TableRef {
    /// Names a table.
    pub fn new(store: &StoreName, schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            store: store.clone(),
            schema: schema.into(),
            table: table.into(),
        }
    }

    /// A column of this table.
    #[must_use]
    pub fn column(&self, column: &str) -> ColumnRef {
        ColumnRef {
            table: self.clone(),
            column: column.to_owned(),
        }
    }

    /// The parts as they are written in the configuration, quoted where needed.
    #[must_use]
    pub fn parts(&self) -> [&str; 3] {
        [self.store.as_str(), &self.schema, &self.table]
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, &self.parts())
    }
}

/// A column: `store.schema.table.column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ColumnRef {
    pub table: TableRef,
    pub column: String,
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [store, schema, table] = self.table.parts();
        write_parts(f, &[store, schema, table, &self.column])
    }
}

fn write_parts(f: &mut fmt::Formatter<'_>, parts: &[&str]) -> fmt::Result {
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            f.write_str(".")?;
        }
        if is_plain(part) {
            f.write_str(part)?;
        } else {
            write!(f, "\"{}\"", part.replace('"', "\"\""))?;
        }
    }
    Ok(())
}

fn is_plain(part: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !part.starts_with(|c: char| c.is_ascii_digit())
}

/// Splits a dotted name into its parts; a part may stand in double quotes, doubled inside.
///
/// # Errors
/// A quote that is not closed, an empty part, or text after a closing quote.
pub(crate) fn split_name(text: &str) -> Result<Vec<String>, ParseTableRefError> {
    let bad = || ParseTableRefError {
        text: text.to_owned(),
    };
    let mut parts = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        let mut part = String::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            loop {
                match chars.next().ok_or_else(bad)? {
                    '"' if chars.peek() == Some(&'"') => {
                        chars.next();
                        part.push('"');
                    }
                    '"' => break,
                    other => part.push(other),
                }
            }
        } else {
            while let Some(c) = chars.next_if(|c| *c != '.') {
                part.push(c);
            }
            part = part.trim().to_owned();
        }
        if part.is_empty() {
            return Err(bad());
        }
        parts.push(part);
        match chars.next() {
            None => return Ok(parts),
            Some('.') => {}
            Some(_) => return Err(bad()),
        }
    }
}

/// A name that is not `store.schema.table`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read it as a name: expected parts joined by dots, odd ones in double quotes")]
pub struct ParseTableRefError {
    pub text: String,
}

impl FromStr for TableRef {
    type Err = ParseTableRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = split_name(text)?;
        let [store, schema, table] =
            <[String; 3]>::try_from(parts).map_err(|_| ParseTableRefError {
                text: text.to_owned(),
            })?;
        Ok(Self {
            store: StoreName::new(store),
            schema,
            table,
        })
    }
}

impl TryFrom<String> for TableRef {
    type Error = ParseTableRefError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TableRef> for String {
    fn from(table: TableRef) -> Self {
        table.to_string()
    }
}

/// The five phases of a migration, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Extraction,
    Anonymization,
    Validation,
    Loading,
    Reporting,
}

impl Phase {
    /// All phases, in the order in which they run.
    pub const ALL: [Self; 5] = [
        Self::Extraction,
        Self::Anonymization,
        Self::Validation,
        Self::Loading,
        Self::Reporting,
    ];

    /// 1 to 5.
    #[must_use]
    pub fn number(self) -> usize {
        self as usize + 1
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extraction => "Extraction",
            Self::Anonymization => "Anonymization",
            Self::Validation => "Validation",
            Self::Loading => "Loading",
            Self::Reporting => "Reporting",
        })
    }
}

/// The seven capabilities, each callable on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SkillName {
    Analyze,
    Select,
    Extract,
    Anonymize,
    Validate,
    Load,
    Report,
}

impl fmt::Display for SkillName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Analyze => "analyze",
            Self::Select => "select",
            Self::Extract => "extract",
            Self::Anonymize => "anonymize",
            Self::Validate => "validate",
            Self::Load => "load",
            Self::Report => "report",
        })
    }
}

/// The smallest piece of a phase that is journaled and retried; unique within a run.
///
/// `step` says what is done (`extract`, `values`, `mask`, `stage`, `merge`); store, table and chunk
/// say to what, as far as the step is that fine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnitKey {
    pub phase: Phase,
    pub step: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableRef>,
    #[serde(default)]
    pub chunk: u32,
}

impl UnitKey {
    /// A unit for the whole estate.
    pub fn new(phase: Phase, step: impl Into<String>) -> Self {
        Self {
            phase,
            step: step.into(),
            store: None,
            table: None,
            chunk: 0,
        }
    }

    /// Narrows the unit to a store.
    #[must_use]
    pub fn of_store(mut self, store: &StoreName) -> Self {
        self.store = Some(store.clone());
        self
    }

    /// Narrows the unit to a table (and its store).
    #[must_use]
    pub fn of_table(mut self, table: &TableRef) -> Self {
        self.store = Some(table.store.clone());
        self.table = Some(table.clone());
        self
    }
}

impl fmt::Display for UnitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.step)?;
        match (&self.table, &self.store) {
            (Some(table), _) => write!(f, " {table}")?,
            (None, Some(store)) => write!(f, " {store}")?,
            (None, None) => {}
        }
        if self.chunk > 0 {
            write!(f, " #{}", self.chunk)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_names_survive_printing_and_reading() {
        let store = StoreName::new("ids");
        for (schema, table) in [
            ("public", "students"),
            ("odd.schema", "T \"x\""),
            ("main", "2nd"),
            ("a", "ÄÖ\n"),
        ] {
            let name = TableRef::new(&store, schema, table);
            assert_eq!(name.to_string().parse::<TableRef>().unwrap(), name);
        }
    }

    #[test]
    fn names_with_open_quotes_or_missing_parts_are_refused() {
        for text in [
            "ids.\"a",
            "ids..b",
            "ids.b",
            "",
            "ids.a.b.c",
            "ids.\"a\"b.c",
        ] {
            assert!(text.parse::<TableRef>().is_err(), "{text}");
        }
    }
}
