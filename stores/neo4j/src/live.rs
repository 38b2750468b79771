//! The tables of an open transaction, ready for statements: which nodes and relationships they mean by
//! the constraints that hold now, and what each column is. Requests name tables and columns; only
//! names that are found here get into a statement.

use std::collections::{BTreeMap, HashMap};

use redistrict_model::{Table, TableRef};
use redistrict_store::StoreError;

use crate::bolt::{Parameters, Record, Transaction};
use crate::error::{Context as _, bug, config};
use crate::statement;
use crate::types::Form;
use neo4j::ValueReceive;

/// The schema of the tables of nodes.
pub(crate) const NODE: &str = "node";
/// The schema of the tables of relationships.
pub(crate) const RELATIONSHIP: &str = "rel";

/// The label of the node that marks a graph as a target.
pub(crate) const ENVIRONMENT: &str = "RedistrictEnvironment";
/// The labels of our own nodes. What has one of them is in no table.
pub(crate) const OWN_LABELS: [&str; 6] = [
    ENVIRONMENT,
    "RedistrictHeartbeat",
    "RedistrictJournal",
    "RedistrictLease",
    "RedistrictPart",
    "RedistrictRun",
];

/// The labels of a node without the one that names its table.
pub(crate) const LABELS: &str = ":labels";
/// What stands in no other column.
pub(crate) const OTHER: &str = ":other";
/// The table label of the node where a relationship starts.
pub(crate) const START_LABEL: &str = ":start_label";
/// The key of that node; the second part is `:start2`.
pub(crate) const START: &str = ":start";
/// The table label of the node where a relationship ends.
pub(crate) const END_LABEL: &str = ":end_label";
/// The key of that node.
pub(crate) const END: &str = ":end";

/// Whose database is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Everything was there at the analysis: a property without column, a row without key and an end
    /// without table came up since and stop the run.
    Source,
    /// Other people's data lies beside ours. Properties without column stand in `:other`; rows without
    /// key are none of ours; an end without table is NULL.
    Target,
}

/// The name of the column for a part (from 0) of the key of an end.
pub(crate) fn end_column(end: &str, part: usize) -> String {
    match part {
        0 => end.to_owned(),
        _ => format!("{end}{}", part + 1),
    }
}

/// A uniqueness constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    pub(crate) properties: Vec<String>,
}

/// The uniqueness constraints of a database but for our own, by label or type, then by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Constraints {
    pub(crate) nodes: BTreeMap<String, Vec<Constraint>>,
    pub(crate) relationships: BTreeMap<String, Vec<Constraint>>,
}

impl Constraints {
    /// Reads them in an open transaction.
    pub(crate) async fn read(transaction: &mut Transaction) -> Result<Self, StoreError> {
        let what = "read the uniqueness constraints";
        let text = &statement::CONSTRAINTS;
        let records = transaction
            .read(text, Parameters::new())
            .await
            .doing(what)?;
        let mut found = Self::default();
        for record in &records {
            let (kind, on, constraint) = constraint(record).ok_or_else(|| bug(what))?;
            let all = match kind {
                "UNIQUENESS" | "NODE_KEY" | "NODE_PROPERTY_UNIQUENESS" => &mut found.nodes,
                "RELATIONSHIP_UNIQUENESS"
                | "RELATIONSHIP_KEY"
                | "RELATIONSHIP_PROPERTY_UNIQUENESS" => &mut found.relationships,
                _ => continue,
            };
            if !OWN_LABELS.contains(&on) {
                all.entry(on.to_owned()).or_default().push(constraint);
            }
        }
        for all in found
            .nodes
            .values_mut()
            .chain(found.relationships.values_mut())
        {
            all.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(found)
    }

    /// The properties of a label's or type's constraint over just these, in the order of its index.
    pub(crate) fn over(&self, is_node: bool, label: &str, names: &[&str]) -> Option<&[String]> {
        let all = if is_node {
            &self.nodes
        } else {
            &self.relationships
        };
        let found = all.get(label)?.iter().find(|one| one.is_over(names))?;
        Some(&found.properties)
    }
}

impl Constraint {
    /// Over just these properties, in any order.
    pub(crate) fn is_over(&self, names: &[&str]) -> bool {
        self.properties.len() == names.len()
            && (self.properties.iter()).all(|one| names.contains(&one.as_str()))
    }
}

/// Type, label or relationship type, and the rest of a constraint.
fn constraint(record: &Record) -> Option<(&str, &str, Constraint)> {
    let [name, kind, on, properties] = record.as_slice() else {
        return None;
    };
    let properties: Option<Vec<String>> = properties
        .as_list()?
        .iter()
        .map(|one| one.as_string().cloned())
        .collect();
    let constraint = Constraint {
        name: name.as_string()?.clone(),
        properties: properties?,
    };
    Some((
        kind.as_string()?,
        on.as_list()?.first()?.as_string()?,
        constraint,
    ))
}

/// What a column stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Property(Form),
    Labels,
    Other,
    Label(End),
    /// A part (from 0) of the key of an end.
    Key(End, usize, Form),
}

/// One of the two ends of a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Start,
    End,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveColumn {
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// A table at which relationships of one type start or end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EndTable {
    pub(crate) label: String,
    /// The properties of its key. The form is none where the table's catalog entry was not given.
    pub(crate) key: Vec<(String, Option<Form>)>,
}

/// What the rows of a table are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Node {
        label: String,
    },
    Relationship {
        kind: String,
        starts: Vec<EndTable>,
        ends: Vec<EndTable>,
    },
}

impl Shape {
    /// The tables at an end; none for nodes.
    pub(crate) fn end_tables(&self, end: End) -> &[EndTable] {
        match (self, end) {
            (Self::Node { .. }, _) => &[],
            (Self::Relationship { starts, .. }, End::Start) => starts,
            (Self::Relationship { ends, .. }, End::End) => ends,
        }
    }
}

/// A table of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveTable {
    pub(crate) entry: Table,
    pub(crate) shape: Shape,
    /// All columns of the entry that move.
    pub(crate) columns: Vec<LiveColumn>,
    /// Uniqueness constraints that hold for its rows now: each can be looked up by an index.
    pub(crate) constraints: Vec<Constraint>,
}

impl LiveTable {
    /// The named columns, in that order. A name that is not in the catalog is a mistake of ours.
    pub(crate) fn columns<'a>(
        &'a self,
        names: &[String],
    ) -> Result<Vec<&'a LiveColumn>, StoreError> {
        let find = |name: &String| self.columns.iter().find(|column| column.name == *name);
        let found: Option<Vec<&LiveColumn>> = names.iter().map(find).collect();
        found.ok_or_else(|| {
            bug("read a column that is not in the catalog or does not move").at(&self.entry.name)
        })
    }

    /// The columns that identify a row; none for a keyless table.
    pub(crate) fn identity(&self) -> Result<Option<Vec<&LiveColumn>>, StoreError> {
        self.entry
            .identity()
            .map(|names| self.columns(names))
            .transpose()
    }

    /// The properties that have a column.
    pub(crate) fn properties(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .filter(|column| matches!(column.role, Role::Property(_)))
            .map(|column| column.name.as_str())
    }
}

/// The tables that requests of one transaction may name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LiveTables {
    tables: HashMap<TableRef, LiveTable>,
    pub(crate) side: Side,
    pub(crate) constraints: Constraints,
}

impl LiveTables {
    /// Reads the constraints and prepares the tables.
    ///
    /// # Errors
    /// `Config` if a table has lost the constraint that its key is made of.
    pub(crate) async fn look_up(
        transaction: &mut Transaction,
        tables: &[Table],
        side: Side,
    ) -> Result<Self, StoreError> {
        let constraints = Constraints::read(transaction).await?;
        Self::new(tables, constraints, side)
    }

    /// Prepares the tables. Pure.
    pub(crate) fn new(
        tables: &[Table],
        constraints: Constraints,
        side: Side,
    ) -> Result<Self, StoreError> {
        let prepare = |entry: &Table| {
            let live = live(entry, tables, &constraints)?;
            Ok((entry.name.clone(), live))
        };
        let prepared: Result<_, StoreError> = tables.iter().map(prepare).collect();
        Ok(Self {
            tables: prepared?,
            side,
            constraints,
        })
    }

    /// The table of that name. Another one is a mistake of ours.
    pub(crate) fn table(&self, name: &TableRef) -> Result<&LiveTable, StoreError> {
        let unknown = || bug("read a table that is not in the catalog").at(name);
        self.tables.get(name).ok_or_else(unknown)
    }
}

fn live(
    entry: &Table,
    tables: &[Table],
    constraints: &Constraints,
) -> Result<LiveTable, StoreError> {
    let name = entry.name.table.clone();
    let (shape, all) = match entry.name.schema.as_str() {
        NODE => (
            Shape::Node {
                label: name.clone(),
            },
            &constraints.nodes,
        ),
        RELATIONSHIP => {
            let shape = Shape::Relationship {
                kind: name.clone(),
                starts: end_tables(entry, START_LABEL, tables),
                ends: end_tables(entry, END_LABEL, tables),
            };
            (shape, &constraints.relationships)
        }
        _ => {
            return Err(bug("read a table that is neither nodes nor relationships").at(&entry.name));
        }
    };
    let constraints = all.get(&name).cloned().unwrap_or_default();
    if let Some(key) = &entry.primary_key
        && !constraints.iter().any(|one| one.properties == *key)
    {
        let error = config("read by the key: its uniqueness constraint is not there any more");
        return Err(error
            .at(&entry.name)
            .with_hint("analyze the database again"));
    }
    let is_node = matches!(shape, Shape::Node { .. });
    let columns = entry.columns.iter().filter_map(|column| {
        let role = role(&column.name, Form::of(column)?, is_node);
        Some(LiveColumn {
            name: column.name.clone(),
            role,
        })
    });
    Ok(LiveTable {
        columns: columns.collect(),
        entry: entry.clone(),
        shape,
        constraints,
    })
}

fn role(name: &str, form: Form, is_node: bool) -> Role {
    match name {
        OTHER => return Role::Other,
        LABELS if is_node => return Role::Labels,
        START_LABEL if !is_node => return Role::Label(End::Start),
        END_LABEL if !is_node => return Role::Label(End::End),
        _ => {}
    }
    for (end, prefix) in [(End::Start, START), (End::End, END)] {
        if !is_node && let Some(part) = key_part(name, prefix) {
            return Role::Key(end, part, form);
        }
    }
    Role::Property(form)
}

/// The part (from 0) that `:start` and `:start2` name.
pub(crate) fn key_part(name: &str, prefix: &str) -> Option<usize> {
    let rest = name.strip_prefix(prefix)?;
    if rest.is_empty() {
        return Some(0);
    }
    let number: usize = rest.parse().ok()?;
    (number >= 2 && number.to_string() == rest).then(|| number - 1)
}

/// A name that a column of ours has.
pub(crate) fn is_reserved(name: &str) -> bool {
    [LABELS, OTHER, START_LABEL, END_LABEL].contains(&name)
        || key_part(name, START).is_some()
        || key_part(name, END).is_some()
}

/// The tables that the foreign keys of an end lead to.
fn end_tables(entry: &Table, label_column: &str, tables: &[Table]) -> Vec<EndTable> {
    let prefix = if label_column == START_LABEL {
        START
    } else {
        END
    };
    let of_end = entry.foreign_keys.iter().filter(|key| {
        let first = key.columns.first();
        first.is_some_and(|column| key_part(column, prefix).is_some())
    });
    let end_table = |key: &redistrict_model::ForeignKey| {
        let parent = tables.iter().find(|table| table.name == key.parent);
        let form = |name: &String| parent?.column(name).and_then(Form::of);
        let parts = key
            .parent_columns
            .iter()
            .map(|name| (name.clone(), form(name)));
        EndTable {
            label: key.parent.table.clone(),
            key: parts.collect(),
        }
    };
    of_end.map(end_table).collect()
}

/// A list of texts; none for anything else.
pub(crate) fn texts(value: &ValueReceive) -> Option<Vec<String>> {
    value
        .as_list()?
        .iter()
        .map(|one| one.as_string().cloned())
        .collect()
}
