//! Worlds in Neo4j. Names of properties travel as keys of a bound map, so that only labels, types and
//! constraints depend on the quoting of this side.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use redistrict_testkit::neo4j::{Graph, Parameters, ValueReceive, ValueSend, quoted_name};

use super::names::Role;
use super::shape::{Batch, Built, CERT_KEY, Row, State, Table};

/// Nodes of each district with each label.
const ROWS: usize = 3;

/// What the store keeps for itself in CERT.
const OURS: [&str; 6] = [
    "RedistrictEnvironment",
    "RedistrictJournal",
    "RedistrictHeartbeat",
    "RedistrictLease",
    "RedistrictPart",
    "RedistrictRun",
];

/// The property of a child that names its district.
const DISTRICT: &str = "district";

/// A graph that is to be made twice.
pub(super) struct Shape {
    pub(super) built: Built,
    /// The first is the root's.
    labels: Vec<String>,
    /// Every child has it too; it has no constraint.
    other_label: String,
    types: Vec<String>,
    root_key: String,
    child_key: String,
    properties: Vec<(String, bool)>,
    constraints: Vec<String>,
    keys: Vec<String>,
}

pub(super) fn shape(batch: &mut Batch) -> Shape {
    let root_key = batch.take(Role::Property);
    let child_key = batch.take(Role::Property);
    let properties = batch.take_all(Role::Property).into_iter().enumerate();
    let properties: Vec<(String, bool)> = properties
        .map(|(number, name)| (name, number % 2 == 1))
        .collect();
    let other_label = batch.take(Role::NodeLabel);
    let labels: Vec<String> = (0..batch.left(Role::NodeLabel).max(2))
        .map(|_| batch.take(Role::NodeLabel))
        .collect();
    let types: Vec<String> = (0..batch.left(Role::RelationshipType).max(1))
        .map(|_| batch.take(Role::RelationshipType))
        .collect();
    let table = |kind: &str, name: &str, keys: &[&str], has_properties: bool, district: &str| {
        let of = |is_masked: bool| {
            let all = properties
                .iter()
                .filter(move |(_, masked)| has_properties && *masked == is_masked);
            all.map(|(name, _)| name.clone())
        };
        Table {
            name: format!("{kind}.{name}"),
            parts: [kind.to_owned(), name.to_owned()],
            kept: keys
                .iter()
                .map(|key| (*key).to_owned())
                .chain(of(false))
                .collect(),
            masked: of(true).collect(),
            district: district.to_owned(),
        }
    };
    let mut tables = vec![table("node", &labels[0], &[&root_key], false, &root_key)];
    for label in &labels[1..] {
        tables.push(table(
            "node",
            label,
            &[&child_key, DISTRICT],
            true,
            DISTRICT,
        ));
    }
    let links = (1..tables.len())
        .map(|at| (at, DISTRICT.to_owned()))
        .collect();
    for kind in &types {
        tables.push(table("rel", kind, &["number"], true, ":end"));
    }
    Shape {
        built: Built {
            tables,
            root_key: root_key.clone(),
            links,
            canary: None,
        },
        constraints: (0..labels.len() + types.len())
            .map(|_| batch.take(Role::Constraint))
            .collect(),
        keys: batch.all_keys(),
        labels,
        other_label,
        types,
        root_key,
        child_key,
        properties,
    }
}

impl Shape {
    pub(super) async fn write_prod(&self, graph: &Graph) -> Result<()> {
        self.write(graph, &self.keys, 1).await
    }

    pub(super) async fn write_cert(&self, graph: &Graph) -> Result<()> {
        self.write(graph, &[CERT_KEY.to_owned()], 1_000_001).await
    }

    async fn write(&self, graph: &Graph, keys: &[String], first: i64) -> Result<()> {
        let mut names = self.constraints.iter();
        let mut name = || quoted_name(names.next().map_or("plain", String::as_str));
        for (at, label) in self.labels.iter().enumerate() {
            let key = if at == 0 {
                &self.root_key
            } else {
                &self.child_key
            };
            let (label, key) = (quoted_name(label), quoted_name(key));
            let text = format!(
                "create constraint {} for (n:{label}) require n.{key} is unique",
                name()
            );
            graph.try_run(&text).await?;
        }
        for kind in &self.types {
            let text = format!(
                "create constraint {} for ()-[r:{}]-() require r.number is unique",
                name(),
                quoted_name(kind)
            );
            graph.try_run(&text).await?;
        }
        let mut statements = Vec::new();
        let mut number = first;
        for key in keys {
            let root = HashMap::from([(self.root_key.clone(), text(key))]);
            statements.push((
                format!("create (n:{}) set n = $root", quoted_name(&self.labels[0])),
                HashMap::from([("root".to_owned(), ValueSend::Map(root))]),
            ));
            for label in &self.labels[1..] {
                for at in 0..ROWS {
                    number += 1;
                    let mut node = self.properties(number, at);
                    node.insert(self.child_key.clone(), ValueSend::Integer(number));
                    node.insert(DISTRICT.to_owned(), text(key));
                    let (label, other) = (quoted_name(label), quoted_name(&self.other_label));
                    statements.push((
                        format!("create (n:{label}:{other}) set n = $node"),
                        HashMap::from([("node".to_owned(), ValueSend::Map(node))]),
                    ));
                    let kind = &self.types[at % self.types.len()];
                    statements.push(self.relationship(kind, key, number, at));
                }
            }
            // Each type at least once in each district.
            for (at, kind) in self.types.iter().enumerate() {
                statements.push(self.relationship(kind, key, number, ROWS + at));
            }
        }
        Ok(graph.try_transaction(statements).await?)
    }

    fn relationship(&self, kind: &str, key: &str, child: i64, at: usize) -> (String, Parameters) {
        let mut properties = self.properties(child, at);
        let number = child * 1_000 + i64::try_from(at % 1_000).unwrap_or(0);
        properties.insert("number".to_owned(), ValueSend::Integer(number));
        let statement = format!(
            "match (a) where a.{} = $child match (b:{} {{{}: $key}}) create (a)-[r:{}]->(b) set r = $properties",
            quoted_name(&self.child_key),
            quoted_name(&self.labels[0]),
            quoted_name(&self.root_key),
            quoted_name(kind)
        );
        let parameters = HashMap::from([
            ("child".to_owned(), ValueSend::Integer(child)),
            ("key".to_owned(), text(key)),
            ("properties".to_owned(), ValueSend::Map(properties)),
        ]);
        (statement, parameters)
    }

    fn properties(&self, number: i64, at: usize) -> HashMap<String, ValueSend> {
        let value = |is_masked: bool| match is_masked {
            true => text(&format!("secret {number}")),
            false => text(&self.keys[at % self.keys.len()]),
        };
        let all = self.properties.iter();
        all.map(|(name, is_masked)| (name.clone(), value(*is_masked)))
            .collect()
    }

    /// All nodes and relationships; those of ours left out where it is CERT.
    pub(super) async fn state(&self, graph: &Graph, is_cert: bool) -> Result<State> {
        let mut state = State::new();
        let nodes = graph
            .try_query(
                "match (n) return labels(n), properties(n)",
                Parameters::new(),
            )
            .await?;
        for row in nodes {
            let labels = labels(row.first());
            if is_cert && labels.iter().any(|label| OURS.contains(&label.as_str())) {
                continue;
            }
            let (table, others) = self.table_of(labels);
            let mut node = properties(row.get(1));
            node.insert(":labels".to_owned(), others);
            state.entry(table).or_default().push(node);
        }
        let relationships = "match (a)-[r]->(b) return type(r), properties(r), labels(a), properties(a), \
                             labels(b), properties(b)";
        for row in graph.try_query(relationships, Parameters::new()).await? {
            let kind = row.first().map(shown).unwrap_or_default();
            let mut one = properties(row.get(1));
            for (at, end, key) in [(2, ":start", &self.child_key), (4, ":end", &self.root_key)] {
                let found = properties(row.get(at + 1));
                one.insert(end.to_owned(), found.get(key).cloned().unwrap_or_default());
                let (table, _) = self.table_of(labels(row.get(at)));
                one.insert(format!("{end} in"), table);
            }
            state.entry(format!("rel.{kind}")).or_default().push(one);
        }
        Ok(state)
    }

    fn table_of(&self, mut labels: Vec<String>) -> (String, String) {
        labels.sort();
        let at = labels.iter().position(|label| self.labels.contains(label));
        let table = at.map(|at| labels.remove(at)).unwrap_or_default();
        (format!("node.{table}"), labels.join("\n"))
    }
}

/// Constraints and indexes, and every token that was ever used.
pub(super) async fn objects(graph: &Graph) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (what, statement) in [
        (
            "constraint",
            "show constraints yield name, labelsOrTypes return labelsOrTypes[0] + ' ' + name",
        ),
        (
            "index",
            "show indexes yield name, labelsOrTypes return coalesce(labelsOrTypes[0], '') + ' ' + name",
        ),
        ("label", "call db.labels() yield label return label"),
        (
            "type",
            "call db.relationshipTypes() yield relationshipType return relationshipType",
        ),
        (
            "property",
            "call db.propertyKeys() yield propertyKey return propertyKey",
        ),
    ] {
        for row in graph.try_query(statement, Parameters::new()).await? {
            found.extend(row.iter().map(|name| format!("{what} {}", shown(name))));
        }
    }
    Ok(found)
}

fn text(text: &str) -> ValueSend {
    ValueSend::String(text.to_owned())
}

fn labels(value: Option<&ValueReceive>) -> Vec<String> {
    match value {
        Some(ValueReceive::List(labels)) => labels.iter().map(shown).collect(),
        _ => Vec::new(),
    }
}

fn properties(value: Option<&ValueReceive>) -> Row {
    match value {
        Some(ValueReceive::Map(map)) => {
            let pairs: BTreeMap<String, String> = map
                .iter()
                .map(|(name, value)| (name.clone(), shown(value)))
                .collect();
            pairs
        }
        _ => Row::new(),
    }
}

fn shown(value: &ValueReceive) -> String {
    match value {
        ValueReceive::String(text) => text.clone(),
        other => format!("{other:?}"),
    }
}
