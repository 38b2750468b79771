//! Notes the statements of PROD's connections as SQLite itself begins them, so that none can be missed. The
//! texts are those with placeholders: values are never among them.

use std::sync::{Arc, Mutex, PoisonError};

use redistrict_store::Listing;
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

/// Where the statements of a connection are noted, and what it is used for now.
#[derive(Clone, Debug)]
pub(crate) struct Telling {
    listing: Arc<Listing>,
    purpose: Arc<Mutex<&'static str>>,
}

impl Telling {
    /// For a connection that is about to be opened.
    pub(crate) fn new(listing: Arc<Listing>, purpose: &'static str) -> Self {
        Self {
            listing,
            purpose: Arc::new(Mutex::new(purpose)),
        }
    }

    /// What the next statements are for.
    pub(crate) fn purpose(&self, purpose: &'static str) {
        *self.purpose.lock().unwrap_or_else(PoisonError::into_inner) = purpose;
    }

    /// Notes every statement of the connection from now on.
    pub(crate) fn watch(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        let telling = self.clone();
        let note = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(statement, _) = event {
                telling.note(&statement.sql());
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))
    }

    /// Notes a statement.
    pub(crate) fn note(&self, statement: &str) {
        let purpose = *self.purpose.lock().unwrap_or_else(PoisonError::into_inner);
        self.listing.note(&pattern(statement), purpose);
    }
}

/// A statement with as many placeholders as it has keys, which go with the number of keys, as one with some
/// placeholders and an ellipsis. See `Lookup::select`, which makes such statements.
pub(crate) fn pattern(statement: &str) -> String {
    let one = folded(statement, " in (", "?");
    let row = one
        .split_once("as (values (")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(row, _)| format!("({row})"));
    match row {
        Some(row) => folded(&one, "as (values ", &row),
        None => one,
    }
}

/// After `opening` any number of `unit`s with commas, up to a parenthesis, as one with an ellipsis.
fn folded(statement: &str, opening: &str, unit: &str) -> String {
    let Some((before, rest)) = statement.split_once(opening) else {
        return statement.to_owned();
    };
    let mut after = rest;
    while let Some(next) = after.strip_prefix(unit) {
        after = next.strip_prefix(", ").unwrap_or(next);
    }
    match after.starts_with(')') && after.len() < rest.len() {
        true => format!("{before}{opening}{unit}, …{after}"),
        false => statement.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use redistrict_model::{Key, StoreName};
    use redistrict_store::{RowReader as _, RowRequest, SourceStore as _};

    use super::*;
    use crate::connect::{Session, open_source};
    use crate::names::SCHEMA;
    use crate::reader::{Reader, View};
    use crate::source::SqliteSource;
    use crate::tables::Tables;

    #[test]
    fn the_number_of_keys_makes_no_other_statement() {
        for (statement, expected) in [
            ("select 1 where a in (?)", "select 1 where a in (?, …)"),
            (
                "select 1 where a in (?, ?, ?)",
                "select 1 where a in (?, …)",
            ),
            (
                "with k (a, b) as (values (?, ?), (?, ?)) select a",
                "with k (a, b) as (values (?, ?), …) select a",
            ),
            ("select a in (select b)", "select a in (select b)"),
            ("select 1", "select 1"),
        ] {
            assert_eq!(pattern(statement), expected);
        }
    }

    #[test]
    fn statements_are_noted_with_placeholders_and_never_with_values() {
        let listing = Arc::new(Listing::default());
        let telling = Telling::new(Arc::clone(&listing), "first");
        let mut connection = Connection::open_in_memory().unwrap();
        telling.watch(&mut connection).unwrap();
        connection.execute_batch("create table t (a)").unwrap();
        telling.purpose("second");
        let sql = "select count(*) from t where a in (?)";
        connection
            .query_row(sql, ["canary"], |row| row.get::<_, i64>(0))
            .unwrap();
        let told = listing.take();
        let told: Vec<_> = told
            .iter()
            .map(|one| (one.statement.as_str(), one.purpose))
            .collect();
        let counted = "select count(*) from t where a in (?, …)";
        assert_eq!(told, [("create table t (a)", "first"), (counted, "second")]);
    }

    /// What reads rows is told and not run: it has to be what is run where nobody is told.
    #[tokio::test]
    async fn rows_are_told_by_the_statement_that_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prod.sqlite");
        let sql = "create table plain (a int primary key, b text); create table pair (a int not null, b \
                   int not null, c text, primary key (a, b)); create table keyless (a int);
                   insert into plain values (1, 'canary'), (2, 'x'); insert into pair values (1, 2, 'canary');
                   insert into keyless values (7);";
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let name = StoreName::new("s");
        let catalog = SqliteSource::new(name.clone(), path.clone())
            .catalog()
            .await
            .unwrap();
        for table in &catalog.tables {
            let identity = table.identity().unwrap_or_default().to_vec();
            let keys = match table.name.table.as_str() {
                "pair" => vec![Key::new(["1", "2"])],
                "plain" => vec![Key::of("1"), Key::of("2")],
                _ => vec![Key::of("1")],
            };
            let request = RowRequest {
                table: table.name.clone(),
                columns: table
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect(),
                identity,
                keys,
            };
            let mut noted = Vec::new();
            for is_told in [true, false] {
                let listing = Arc::new(Listing::default());
                let telling = Telling::new(Arc::clone(&listing), "opens");
                let (connection, _) = open_source(&path, Some(&telling)).unwrap();
                connection.execute_batch("begin").unwrap();
                listing.take();
                let tables = Tables::new([(SCHEMA.to_owned(), table.clone())]);
                let reader = Reader::new(Session::new(connection), tables, View::Held);
                let mut reader = reader.telling(is_told.then_some(telling));
                let batches: Vec<_> = reader.rows(&request).await.unwrap().collect().await;
                assert_eq!(batches.is_empty(), is_told, "{:?}", table.name);
                let told = listing.take().into_iter();
                noted.push(told.map(|one| one.statement).collect::<Vec<_>>());
            }
            assert_eq!(noted[0], noted[1]);
            assert_eq!(noted[0].len(), 1);
        }
    }
}
