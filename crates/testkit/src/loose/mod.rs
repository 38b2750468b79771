//! A generated school schema with loose keys: more than 200 tables by many hands, at least half of the references
//! undeclared, names in several conventions, columns that mislead, and numbers that are keys of every table. With
//! the truth: what refers to what, and whose each row is. The same for the same seed.

mod rows;
mod shape;
mod words;

use std::fmt::Write as _;

/// Districts of the root table, with the keys 1 to 4.
pub const DISTRICTS: u32 = 4;
/// The root table; its key is `id`.
pub const ROOT: &str = "districts";

/// How a column of a reference is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Convention {
    /// `student_id`.
    Snake,
    /// `StudentID`.
    Camel,
    /// `fk_student`.
    Prefixed,
    /// `id_student`.
    Leading,
    /// `stu_id` or, where the key itself is called so, `stu_no`.
    Short,
    /// `student`.
    Bare,
    /// `section_id` for `exam_sections` beside `sections`.
    Part,
    /// `home_school_id`.
    Role,
    /// `approved_by`, `mentor_id`: nothing in it says which table.
    Unsaid,
    /// `owner_id` beside `owner_type`.
    Kind,
    /// `(school_id, group_no)`.
    Composite,
    /// `parent_department_id`.
    Itself,
}

/// What a row refers to by some columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub columns: Vec<String>,
    /// The place of the parent's table.
    pub parent: usize,
    pub parent_columns: Vec<String>,
    /// A foreign key says so.
    pub is_declared: bool,
    /// It counts where this column has this text.
    pub when: Option<(String, String)>,
    pub convention: Convention,
    /// No row has to have it.
    pub is_optional: bool,
}

/// Whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owned {
    /// The districts themselves.
    Root,
    /// Each row is of one district: that of what its first reference leads to.
    ByDistrict,
    /// Lists that all look up, and tables of nobody.
    Nobody,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub is_text: bool,
    pub is_optional: bool,
}

/// A table, its references in truth, and its rows.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
    /// Names of columns.
    pub key: Vec<String>,
    pub references: Vec<Reference>,
    pub owned: Owned,
    pub rows: Vec<Row>,
}

/// A row in the order of the columns, and its district if it has one.
#[derive(Clone, Debug)]
pub struct Row {
    pub values: Vec<Option<String>>,
    pub district: Option<u32>,
}

impl Table {
    /// The place of a column.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn place(&self, column: &str) -> usize {
        let mut columns = self.columns.iter();
        let place = columns.position(|one| one.name == column);
        place.expect("the fixture names its own columns")
    }

    /// The key of a row, its parts joined by commas.
    #[must_use]
    pub fn key_of(&self, row: &Row) -> String {
        let parts = self
            .key
            .iter()
            .map(|column| &row.values[self.place(column)]);
        let parts: Vec<&str> = parts
            .map(|part| part.as_deref().unwrap_or_default())
            .collect();
        parts.join(",")
    }
}

/// The schema with its rows. Parents stand before children.
#[derive(Clone, Debug)]
pub struct Loose {
    pub tables: Vec<Table>,
}

impl Loose {
    /// The schema of a seed.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        let mut random = crate::types::Random(seed);
        let mut tables = shape::tables(&mut random);
        rows::fill(&mut tables, &mut random);
        Self { tables }
    }

    /// The undeclared references and the place of their table.
    pub fn undeclared(&self) -> impl Iterator<Item = (usize, &Reference)> {
        let tables = self.tables.iter().enumerate();
        tables.flat_map(|(at, table)| {
            let loose = table.references.iter().filter(|one| !one.is_declared);
            loose.map(move |one| (at, one))
        })
    }

    /// Whether a column is called after a table and refers to nothing.
    #[must_use]
    pub fn is_trap(&self, table: &Table, column: &str) -> bool {
        let is_named = |one: &Reference| one.columns.iter().any(|name| name == column);
        words::TRAPS.contains(&column) && !table.references.iter().any(is_named)
    }

    /// The tables as SQL that SQLite and PostgreSQL take.
    #[must_use]
    pub fn schema(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            let mut parts: Vec<String> = Vec::new();
            for column in &table.columns {
                let type_name = if column.is_text { "text" } else { "integer" };
                let not_null = if column.is_optional { "" } else { " not null" };
                parts.push(format!("\"{}\" {type_name}{not_null}", column.name));
            }
            parts.push(format!("primary key ({})", list(&table.key)));
            for key in table.references.iter().filter(|key| key.is_declared) {
                parts.push(format!(
                    "foreign key ({}) references \"{}\" ({})",
                    list(&key.columns),
                    self.tables[key.parent].name,
                    list(&key.parent_columns)
                ));
            }
            let parts = parts.join(", ");
            writeln!(sql, "create table \"{}\" ({parts});", table.name).expect("a String");
        }
        sql
    }

    /// The rows as SQL, one statement for each table.
    #[must_use]
    pub fn inserts(&self) -> String {
        let mut sql = String::new();
        for table in self.tables.iter().filter(|table| !table.rows.is_empty()) {
            let row = |row: &Row| {
                let values = row.values.iter().zip(&table.columns);
                let values = values.map(|(value, column)| match value {
                    None => "null".to_owned(),
                    Some(text) if column.is_text => format!("'{text}'"),
                    Some(number) => number.clone(),
                });
                format!("({})", values.collect::<Vec<_>>().join(", "))
            };
            let rows: Vec<String> = table.rows.iter().map(row).collect();
            let rows = rows.join(",\n");
            writeln!(sql, "insert into \"{}\" values {rows};", table.name).expect("a String");
        }
        sql
    }
}

fn list(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|one| format!("\"{one}\"")).collect();
    quoted.join(", ")
}
