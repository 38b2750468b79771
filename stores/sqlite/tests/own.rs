//! What only SQLite files do: paths, locks, attached files, and what a file lets stand in a column.

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use redistrict_model::{Key, RunId, Severity, StoreName, Table, TableRef};
use redistrict_sqlite::{SqliteSource, SqliteTarget};
use redistrict_store::{
    CommitOutcome, Enrolment, KeyRequest, Lease, LeaseClaim, LeaseOutcome, RowRequest, RunRecord,
    RunState, Selector, SourceStore, StagePart, StoreErrorKind, TargetStore,
};
use tempfile::TempDir;

use crate::harness::{Plain, empty};

/// A source `prod.db` and targets `0.db`, `1.db`, … in one folder.
struct Group {
    folder: TempDir,
    target: SqliteTarget,
}

fn store(number: usize) -> StoreName {
    StoreName::new(format!("s{number}"))
}

impl Group {
    async fn of(files: usize, ddl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: String| folder.path().join(name);
        for name in (0..files)
            .map(|n| format!("{n}.db"))
            .chain(["prod.db".to_owned()])
        {
            empty(&path(name.clone()), "delete");
            Plain(path(name)).connection().execute_batch(ddl).unwrap();
        }
        let stores = (0..files)
            .map(|n| (store(n), path(format!("{n}.db"))))
            .collect();
        let target = SqliteTarget::new(stores).with_busy_timeout(Duration::from_millis(60));
        let group = Self { target, folder };
        for number in 0..files {
            let mark = Enrolment {
                uuid: "0".repeat(32),
                name: "cert".into(),
                at: "2024-02-29T12:00:00Z".into(),
                fingerprint: group.target.fingerprint(&store(number)).await.unwrap(),
            };
            group.target.enroll(&store(number), &mark).await.unwrap();
        }
        group
    }

    fn plain(&self, name: &str) -> Plain {
        Plain(self.folder.path().join(name))
    }

    fn run(&self, name: &str, sql: &str) {
        self.plain(name).connection().execute_batch(sql).unwrap();
    }

    async fn lease(&self) -> Lease {
        let claim = LeaseClaim {
            run: RunId::new("mig-1"),
            is_resume: false,
        };
        match self.target.acquire_lease(&claim).await.unwrap() {
            LeaseOutcome::Held(lease) => lease,
            LeaseOutcome::Busy { holder } => panic!("{holder} holds the lease"),
        }
    }

    async fn tables(&self, files: usize) -> Vec<Table> {
        let mut tables = Vec::new();
        for number in 0..files {
            tables.extend(self.target.catalog(&store(number)).await.unwrap().tables);
        }
        tables
    }

    /// Stages the rows of PROD's table into the table of that name of a store.
    async fn stage(&self, lease: &Lease, number: usize, name: &str) {
        let source = SqliteSource::new(store(number), self.folder.path().join("prod.db"));
        let table = source.catalog().await.unwrap();
        let table = table
            .table(&TableRef::new(&store(number), "main", name))
            .unwrap()
            .clone();
        let identity = table.identity().unwrap().to_vec();
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let mut cut = source.open_cut(std::slice::from_ref(&table)).await.unwrap();
        let all = KeyRequest {
            table: table.name.clone(),
            columns: vec![],
            selector: Selector::All,
        };
        let keys = cut
            .keys(&all)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect();
        let request = RowRequest {
            table: table.name.clone(),
            columns: columns.clone(),
            identity: identity.clone(),
            keys,
        };
        let stream = cut.rows(&request).await.unwrap();
        let part = StagePart {
            table: table.name.clone(),
            part: 0,
            columns,
            identity,
        };
        self.target
            .stage(lease, &table, &part, stream)
            .await
            .unwrap();
    }
}

fn record(lease: &Lease) -> RunRecord {
    RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "p".into(),
        state: RunState::Committed,
    }
}

fn source(path: &Path) -> SqliteSource {
    SqliteSource::new(store(0), path.to_owned())
}

async fn catalog_of(ddl: &str) -> (Group, redistrict_model::Catalog) {
    let group = Group::of(0, ddl).await;
    let catalog = source(&group.folder.path().join("prod.db"))
        .catalog()
        .await
        .unwrap();
    (group, catalog)
}

fn table<'a>(catalog: &'a redistrict_model::Catalog, name: &str) -> &'a Table {
    catalog
        .table(&TableRef::new(&store(0), "main", name))
        .unwrap()
}

#[tokio::test]
async fn files_that_are_missing_or_no_database_are_named_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing.db");
    let error = source(&missing).probe().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.what.contains("nothing.db"), "{error}");
    let target = SqliteTarget::new(vec![(store(0), missing.clone())]);
    let error = target.fingerprint(&store(0)).await.unwrap_err();
    assert!(error.kind == StoreErrorKind::Config && error.what.contains("nothing.db"));
    assert!(!missing.exists());
    assert_eq!(
        source(folder.path()).catalog().await.unwrap_err().kind,
        StoreErrorKind::Config
    );

    let text = folder.path().join("notes.txt");
    std::io::Write::write_all(
        &mut std::fs::File::create(&text).unwrap(),
        "not a database, but long enough to be looked at as one"
            .repeat(30)
            .as_bytes(),
    )
    .unwrap();
    let error = source(&text).catalog().await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (StoreErrorKind::Config, Some("SQLITE_NOTADB"))
    );
}

#[tokio::test]
async fn a_file_is_the_same_file_by_whatever_path() {
    let group = Group::of(1, "").await;
    let link = group.folder.path().join("link.db");
    std::os::unix::fs::symlink(group.folder.path().join("0.db"), &link).unwrap();
    let there = source(&link).probe().await.unwrap().fingerprint;
    assert_eq!(there, group.target.fingerprint(&store(0)).await.unwrap());

    let stores = vec![
        (store(0), group.folder.path().join("0.db")),
        (store(1), link),
    ];
    let error = SqliteTarget::new(stores).run_records().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
}

#[tokio::test]
async fn a_file_that_was_copied_has_to_be_enrolled_again() {
    let group = Group::of(1, "").await;
    let copy = group.folder.path().join("copy.db");
    std::fs::copy(group.folder.path().join("0.db"), &copy).unwrap();
    let target = SqliteTarget::new(vec![(store(0), copy)]);
    let claim = LeaseClaim {
        run: RunId::new("mig-1"),
        is_resume: false,
    };
    assert_eq!(
        target.acquire_lease(&claim).await.unwrap_err().kind,
        StoreErrorKind::Config
    );
}

#[tokio::test]
async fn a_group_takes_eleven_files_and_says_so_for_more() {
    let group = Group::of(12, "").await;
    assert_eq!(
        group.target.run_records().await.unwrap_err().kind,
        StoreErrorKind::Config
    );
    let stores = (0..11).map(|n| (store(n), group.folder.path().join(format!("{n}.db"))));
    let eleven = SqliteTarget::new(stores.collect());
    assert!(eleven.run_records().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_merge_over_several_files_commits_all_or_nothing() {
    let group = Group::of(3, "create table t (id integer primary key, v text)").await;
    group.run("prod.db", "insert into t values (1, 'a'), (2, 'b')");
    // A target that somebody keeps in WAL mode would make the commit atomic per file only.
    empty(&group.folder.path().join("2.db"), "wal");
    let lease = group.lease().await;
    let tables = group.tables(3).await;
    let names: Vec<TableRef> = tables.iter().map(|table| table.name.clone()).collect();
    for number in 0..3 {
        group.stage(&lease, number, "t").await;
    }
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge.apply(&names).await.unwrap();
    drop(merge);
    for number in 0..3 {
        assert!(
            group
                .plain(&format!("{number}.db"))
                .rows("select * from t")
                .is_empty()
        );
    }
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    let applied = merge.apply(&names).await.unwrap();
    assert!(applied.iter().all(|one| one.inserted == 2));
    assert_eq!(
        merge.commit(&record(&lease)).await.unwrap(),
        CommitOutcome::Committed
    );
    for number in 0..3 {
        let file = group.plain(&format!("{number}.db"));
        assert_eq!(file.rows("select * from t").len(), 2);
        assert_eq!(file.rows("select run_id from redistrict_run").len(), 1);
        let mode = file.rows("pragma journal_mode");
        assert_eq!(mode, file.rows("select 'delete'"), "file {number}");
    }
    assert_eq!(group.target.run_records().await.unwrap(), [record(&lease)]);
}

/// The files as a power loss in the middle of a merge would leave them.
#[tokio::test]
async fn files_of_a_process_that_died_in_a_merge_are_as_before() {
    let group = Group::of(2, "create table t (id integer primary key, v text)").await;
    group.run(
        "prod.db",
        "insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000)
           select i, hex(zeroblob(1000)) from n",
    );
    group.run("0.db", "insert into t values (77777, 'theirs')");
    let lease = group.lease().await;
    let tables = group.tables(2).await;
    for number in 0..2 {
        group.stage(&lease, number, "t").await;
    }
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge
        .apply(&[tables[0].name.clone(), tables[1].name.clone()])
        .await
        .unwrap();
    let crash = tempfile::tempdir().unwrap();
    let mut journals = 0;
    for file in std::fs::read_dir(group.folder.path())
        .unwrap()
        .map(Result::unwrap)
    {
        journals += usize::from(file.path().to_str().unwrap().ends_with("-journal"));
        std::fs::copy(file.path(), crash.path().join(file.file_name())).unwrap();
    }
    assert_eq!(
        journals, 2,
        "the merge was large enough to be written out before its commit"
    );
    drop(merge);
    let stores = (0..2)
        .map(|n| (store(n), crash.path().join(format!("{n}.db"))))
        .collect();
    let after = SqliteTarget::new(stores);
    assert_eq!(after.run_record(&lease.run).await.unwrap(), None);
    let rows = |name: &str| Plain(crash.path().join(name)).rows("select id from t");
    assert_eq!((rows("0.db").len(), rows("1.db").len()), (1, 0));
}

#[tokio::test]
async fn a_lock_of_another_process_is_transient_and_changes_nothing() {
    let group = Group::of(1, "create table t (id integer primary key)").await;
    group.run("prod.db", "insert into t values (1)");
    let other = group.plain("0.db").connection();
    other.execute_batch("begin immediate").unwrap();
    let claim = LeaseClaim {
        run: RunId::new("mig-1"),
        is_resume: false,
    };
    let error = group.target.acquire_lease(&claim).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (StoreErrorKind::Transient, Some("SQLITE_BUSY"))
    );
    other.execute_batch("rollback").unwrap();

    let lease = group.lease().await;
    group.stage(&lease, 0, "t").await;
    let tables = group.tables(1).await;
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge.apply(&[tables[0].name.clone()]).await.unwrap();
    // A reader keeps COMMIT waiting; the refusal is certain, so it is no unknown outcome.
    other.execute_batch("begin; select * from t").unwrap();
    let error = merge.commit(&record(&lease)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Transient);
    other.execute_batch("rollback").unwrap();
    assert!(group.plain("0.db").rows("select * from t").is_empty());
    assert_eq!(group.target.run_record(&lease.run).await.unwrap(), None);
}

#[tokio::test]
async fn a_commit_that_foreign_keys_refuse_is_a_constraint_error_not_an_unknown_outcome() {
    let ddl = "create table p (id integer primary key); create table t (id integer primary key, p int references p)";
    let group = Group::of(1, ddl).await;
    group.run("prod.db", "insert into t values (1, 5)");
    let lease = group.lease().await;
    group.stage(&lease, 0, "t").await;
    let tables = group.tables(1).await;
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge
        .apply(&[TableRef::new(&store(0), "main", "t")])
        .await
        .unwrap();
    let error = merge.commit(&record(&lease)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint);
    assert_eq!(error.code.as_deref(), Some("SQLITE_CONSTRAINT_FOREIGNKEY"));
    assert_eq!(group.target.run_record(&lease.run).await.unwrap(), None);
    assert!(group.plain("0.db").rows("select * from t").is_empty());
}

/// DDL may say that a conflicting insert replaces the row that is there.
#[tokio::test]
async fn a_table_that_replaces_on_conflict_does_not_replace_rows_of_others() {
    let ddl = "create table t (id integer primary key on conflict replace, v text unique on conflict replace)";
    let group = Group::of(1, ddl).await;
    group.run("prod.db", "insert into t values (1, 'same')");
    group.run("0.db", "insert into t values (9, 'same')");
    let lease = group.lease().await;
    group.stage(&lease, 0, "t").await;
    let tables = group.tables(1).await;
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    let error = merge.apply(&[tables[0].name.clone()]).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint);
    drop(merge);
    assert_eq!(
        group
            .plain("0.db")
            .rows("select id from t where id = 9")
            .len(),
        1
    );
}

/// An update that changes a unique key which rows of others refer to would change those rows.
#[tokio::test]
async fn a_referenced_key_is_not_updated_under_rows_of_others() {
    let ddl = "create table t (id integer primary key, code text unique);
               create table theirs (id integer primary key, code text references t (code) on update cascade)";
    let group = Group::of(1, ddl).await;
    group.run("prod.db", "insert into t values (1, 'new'), (2, 'kept')");
    group.run(
        "0.db",
        "insert into t values (1, 'old'), (2, 'kept'); insert into theirs values (7, 'kept')",
    );
    let lease = group.lease().await;
    group.stage(&lease, 0, "t").await;
    let tables = group.tables(1).await;
    let t = TableRef::new(&store(0), "main", "t");
    let keys = [Key::of("1"), Key::of("2")];
    let update = redistrict_store::Action::Update;
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge.mark(&t, &keys, update).await.unwrap();
    let applied = merge.apply(std::slice::from_ref(&t)).await.unwrap();
    assert_eq!(
        applied[0].updated, 2,
        "nobody refers to the key that changes"
    );
    drop(merge);

    group.run("0.db", "insert into theirs values (8, 'old')");
    let mut merge = group.target.begin_merge(&lease, &tables).await.unwrap();
    merge.mark(&t, &keys, update).await.unwrap();
    let error = merge.apply(std::slice::from_ref(&t)).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Constraint);
    drop(merge);
    assert_eq!(
        group
            .plain("0.db")
            .rows("select id from theirs where code = 'old'")
            .len(),
        1
    );
}

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
