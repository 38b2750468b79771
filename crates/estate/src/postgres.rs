//! Writes stores of an estate into databases of PostgreSQL, table by table over COPY. Each store is
//! written in one transaction; memory does not grow with the number of rows.

use std::pin::pin;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls, Transaction};

use crate::error::EstateError;
use crate::rows::Rows;
use crate::schema::{EstateKind, StoreId, TABLES, TableSpec, schema_sql};
use crate::value::Value;

/// Creates the tables of one store in an empty database.
pub(crate) async fn create(url: &str, store: StoreId) -> Result<(), EstateError> {
    let mut session = Session::open(store.as_str(), url).await?;
    let work = async {
        let transaction = session.client.transaction().await?;
        transaction
            .batch_execute(schema_sql(EstateKind::Postgres, store))
            .await?;
        transaction.commit().await
    };
    work.await
        .map_err(|error| failed("create the tables of", store.as_str(), &error))
}

/// Writes the rows of one store into tables that exist and moves their sequences behind the highest
/// key.
pub(crate) async fn write(url: &str, store: StoreId, rows: &Rows<'_>) -> Result<(), EstateError> {
    let name = store.as_str();
    let mut session = Session::open(name, url).await?;
    let transaction = session.client.transaction().await;
    let transaction = transaction.map_err(|error| failed("write to", name, &error))?;
    let tables = || TABLES.into_iter().filter(|table| table.store == store);
    for table in tables() {
        let target = format!("{} ({})", table.name, table.columns.join(", "));
        copy(&transaction, &target, rows, table, push_line)
            .await
            .map_err(|error| failed("write", &table.full_name(), &error))?;
    }
    for table in tables() {
        finish(&transaction, rows, table)
            .await
            .map_err(|error| failed("finish", &table.full_name(), &error))?;
    }
    let committed = transaction.commit().await;
    committed.map_err(|error| failed("commit", name, &error))
}

/// A connection with the task that drives it; the task ends with the session.
pub(crate) struct Session {
    pub(crate) client: Client,
    _driver: JoinSet<()>,
}

impl Session {
    /// Connects without TLS; `name` is that of the store or the server in an error.
    pub(crate) async fn open(name: &str, url: &str) -> Result<Self, EstateError> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(|error| failed("connect to", name, &error))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // A lost connection shows as the error of the statement that waits for it.
            drop(connection.await);
        });
        Ok(Self {
            client,
            _driver: driver,
        })
    }
}

/// How many bytes of COPY text go into one message.
const MESSAGE_BYTES: usize = 64 * 1024;

/// Writes a row of a table as a line.
pub(crate) type PushLine = fn(&mut String, &TableSpec, &[Value]);

async fn copy(
    transaction: &Transaction<'_>,
    target: &str,
    rows: &Rows<'_>,
    table: &'static TableSpec,
    push: PushLine,
) -> Result<(), tokio_postgres::Error> {
    let statement = format!("copy {target} from stdin");
    let sink = transaction.copy_in::<_, Bytes>(&statement).await?;
    let mut sink = pin!(sink);
    let mut message = String::new();
    let mut batches = rows.batches(table);
    while let Some(batch) = batches.next().await {
        for row in &batch {
            push(&mut message, table, row);
        }
        if message.len() >= MESSAGE_BYTES {
            sink.send(Bytes::from(std::mem::take(&mut message))).await?;
        }
    }
    sink.send(Bytes::from(message)).await?;
    sink.finish().await?;
    Ok(())
}

/// One line of COPY's text format; late columns are left NULL.
pub(crate) fn push_line(line: &mut String, table: &TableSpec, row: &[Value]) {
    for (index, (column, value)) in table.columns.iter().zip(row).enumerate() {
        if index > 0 {
            line.push('\t');
        }
        match value.text() {
            Some(text) if table.late != Some(*column) => push_escaped(line, &text),
            _ => line.push_str("\\N"),
        }
        if matches!(value, Value::Timestamp(_)) {
            // For columns with a time zone; those without ignore it.
            line.push_str("+00");
        }
    }
    line.push('\n');
}

fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            c => line.push(c),
        }
    }
}

/// Key and late value of a row, where it has one.
pub(crate) fn push_late(line: &mut String, table: &TableSpec, row: &[Value]) {
    let value = |column: &str| row[table.index(column)].text();
    let late = table.late.and_then(value);
    if let (Some(key), Some(late)) = (value(table.key[0]), late) {
        push_escaped(line, &key);
        line.push('\t');
        push_escaped(line, &late);
        line.push('\n');
    }
}

async fn finish(
    transaction: &Transaction<'_>,
    rows: &Rows<'_>,
    table: &'static TableSpec,
) -> Result<(), tokio_postgres::Error> {
    let name = table.name;
    if let Some(late) = table.late {
        let pairs = format!("late_{name}");
        let create = format!("create temp table {pairs} (key bigint, value bigint) on commit drop");
        transaction.batch_execute(&create).await?;
        copy(transaction, &pairs, rows, table, push_late).await?;
        let key = table.key[0];
        let update = format!(
            "update {name} set {late} = late.value from {pairs} as late where {name}.{key} = late.key"
        );
        transaction.execute(&update, &[]).await?;
    }
    if table.is_serial {
        let key = table.key[0];
        let statement = format!(
            "select setval(pg_get_serial_sequence('{name}', '{key}'), max({key})) from {name}"
        );
        transaction.execute(&statement, &[]).await?;
    }
    Ok(())
}

pub(crate) fn failed(
    operation: &'static str,
    table: &str,
    error: &tokio_postgres::Error,
) -> EstateError {
    EstateError::Postgres {
        operation,
        table: table.to_owned(),
        sqlstate: error.code().map(|code| code.code().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SCHOOLS;

    #[test]
    fn copy_lines_escape_what_copy_reads_and_leave_late_columns_out() {
        let row = [
            Value::Int(1),
            Value::Int(2),
            Value::Int(3),
            Value::Text("a\tb\\N\nc\r".to_owned()),
            Value::Bytes(vec![1]),
            Value::Null,
        ];
        let mut line = String::new();
        push_line(&mut line, &SCHOOLS, &row);
        assert_eq!(line, "1\t2\t\\N\ta\\tb\\\\N\\nc\\r\t\\\\x01\t\\N\n");
    }
}
