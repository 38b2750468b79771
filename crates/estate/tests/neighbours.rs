//! What CERT holds before a migration, and what a district is by itself.

use redistrict_estate::{
    Estate, StoreId, Value, write_cert_neighbours_sqlite, write_rows_sqlite, write_schema_sqlite,
};
use rusqlite::Connection;

use crate::{options, with_transfers};

#[test]
fn the_rows_of_a_district_are_a_valid_database_by_themselves() {
    for district in 1..=3 {
        let directory = tempfile::tempdir().unwrap();
        let estate = Estate::generate(with_transfers());
        let files = write_schema_sqlite(directory.path()).unwrap();
        let rows = estate.district_rows(district).unwrap();
        write_rows_sqlite(&files, &rows[..]).unwrap();
        for rows in &rows {
            let answer = estate.answer_key.table(district, &rows.table.full_name());
            assert_eq!(rows.rows.len(), answer.unwrap().row_count());
        }
    }
    assert!(Estate::generate(options()).district_rows(4).is_err());
}

#[test]
fn neighbours_in_cert_hold_no_original_value_and_all_foreign_keys() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let files = write_schema_sqlite(directory.path()).unwrap();
    write_cert_neighbours_sqlite(&estate, &files, 1).unwrap();
    let rows = estate.cert_neighbour_rows(1).unwrap();
    assert_eq!(rows, estate.cert_neighbour_rows(1).unwrap());
    let cells: Vec<String> = rows
        .iter()
        .flat_map(|rows| rows.rows.iter().flatten())
        .filter_map(Value::text)
        .collect();
    let cells = cells.join("\u{1f}");
    for value in estate.answer_key.sensitive_of(1) {
        assert!(
            !value.is_high_entropy() || !cells.contains(&value.text),
            "{:?}",
            value.kind
        );
    }
    let connection = Connection::open(files.of(StoreId::Ids)).unwrap();
    let made: u32 = connection
        .query_row(
            "select count(*) from guardians where id >= 990001",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(made, 2);
}
