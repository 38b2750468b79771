//! Hostile texts through every input that ends in a statement (RELIABILITY §2.9): nothing is written.

use redistrict_model::{Key, Table, TableRef};
use redistrict_postgres::PostgresSource;
use redistrict_store::{KeyRequest, RowRequest, Selector, SourceStore as _, StoreErrorKind};

use crate::support::World;

const ATTACKS: [&str; 18] = [
    "1; commit; begin read write; insert into t values (666, 'x')",
    "'); commit; insert into t values (666, 'x'); --",
    "\"; drop table t; --",
    "1}'::text[]); set default_transaction_read_only = off; --",
    "{1,2}",
    "\"}",
    "\\",
    "\\\"",
    "$1",
    "$$; delete from t; $$",
    "/* */ update t set v = 'x'",
    "copy t to program 'touch /tmp/redistrict-attack'",
    "set transaction read write",
    "reset all",
    "pg_catalog.lo_create(0)",
    "\u{0}; drop table t",
    "%s%n",
    "a'b\"c\\d\ne",
];

async fn world() -> (World, PostgresSource) {
    let world = World::new().await;
    let sql = "create table t (id int8 primary key, v text, b text unique);
               insert into t select g, 'v' || g from generate_series(1, 3) g;";
    world.server.psql(&world.prod, sql).await;
    // The worst case: the connected role could write everything.
    let source = PostgresSource::connect_lazy(world.store.clone(), world.prod.clone(), Vec::new());
    (world, source)
}

async fn digest(world: &World) -> String {
    let sql = "select md5(string_agg(t::text, '|' order by id)) || (select count(*) from pg_class)
               || (select count(*) from pg_largeobject_metadata) from t";
    world.server.scalar(&world.prod, sql).await
}

#[tokio::test]
async fn no_key_gets_out_of_its_binding() {
    let (world, source) = world().await;
    let before = digest(&world).await;
    let catalog = source.catalog().await.unwrap();
    let table = &catalog.tables[0];
    let mut cut = source.open_cut(&catalog.tables).await.unwrap();
    let keys: Vec<Key> = ATTACKS.iter().map(|text| Key::of(*text)).collect();
    for column in ["id", "v", "b"] {
        let columns = vec![column.to_owned()];
        let selector = Selector::Matching {
            columns: columns.clone(),
            keys: keys.clone(),
        };
        let request = KeyRequest {
            table: table.name.clone(),
            columns,
            selector,
        };
        assert_eq!(cut.keys(&request).await.unwrap(), []);
        let request = RowRequest {
            table: table.name.clone(),
            columns: vec!["v".into()],
            identity: vec![column.to_owned()],
            keys: keys.clone(),
        };
        let batches =
            futures::TryStreamExt::try_collect::<Vec<_>>(cut.rows(&request).await.unwrap());
        assert!(batches.await.unwrap().is_empty());
    }
    let pairs = ATTACKS
        .iter()
        .map(|text| Key::new([*text, *text]))
        .collect();
    let columns = vec!["v".to_owned(), "b".to_owned()];
    let selector = Selector::Matching {
        columns: columns.clone(),
        keys: pairs,
    };
    let request = KeyRequest {
        table: table.name.clone(),
        columns,
        selector,
    };
    assert_eq!(cut.keys(&request).await.unwrap(), []);
    assert_eq!(cut.count(&table.name).await.unwrap(), 3);
    drop(cut);
    assert_eq!(digest(&world).await, before);
}

#[tokio::test]
async fn hostile_values_are_found_by_their_exact_text() {
    let (world, source) = world().await;
    let values: Vec<&str> = ATTACKS
        .into_iter()
        .filter(|text| !text.contains('\0'))
        .collect();
    for (at, value) in values.iter().enumerate() {
        let text = value.replace('\'', "''");
        let sql = format!("insert into t values ({}, '{text}')", 100 + at);
        world.server.psql(&world.prod, &sql).await;
    }
    let catalog = source.catalog().await.unwrap();
    let mut cut = source.open_cut(&catalog.tables).await.unwrap();
    let columns = vec!["v".to_owned()];
    let keys: Vec<Key> = values.iter().map(|text| Key::of(*text)).collect();
    let selector = Selector::Matching {
        columns: columns.clone(),
        keys: keys.clone(),
    };
    let request = KeyRequest {
        table: catalog.tables[0].name.clone(),
        columns,
        selector,
    };
    assert_eq!(cut.keys(&request).await.unwrap().len(), values.len());
    let request = RowRequest {
        table: catalog.tables[0].name.clone(),
        columns: vec!["id".into()],
        identity: vec!["v".into()],
        keys,
    };
    let rows = cut.rows(&request).await.unwrap();
    let batches: Vec<_> = futures::TryStreamExt::try_collect(rows).await.unwrap();
    assert_eq!(
        batches.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        values.len()
    );
}

#[tokio::test]
async fn names_that_the_catalog_has_not_reach_no_statement() {
    let (world, source) = world().await;
    let before = digest(&world).await;
    let catalog = source.catalog().await.unwrap();
    let table = &catalog.tables[0];
    let mut cut = source.open_cut(&catalog.tables).await.unwrap();
    for text in ATTACKS {
        let unknown = TableRef::new(&world.store, "public", text);
        assert_eq!(
            cut.count(&unknown).await.unwrap_err().kind,
            StoreErrorKind::Bug
        );
        let request = KeyRequest {
            table: table.name.clone(),
            columns: vec![text.to_owned()],
            selector: Selector::All,
        };
        assert_eq!(
            cut.keys(&request).await.unwrap_err().kind,
            StoreErrorKind::Bug
        );
        let mut forged = table.clone();
        forged.name = unknown;
        let error = source.open_cut(&[forged]).await.err().unwrap();
        assert_eq!(error.kind, StoreErrorKind::Config);
        let mut forged: Table = table.clone();
        forged.columns[0].source_type = text.to_owned();
        forged.primary_key = Some(vec![text.to_owned()]);
        let mut other = source.open_cut(&[forged]).await.unwrap();
        let request = KeyRequest {
            table: table.name.clone(),
            columns: vec!["v".into()],
            selector: Selector::All,
        };
        assert_eq!(
            other.keys(&request).await.unwrap_err().kind,
            StoreErrorKind::Bug
        );
    }
    for schema in ATTACKS.into_iter().filter(|text| !text.contains('\0')) {
        let schemas = vec![schema.to_owned()];
        let source = PostgresSource::connect_lazy(world.store.clone(), world.prod.clone(), schemas);
        assert_eq!(
            source.catalog().await.unwrap_err().kind,
            StoreErrorKind::Config
        );
    }
    assert_eq!(cut.count(&table.name).await.unwrap(), 3);
    drop(cut);
    assert_eq!(digest(&world).await, before);
}

#[tokio::test]
async fn a_table_swapped_for_a_view_is_not_read() {
    let (world, source) = world().await;
    let catalog = source.catalog().await.unwrap();
    let sql = "alter table t rename to hidden; create view t as select * from hidden where id < 3";
    world.server.psql(&world.prod, sql).await;
    let error = source.open_cut(&catalog.tables).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Config);
}

#[tokio::test]
async fn rows_hidden_by_row_security_are_an_error_and_not_a_smaller_district() {
    let world = World::new().await;
    let sql = "create table t (id int8 primary key); insert into t values (1), (2);
               alter table t enable row level security;
               create policy half on t using (id < 2); grant select on t to public";
    world.server.psql(&world.prod, sql).await;
    let catalog = world.catalog().await;
    assert!(catalog.tables[0].row_security);
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    let error = cut.count(&catalog.tables[0].name).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Auth, "{error:?}");
    assert!(
        error.what.contains("row-level security is active"),
        "{error:?}"
    );
    assert!(
        error.hint.as_ref().unwrap().contains("BYPASSRLS"),
        "{error:?}"
    );
    let again = cut.count(&catalog.tables[0].name).await.unwrap_err();
    assert_eq!(
        again.kind,
        StoreErrorKind::Transient,
        "the view is lost: {again:?}"
    );
}
