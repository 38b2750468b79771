//! The statements of a merge. Their texts are made of names of the catalog, quoted; values, labels that
//! rows carry and properties of `:other` are only ever bound. Pure.
//!
//! Every statement takes `$rows`, a list of lists.

use crate::live::{Constraints, LiveTable, Role, Shape};
use crate::statement::{by_index, is_member, made_value, property, quoted};
use crate::types::Form;

/// Where the values of a staged row stand in the list that is bound for it: its properties first, in
/// the order of the staged columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    properties: usize,
}

impl Places {
    pub(super) fn new(properties: usize) -> Self {
        Self { properties }
    }

    /// Further labels of a node; NULL leaves them alone.
    fn labels(self) -> String {
        format!("row[{}]", self.properties)
    }

    /// Pairs of the properties in `:other`; NULL leaves unknown properties alone.
    fn other(self) -> String {
        format!("row[{}]", self.properties + 1)
    }

    /// The key of the start of a relationship.
    fn start(self) -> String {
        format!("row[{}]", self.properties + 2)
    }

    fn end(self) -> String {
        format!("row[{}]", self.properties + 3)
    }
}

/// A staged column: what it stands for in the target, with the form of its staged values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StagedColumn {
    pub(super) name: String,
    pub(super) role: Role,
}

/// A table of nodes at which a relationship ends: its label and its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EndKey {
    pub(super) label: String,
    pub(super) key: Vec<(String, Form)>,
}

/// How single rows are found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding {
    /// By these properties.
    Key(Vec<(String, Form)>),
    /// By element id.
    Locator,
}

/// The texts for one table.
#[derive(Clone, Copy)]
pub(super) struct Writes<'a> {
    pub(super) table: &'a LiveTable,
    pub(super) constraints: &'a Constraints,
}

impl Writes<'_> {
    fn name(&self) -> String {
        quoted(&self.table.entry.name.table)
    }

    fn is_node(&self) -> bool {
        matches!(self.table.shape, Shape::Node { .. })
    }

    /// `MATCH` of the row `n` by values in `row`, from a place on.
    fn found(&self, finding: &Finding, values: impl Fn(usize) -> String) -> String {
        let name = self.name();
        let mut conditions = match finding {
            Finding::Locator => vec![format!("elementId(n) = {}", values(0))],
            Finding::Key(properties) => equal("n", properties, values),
        };
        let pattern = if self.is_node() {
            conditions.push(is_member(
                self.constraints,
                "n",
                &self.table.entry.name.table,
            ));
            format!("(n:{name})")
        } else {
            format!("(a)-[n:{name}]->(b)")
        };
        let hint = match finding {
            Finding::Key(key) => self.hint("n", self.is_node(), &self.table.entry.name.table, key),
            Finding::Locator => String::new(),
        };
        format!("MATCH {pattern}{hint} WHERE {}", conditions.join(" AND "))
    }

    /// Has a key sought in the index of its constraint, where it has one: rows that this transaction
    /// wrote are not in the figures by which the planner chooses.
    fn hint(&self, variable: &str, is_node: bool, label: &str, key: &[(String, Form)]) -> String {
        let names: Vec<&str> = key.iter().map(|(name, _)| name.as_str()).collect();
        by_index(self.constraints, variable, (is_node, label), &names)
    }

    /// Write-locks rows; gives the numbers of those that are there, and where they are. A row is a number
    /// and the parts of its name.
    pub(super) fn lock(&self, finding: &Finding) -> String {
        let found = self.found(finding, |part| format!("row[{}]", part + 1));
        format!("UNWIND $rows AS row {found} SET n += {{}} RETURN row[0], elementId(n)")
    }

    /// Where the rows are, each once, that hold the value of a key which another staged row gets.
    pub(super) fn holders(
        &self,
        columns: &[StagedColumn],
        unique: &[(String, Form)],
        key: &[(String, Form)],
    ) -> String {
        let found = self.found(&Finding::Key(unique.to_vec()), staged(columns, unique));
        let same = equal("n", key, staged(columns, key)).join(" AND ");
        format!("UNWIND $rows AS row {found} AND NOT ({same}) RETURN DISTINCT elementId(n)")
    }

    /// Takes a property off rows, named by their element ids.
    pub(super) fn give_up(&self, name: &str) -> String {
        let found = self.found(&Finding::Locator, |part| format!("row[{}]", part + 1));
        format!("UNWIND $rows AS row {found} REMOVE {}", property("n", name))
    }

    /// The number of rows, named by their element ids, that have relationships.
    pub(super) fn held(&self) -> String {
        let found = self.found(&Finding::Locator, |part| format!("row[{}]", part + 1));
        format!("UNWIND $rows AS row {found} AND EXISTS {{ (n)--() }} RETURN count(n)")
    }

    /// Deletes rows, named by their element ids; gives their number. Never their relationships with them.
    pub(super) fn delete(&self) -> String {
        let found = self.found(&Finding::Locator, |part| format!("row[{}]", part + 1));
        format!("UNWIND $rows AS row {found} DELETE n RETURN count(*)")
    }

    /// Creates nodes out of staged rows; gives their number, and how many of them stand in another table:
    /// by a constraint that only the target has, on one of their labels.
    pub(super) fn create_nodes(&self, columns: &[StagedColumn]) -> String {
        let (name, set) = (self.name(), self.set(columns, None));
        let astray = self.astray();
        format!("UNWIND $rows AS row CREATE (n:{name}) {set}RETURN count(n), {astray}")
    }

    /// The number of written rows that do not stand in their table.
    fn astray(&self) -> String {
        if !self.is_node() {
            return "0".to_owned();
        }
        let label = &self.table.entry.name.table;
        let is_member = is_member(self.constraints, "n", label);
        format!("count(CASE WHEN {is_member} THEN null ELSE 1 END)")
    }

    /// Creates relationships between these tables; gives the number of those whose ends were there.
    pub(super) fn create_relationships(
        &self,
        columns: &[StagedColumn],
        start: &EndKey,
        end: &EndKey,
    ) -> String {
        let places = places(columns);
        let (name, set) = (self.name(), self.set(columns, None));
        let a = self.end("a", start, &places.start());
        let b = self.end("b", end, &places.end());
        format!(
            "UNWIND $rows AS row MATCH {a} MATCH {b} CREATE (a)-[n:{name}]->(b) {set}RETURN count(n)"
        )
    }

    /// The number of staged rows of which an end is not there.
    pub(super) fn missing_ends(
        &self,
        columns: &[StagedColumn],
        start: &EndKey,
        end: &EndKey,
    ) -> String {
        let places = places(columns);
        let a = self.end("a", start, &places.start());
        let b = self.end("b", end, &places.end());
        format!(
            "UNWIND $rows AS row OPTIONAL MATCH {a} OPTIONAL MATCH {b} WITH a, b \
             WHERE a IS NULL OR b IS NULL RETURN count(*)"
        )
    }

    /// Makes relationships anew, with all they carry, that start or end elsewhere than staged.
    pub(super) fn move_relationships(
        &self,
        columns: &[StagedColumn],
        key: &[(String, Form)],
        start: &EndKey,
        end: &EndKey,
    ) -> String {
        let places = places(columns);
        let name = self.name();
        let a = self.end("a", start, &places.start());
        let b = self.end("b", end, &places.end());
        let old = equal("old", key, staged(columns, key)).join(" AND ");
        let hint = self.hint("old", false, &self.table.entry.name.table, key);
        format!(
            "UNWIND $rows AS row MATCH {a} MATCH {b} \
             MATCH (x)-[old:{name}]->(y){hint} WHERE {old} AND (x <> a OR y <> b) \
             WITH a, b, old, properties(old) AS carried \
             DELETE old CREATE (a)-[n:{name}]->(b) SET n = carried RETURN count(n)"
        )
    }

    /// Gives rows that are there the staged values; gives their number, and how many of them then stand
    /// in another table.
    pub(super) fn update(&self, columns: &[StagedColumn], key: &[(String, Form)]) -> String {
        let place = staged(columns, key);
        let found = self.found(&Finding::Key(key.to_vec()), place);
        let set = self.set(columns, Some(key));
        let places = places(columns);
        let has_labels = columns.iter().any(|column| column.role == Role::Labels);
        let away = if has_labels {
            let (labels, name) = (places.labels(), "$label");
            format!(
                "CASE WHEN {labels} IS NULL THEN [] ELSE \
                 [l IN labels(n) WHERE l <> {name} AND NOT l IN {labels}] END"
            )
        } else {
            "[]".to_owned()
        };
        let gone = if columns.iter().any(|column| column.role == Role::Other) {
            let other = places.other();
            format!(
                "CASE WHEN {other} IS NULL THEN [] ELSE [p IN keys(n) WHERE NOT p IN $known] END"
            )
        } else {
            "[]".to_owned()
        };
        let remove_labels = if has_labels { "REMOVE n:$(away) " } else { "" };
        let astray = self.astray();
        format!(
            "UNWIND $rows AS row {found} WITH n, row, {away} AS away, {gone} AS gone \
             FOREACH (p IN gone | REMOVE n[p]) {remove_labels}{set}RETURN count(n), {astray}"
        )
    }

    /// One node at an end, found by its key.
    fn end(&self, variable: &str, end: &EndKey, values: &str) -> String {
        let mut conditions = equal(variable, &end.key, |part| format!("{values}[{part}]"));
        conditions.push(is_member(self.constraints, variable, &end.label));
        let hint = self.hint(variable, true, &end.label, &end.key);
        format!(
            "({variable}:{}){hint} WHERE {}",
            quoted(&end.label),
            conditions.join(" AND ")
        )
    }

    /// Sets the staged properties but for those of the key, the labels and what stands in `:other`.
    fn set(&self, columns: &[StagedColumn], key: Option<&[(String, Form)]>) -> String {
        let places = places(columns);
        let is_key = |name: &String| key.is_some_and(|key| key.iter().any(|(one, _)| one == name));
        let mut parts = Vec::new();
        for (place, (name, form)) in properties(columns).enumerate() {
            if !is_key(name) {
                let value = made_value(form, &format!("row[{place}]"));
                parts.push(format!("SET {} = {value} ", property("n", name)));
            }
        }
        if columns.iter().any(|column| column.role == Role::Labels) {
            parts.push(format!("SET n:$(coalesce({}, [])) ", places.labels()));
        }
        if columns.iter().any(|column| column.role == Role::Other) {
            let (other, value) = (places.other(), made_value(Form::Tagged, "p[1]"));
            parts.push(format!(
                "FOREACH (p IN coalesce({other}, []) | SET n[p[0]] = {value}) "
            ));
        }
        parts.concat()
    }
}

/// The staged columns that are properties, in order.
pub(super) fn properties(columns: &[StagedColumn]) -> impl Iterator<Item = (&String, Form)> {
    columns.iter().filter_map(|column| match column.role {
        Role::Property(form) => Some((&column.name, form)),
        _ => None,
    })
}

fn places(columns: &[StagedColumn]) -> Places {
    Places::new(properties(columns).count())
}

/// Where the parts of a key stand in a staged row.
fn staged(columns: &[StagedColumn], key: &[(String, Form)]) -> impl Fn(usize) -> String {
    let places: Vec<Option<usize>> = key
        .iter()
        .map(|(name, _)| properties(columns).position(|(one, _)| one == name))
        .collect();
    move |part| match places.get(part).copied().flatten() {
        Some(place) => format!("row[{place}]"),
        None => "null".to_owned(),
    }
}

fn equal(
    variable: &str,
    properties: &[(String, Form)],
    values: impl Fn(usize) -> String,
) -> Vec<String> {
    let condition = |(part, (name, form)): (usize, &(String, Form))| {
        format!(
            "{} = {}",
            property(variable, name),
            made_value(*form, &values(part))
        )
    };
    properties.iter().enumerate().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use neo4j::summary::Plan;
    use redistrict_model::{StoreKind, StoreName};
    use redistrict_testkit::neo4j::Neo4jPair;

    use super::*;
    use crate::bolt::{Access, Begin, Bolt, Parameters};
    use crate::live::{LiveTables, Side};
    use redistrict_store::Secret;

    /// The operators of a plan, the last one first.
    fn operators(plan: &Plan, found: &mut Vec<String>) {
        found.push(plan.op_type.clone());
        for child in &plan.children {
            operators(child, found);
        }
    }

    async fn plan(url: &str, text: &str) -> Vec<String> {
        let (url, text) = (
            url.to_owned(),
            format!("CYPHER replan=force EXPLAIN {text}"),
        );
        let explain = move || {
            let address = crate::url::parse(&Secret::new(url)).unwrap();
            let driver = crate::connect::driver(&address).unwrap();
            let nothing = || neo4j::ValueSend::List(Vec::new());
            let values: Parameters = ["rows", "known", "label"]
                .map(|name| (name.to_owned(), nothing()))
                .into();
            let result = driver
                .execute_query(&text)
                .with_parameters(values)
                .run()
                .unwrap();
            let mut found = Vec::new();
            operators(&result.summary.plan.unwrap(), &mut found);
            found
        };
        tokio::task::spawn_blocking(explain).await.unwrap()
    }

    #[tokio::test]
    async fn every_row_and_every_end_is_found_by_an_index() {
        let pair = Neo4jPair::take().await;
        let graph = &pair.cert;
        for statement in [
            "create constraint for (n:Pupil) require n.id is unique",
            "create constraint for (n:Section) require (n.school, n.number) is unique",
            "create constraint for ()-[r:IN]-() require r.id is unique",
            "unwind range(1, 50) as i create (:Pupil {id: i})-[:IN {id: i, since: date()}]->(:Section {school: 'a', number: i})",
            "create (n:Pupil {id: 0})-[:KNOWS {w: 1}]->(n)",
        ] {
            graph.run(statement).await;
        }
        let url = graph.url();
        let bolt = Bolt::open(&Secret::new(url.to_owned())).await.unwrap();
        let begin = Begin::new(Access::Read, std::time::Duration::from_secs(60));
        let mut transaction = bolt.begin(begin).await.unwrap();
        let store = StoreName::new("sp");
        let read = crate::catalog::read(&mut transaction, &store, "", &[], Side::Target);
        let catalog = read.await.unwrap();
        assert_eq!(catalog.kind, StoreKind::Neo4j);
        let tables = LiveTables::look_up(&mut transaction, &catalog.tables, Side::Target);
        let tables = tables.await.unwrap();
        let end = |label: &str, key: &[(&str, Form)]| EndKey {
            label: label.to_owned(),
            key: key
                .iter()
                .map(|(name, form)| ((*name).to_owned(), *form))
                .collect(),
        };
        let pupil = end("Pupil", &[("id", Form::Int)]);
        let section = end("Section", &[("school", Form::Text), ("number", Form::Int)]);
        let mut all = Vec::new();
        for table in &catalog.tables {
            let live = tables.table(&table.name).unwrap();
            let writes = Writes {
                table: live,
                constraints: &tables.constraints,
            };
            let columns: Vec<StagedColumn> = live
                .columns
                .iter()
                .map(|column| StagedColumn {
                    name: column.name.clone(),
                    role: column.role,
                })
                .collect();
            let (finding, _) = super::super::merge::finding_of(live).unwrap();
            let mut texts = vec![(writes.lock(&finding), 1), (writes.delete(), 1)];
            if let Finding::Key(key) = &finding {
                texts.push((writes.update(&columns, key), 1));
                if !writes.is_node() {
                    texts.push((
                        writes.move_relationships(&columns, key, &pupil, &section),
                        3,
                    ));
                }
            }
            if writes.is_node() {
                texts.push((writes.held(), 1));
                texts.push((writes.create_nodes(&columns), 0));
            } else {
                texts.push((writes.create_relationships(&columns, &pupil, &section), 2));
                texts.push((writes.missing_ends(&columns, &pupil, &section), 2));
            }
            all.extend(texts);
        }
        drop(transaction);
        check(url, &all).await;
        graph.run("match (n) detach delete n").await;
        check(url, &all).await;
    }

    async fn check(url: &str, texts: &[(String, usize)]) {
        for (text, seeks) in texts {
            let operators = plan(url, text).await;
            let is_seek = |name: &&String| name.contains("Seek");
            let found = operators.iter().filter(is_seek).count();
            assert_eq!(found, *seeks, "{text}\n{operators:?}");
            assert!(
                !operators.iter().any(|name| name.contains("Scan")),
                "{text}\n{operators:?}"
            );
        }
    }
}
