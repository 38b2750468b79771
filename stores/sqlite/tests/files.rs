//! What only files do: paths, locks, attached files, and DDL that would write more than it is told.

use redistrict_model::{Key, RunId, TableRef};
use redistrict_sqlite::SqliteTarget;
use redistrict_store::{
    CommitOutcome, Enrolment, LeaseOutcome, SourceStore, StoreErrorKind, TargetStore,
};

use crate::group::{Group, record, source, store};
use crate::harness::{Plain, empty};

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
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
    assert_eq!(
        target.acquire_lease(&claim).await.unwrap_err().kind,
        StoreErrorKind::Config
    );
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_enrolled_again_and_keeps_its_epoch() {
    let group = Group::of(1, "").await;
    let lease = group.lease().await;
    group.target.release_lease(&lease).await.unwrap();
    let older = "alter table redistrict_lease drop column owner;
                 alter table redistrict_lease drop column journal_mode;
                 alter table redistrict_lease drop column beat;
                 alter table redistrict_run drop column district;
                 alter table redistrict_run drop column key_id;
                 update redistrict_environment set format = 1";
    group.run("0.db", older);
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-2"), false);
    let error = group.target.acquire_lease(&claim).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.hint.unwrap().contains("redistrict enroll"));
    assert!(group.target.traces().await.is_err());
    let error = group.target.run_records().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    let mark = group.target.enrolment(&store(0)).await.unwrap().unwrap();
    group.target.enroll(&store(0), &mark).await.unwrap();
    let taken = group.target.acquire_lease(&claim).await.unwrap();
    assert!(matches!(taken, LeaseOutcome::Held(next) if next.epoch > lease.epoch));
    assert_eq!(group.target.run_records().await.unwrap(), []);
}

/// Found by the proof of injection: a table of a user's with the name of one of ours.
#[tokio::test]
async fn a_file_with_a_namesake_of_our_objects_is_refused_by_that_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Redistrict_LEASE", "redistrict_environment"] {
        let path = folder.path().join(format!("{name}.db"));
        empty(&path, "delete");
        let plain = Plain(path.clone());
        let ddl = format!("create table {name} (a)");
        plain.connection().execute_batch(&ddl).unwrap();
        let target = SqliteTarget::new(vec![(store(0), path)]);
        assert_eq!(target.enrolment(&store(0)).await.unwrap(), None);
        let mark = Enrolment {
            uuid: "0".repeat(32),
            name: "cert".into(),
            at: "2024-02-29T12:00:00Z".into(),
            fingerprint: target.fingerprint(&store(0)).await.unwrap(),
        };
        let error = target.enroll(&store(0), &mark).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Config);
        assert!(error.what.contains(name), "{error}");
    }
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
    let mode = |number: usize| {
        group
            .plain(&format!("{number}.db"))
            .rows("pragma journal_mode")
    };
    let select = |mode: &str| group.plain("0.db").rows(&format!("select '{mode}'"));
    group.target.release_lease(&lease).await.unwrap();
    assert_eq!([mode(1), mode(2)], [select("delete"), select("wal")]);
}

/// Also if another process ends what one has begun that died, and after a person has enrolled it again.
#[tokio::test]
async fn a_file_in_wal_mode_is_in_it_again_when_nobody_writes_it() {
    let group = Group::of(1, "create table t (id integer primary key)").await;
    empty(&group.folder.path().join("0.db"), "wal");
    let is_wal = || {
        let file = group.plain("0.db");
        file.rows("pragma journal_mode") == file.rows("select 'wal'")
    };
    let mark = group.target.enrolment(&store(0)).await.unwrap().unwrap();
    group.target.enroll(&store(0), &mark).await.unwrap();
    assert!(is_wal());
    let lease = group.lease().await;
    assert!(!is_wal());
    group.target.enroll(&store(0), &mark).await.unwrap();
    assert!(!is_wal());
    let other = SqliteTarget::new(vec![(store(0), group.folder.path().join("0.db"))]);
    let claim = redistrict_testkit::claims::claim(&lease.run, true);
    let LeaseOutcome::Held(taken) = other.acquire_lease(&claim).await.unwrap() else {
        panic!("busy");
    };
    group.target.release_lease(&lease).await.unwrap();
    assert!(!is_wal());
    other.release_lease(&taken).await.unwrap();
    assert!(is_wal());
    assert_eq!(
        group
            .plain("0.db")
            .rows("select journal_mode from redistrict_lease where journal_mode is not null")
            .len(),
        0
    );
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
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
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
