//! From what was counted in a graph to tables, keys and references. Pure.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Column, ColumnType, ForeignKey, Generated, StoreName, Table, TableRef, Unique,
};

use crate::live::{
    Constraint, Constraints, END, END_LABEL, LABELS, NODE, OTHER, RELATIONSHIP, START, START_LABEL,
    Side, end_column, is_reserved,
};
use crate::types::{PropertyType, form_of, source_type};

/// How many values of each type.
pub(crate) type Types = BTreeMap<PropertyType, u64>;

/// What was counted. A table label is none for nodes without any label.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Survey {
    pub(crate) constraints: Constraints,
    /// Nodes by table label and all their labels.
    pub(crate) label_sets: BTreeMap<(Option<String>, BTreeSet<String>), u64>,
    /// Values by table label and property.
    pub(crate) node_properties: BTreeMap<(Option<String>, String), Types>,
    /// Relationships by type and table labels of the ends.
    pub(crate) ends: BTreeMap<(String, Option<String>, Option<String>), u64>,
    /// Values by type and property.
    pub(crate) relationship_properties: BTreeMap<(String, String), Types>,
}

impl Survey {
    /// The nodes of a table.
    fn nodes(&self, label: &str) -> u64 {
        let of_label = |((table, _), _): &(&(Option<String>, BTreeSet<String>), &u64)| {
            table.as_deref() == Some(label)
        };
        self.label_sets
            .iter()
            .filter(of_label)
            .map(|(_, number)| number)
            .sum()
    }

    /// The relationships of a type.
    fn relationships(&self, kind: &str) -> u64 {
        self.ends
            .iter()
            .filter(|((one, ..), _)| one == kind)
            .map(|(_, number)| number)
            .sum()
    }

    /// Nodes without any label.
    pub(crate) fn unlabelled(&self) -> u64 {
        self.label_sets
            .iter()
            .filter(|((table, _), _)| table.is_none())
            .map(|(_, n)| n)
            .sum()
    }

    /// The key of a table of nodes: the first of its constraints whose properties all of its nodes have.
    fn node_key(&self, label: &str) -> Option<&Constraint> {
        let properties = |name: &String| {
            self.node_properties
                .get(&(Some(label.to_owned()), name.clone()))
        };
        key(
            self.constraints.nodes.get(label)?,
            self.nodes(label),
            properties,
        )
    }

    /// The tables at one end of a type, with their keys where they have one.
    fn end_tables(
        &self,
        kind: &str,
        is_start: bool,
    ) -> BTreeMap<Option<&str>, Option<&Constraint>> {
        let of_kind = self.ends.keys().filter(|(one, ..)| one == kind);
        let label = |(_, start, end): &'_ (String, Option<String>, Option<String>)| {
            if is_start { start.clone() } else { end.clone() }
        };
        let labels: BTreeSet<Option<String>> = of_kind.map(label).collect();
        let known = |label: Option<String>| {
            let (key, _) = self.label_sets.keys().find(|(table, _)| *table == label)?;
            let label = key.as_deref();
            Some((label, label.and_then(|label| self.node_key(label))))
        };
        labels.into_iter().filter_map(known).collect()
    }

    /// Ends without a key: the relationship type, the table label and how many relationships.
    pub(crate) fn ends_without_key(&self) -> BTreeMap<(String, String), u64> {
        let mut found = BTreeMap::new();
        for ((kind, start, end), number) in &self.ends {
            for label in BTreeSet::from([start, end]) {
                let has_key = label
                    .as_deref()
                    .is_some_and(|label| self.node_key(label).is_some());
                if !has_key {
                    let label = label.clone().unwrap_or_default();
                    *found.entry((kind.clone(), label)).or_default() += number;
                }
            }
        }
        found
    }

    /// Properties whose name is that of a column of ours.
    pub(crate) fn reserved(&self) -> BTreeSet<(&'static str, String, String)> {
        let nodes = self
            .node_properties
            .keys()
            .map(|(table, property)| (NODE, table.clone().unwrap_or_default(), property.clone()));
        let relationships = self
            .relationship_properties
            .keys()
            .map(|(kind, property)| (RELATIONSHIP, kind.clone(), property.clone()));
        nodes
            .chain(relationships)
            .filter(|(_, _, property)| is_reserved(property))
            .collect()
    }
}

fn key<'a>(
    constraints: &'a [Constraint],
    rows: u64,
    types: impl Fn(&String) -> Option<&'a Types>,
) -> Option<&'a Constraint> {
    let is_full = |name: &String| types(name).is_some_and(|types| sum(types) == rows);
    constraints
        .iter()
        .find(|one| rows == 0 || one.properties.iter().all(is_full))
}

fn sum(types: &Types) -> u64 {
    // Both entries of integers and bytes count the same values.
    let bytes = types.get(&PropertyType::Bytes).copied().unwrap_or_default();
    let integers = PropertyType::List(crate::types::Scalar::Integer);
    let doubled = if types.contains_key(&integers) {
        bytes
    } else {
        0
    };
    types.values().sum::<u64>() - doubled
}

/// The tables, by name. Tables without rows are told of targets only: their keys matter there.
pub(crate) fn tables(survey: &Survey, store: &StoreName, side: Side) -> Vec<Table> {
    let mut labels: BTreeSet<&str> = survey
        .label_sets
        .keys()
        .filter_map(|(table, _)| table.as_deref())
        .collect();
    let mut kinds: BTreeSet<&str> = survey.ends.keys().map(|(kind, ..)| kind.as_str()).collect();
    if side == Side::Target {
        labels.extend(survey.constraints.nodes.keys().map(String::as_str));
        kinds.extend(survey.constraints.relationships.keys().map(String::as_str));
    }
    let nodes = labels
        .into_iter()
        .map(|label| node_table(survey, store, label, side));
    let relationships = kinds
        .into_iter()
        .map(|kind| relationship_table(survey, store, kind, side));
    let mut tables: Vec<Table> = nodes.chain(relationships).collect();
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}

fn node_table(survey: &Survey, store: &StoreName, label: &str, side: Side) -> Table {
    let mine = Some(label.to_owned());
    let properties = survey.node_properties.iter();
    let of_table = properties.filter(|((table, _), _)| *table == mine);
    let found: BTreeMap<&str, &Types> = of_table
        .map(|((_, property), types)| (property.as_str(), types))
        .collect();
    let key = survey.node_key(label);
    let mut columns = property_columns(&found, key);
    columns.push(own(
        LABELS,
        ColumnType::Array,
        "LIST<STRING>",
        false,
        &found,
    ));
    columns.push(own(OTHER, ColumnType::Verbatim, "MAP", true, &found));
    let sets: Vec<&BTreeSet<String>> = survey
        .label_sets
        .keys()
        .filter(|(table, _)| *table == mine)
        .map(|(_, labels)| labels)
        .collect();
    let holds = |other: &str| {
        other == label || (!sets.is_empty() && sets.iter().all(|set| set.contains(other)))
    };
    let of_rows = survey
        .constraints
        .nodes
        .iter()
        .filter(|(other, _)| holds(other));
    let constraints: Vec<&Constraint> = of_rows.flat_map(|(_, all)| all).collect();
    Table {
        uniques: uniques(&constraints, key, &columns, side),
        primary_key: key.map(|key| key.properties.clone()),
        columns,
        estimated_rows: Some(survey.nodes(label)),
        ..Table::empty(TableRef::new(store, NODE, label))
    }
}

fn relationship_table(survey: &Survey, store: &StoreName, kind: &str, side: Side) -> Table {
    let properties = survey.relationship_properties.iter();
    let of_table = properties.filter(|((one, _), _)| one == kind);
    let found: BTreeMap<&str, &Types> = of_table
        .map(|((_, property), types)| (property.as_str(), types))
        .collect();
    let constraints = survey
        .constraints
        .relationships
        .get(kind)
        .map_or(&[][..], Vec::as_slice);
    let rows = survey.relationships(kind);
    let key = key(constraints, rows, |name| found.get(name.as_str()).copied());
    let mut columns = property_columns(&found, key);
    let mut foreign_keys = Vec::new();
    for (is_start, label_column, end) in [(true, START_LABEL, START), (false, END_LABEL, END)] {
        let tables = survey.end_tables(kind, is_start);
        if tables.is_empty() {
            continue;
        }
        columns.push(own(label_column, ColumnType::Text, "STRING", false, &found));
        columns.extend(key_columns(survey, &tables, end, &found));
        foreign_keys.extend(references(store, &tables, label_column, end));
    }
    columns.push(own(OTHER, ColumnType::Verbatim, "MAP", true, &found));
    let constraints: Vec<&Constraint> = constraints.iter().collect();
    Table {
        uniques: uniques(&constraints, key, &columns, side),
        primary_key: key.map(|key| key.properties.clone()),
        columns,
        foreign_keys,
        estimated_rows: Some(rows),
        ..Table::empty(TableRef::new(store, RELATIONSHIP, kind))
    }
}

fn property_columns(found: &BTreeMap<&str, &Types>, key: Option<&Constraint>) -> Vec<Column> {
    let of_key = |name: &str| key.is_some_and(|key| key.properties.iter().any(|one| one == name));
    let plain = found.iter().filter(|(name, _)| !is_reserved(name));
    plain
        .map(|(name, types)| property_column(name, types, !of_key(name)))
        .collect()
}

fn property_column(name: &str, types: &Types, nullable: bool) -> Column {
    let types: BTreeSet<PropertyType> = types.keys().copied().collect();
    let (column_type, element) = form_of(&types).column_type();
    Column {
        element,
        ..column(name, column_type, source_type(&types), nullable)
    }
}

fn column(name: &str, column_type: ColumnType, source_type: String, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        source_type,
        column_type,
        nullable,
        generated: Generated::No,
        has_default: false,
        max_length: None,
        labels: Vec::new(),
        element: None,
    }
}

/// A column of ours. One whose name a property has too does not move: the plan refuses it by name.
fn own(
    name: &str,
    column_type: ColumnType,
    source_type: &str,
    nullable: bool,
    found: &BTreeMap<&str, &Types>,
) -> Column {
    if found.contains_key(name) {
        let why = "a property has the name of a column of ours".to_owned();
        return column(name, ColumnType::Other, why, nullable);
    }
    Column {
        element: (column_type == ColumnType::Array).then_some(ColumnType::Text),
        ..column(name, column_type, source_type.to_owned(), nullable)
    }
}

/// The columns for the key of an end: of the key's types where all ends are in one table, else texts.
fn key_columns(
    survey: &Survey,
    tables: &BTreeMap<Option<&str>, Option<&Constraint>>,
    end: &str,
    found: &BTreeMap<&str, &Types>,
) -> Vec<Column> {
    let keyless = tables.iter().find(|(_, key)| key.is_none());
    if let Some((label, _)) = keyless {
        let why = match label {
            Some(label) => format!("an end without a key: {NODE}.{label}"),
            None => "an end without a label".to_owned(),
        };
        return vec![column(end, ColumnType::Other, why, false)];
    }
    let lengths = tables.values().flatten().map(|key| key.properties.len());
    let (longest, shortest) = (
        lengths.clone().max().unwrap_or(1),
        lengths.min().unwrap_or(1),
    );
    let part = |part: usize| {
        let (name, nullable) = (end_column(end, part), part >= shortest);
        let mut all = tables.iter();
        let only = match (all.next(), all.next()) {
            (Some((Some(label), Some(key))), None) => {
                key.properties.get(part).and_then(|property| {
                    survey
                        .node_properties
                        .get(&(Some((*label).to_owned()), property.clone()))
                })
            }
            _ => None,
        };
        match only {
            _ if found.contains_key(name.as_str()) => {
                own(&name, ColumnType::Text, "", nullable, found)
            }
            Some(types) => property_column(&name, types, nullable),
            None => own(&name, ColumnType::Text, "STRING", nullable, found),
        }
    };
    (0..longest).map(part).collect()
}

/// A reference for each table at an end; a condition only where there are several.
fn references(
    store: &StoreName,
    tables: &BTreeMap<Option<&str>, Option<&Constraint>>,
    label_column: &str,
    end: &str,
) -> Vec<ForeignKey> {
    let keyed = tables
        .iter()
        .filter_map(|(label, key)| Some(((*label)?, (*key)?)));
    let reference = |(label, key): (&str, &Constraint)| ForeignKey {
        name: format!("{}→{label}", end.trim_start_matches(':')),
        columns: (0..key.properties.len())
            .map(|part| end_column(end, part))
            .collect(),
        parent: TableRef::new(store, NODE, label),
        parent_columns: key.properties.clone(),
        on_delete_cascade: false,
        deferrable: false,
        validated: true,
        when: if tables.len() == 1 {
            Vec::new()
        } else {
            vec![(label_column.to_owned(), vec![label.to_owned()])]
        },
    };
    keyed.map(reference).collect()
}

/// The constraints but for the key. In a target they count even where no row has the properties yet.
fn uniques(
    constraints: &[&Constraint],
    key: Option<&Constraint>,
    columns: &[Column],
    side: Side,
) -> Vec<Unique> {
    let has = |name: &String| columns.iter().any(|column| column.name == *name);
    constraints
        .iter()
        .filter(|one| key != Some(**one))
        .filter(|one| side == Side::Target || one.properties.iter().all(has))
        .map(|one| Unique {
            name: one.name.clone(),
            columns: one.properties.clone(),
        })
        .collect()
}
