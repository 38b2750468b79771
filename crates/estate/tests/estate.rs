//! The same options give the same estate; the list of tables is what the DDL makes.

use std::collections::BTreeSet;

use redistrict_estate::{
    AnswerKey, Estate, EstateKind, EstateOptions, EstateSummary, LINKS, SensitiveKind, StoreId,
    TABLES, TableRows, schema_sql, write_rows_sqlite, write_sqlite,
};
use rusqlite::Connection;

use crate::{options, with_transfers};

/// FNV-1a over the texts of all cells.
fn digest(tables: &[TableRows]) -> u64 {
    let mut text = String::new();
    for rows in tables {
        text.push_str(&rows.table.full_name());
        for value in rows.rows.iter().flatten() {
            text.push('\u{1f}');
            text.push_str(&value.text().unwrap_or_else(|| "\u{0}".to_owned()));
        }
    }
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn the_same_options_give_the_same_estate_on_every_machine() {
    let estate = Estate::generate(options());
    assert_eq!(estate, Estate::generate(options()));
    // Changes only when the generator is changed on purpose.
    assert_eq!(digest(&estate.tables), 7_647_392_086_889_728_378);
}

#[test]
fn another_seed_gives_other_people() {
    let other = Estate::generate(EstateOptions {
        seed: 2,
        ..options()
    });
    let emails = |estate: &Estate| -> BTreeSet<String> {
        let values = estate.answer_key.sensitive.iter();
        let emails = values.filter(|value| value.kind == SensitiveKind::Email);
        emails.map(|value| value.text.clone()).collect()
    };
    let (one, two) = (emails(&Estate::generate(options())), emails(&other));
    assert!(one.intersection(&two).count() * 20 < one.len());
}

#[test]
fn the_catalog_is_what_the_table_list_says() {
    for store in StoreId::ALL {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(schema_sql(EstateKind::Sqlite, store))
            .unwrap();
        let count: u32 = connection
            .query_row(
                "select count(*) from sqlite_schema where type = 'table' and name not like 'sqlite_%'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        let tables = || TABLES.iter().filter(|table| table.store == store);
        assert_eq!(usize::try_from(count).unwrap(), tables().count());
        for table in tables() {
            let mut statement = connection
                .prepare("select name, \"notnull\", pk from pragma_table_info(?1) order by cid")
                .unwrap();
            let columns: Vec<(String, bool, u32)> = statement
                .query_map([table.name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .unwrap()
                .map(Result::unwrap)
                .collect();
            let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(names, table.columns);
            let mut key: Vec<_> = columns.iter().filter(|(_, _, pk)| *pk > 0).collect();
            key.sort_by_key(|(_, _, pk)| *pk);
            let key: Vec<&str> = key.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(key, table.key, "{}", table.name);
            assert_eq!(
                table.generated,
                generated(&connection, table.name),
                "{}",
                table.name
            );
            let nullable = columns.iter().filter(|(_, not_null, _)| !not_null);
            let nullable: Vec<&str> = nullable.map(|(name, ..)| name.as_str()).collect();
            assert_eq!(nullable, table.nullable, "{}", table.name);
        }
    }
}

#[test]
fn sqlite_holds_every_row_and_every_foreign_key() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(with_transfers());
    let files = write_sqlite(&estate, directory.path()).unwrap();
    for store in StoreId::ALL {
        let connection = Connection::open(files.of(store)).unwrap();
        let mut check = connection.prepare("pragma foreign_key_check").unwrap();
        assert!(!check.exists([]).unwrap());
    }
    for rows in &estate.tables {
        let connection = Connection::open(files.of(rows.table.store)).unwrap();
        let sql = format!("select count(*) from {}", rows.table.name);
        let count: u32 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(
            usize::try_from(count).unwrap(),
            rows.rows.len(),
            "{}",
            rows.table.name
        );
        assert!(count > 0, "{}", rows.table.name);
    }
}

#[test]
fn the_answer_key_survives_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answer-key.json");
    let estate = Estate::generate(options());
    estate.answer_key.write_answer_key(&path).unwrap();
    assert_eq!(
        AnswerKey::read_answer_key(&path).unwrap(),
        estate.answer_key
    );
    assert!(!estate.answer_key.joins.is_empty());
}

#[test]
fn a_refused_row_is_named_by_table_and_code_only() {
    let directory = tempfile::tempdir().unwrap();
    let estate = Estate::generate(options());
    let files = write_sqlite(&estate, directory.path()).unwrap();
    let error = write_rows_sqlite(&files, &estate.tables[..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "write ids.states in sqlite (code Some(1555))"
    );
}

fn generated(connection: &Connection, table: &str) -> Vec<String> {
    let sql = "select name from pragma_table_xinfo(?1) where hidden in (2, 3) order by cid";
    let mut statement = connection.prepare(sql).unwrap();
    let names = statement.query_map([table], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[test]
fn links_name_columns_and_every_one_is_used() {
    let estate = Estate::generate(options());
    let mut counts = vec![0; LINKS.len()];
    for join in &estate.answer_key.joins {
        counts[join.link] += 1;
        let link = join.link();
        let cells = |side: &redistrict_estate::Side, key: &[String]| -> Vec<Option<String>> {
            let rows = estate.table(side.table.store, side.table.name).unwrap();
            let (_, row) = rows
                .keys()
                .zip(&rows.rows)
                .find(|(own, _)| own == key)
                .unwrap();
            let columns = side.columns.iter();
            columns
                .map(|column| row[side.table.index(column)].text())
                .collect()
        };
        if counts[join.link] <= 10 {
            let from = cells(&link.from, &join.from_key);
            assert_eq!(from, cells(&link.to, &join.to_key), "{}", join.link);
            assert!(from.iter().all(Option::is_some));
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn what_is_counted_while_it_streams_is_what_is_held() {
    let estate = Estate::generate(with_transfers());
    let summary = EstateSummary::generate(&estate.options);
    assert_eq!(summary.differences(&estate.answer_key), [""; 0]);
    for (table, counted) in TABLES.iter().zip(&summary.rows) {
        let rows = estate.row_counts()[&table.full_name()];
        assert_eq!(counted.count, u64::try_from(rows).unwrap());
    }
    let sensitive: u64 = summary.sensitive.values().sum();
    let joins: u64 = summary.joins.iter().sum();
    let count = |len: usize| u64::try_from(len).unwrap();
    assert_eq!(sensitive, count(estate.answer_key.sensitive.len()));
    assert_eq!(joins, count(estate.answer_key.joins.len()));
    let other = EstateSummary::generate(&EstateOptions {
        seed: 2,
        ..estate.options
    });
    assert!(!other.differences(&estate.answer_key).is_empty());
}
