//! What the generator hands out, row by row: the values, the district they belong to, and where
//! sensitive values stand. Holds no tables: a visitor may keep rows or stream them on.

use serde::{Deserialize, Serialize};

use crate::answer_key::{KeyJoin, KeyText};
use crate::schema::{LinkName, TableSpec};
use crate::value::{Value, hex};

/// What a sensitive value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensitiveKind {
    FirstName,
    Surname,
    FullName,
    Email,
    Phone,
    NationalId,
    Address,
    BirthDate,
    StudentNumber,
    UserName,
    /// A password's hash, a session's token.
    Credential,
    /// The address of a person's machine in a network.
    NetworkAddress,
    /// The number of a person's machine: serial number, hardware address, name, tag.
    DeviceId,
    /// A whole text that names a person.
    FreeText,
    /// A picture, as lower-case hexadecimal digits.
    Binary,
}

impl SensitiveKind {
    /// One value alone points at one person, and no mask gives it by chance. Names by themselves
    /// and birth dates are not: a masked row may hold them by coincidence.
    #[must_use]
    pub fn is_high_entropy(self) -> bool {
        !matches!(self, Self::FirstName | Self::Surname | Self::BirthDate)
    }
}

/// Where in its cell a sensitive value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It is the whole cell.
    Whole,
    /// It is the leaf of a JSON document, named as a JSON pointer.
    Leaf(String),
    /// Somewhere inside a text.
    Inside,
    /// It is an element of a list, from 0.
    Element(usize),
}

/// A sensitive value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensitive {
    pub column: &'static str,
    pub kind: SensitiveKind,
    pub place: Place,
    pub text: String,
}

/// A generated row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub table: &'static TableSpec,
    /// The district it belongs to; none for rows that come only where they are used.
    pub district: Option<u32>,
    /// In the order of the table's columns.
    pub values: Vec<Value>,
    pub sensitive: Vec<Sensitive>,
    /// Its number among equal rows, from 1; more than 1 in keyless tables only.
    pub copy: u32,
}

/// Takes rows as they are generated: table by table in the order of `TABLES`, rows of a table in a
/// stable order with the districts interleaved. Nothing is told twice.
pub trait Visitor {
    /// One row.
    fn row(&mut self, row: Row);
    /// A row of no district comes complete with this one. The row itself may be visited earlier or
    /// later.
    fn used(&mut self, table: &'static TableSpec, key: KeyText, district: u32);
    /// A row that belongs elsewhere comes with this district with key and mandatory columns only.
    fn stub(&mut self, table: &'static TableSpec, key: KeyText, district: u32);
    /// A reference that no catalog declares.
    fn join(&mut self, join: KeyJoin);
}

impl Row {
    pub(crate) fn new(
        table: &'static TableSpec,
        district: Option<u32>,
        values: Vec<Value>,
    ) -> Self {
        assert_eq!(values.len(), table.columns.len(), "{}", table.name);
        Self {
            table,
            district,
            values,
            sensitive: Vec::new(),
            copy: 1,
        }
    }

    /// Another row with equal values, in a keyless table.
    pub(crate) fn as_copy(&self, copy: u32) -> Self {
        Self {
            copy,
            ..self.clone()
        }
    }

    /// The key as the answer key has it: the texts of the primary key, in its order; of a keyless row
    /// the texts of all columns and the row's number among equal ones.
    #[must_use]
    pub fn key(&self) -> KeyText {
        let mut key = self.table.key_of(&self.values);
        if self.table.is_keyless() {
            key.push(self.copy.to_string());
        }
        key
    }

    /// What this row refers to over a link.
    pub(crate) fn join(&self, link: LinkName, to_key: KeyText) -> KeyJoin {
        KeyJoin {
            link: link.index(),
            from_key: self.key(),
            to_key,
        }
    }

    /// The whole cell is sensitive, unless it is NULL.
    pub(crate) fn mark(mut self, column: &'static str, kind: SensitiveKind) -> Self {
        let value = &self.values[self.table.index(column)];
        let text = match value {
            Value::Bytes(bytes) => Some(hex(bytes)),
            other => other.text(),
        };
        if let Some(text) = text {
            self.push(column, kind, Place::Whole, text);
        }
        self
    }

    /// Each element of a list that is not NULL is sensitive.
    pub(crate) fn mark_elements(mut self, column: &'static str, kind: SensitiveKind) -> Self {
        let Value::List(elements) = &self.values[self.table.index(column)] else {
            return self;
        };
        let texts: Vec<_> = elements.iter().map(Value::text).enumerate().collect();
        for (index, text) in texts {
            if let Some(text) = text {
                self.push(column, kind, Place::Element(index), text);
            }
        }
        self
    }

    /// A computed column is sensitive.
    pub(crate) fn mark_generated(
        mut self,
        column: &'static str,
        kind: SensitiveKind,
        text: String,
    ) -> Self {
        self.push(column, kind, Place::Whole, text);
        self
    }

    pub(crate) fn mark_inside(
        mut self,
        column: &'static str,
        found: Vec<(SensitiveKind, String)>,
    ) -> Self {
        for (kind, text) in found {
            self.push(column, kind, Place::Inside, text);
        }
        self
    }

    pub(crate) fn mark_leaf(
        mut self,
        column: &'static str,
        pointer: &str,
        kind: SensitiveKind,
        text: &str,
    ) -> Self {
        self.push(
            column,
            kind,
            Place::Leaf(pointer.to_owned()),
            text.to_owned(),
        );
        self
    }

    fn push(&mut self, column: &'static str, kind: SensitiveKind, place: Place, text: String) {
        self.sensitive.push(Sensitive {
            column,
            kind,
            place,
            text,
        });
    }
}
