//! Writes SP into a graph: constraints first, nodes before relationships, by UNWIND of bound lists, in
//! transactions of some thousand rows. Blocks: call it from a thread that may.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ::neo4j::ValueSend;
use ::neo4j::driver::auth::AuthToken;
use ::neo4j::driver::{ConnectionConfig, Driver, DriverConfig};
use ::neo4j::session::{Session, SessionConfig};
use ::neo4j::value::time::{Date, LocalDateTime};

use crate::error::EstateError;
use crate::rows::Rows;
use crate::schema::{End, EstateKind, GraphTable, StoreId, TABLES, TableSpec, schema_sql};
use crate::value::Value;

/// Rows of a transaction.
const BATCH: usize = 2_000;

/// Creates the constraints in a graph.
pub(crate) fn create(url: &str) -> Result<(), EstateError> {
    let graph = Graph::open(url)?;
    let statements = schema_sql(EstateKind::Neo4j, StoreId::Sp).split(';');
    let mut statements = statements.map(str::trim).filter(|text| !text.is_empty());
    statements.try_for_each(|statement| {
        graph.run("create the constraints of", "sp", statement, HashMap::new())
    })
}

/// Writes the rows of SP. Not atomic: a graph of any size does not fit into one transaction.
pub(crate) fn write(url: &str, rows: &Rows<'_>) -> Result<(), EstateError> {
    let graph = Graph::open(url)?;
    for table in TABLES.iter().filter(|table| table.store == StoreId::Sp) {
        let Some(form) = &table.graph else { continue };
        let mut page = Page::new(&graph, table, form);
        rows.each(table, &mut |row| page.push(row));
        page.finish()?;
    }
    Ok(())
}

/// A connection.
pub(crate) struct Graph {
    driver: Driver,
    database: Option<Arc<String>>,
}

impl Graph {
    /// `bolt://user:password@host:port/database`; login and database may be missing.
    pub(crate) fn open(url: &str) -> Result<Self, EstateError> {
        let place = Place::parse(url).ok_or(EstateError::GraphUrl)?;
        let connection: ConnectionConfig =
            place.server.parse().map_err(|_| EstateError::GraphUrl)?;
        let mut config = DriverConfig::new();
        if let Some((user, password)) = &place.login {
            config = config.with_auth(Arc::new(AuthToken::new_basic_auth(user, password)));
        }
        Ok(Self {
            driver: Driver::new(connection, config),
            database: place.database.map(Arc::new),
        })
    }

    fn session(&self) -> Session<'_> {
        let config = SessionConfig::new();
        self.driver.session(match &self.database {
            Some(database) => config.with_database(Arc::clone(database)),
            None => config,
        })
    }

    fn run(
        &self,
        operation: &'static str,
        table: &str,
        statement: &str,
        parameters: HashMap<String, ValueSend>,
    ) -> Result<(), EstateError> {
        self.texts(operation, table, statement, parameters)
            .map(|_| ())
    }

    /// Runs a statement in a transaction of its own; gives the strings in the first column.
    pub(crate) fn texts(
        &self,
        operation: &'static str,
        table: &str,
        statement: &str,
        parameters: HashMap<String, ValueSend>,
    ) -> Result<Vec<String>, EstateError> {
        let mut session = self.session();
        let ran = session
            .auto_commit(statement)
            .with_parameters(parameters)
            .with_receiver(|records| {
                let mut texts = Vec::new();
                for record in records {
                    let first = record?.into_values().next();
                    texts.extend(first.and_then(|value| value.try_into_string().ok()));
                }
                Ok(texts)
            })
            .run();
        ran.map_err(|error| EstateError::Graph {
            operation,
            table: table.to_owned(),
            code: match error {
                ::neo4j::Neo4jError::ServerError { error, .. } => Some(error.code().to_owned()),
                _ => None,
            },
        })
    }
}

/// The parts of a URL.
pub(crate) struct Place {
    /// Scheme, host and port.
    pub(crate) server: String,
    login: Option<(String, String)>,
    database: Option<String>,
}

impl Place {
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (host, database) = match rest.split_once('/') {
            Some((host, database)) => (host, Some(database)),
            None => (rest, None),
        };
        let login = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Some((decoded(user)?, decoded(password)?))
        });
        let database = database.filter(|database| !database.is_empty());
        Some(Self {
            server: format!("{scheme}://{host}"),
            login: match login {
                Some(login) => Some(login?),
                None => None,
            },
            database: match database {
                Some(database) => Some(decoded(database)?),
                None => None,
            },
        })
    }
}

/// Without percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// Rows that go out together, by the statement that writes them: labels stand in its text.
struct Page<'a> {
    graph: &'a Graph,
    table: &'static TableSpec,
    form: &'a GraphTable,
    rows: BTreeMap<String, Vec<ValueSend>>,
    count: usize,
    written: Result<(), EstateError>,
}

impl<'a> Page<'a> {
    fn new(graph: &'a Graph, table: &'static TableSpec, form: &'a GraphTable) -> Self {
        Self {
            graph,
            table,
            form,
            rows: BTreeMap::new(),
            count: 0,
            written: Ok(()),
        }
    }

    fn push(&mut self, row: &[Value]) {
        if self.written.is_err() {
            return;
        }
        let statement = statement(self.table, self.form, row);
        let rows = self.rows.entry(statement).or_default();
        rows.push(parameters(self.table, self.form, row));
        self.count += 1;
        if self.count >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.count = 0;
        for (statement, rows) in std::mem::take(&mut self.rows) {
            let parameters = HashMap::from([("rows".to_owned(), ValueSend::List(rows))]);
            let table = self.table.full_name();
            if self.written.is_ok() {
                self.written = self.graph.run("write", &table, &statement, parameters);
            }
        }
    }

    fn finish(mut self) -> Result<(), EstateError> {
        self.flush();
        self.written
    }
}

/// Labels, types and names of properties come from the list of tables only.
fn statement(table: &TableSpec, form: &GraphTable, row: &[Value]) -> String {
    match form {
        GraphTable::Node { label, labels } => {
            let others = labels.map(|column| &row[table.index(column)]);
            let mut all = vec![format!("`{label}`")];
            if let Some(Value::List(others)) = others {
                let others = others.iter().filter_map(Value::text);
                all.extend(others.map(|label| format!("`{label}`")));
            }
            format!(
                "unwind $rows as row create (n:{}) set n = row.properties",
                all.join(":")
            )
        }
        GraphTable::Relationship {
            kind, start, end, ..
        } => format!(
            "unwind $rows as row match {}, {} create (a)-[r:`{kind}`]->(b) set r = row.properties",
            node("a", "start", end_label(table, start, row)),
            node("b", "end", end_label(table, end, row)),
        ),
    }
}

/// A node found by its key.
fn node(name: &str, parameter: &str, label: &str) -> String {
    let key = node_table(label).key[0];
    format!("({name}:`{label}` {{`{key}`: row.{parameter}}})")
}

fn end_label<'a>(table: &TableSpec, end: &'a End, row: &'a [Value]) -> &'a str {
    match end {
        End::Of { label, .. } => label,
        End::Any { label, .. } => match &row[table.index(label)] {
            Value::Text(label) => label,
            _ => "",
        },
    }
}

fn node_table(label: &str) -> &'static TableSpec {
    let is_it = |table: &&&'static TableSpec| match &table.graph {
        Some(GraphTable::Node { label: own, .. }) => *own == label,
        _ => false,
    };
    TABLES
        .iter()
        .find(is_it)
        .expect("ends are nodes of the estate")
}

fn parameters(table: &TableSpec, form: &GraphTable, row: &[Value]) -> ValueSend {
    let cells = table.columns.iter().zip(row);
    let properties = cells
        .filter(|(column, value)| form.is_property(column) && **value != Value::Null)
        .map(|(column, value)| ((*column).to_owned(), sent(value)));
    let mut map = HashMap::from([(
        "properties".to_owned(),
        ValueSend::Map(properties.collect()),
    )]);
    if let GraphTable::Relationship { start, end, .. } = form {
        for (name, end) in [("start", start), ("end", end)] {
            let key = key_of_end(table, end, row);
            map.insert(name.to_owned(), key);
        }
    }
    ValueSend::Map(map)
}

/// The key in the type of the node's property: where the column holds keys of several labels it is text.
fn key_of_end(table: &TableSpec, end: &End, row: &[Value]) -> ValueSend {
    let value = &row[table.index(end.column())];
    let is_number = ["School", "District"].contains(&end_label(table, end, row));
    match value {
        Value::Text(text) if is_number => match text.parse() {
            Ok(number) => ValueSend::Integer(number),
            Err(_) => ValueSend::Null,
        },
        other => sent(other),
    }
}

fn sent(value: &Value) -> ValueSend {
    match value {
        Value::Null => ValueSend::Null,
        Value::Bool(value) => ValueSend::Boolean(*value),
        Value::Int(value) => ValueSend::Integer(*value),
        Value::Float(value) => ValueSend::Float(*value),
        Value::Bytes(bytes) => ValueSend::Bytes(bytes.clone()),
        Value::List(elements) => ValueSend::List(elements.iter().map(sent).collect()),
        Value::Date(days) => {
            let found = Date::from_num_days_from_ce_opt(days + DAYS_FROM_CE);
            found.map_or(ValueSend::Null, ValueSend::Date)
        }
        Value::Timestamp(micros) => {
            let days = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok();
            let day = days.and_then(|days| Date::from_num_days_from_ce_opt(days + DAYS_FROM_CE));
            let second = u32::try_from(micros.rem_euclid(MICROS_PER_DAY) / 1_000_000).ok();
            let at: Option<LocalDateTime> = day.zip(second).and_then(|(day, second)| {
                day.and_hms_opt(second / 3600, second / 60 % 60, second % 60)
            });
            at.map_or(ValueSend::Null, ValueSend::LocalDateTime)
        }
        Value::Text(text) | Value::Json(text) => ValueSend::String(text.clone()),
        Value::Uuid(_) => ValueSend::String(value.text().unwrap_or_default()),
    }
}

/// From 0001-01-01 as day 1 to 1970-01-01.
const DAYS_FROM_CE: i32 = 719_163;
const MICROS_PER_DAY: i64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let place = Place::parse("bolt://neo4j:a%40b%3a@127.0.0.1:7687/db").unwrap();
        assert_eq!(place.server, "bolt://127.0.0.1:7687");
        let login = ("neo4j".to_owned(), "a@b:".to_owned());
        assert_eq!(place.login, Some(login));
        assert_eq!(place.database.as_deref(), Some("db"));
        let bare = Place::parse("bolt://localhost").unwrap();
        assert!(bare.login.is_none() && bare.database.is_none());
        assert!(Place::parse("localhost").is_none());
        assert!(Place::parse("bolt://a%zz@b").is_none());
    }

    #[test]
    fn dates_are_the_days_they_are() {
        let ValueSend::Date(date) = sent(&Value::Date(crate::value::day(2012, 2, 29))) else {
            panic!("a date");
        };
        assert_eq!(date.to_string(), "2012-02-29");
        let noon = crate::value::moment(crate::value::day(1969, 12, 31), 43_200);
        let ValueSend::LocalDateTime(at) = sent(&Value::Timestamp(noon)) else {
            panic!("a time");
        };
        assert_eq!(at.to_string(), "1969-12-31 12:00:00");
    }
}
