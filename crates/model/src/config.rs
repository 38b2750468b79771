//! The whole grammar of `redistrict.toml` as types. Reading the file, hints for unknown keys and
//! the list of what is not available yet are the command line's work.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{ParseTableRefError, StoreKind, StoreName, TableRef, split_name};
use crate::inside::{Inside, ParseInsideError};
use crate::masks::{ColumnClass, MaskName};
use crate::relations::BoundaryPolicy;

/// `redistrict.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub tenant: Tenant,
    pub store: Stores,
    #[serde(default)]
    pub link: Vec<Link>,
    #[serde(default)]
    pub table: BTreeMap<String, TableSettings>,
    #[serde(default)]
    pub column: BTreeMap<String, ColumnSettings>,
    #[serde(default)]
    pub person: BTreeMap<String, PersonSettings>,
    #[serde(default)]
    pub masking: Masking,
    #[serde(default)]
    pub privacy: Privacy,
    #[serde(default)]
    pub validation: Validation,
    #[serde(default)]
    pub approvals: Approvals,
    #[serde(default)]
    pub retention: Retention,
    #[serde(default)]
    pub select: Select,
    #[serde(default)]
    pub notify: Option<Notify>,
    #[serde(default)]
    pub run: Run,
}

/// Stores in name order is not enough: loading goes in the order of the file.
mod toml_order {
    use super::{Deserialize, Store};

    /// `[store.NAME]` tables in the order in which they stand.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Stores(pub Vec<(String, Store)>);

    impl<'de> Deserialize<'de> for Stores {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Stores;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("tables [store.NAME]")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut stores = Vec::new();
                    while let Some(entry) = map.next_entry::<String, Store>()? {
                        stores.push(entry);
                    }
                    Ok(Stores(stores))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
}

pub use toml_order::Stores;

/// `[tenant]`: the district.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    pub root: String,
    pub key: OneOrMany,
    #[serde(default)]
    pub name: Option<String>,
    /// References that every row has, though the catalog lets them be NULL: `store.table(columns)`.
    #[serde(default)]
    pub always: Vec<String>,
}

/// A text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a list.
    #[must_use]
    pub fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::Many(many) => many.clone(),
        }
    }
}

/// `[store.NAME]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub kind: StoreKind,
    pub source: SecretRef,
    #[serde(default)]
    pub target: Option<SecretRef>,
    #[serde(default)]
    pub schemas: Vec<String>,
    #[serde(default)]
    pub connections: Option<u32>,
    #[serde(default)]
    pub statement_timeout: Option<String>,
    #[serde(default)]
    pub max_snapshot_age: Option<String>,
    #[serde(default)]
    pub bypass_rls: bool,
    /// Fingerprints that are never a target.
    #[serde(default)]
    pub deny: Vec<String>,
}

/// Where a secret is found; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    Env(String),
    /// A file of mode 0600.
    File(String),
    /// A program and its arguments; its first line of output.
    Command(Vec<String>),
}

/// `[[link]]`: a foreign key that the catalog does not declare.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// `store.schema.table(columns)`, or from inside of values `store.schema.table(column[])` and
    /// `store.schema.table(column$.member)`: see [`Inside`].
    pub from: String,
    pub to: String,
    /// The edge may own: it leads down as well as up.
    #[serde(default)]
    pub owns: bool,
    #[serde(default)]
    pub when: BTreeMap<String, OneOrMany>,
}

/// `[table."…"]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSettings {
    /// The reason.
    #[serde(default)]
    pub excluded: Option<String>,
    #[serde(default)]
    pub copy: Option<Copy>,
    #[serde(default)]
    pub shared: Option<bool>,
    /// The reason why a reference table with columns about persons is one.
    #[serde(default)]
    pub confirmed: Option<String>,
    #[serde(default)]
    pub owner: Option<Vec<String>>,
    #[serde(default)]
    pub tree: Option<String>,
    #[serde(default)]
    pub boundary: BTreeMap<String, BoundaryPolicy>,
    #[serde(default)]
    pub strategy: Option<String>,
    #[serde(default)]
    pub triggers: Option<Triggers>,
    #[serde(default)]
    pub max_rows: Option<u64>,
}

/// `copy = "whole"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Copy {
    Whole,
}

/// `triggers = "off"`: whether CERT's triggers fire for the rows that are written, and for those that an undo takes
/// out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Triggers {
    Off,
    /// As they are configured in CERT.
    #[default]
    Fire,
}

impl Triggers {
    /// They fire.
    #[must_use]
    pub fn is_fire(&self) -> bool {
        *self == Self::Fire
    }
}

/// `[column."…"]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSettings {
    #[serde(default)]
    pub class: Option<ColumnClass>,
    #[serde(default)]
    pub domain: Option<String>,
    #[serde(default)]
    pub mask: Option<MaskSetting>,
    #[serde(default)]
    pub public: bool,
    #[serde(default)]
    pub reason: Option<String>,
    /// Masks of JSON leaves.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
}

/// `mask = "email"` or `mask = { kind = "date_shift", days = 30 }`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum MaskSetting {
    Name(MaskName),
    Table(BTreeMap<String, serde_json::Value>),
}

/// `[person."…"]`: which columns are one person.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSettings {
    #[serde(default)]
    pub first: Option<String>,
    #[serde(default)]
    pub middle: Option<String>,
    #[serde(default)]
    pub last: Option<String>,
    #[serde(default)]
    pub full: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub birth: Option<String>,
    #[serde(default)]
    pub quasi_identifiers: Vec<String>,
}

/// `[masking]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Masking {
    #[serde(default)]
    pub key: Option<SecretRef>,
    #[serde(default)]
    pub pack: Vec<String>,
    #[serde(default)]
    pub unknown: Unknown,
    #[serde(default)]
    pub test_credential: Option<SecretRef>,
}

/// What happens to a column nothing recognises. Keeping it is not among the choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    #[default]
    Mask,
    Stop,
}

/// `[privacy]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    #[serde(default)]
    pub k: Option<u32>,
    #[serde(default)]
    pub l: Option<u32>,
    #[serde(default)]
    pub unmet: Option<Unmet>,
}

/// What an unmet privacy bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unmet {
    Warning,
    Error,
}

/// `[validation]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    #[serde(default)]
    pub pack: Vec<String>,
}

/// `[approvals]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// `extract`, `anonymize`, `validate`, `load`, `report` and `undo`.
    #[serde(default)]
    pub before: Vec<String>,
    /// How long an approval counts, as `24h`.
    #[serde(default)]
    pub valid_for: Option<String>,
    /// A hub that brings more rows than that needs an approval; 0: none does.
    #[serde(default)]
    pub hub_rows: Option<u64>,
}

/// `[retention]`; durations as `24h`, `30d`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    #[serde(default)]
    pub raw: Option<String>,
    #[serde(default)]
    pub undo: Option<String>,
}

/// `[select]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// District to priority, 0 to 100.
    #[serde(default)]
    pub priority: BTreeMap<String, u32>,
}

/// `[notify]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    pub url: SecretRef,
    /// All of them if left out.
    #[serde(default)]
    pub on: Option<Vec<Moment>>,
}

/// When the webhook is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// A run starts or goes on.
    Start,
    /// A run waits for a person.
    Gate,
    /// A run failed or was stopped.
    Failure,
    /// A run ended well.
    Completion,
}

/// `[run]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    #[serde(default)]
    pub data_dir: Option<String>,
    #[serde(default)]
    pub log_dir: Option<String>,
    #[serde(default)]
    pub memory: Option<String>,
    #[serde(default)]
    pub workers: Option<u32>,
}

/// A name of the configuration that no catalog has, or that more than one has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    #[error(transparent)]
    Syntax(#[from] ParseTableRefError),
    #[error("find {name} in the catalogs")]
    NotFound {
        name: String,
        nearest: Option<String>,
    },
    #[error("tell which table {name} means: more than one schema has it, write the schema too")]
    Ambiguous { name: String },
}

/// A name with a column list: `ids.students(id)`, `ids.public.a(b, c)`.
///
/// Gives the dotted part and the columns.
///
/// # Errors
/// When there is no `(…)` at the end.
pub fn split_columns(text: &str) -> Result<(String, Vec<String>), ParseTableRefError> {
    let bad = || ParseTableRefError {
        text: text.to_owned(),
    };
    let open = find_outside_quotes(text, '(').ok_or_else(bad)?;
    let inner = text[open + 1..]
        .trim_end()
        .strip_suffix(')')
        .ok_or_else(bad)?;
    let mut columns = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let end = find_outside_quotes(rest, ',').unwrap_or(rest.len());
        columns.push(unquote(rest[..end].trim()).ok_or_else(bad)?);
        rest = rest.get(end + 1..).unwrap_or("");
    }
    if columns.is_empty() {
        return Err(bad());
    }
    Ok((text[..open].trim().to_owned(), columns))
}

/// Where a link leads from: `ids.students(school_id)`, `ids.sections(teacher_ids[])`,
/// `ids.events(detail$.students[*].id)`. The dotted part, the columns, and the place inside of the one
/// column.
///
/// # Errors
/// As [`split_columns`]; a path that cannot be read.
pub fn split_from(text: &str) -> Result<(String, Vec<String>, Option<Inside>), LinkSideError> {
    let open = find_outside_quotes(text, '(');
    let inner = open.and_then(|open| Some((open, text[open + 1..].trim_end().strip_suffix(')')?)));
    if let Some((open, inner)) = inner
        && let (column, Some(inside)) = Inside::split(inner.trim())?
        && let Some(column) = unquote(column)
    {
        let table = text[..open].trim().to_owned();
        return Ok((table, vec![column], Some(inside)));
    }
    let (table, columns) = split_columns(text)?;
    Ok((table, columns, None))
}

/// A side of a link that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkSideError {
    #[error("{0} with its columns: store.table(column)")]
    Columns(#[from] ParseTableRefError),
    #[error(transparent)]
    Inside(#[from] ParseInsideError),
}

fn unquote(part: &str) -> Option<String> {
    if let Some(inner) = part.strip_prefix('"') {
        return inner
            .strip_suffix('"')
            .map(|inner| inner.replace("\"\"", "\""));
    }
    (!part.is_empty()).then(|| part.to_owned())
}

fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices()
        .find(|(_, c)| {
            if *c == '"' {
                quoted = !quoted;
            }
            !quoted && *c == wanted
        })
        .map(|(at, _)| at)
}

/// Finds the table that a name of the configuration means: `store.table` or `store.schema.table`.
///
/// # Errors
/// Bad syntax, no such table (with the nearest one), or more than one schema has it.
pub fn resolve_table(name: &str, tables: &[TableRef]) -> Result<TableRef, ResolveError> {
    let parts = split_name(name)?;
    let matches: Vec<&TableRef> = match parts.as_slice() {
        [store, table] => tables
            .iter()
            .filter(|t| t.store.as_str() == store && t.table == *table)
            .collect(),
        [store, schema, table] => {
            let wanted = TableRef::new(&StoreName::new(store.clone()), schema, table);
            tables.iter().filter(|t| **t == wanted).collect()
        }
        _ => {
            return Err(ParseTableRefError {
                text: name.to_owned(),
            }
            .into());
        }
    };
    match matches.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(ResolveError::NotFound {
            name: name.to_owned(),
            nearest: None,
        }),
        _ => Err(ResolveError::Ambiguous {
            name: name.to_owned(),
        }),
    }
}

/// Finds the table and the column name that a `[column."…"]` name means; the last part is the column.
///
/// # Errors
/// As [`resolve_table`].
pub fn resolve_column(name: &str, tables: &[TableRef]) -> Result<(TableRef, String), ResolveError> {
    let mut parts = split_name(name)?;
    let column = parts.pop().unwrap_or_default();
    let quoted: Vec<String> = parts
        .iter()
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    Ok((resolve_table(&quoted.join("."), tables)?, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_lists_split_even_with_quotes() {
        let (table, columns) = split_columns("ids.\"T(x)\"(a, \"b, c\")").unwrap();
        assert_eq!(table, "ids.\"T(x)\"");
        assert_eq!(columns, ["a", "b, c"]);
        assert!(split_columns("ids.t").is_err());
        assert!(split_columns("ids.t()").is_err());
    }

    #[test]
    fn a_link_may_lead_from_inside_of_values() {
        let from = |text| split_from(text).unwrap();
        let (table, columns, inside) = from("ids.\"T(x)\"(\"odd, [] col\"[])");
        assert_eq!(
            (table.as_str(), columns),
            ("ids.\"T(x)\"", vec!["odd, [] col".to_owned()])
        );
        assert_eq!(inside, Some(Inside::Elements));
        let (_, columns, inside) = from("ids.t(d$.a[*].\"b, c\")");
        let members = ["a", "b, c"].map(str::to_owned).to_vec();
        assert_eq!(
            (columns, inside),
            (vec!["d".to_owned()], Some(Inside::Members(members)))
        );
        let (_, columns, inside) = from("ids.t(a, \"b[]\")");
        assert_eq!(
            (columns, inside),
            (["a", "b[]"].map(str::to_owned).to_vec(), None)
        );
        assert!(split_from("ids.t(d$.)").is_err() && split_from("ids.t").is_err());
    }

    #[test]
    fn a_schema_may_be_left_out_only_where_it_is_unambiguous() {
        let store = StoreName::new("ids");
        let tables = [
            TableRef::new(&store, "public", "a"),
            TableRef::new(&store, "x", "b"),
            TableRef::new(&store, "y", "b"),
        ];
        assert_eq!(resolve_table("ids.a", &tables).unwrap(), tables[0]);
        assert_eq!(resolve_table("ids.y.b", &tables).unwrap(), tables[2]);
        assert!(matches!(
            resolve_table("ids.b", &tables),
            Err(ResolveError::Ambiguous { .. })
        ));
        assert!(matches!(
            resolve_table("ids.c", &tables),
            Err(ResolveError::NotFound { .. })
        ));
        let (table, column) = resolve_column("ids.a.email", &tables).unwrap();
        assert_eq!((table, column.as_str()), (tables[0].clone(), "email"));
    }
}
