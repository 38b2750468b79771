//! Writes an estate into PostgreSQL databases by COPY. Each store is written in one transaction;
//! foreign keys are checked all along, so it needs no special rights.

use bytes::Bytes;
use futures::SinkExt as _;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls, Transaction};

use crate::error::EstateError;
use crate::estate::{Estate, TableRows};
use crate::schema::{EstateKind, StoreId, TableSpec, schema_sql};
use crate::value::Value;

/// Creates all tables, without rows, in two empty databases.
///
/// # Errors
/// When a database cannot be reached or a table is there already.
pub async fn write_schema_postgres(ids_url: &str, hcp1_url: &str) -> Result<(), EstateError> {
    for (store, url) in stores(ids_url, hcp1_url) {
        let mut session = Session::open(store, url).await?;
        let name = store.as_str();
        let work = async {
            let transaction = session.client.transaction().await?;
            transaction
                .batch_execute(schema_sql(EstateKind::Postgres, store))
                .await?;
            transaction.commit().await
        };
        work.await
            .map_err(|error| failed("create the tables of", name, &error))?;
    }
    Ok(())
}

/// Writes rows into tables that exist and moves their sequences behind the highest key. All rows
/// of a store or none.
///
/// # Errors
/// When a database cannot be reached or a row is refused.
pub async fn write_rows_postgres(
    ids_url: &str,
    hcp1_url: &str,
    tables: &[TableRows],
) -> Result<(), EstateError> {
    for (store, url) in stores(ids_url, hcp1_url) {
        let mut session = Session::open(store, url).await?;
        let name = store.as_str();
        let transaction = session.client.transaction().await;
        let transaction = transaction.map_err(|error| failed("write to", name, &error))?;
        let of_store = || tables.iter().filter(|rows| rows.table.store == store);
        for rows in of_store() {
            copy(&transaction, rows)
                .await
                .map_err(|error| failed("write", &rows.table.full_name(), &error))?;
        }
        for rows in of_store() {
            finish(&transaction, rows)
                .await
                .map_err(|error| failed("finish", &rows.table.full_name(), &error))?;
        }
        let committed = transaction.commit().await;
        committed.map_err(|error| failed("commit", name, &error))?;
    }
    Ok(())
}

/// Creates all tables with all rows of the estate in two empty databases.
///
/// # Errors
/// As [`write_schema_postgres`] and [`write_rows_postgres`].
pub async fn write_postgres(
    estate: &Estate,
    ids_url: &str,
    hcp1_url: &str,
) -> Result<(), EstateError> {
    write_schema_postgres(ids_url, hcp1_url).await?;
    write_rows_postgres(ids_url, hcp1_url, &estate.tables).await
}

/// Writes another district as earlier test data and some rows made by hand into tables that exist:
/// see [`Estate::cert_neighbour_rows`].
///
/// # Errors
/// Unknown district, or as [`write_rows_postgres`].
pub async fn write_cert_neighbours_postgres(
    estate: &Estate,
    ids_url: &str,
    hcp1_url: &str,
    district: u32,
) -> Result<(), EstateError> {
    let rows = estate.cert_neighbour_rows(district)?;
    write_rows_postgres(ids_url, hcp1_url, &rows).await
}

fn stores<'a>(ids_url: &'a str, hcp1_url: &'a str) -> [(StoreId, &'a str); 2] {
    [(StoreId::Ids, ids_url), (StoreId::Hcp1, hcp1_url)]
}

/// A connection with the task that drives it; the task ends with the session.
struct Session {
    client: Client,
    _driver: JoinSet<()>,
}

impl Session {
    async fn open(store: StoreId, url: &str) -> Result<Self, EstateError> {
        let (client, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(|error| failed("connect to", store.as_str(), &error))?;
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

async fn copy(
    transaction: &Transaction<'_>,
    rows: &TableRows,
) -> Result<(), tokio_postgres::Error> {
    let columns = rows.table.columns.join(", ");
    let statement = format!("copy {} ({columns}) from stdin", rows.table.name);
    let sink = transaction.copy_in::<_, Bytes>(&statement).await?;
    let mut sink = std::pin::pin!(sink);
    let mut message = String::new();
    for row in &rows.rows {
        push_line(&mut message, rows.table, row);
        if message.len() >= MESSAGE_BYTES {
            sink.send(Bytes::from(std::mem::take(&mut message))).await?;
        }
    }
    sink.send(Bytes::from(message)).await?;
    sink.finish().await?;
    Ok(())
}

/// One line of COPY's text format; late columns are left NULL.
fn push_line(line: &mut String, table: &TableSpec, row: &[Value]) {
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

async fn finish(
    transaction: &Transaction<'_>,
    rows: &TableRows,
) -> Result<(), tokio_postgres::Error> {
    let table = rows.table;
    if let Some(late) = table.late {
        let (keys, values) = late_values(rows, late);
        let name = table.name;
        let key = table.key[0];
        let statement = format!(
            "update {name} set {late} = late.value \
             from (select unnest($1::bigint[]) as key, unnest($2::bigint[]) as value) as late \
             where {name}.{key} = late.key"
        );
        transaction.execute(&statement, &[&keys, &values]).await?;
    }
    if table.is_serial {
        let (name, key) = (table.name, table.key[0]);
        let statement = format!(
            "select setval(pg_get_serial_sequence('{name}', '{key}'), max({key})) from {name}"
        );
        transaction.execute(&statement, &[]).await?;
    }
    Ok(())
}

/// Keys and values of a late column where it is not NULL.
fn late_values(rows: &TableRows, late: &str) -> (Vec<i64>, Vec<i64>) {
    let key = rows.table.index(rows.table.key[0]);
    let late = rows.table.index(late);
    rows.rows
        .iter()
        .filter_map(|row| match (&row[key], &row[late]) {
            (Value::Int(key), Value::Int(value)) => Some((*key, *value)),
            _ => None,
        })
        .unzip()
}

fn failed(operation: &'static str, table: &str, error: &tokio_postgres::Error) -> EstateError {
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
