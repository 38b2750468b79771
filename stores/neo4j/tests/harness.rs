//! Neo4j for the conformance suite: two servers, and the driver itself as the plain client. A table is the
//! nodes of a label, or the relationships of a type between two nodes that are always there; its keys are
//! uniqueness constraints. Foreign keys do not exist: they are left out, and what is about them is skipped.

use std::collections::BTreeMap;

use async_trait::async_trait;
use redistrict_model::{ColumnType, StoreName};
use redistrict_neo4j::{Neo4jSource, Neo4jTarget};
use redistrict_store::TargetStore;
use redistrict_testkit::conformance::{
    Abilities, Change, Database, Harness, LogicalType, NewTable, Row, World,
};
use redistrict_testkit::neo4j::{
    Graph, Neo4jPair, Parameters, ValueReceive, ValueSend, quoted_name,
};

/// The kind under test, with the tables that a test makes as one of these.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Graphs {
    Nodes,
    Relationships,
}

impl Graphs {
    fn schema(self) -> &'static str {
        match self {
            Self::Nodes => "node",
            Self::Relationships => "rel",
        }
    }

    /// What matches the rows of a table; a row is `n`.
    fn pattern(self, table: &str) -> String {
        let name = quoted_name(table);
        match self {
            Self::Nodes => format!("(n:{name})"),
            Self::Relationships => format!("(a)-[n:{name}]->(b)"),
        }
    }

    fn uniqueness(self, name: &str, table: &str, columns: &[String]) -> String {
        let label = quoted_name(table);
        let pattern = match self {
            Self::Nodes => format!("(n:{label})"),
            Self::Relationships => format!("()-[n:{label}]-()"),
        };
        let properties: Vec<String> = columns
            .iter()
            .map(|column| format!("n.{}", quoted_name(column)))
            .collect();
        format!(
            "create constraint {} for {pattern} require ({}) is unique",
            quoted_name(name),
            properties.join(", ")
        )
    }
}

#[async_trait]
impl Harness for Graphs {
    async fn fresh(&self) -> World {
        let pair = Neo4jPair::take().await;
        let store = StoreName::new("sp");
        let (prod, cert) = (pair.prod.url().to_owned(), pair.cert.url().to_owned());
        let source =
            |url: &str| Neo4jSource::connect_lazy(store.clone(), url.to_owned(), Vec::new());
        let target = Neo4jTarget::new(store.clone(), cert.clone(), Vec::new());
        World {
            source: Box::new(source(&prod)),
            mirror: Box::new(source(&cert)),
            target: Box::new(target.clone()),
            reopen: Box::new(move || {
                let target: Box<dyn TargetStore> = Box::new(target.clone());
                Box::pin(async { target })
            }),
            prod: Box::new(Plain(*self, pair.prod.clone())),
            cert: Box::new(Plain(*self, pair.cert.clone())),
            schema: self.schema().to_owned(),
            store,
            guard: Box::new(pair),
        }
    }

    /// Nothing is declared but uniqueness, and no cut is a snapshot.
    fn abilities(&self) -> Abilities {
        Abilities {
            declared_columns: false,
            foreign_keys: false,
            checks: false,
            computed_columns: false,
            sequences: false,
            triggers: false,
            snapshots: false,
            ..Abilities::ALL
        }
    }

    /// A local date and time has nanoseconds, so that it travels as text.
    fn column_type(&self, logical: LogicalType) -> Option<ColumnType> {
        match logical {
            LogicalType::Timestamp => Some(ColumnType::DateTimeText),
            LogicalType::Varchar40 | LogicalType::Uuid | LogicalType::Json => None,
            _ => Some(logical.column_type()),
        }
    }
}

/// A plain client.
pub(crate) struct Plain(Graphs, Graph);

#[async_trait]
impl Database for Plain {
    async fn create(&self, tables: &[NewTable]) {
        if let Graphs::Relationships = self.0 {
            for statement in ENDS {
                self.1.run(statement).await;
            }
        }
        for table in tables {
            let key = (format!("{}_pk", table.name), &table.key);
            let uniques = table.uniques.iter();
            let uniques = uniques.map(|unique| (unique.name.clone(), &unique.columns));
            for (name, columns) in [key].into_iter().chain(uniques) {
                if !columns.is_empty() {
                    let cypher = self.0.uniqueness(&name, &table.name, columns);
                    self.1.run(&cypher).await;
                }
            }
        }
    }

    async fn try_change(&self, changes: &[Change<'_>]) -> Result<(), String> {
        let statement = |change| statement(self.0, change);
        let statements = changes.iter().map(statement).collect();
        let done = self.1.try_transaction(statements).await;
        done.map_err(|error| error.to_string())
    }

    async fn dump(&self, table: &str) -> Vec<String> {
        let around = match self.0 {
            Graphs::Nodes => "labels(n)",
            Graphs::Relationships => "[toString(a.id) + ' to ' + toString(b.id)]",
        };
        let pattern = self.0.pattern(table);
        let cypher = format!("match {pattern} return {around}, properties(n)");
        let rows = self.1.query(&cypher, Parameters::new()).await;
        let mut lines: Vec<String> = rows.into_iter().map(exact).collect();
        lines.sort();
        lines
    }

    async fn cells(&self, table: &str, columns: &[&str]) -> Vec<Row> {
        let values: Vec<String> = columns
            .iter()
            .map(|column| format!("n.{}", quoted_name(column)))
            .collect();
        let (pattern, values) = (self.0.pattern(table), values.join(", "));
        let cypher = format!("match {pattern} return {values}");
        let rows = self.1.query(&cypher, Parameters::new()).await;
        let mut rows: Vec<Row> = rows
            .into_iter()
            .map(|row| row.into_iter().map(text).collect())
            .collect();
        rows.sort();
        rows
    }
}

/// What relationships of a test are between.
const ENDS: [&str; 2] = [
    "create constraint hub_pk if not exists for (n:hub) require n.id is unique",
    "unwind [1, 2] as id merge (:hub {id: id})",
];

/// Labels and properties as the driver has them, without any order of its own.
fn exact(row: Vec<ValueReceive>) -> String {
    let part = |value| match value {
        ValueReceive::List(mut labels) => {
            labels.sort_by_key(|label| label.as_string().cloned());
            format!("{labels:?}")
        }
        ValueReceive::Map(properties) => {
            let sorted: BTreeMap<String, ValueReceive> = properties.into_iter().collect();
            format!("{sorted:?}")
        }
        other => panic!("labels and properties came as {other:?}"),
    };
    let parts: Vec<String> = row.into_iter().map(part).collect();
    parts.join(" ")
}

fn text(value: ValueReceive) -> Option<String> {
    match value {
        ValueReceive::Null => None,
        ValueReceive::Integer(number) => Some(number.to_string()),
        ValueReceive::String(text) => Some(text),
        other => panic!("a cell is an integer or a text, not {other:?}"),
    }
}

/// The one statement of a change, with its parameters.
fn statement(shape: Graphs, change: &Change<'_>) -> (String, Parameters) {
    let mut parameters = Parameters::new();
    let mut is = |name: &str, table: &NewTable, (column, value): (&str, &str)| {
        let logical = table.column(column).logical;
        parameters.insert(name.to_owned(), bound(logical, Some(value)));
        let value = converted(logical, &format!("${name}"));
        format!("n.{} = {value}", quoted_name(column))
    };
    let cypher = match change {
        Change::Insert {
            table,
            columns,
            rows,
        } => {
            let sets: Vec<String> = columns
                .iter()
                .enumerate()
                .map(|(at, column)| {
                    let value = converted(table.column(column).logical, &format!("row[{at}]"));
                    format!("n.{} = {value}", quoted_name(column))
                })
                .collect();
            let row = |row: &Row| {
                let cells = columns.iter().zip(row);
                let cell = |(column, cell): (&&str, &Option<String>)| {
                    bound(table.column(column).logical, cell.as_deref())
                };
                ValueSend::List(cells.map(cell).collect())
            };
            let rows = ValueSend::List(rows.iter().map(row).collect());
            parameters.insert("rows".to_owned(), rows);
            let ends = match shape {
                Graphs::Nodes => "",
                Graphs::Relationships => "match (a:hub {id: 1}), (b:hub {id: 2}) ",
            };
            format!(
                "{ends}unwind $rows as row create {} set {}",
                shape.pattern(&table.name),
                sets.join(", ")
            )
        }
        Change::Update { table, set, of } => {
            let (of, set) = (is("of", table, *of), is("set", table, *set));
            let pattern = shape.pattern(&table.name);
            format!("match {pattern} where {of} set {set}")
        }
        Change::Delete { table, of } => {
            let of = of.map_or_else(|| "true".to_owned(), |of| is("of", table, of));
            let pattern = shape.pattern(&table.name);
            let delete = match shape {
                Graphs::Nodes => "detach delete",
                Graphs::Relationships => "delete",
            };
            format!("match {pattern} where {of} {delete} n")
        }
    };
    (cypher, parameters)
}

/// A canonical text as a parameter: what has no type of its own there comes as text.
fn bound(logical: LogicalType, text: Option<&str>) -> ValueSend {
    let Some(text) = text else {
        return ValueSend::Null;
    };
    match logical {
        LogicalType::Bool => ValueSend::Boolean(text == "true"),
        LogicalType::Int64 => ValueSend::Integer(text.parse().unwrap()),
        LogicalType::Float64 => ValueSend::Float(text.parse().unwrap()),
        LogicalType::Bytes => ValueSend::Bytes(
            (2..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect(),
        ),
        LogicalType::Timestamp => ValueSend::String(text.replace(' ', "T")),
        _ => ValueSend::String(text.to_owned()),
    }
}

/// The value of a parameter in its type.
fn converted(logical: LogicalType, value: &str) -> String {
    match logical {
        LogicalType::Date => format!("date({value})"),
        LogicalType::Timestamp => format!("localdatetime({value})"),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use redistrict_testkit::conformance::NULL;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_plain_client_writes_what_it_reads() {
        let pair = Neo4jPair::take().await;
        let plain: Box<dyn Database> = Box::new(Plain(Graphs::Nodes, pair.prod.clone()));
        let name = "a`b \\u0060 {}";
        let columns = [("id", LogicalType::Int64), (name, LogicalType::Text)];
        let table = NewTable::new(name, &columns)
            .key(&["id"])
            .unique("u", &[name]);
        plain.create(std::slice::from_ref(&table)).await;
        plain.insert(&table, &[["1", "x"], ["2", NULL]]).await;
        let twice = Change::Insert {
            table: &table,
            columns: vec![name],
            rows: vec![vec![Some("x".to_owned())]],
        };
        plain.try_change(&[twice]).await.unwrap_err();
        let update = Change::Update {
            table: &table,
            set: (name, "y"),
            of: ("id", "2"),
        };
        let delete = Change::Delete {
            table: &table,
            of: Some((name, "x")),
        };
        plain.change(&[update, delete]).await;
        let cells = plain.cells(name, &["id", name]).await;
        assert_eq!(cells, [[Some("2".to_owned()), Some("y".to_owned())]]);
        let dump = format!("[String({name:?})] {{{name:?}: String(\"y\"), \"id\": Integer(2)}}");
        assert_eq!(plain.dump(name).await, [dump]);
    }
}
