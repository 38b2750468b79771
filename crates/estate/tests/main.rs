//! What the estate promises, seen from outside: determinism, a valid database in every kind, an answer
//! key that agrees with plain SQL, bounded memory.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod estate;
mod membership;
mod neighbours;
mod servers;
mod sizes;
mod values;

use std::path::Path;

use redistrict_estate::{Estate, EstateOptions, StoreId, write_sqlite};
use rusqlite::Connection;

fn options() -> EstateOptions {
    EstateOptions::default()
}

fn with_transfers() -> EstateOptions {
    EstateOptions {
        with_transfers: true,
        ..options()
    }
}

/// IDS with the other stores attached under their names.
fn open(estate: &Estate, directory: &Path) -> Connection {
    let files = write_sqlite(estate, directory).unwrap();
    let connection = Connection::open(files.of(StoreId::Ids)).unwrap();
    for store in StoreId::ALL.into_iter().skip(1) {
        let sql = format!("attach ?1 as {}", store.as_str());
        let path = files.of(store);
        connection.execute(&sql, [path.to_str().unwrap()]).unwrap();
    }
    connection
}
