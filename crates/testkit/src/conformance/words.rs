//! The vocabulary in which tests of the suite say what a plain client makes: tables, rows and changes as
//! data, in nobody's language. Must not know any.

use super::harness::LogicalType;

/// NULL in a row of texts: no canonical text has this character.
pub const NULL: &str = "\0";

/// A row as canonical texts, in the order of the columns it is given for; none is NULL.
pub type Row = Vec<Option<String>>;

/// Rows out of texts, with [`NULL`].
#[must_use]
pub fn rows<const N: usize>(texts: &[[&str; N]]) -> Vec<Row> {
    let cell = |text: &&str| (*text != NULL).then(|| (*text).to_owned());
    texts
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect()
}

/// A table to be made.
#[derive(Clone, Debug)]
pub struct NewTable {
    pub name: String,
    pub columns: Vec<NewColumn>,
    /// The primary key; empty for a keyless table. Its columns are mandatory.
    pub key: Vec<String>,
    pub uniques: Vec<NewUnique>,
    pub foreign_keys: Vec<NewForeignKey>,
    pub check: Option<NewCheck>,
}

/// A column of a [`NewTable`].
#[derive(Clone, Debug)]
pub struct NewColumn {
    pub name: String,
    pub logical: LogicalType,
    pub is_mandatory: bool,
    pub default: Option<String>,
    pub source: ValueSource,
}

/// Where the value of a column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueSource {
    /// Whoever writes the row.
    Writer,
    /// A sequence of the server, unless the writer gives one. For the one column of a key.
    Sequence,
    /// The text of this column, twice in a row.
    Twice(String),
}

/// A unique constraint with a name.
#[derive(Clone, Debug)]
pub struct NewUnique {
    pub name: String,
    pub columns: Vec<String>,
}

/// A foreign key, not deferrable.
#[derive(Clone, Debug)]
pub struct NewForeignKey {
    /// The server's choice where there is none.
    pub name: Option<String>,
    pub columns: Vec<String>,
    pub parent: String,
    pub parent_columns: Vec<String>,
    pub action: Action,
}

/// What becomes of a child when its parent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    None,
    Restrict,
    SetNull,
    Cascade,
    /// As `Cascade`, and when the parent's key changes.
    CascadeAlways,
}

impl Action {
    /// Those that differ when a parent is deleted.
    pub const ALL: [Self; 4] = [Self::None, Self::Cascade, Self::Restrict, Self::SetNull];
}

/// A check: this column is not below zero, and another one is not 7.
#[derive(Clone, Debug)]
pub struct NewCheck {
    pub name: String,
    pub not_negative: String,
    pub not_seven: String,
}

/// What a plain client changes. A list of changes is one transaction.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    Insert {
        table: &'a NewTable,
        /// Those that the rows have; the others get what the server gives.
        columns: Vec<&'a str>,
        rows: Vec<Row>,
    },
    /// One column of the rows in which another one has this value.
    Update {
        table: &'a NewTable,
        set: (&'a str, &'a str),
        of: (&'a str, &'a str),
    },
    /// The rows in which a column has this value, or all.
    Delete {
        table: &'a NewTable,
        of: Option<(&'a str, &'a str)>,
    },
}

impl NewTable {
    /// A table without key; no column is mandatory.
    #[must_use]
    pub fn new(name: &str, columns: &[(&str, LogicalType)]) -> Self {
        let column = |(name, logical): &(&str, LogicalType)| NewColumn {
            name: (*name).to_owned(),
            logical: *logical,
            is_mandatory: false,
            default: None,
            source: ValueSource::Writer,
        };
        Self {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            key: Vec::new(),
            uniques: Vec::new(),
            foreign_keys: Vec::new(),
            check: None,
        }
    }

    /// Makes these columns, in this order, the primary key.
    #[must_use]
    pub fn key(mut self, columns: &[&str]) -> Self {
        self.key = owned(columns);
        for column in columns {
            self = self.mandatory(column);
        }
        self
    }

    /// NOT NULL.
    #[must_use]
    pub fn mandatory(mut self, column: &str) -> Self {
        self.at(column).is_mandatory = true;
        self
    }

    /// A default, as canonical text.
    #[must_use]
    pub fn default(mut self, column: &str, value: &str) -> Self {
        self.at(column).default = Some(value.to_owned());
        self
    }

    /// Lets a column be filled by the server.
    #[must_use]
    pub fn filled(mut self, column: &str, source: ValueSource) -> Self {
        self.at(column).source = source;
        self
    }

    /// A unique constraint.
    #[must_use]
    pub fn unique(mut self, name: &str, columns: &[&str]) -> Self {
        self.uniques.push(NewUnique {
            name: name.to_owned(),
            columns: owned(columns),
        });
        self
    }

    /// A foreign key without a name.
    #[must_use]
    pub fn references(
        mut self,
        columns: &[&str],
        parent: &str,
        parent_columns: &[&str],
        action: Action,
    ) -> Self {
        self.foreign_keys.push(NewForeignKey {
            name: None,
            columns: owned(columns),
            parent: parent.to_owned(),
            parent_columns: owned(parent_columns),
            action,
        });
        self
    }

    /// Names the last foreign key.
    #[must_use]
    pub fn called(mut self, name: &str) -> Self {
        let last = self.foreign_keys.last_mut();
        last.expect("a foreign key to name").name = Some(name.to_owned());
        self
    }

    /// A check with a name.
    #[must_use]
    pub fn check(mut self, name: &str, not_negative: &str, not_seven: &str) -> Self {
        self.check = Some(NewCheck {
            name: name.to_owned(),
            not_negative: not_negative.to_owned(),
            not_seven: not_seven.to_owned(),
        });
        self
    }

    /// The column of that name.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn column(&self, name: &str) -> &NewColumn {
        let found = self.columns.iter().find(|column| column.name == name);
        found.unwrap_or_else(|| panic!("{} has no column {name:?}", self.name))
    }

    /// The names of the columns that a writer fills.
    #[must_use]
    pub fn written(&self) -> Vec<&str> {
        self.columns
            .iter()
            .filter(|column| !matches!(column.source, ValueSource::Twice(_)))
            .map(|column| column.name.as_str())
            .collect()
    }

    fn at(&mut self, name: &str) -> &mut NewColumn {
        let found = self.columns.iter_mut().find(|column| column.name == name);
        found.unwrap_or_else(|| panic!("no column {name:?}"))
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
