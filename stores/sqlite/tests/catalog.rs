//! What SQLite's DDL lets be, and what a file lets stand in a column.

use futures::TryStreamExt;
use redistrict_model::{Key, Severity, TableRef};
use redistrict_store::{KeyRequest, RowRequest, Selector, SourceStore, StoreErrorKind};

use crate::group::{Group, catalog_of, source, store, table};

/// The oracle is SQLite itself: whether it lets NULL stand in the column.
#[tokio::test]
async fn columns_are_nullable_exactly_where_null_can_stand() {
    let definitions = [
        "(a integer primary key, b text)",
        "(a INT primary key, b text)",
        "(a text primary key, b text not null)",
        "(a text not null primary key, b text)",
        "(a integer primary key desc, b text)",
        "(a bigint, b text, primary key (a, b))",
        "(a integer, b text, primary key (a))",
        "(a integer, b text, primary key (b, a)) without rowid",
        "(a text primary key, b text) without rowid",
        "(a text primary key, b integer) strict",
        "(a integer primary key, b text) strict",
        "(a integer, b text, unique (a))",
    ];
    for definition in definitions {
        let (group, catalog) = catalog_of(&format!("create table t {definition}")).await;
        let connection = group.plain("prod.db").connection();
        for (name, values) in [("a", "null, 1"), ("b", "1, null")] {
            connection.execute("delete from t", []).unwrap();
            let insert = format!("insert into t (a, b) values ({values})");
            let holds_null = connection.execute(&insert, []).is_ok()
                && connection
                    .query_row(&format!("select {name} is null from t"), [], |row| {
                        row.get(0)
                    })
                    .unwrap();
            let column = table(&catalog, "t").column(name).unwrap();
            assert_eq!(column.nullable, holds_null, "{name} of {definition}");
        }
    }
}

#[tokio::test]
async fn a_row_whose_key_is_null_is_an_error_that_names_the_column() {
    let (group, catalog) =
        catalog_of("create table t (k text primary key); insert into t values (null)").await;
    let prod = source(&group.folder.path().join("prod.db"));
    let mut cut = prod.open_cut(&catalog.tables).await.unwrap();
    let all = KeyRequest {
        table: TableRef::new(&store(0), "main", "t"),
        columns: vec![],
        selector: Selector::All,
    };
    let error = cut.keys(&all).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    assert!(error.what.contains("\"k\""), "{error}");
}

#[tokio::test]
async fn texts_are_compared_byte_by_byte_whatever_the_collation() {
    let ddl = "create table t (k text collate nocase primary key, v text collate rtrim);
               insert into t values ('Abc', 'x'), ('def', 'x  ')";
    let (group, catalog) = catalog_of(ddl).await;
    let prod = source(&group.folder.path().join("prod.db"));
    let mut cut = prod.open_cut(&catalog.tables).await.unwrap();
    for (by, key, rows) in [
        ("k", "abc", 0),
        ("k", "Abc", 1),
        ("v", "x", 1),
        ("v", "x  ", 1),
        ("v", "x ", 0),
    ] {
        let request = KeyRequest {
            table: TableRef::new(&store(0), "main", "t"),
            columns: vec![],
            selector: Selector::Matching {
                columns: vec![by.into()],
                keys: vec![Key::of(key)],
            },
        };
        assert_eq!(
            cut.keys(&request).await.unwrap().len(),
            rows,
            "{by} = {key:?}"
        );
    }
}

#[tokio::test]
async fn foreign_keys_in_all_their_forms_are_read() {
    let (_group, catalog) = catalog_of(
        "create table Parent (a int, b int, primary key (b, a));
         create table c1 (x int, y int, foreign key (x, y) references PARENT);
         create table c2 (id integer primary key, up int constraint \"my fk\" references c2 deferrable initially deferred);
         create table c3 (x int references nowhere (id), y int references c2 (gone));
         create table c4 (x int references c2); insert into c4 values (5);",
    )
    .await;
    let key = &table(&catalog, "c1").foreign_keys[0];
    assert_eq!(
        (key.name.as_str(), key.parent.table.as_str()),
        ("c1_x_y_fkey", "Parent")
    );
    assert_eq!(key.parent_columns, ["b", "a"]);
    assert!(key.validated && !key.deferrable);
    let key = &table(&catalog, "c2").foreign_keys[0];
    assert_eq!(
        (key.name.as_str(), key.parent_columns.join(",")),
        ("my fk", "id".to_owned())
    );
    assert!(key.deferrable);
    assert!(
        table(&catalog, "c3").foreign_keys.is_empty(),
        "keys to nowhere cannot be followed"
    );
    assert!(
        !table(&catalog, "c4").foreign_keys[0].validated,
        "row 5 has no partner"
    );
}

#[tokio::test]
async fn only_plain_unique_indexes_identify_rows() {
    let (_group, catalog) = catalog_of(
        "create table t (a int not null, b text not null, c text unique, constraint ab unique (a, b));
         create unique index whole on t (b);
         create unique index part on t (a) where b <> '';
         create unique index expression on t (lower(b));
         create index plain on t (c)",
    )
    .await;
    let t = table(&catalog, "t");
    let uniques: Vec<_> = t
        .uniques
        .iter()
        .map(|u| (u.name.as_str(), u.columns.join(",")))
        .collect();
    let expected = [
        ("ab", "a,b".to_owned()),
        ("t_c_key", "c".to_owned()),
        ("whole", "b".to_owned()),
    ];
    assert_eq!(uniques, expected);
    assert_eq!(t.identity(), Some(&["a".to_owned(), "b".to_owned()][..]));
}

#[tokio::test]
async fn what_is_no_table_is_left_out_and_virtual_tables_are_told() {
    let (group, catalog) = catalog_of(
        "create table redistricting (id integer primary key); create view v as select 1;
         create virtual table search using fts5(body); analyze",
    )
    .await;
    let names: Vec<_> = catalog
        .tables
        .iter()
        .map(|table| table.name.table.as_str())
        .collect();
    assert_eq!(names, ["redistricting"]);
    let probe = source(&group.folder.path().join("prod.db"))
        .probe()
        .await
        .unwrap();
    let virtuals: Vec<_> = probe
        .findings
        .iter()
        .filter(|one| one.code == "virtual-table")
        .collect();
    assert_eq!(virtuals.len(), 1);
    assert_eq!(virtuals[0].subject, "s0.main.search");
    let locks = probe
        .findings
        .iter()
        .find(|one| one.code == "cut-blocks-writers")
        .unwrap();
    assert_eq!(locks.severity, Severity::Info);
    assert!(probe.version.starts_with("SQLite 3."));
}

#[tokio::test]
async fn a_key_with_a_collation_is_told_only_where_others_refer_to_it() {
    let (group, _) = catalog_of(
        "create table alone (k text collate nocase primary key);
         create table parent (k text collate nocase primary key, v text collate rtrim);
         create table child (id integer primary key, k text references parent (k))",
    )
    .await;
    let probe = source(&group.folder.path().join("prod.db"))
        .probe()
        .await
        .unwrap();
    let errors: Vec<_> = probe
        .findings
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| one.subject.as_str())
        .collect();
    assert_eq!(errors, ["s0.main.parent"]);
}

#[tokio::test]
async fn a_cut_leaves_every_byte_of_the_file_and_no_file_beside_it() {
    let group = Group::of(
        0,
        "create table t (id integer primary key); insert into t values (1)",
    )
    .await;
    let path = group.folder.path().join("prod.db");
    let before = std::fs::read(&path).unwrap();
    let catalog = source(&path).catalog().await.unwrap();
    source(&path).probe().await.unwrap();
    let mut cut = source(&path).open_cut(&catalog.tables).await.unwrap();
    let request = RowRequest {
        table: TableRef::new(&store(0), "main", "t"),
        columns: vec!["id".into()],
        identity: vec!["id".into()],
        keys: vec![Key::of("1")],
    };
    let rows: Vec<_> = cut
        .rows(&request)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(rows[0].num_rows(), 1);
    drop(cut);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(group.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_type_that_does_not_move_is_refused_by_name() {
    let ddl = "create table t (id integer primary key, price decimal(10, 2)); insert into t values (1, 2.5)";
    let (group, catalog) = catalog_of(ddl).await;
    let mut cut = source(&group.folder.path().join("prod.db"))
        .open_cut(&catalog.tables)
        .await
        .unwrap();
    let request = RowRequest {
        table: TableRef::new(&store(0), "main", "t"),
        columns: vec!["id".into(), "price".into()],
        identity: vec!["id".into()],
        keys: vec![Key::of("1")],
    };
    let error = cut.rows(&request).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(
        error.what.contains("price") && error.what.contains("decimal(10, 2)"),
        "{error}"
    );
}
