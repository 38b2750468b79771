//! The catalog of a graph, derived from its uniqueness constraints and from what its nodes and
//! relationships carry now (docs/design/graph.md). Two passes over the nodes and two over the
//! relationships, each aggregated by the server; no value leaves it.

use std::collections::{BTreeMap, BTreeSet};

use neo4j::ValueReceive;
use redistrict_model::{Catalog, StoreKind, StoreName};
use redistrict_store::StoreError;

use crate::bolt::{Parameters, Record, Transaction};
use crate::derive::{self, Survey};
use crate::error::{Context as _, bug, config};
use crate::live::{Constraints, ENVIRONMENT, NODE, OWN_LABELS, RELATIONSHIP, Side, texts};
use crate::statement::{self, ReadText};
use crate::types::{PropertyType, Scalar};

/// Reads the catalog of the configured schemas (`node`, `rel`; none means both).
///
/// # Errors
/// `Config` for another schema.
pub(crate) async fn read(
    transaction: &mut Transaction,
    store: &StoreName,
    version: &str,
    schemas: &[String],
    side: Side,
) -> Result<Catalog, StoreError> {
    if let Some(unknown) = schemas
        .iter()
        .find(|name| *name != NODE && *name != RELATIONSHIP)
    {
        let error = config(format!("find schema {unknown:?} in store {store}"));
        return Err(error.with_hint("a graph has two: \"node\" and \"rel\""));
    }
    if side == Side::Source {
        refuse_namesakes(transaction, store).await?;
    }
    let survey = survey(transaction).await?;
    let mut tables = derive::tables(&survey, store, side);
    tables.retain(|table| schemas.is_empty() || schemas.contains(&table.name.schema));
    Ok(Catalog {
        store: store.clone(),
        kind: StoreKind::Neo4j,
        version: version.to_owned(),
        tables,
    })
}

/// Nodes of a source that have a label of ours and are none: they would be in no table.
async fn refuse_namesakes(
    transaction: &mut Transaction,
    store: &StoreName,
) -> Result<(), StoreError> {
    let what = "look for labels that are kept for the tool's own nodes";
    let mut sets = Vec::new();
    for record in all(transaction, &statement::own_label_sets(), what).await? {
        let labels = record.first().and_then(texts);
        sets.push(labels.ok_or_else(|| bug(what))?);
    }
    let Some(label) = namesake(&sets) else {
        return Ok(());
    };
    let what = format!(
        "read the graph of store {store}: nodes have the label {label:?}, which the tool keeps for its own"
    );
    Err(config(what).with_hint("give these nodes another label in the source"))
}

/// A label of ours on nodes that are none: ours have one label, and the mark of a target beside them.
fn namesake(sets: &[Vec<String>]) -> Option<&String> {
    let is_ours = |label: &&String| OWN_LABELS.contains(&label.as_str());
    let is_target = sets.iter().any(|labels| *labels == [ENVIRONMENT]);
    sets.iter()
        .filter(|labels| labels.len() > 1 || !is_target)
        .find_map(|labels| labels.iter().find(is_ours))
}

/// Looks at the whole graph.
pub(crate) async fn survey(transaction: &mut Transaction) -> Result<Survey, StoreError> {
    let mut survey = structure(transaction).await?;
    let text = statement::node_properties(&survey.constraints);
    for record in all(transaction, &text, "read the properties of the nodes").await? {
        let (table, property, of_type, number) = counted(&record, &survey.constraints)?;
        let found = survey.node_properties.entry((table, property)).or_default();
        *found.entry(of_type).or_default() += number;
    }
    let text = statement::relationship_properties();
    for record in all(
        transaction,
        &text,
        "read the properties of the relationships",
    )
    .await?
    {
        let (kind, property, of_type, number) = counted(&record, &Constraints::default())?;
        let kind = kind.unwrap_or_default();
        let found = survey
            .relationship_properties
            .entry((kind, property))
            .or_default();
        *found.entry(of_type).or_default() += number;
    }
    tell_bytes(transaction, &mut survey).await?;
    Ok(survey)
}

/// The constraints, which labels occur together and what relationships connect: without properties.
pub(crate) async fn structure(transaction: &mut Transaction) -> Result<Survey, StoreError> {
    let mut survey = Survey {
        constraints: Constraints::read(transaction).await?,
        ..Survey::default()
    };
    let what = "read the labels of the nodes";
    for record in all(
        transaction,
        &statement::label_sets(&survey.constraints),
        what,
    )
    .await?
    {
        let [table, labels, number] = record.as_slice() else {
            return Err(bug(what));
        };
        let table = table_name(table, &survey.constraints).ok_or_else(|| bug(what))?;
        let labels: BTreeSet<String> = texts(labels)
            .ok_or_else(|| bug(what))?
            .into_iter()
            .collect();
        let number = count(number).ok_or_else(|| bug(what))?;
        *survey.label_sets.entry((table, labels)).or_default() += number;
    }
    let what = "read the ends of the relationships";
    for record in all(transaction, &statement::end_sets(&survey.constraints), what).await? {
        let [kind, start, end, number] = record.as_slice() else {
            return Err(bug(what));
        };
        let kind = kind.as_string().cloned().ok_or_else(|| bug(what))?;
        let start = table_name(start, &survey.constraints).ok_or_else(|| bug(what))?;
        let end = table_name(end, &survey.constraints).ok_or_else(|| bug(what))?;
        let number = count(number).ok_or_else(|| bug(what))?;
        survey.ends.insert((kind, start, end), number);
    }
    Ok(survey)
}

async fn all(
    transaction: &mut Transaction,
    text: &ReadText,
    what: &str,
) -> Result<Vec<Record>, StoreError> {
    transaction.read(text, Parameters::new()).await.doing(what)
}

/// The label of `statement::table_of`; `Some(None)` for a node without any.
#[expect(
    clippy::option_option,
    reason = "outer: understood; inner: there is a label"
)]
fn table_name(value: &ValueReceive, constraints: &Constraints) -> Option<Option<String>> {
    match value {
        ValueReceive::Null => Some(None),
        ValueReceive::String(label) => Some(Some(label.clone())),
        ValueReceive::Integer(place) => {
            let place = usize::try_from(*place).ok()?;
            constraints.nodes.keys().nth(place).cloned().map(Some)
        }
        _ => None,
    }
}

fn count(value: &ValueReceive) -> Option<u64> {
    value.as_int().and_then(|number| u64::try_from(number).ok())
}

type Counted = (Option<String>, String, PropertyType, u64);

/// Table, property, type, number.
fn counted(record: &Record, constraints: &Constraints) -> Result<Counted, StoreError> {
    let read = || {
        let [table, property, of_type, number] = record.as_slice() else {
            return None;
        };
        let of_type = PropertyType::of_value_type(of_type.as_string()?)?;
        let property = property.as_string()?.clone();
        Some((
            table_name(table, constraints)?,
            property,
            of_type,
            count(number)?,
        ))
    };
    let unknown = || {
        let error =
            config("understand the type of a property: this server has types that we do not");
        error.with_hint("Neo4j 5.26 is supported")
    };
    read().ok_or_else(unknown)
}

/// `valueType()` calls byte arrays lists of integers. Where there are such lists the server's schema
/// procedures tell; where they do not, both are expected.
async fn tell_bytes(transaction: &mut Transaction, survey: &mut Survey) -> Result<(), StoreError> {
    let integers = PropertyType::List(Scalar::Integer);
    let what = "tell byte arrays from lists of integers";
    if survey
        .node_properties
        .values()
        .any(|types| types.contains_key(&integers))
    {
        let text = statement::NODE_PROPERTY_TYPES;
        let mut arrays: BTreeMap<(BTreeSet<String>, String), Arrays> = BTreeMap::new();
        for record in all(transaction, &text, what).await? {
            let Some((labels, property, found)) = array_types(&record) else {
                continue;
            };
            arrays
                .entry((labels.into_iter().collect(), property))
                .or_default()
                .add(&found);
        }
        for ((table, property), types) in &mut survey.node_properties {
            let sets = survey.label_sets.keys().filter(|(name, _)| name == table);
            let mut found = Arrays::default();
            for (_, labels) in sets {
                if let Some(one) = arrays.get(&(labels.clone(), property.clone())) {
                    found.merge(*one);
                }
            }
            found.apply(types);
        }
    }
    if survey
        .relationship_properties
        .values()
        .any(|types| types.contains_key(&integers))
    {
        let text = statement::RELATIONSHIP_PROPERTY_TYPES;
        let mut arrays: BTreeMap<(String, String), Arrays> = BTreeMap::new();
        for record in all(transaction, &text, what).await? {
            let Some((kind, property, found)) = array_types(&record) else {
                continue;
            };
            let kind = kind.into_iter().next().unwrap_or_default();
            arrays.entry((kind, property)).or_default().add(&found);
        }
        for ((kind, property), types) in &mut survey.relationship_properties {
            // The procedure writes types as `:`T``, without doubling backticks.
            let written = format!(":`{kind}`");
            let found = arrays.get(&(written, property.clone())).copied();
            found.unwrap_or_default().apply(types);
        }
    }
    Ok(())
}

/// Labels or the relationship type, the property, its types.
fn array_types(record: &Record) -> Option<(Vec<String>, String, Vec<String>)> {
    let [on, property, types] = record.as_slice() else {
        return None;
    };
    let on = match on {
        ValueReceive::String(kind) => vec![kind.clone()],
        labels => texts(labels)?,
    };
    Some((on, property.as_string()?.clone(), texts(types)?))
}

/// Which of the two a property was seen to be.
#[derive(Clone, Copy, Debug, Default)]
struct Arrays {
    has_bytes: bool,
    has_integers: bool,
}

impl Arrays {
    fn add(&mut self, types: &[String]) {
        for name in types {
            match name.as_str() {
                "ByteArray" => self.has_bytes = true,
                "LongArray" | "IntegerArray" | "IntArray" | "ShortArray" => {
                    self.has_integers = true;
                }
                _ => {}
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.has_bytes |= other.has_bytes;
        self.has_integers |= other.has_integers;
    }

    /// Nothing seen leaves both possible.
    fn apply(self, types: &mut BTreeMap<PropertyType, u64>) {
        let integers = PropertyType::List(Scalar::Integer);
        let Some(number) = types.get(&integers).copied() else {
            return;
        };
        if self.has_bytes || !self.has_integers {
            types.insert(PropertyType::Bytes, number);
        }
        if self.has_bytes && !self.has_integers {
            types.remove(&integers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_ours_on_nodes_of_others_are_namesakes() {
        let sets = |sets: &[&[&str]]| -> Vec<Vec<String>> {
            let owned = |set: &&[&str]| set.iter().map(|label| (*label).to_owned()).collect();
            sets.iter().map(owned).collect()
        };
        let target = sets(&[&["RedistrictEnvironment"], &["RedistrictRun"]]);
        assert_eq!(namesake(&target), None);
        assert_eq!(namesake(&sets(&[])), None);
        for (found, name) in [
            (sets(&[&["RedistrictRun"]]), "RedistrictRun"),
            (
                sets(&[&["RedistrictEnvironment"], &["A", "RedistrictLease"]]),
                "RedistrictLease",
            ),
        ] {
            assert_eq!(namesake(&found).map(String::as_str), Some(name));
        }
    }
}
