//! Lease, staging, merge, ledger and undo's deletes on a real server.

use futures::{StreamExt as _, stream};
use redistrict_model::{Key, RunId, Severity, Table};
use redistrict_postgres::PostgresTarget;
use redistrict_store::{
    Action, CommitOutcome, Epoch, LeaseOutcome, LedgerEntry, LedgerOperation, RaisedSequence,
    RowRequest, RunState, SourceStore as _, StagePart, StoreErrorKind, TargetStore as _,
};
use redistrict_testkit::postgres::{RoleKind, query};

use crate::support::{World, commit, read_all, writable};

async fn tables(world: &World, sql: &str) -> Vec<Table> {
    world.both(sql).await;
    world.catalog().await.tables
}

#[tokio::test]
async fn a_cycle_of_mandatory_immediate_keys_is_written_in_one_statement() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table staff (id int4 primary key, store_id int4 not null);
         create table store (id int4 primary key, manager_id int4 not null references staff);
         alter table staff add foreign key (store_id) references store;",
    )
    .await;
    let fill = "begin; set local session_replication_role = replica;
                insert into staff values (1, 10), (2, 20); insert into store values (10, 1), (20, 2); commit";
    world.server.psql(&world.prod, fill).await;
    world.move_all("mig-1", &tables).await.unwrap();
    for name in ["staff", "store"] {
        assert_eq!(
            world.dump(&world.prod, name).await,
            world.dump(&world.cert, name).await
        );
    }
}

#[tokio::test]
async fn updates_change_what_is_marked_and_generated_columns_follow() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id int4 generated always as identity primary key, v text,
                         n numeric(6,2), twice text generated always as (v || v) stored)",
    )
    .await;
    let sql = "insert into t (id, v, n) overriding system value values (1, 'new', 1.5), (2, 'two', 2), (3, 'c', 3)";
    world.server.psql(&world.prod, sql).await;
    let sql =
        "insert into t (id, v, n) overriding system value values (1, 'old', 1), (3, 'kept', 9)";
    world.server.psql(&world.cert, sql).await;
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, &tables).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let name = world.table("t");
    assert_eq!(
        merge.lock_staged(&name).await.unwrap(),
        [Key::of("1"), Key::of("3")]
    );
    merge
        .mark(&name, &[Key::of("1")], Action::Update)
        .await
        .unwrap();
    merge
        .mark(&name, &[Key::of("3")], Action::Leave)
        .await
        .unwrap();
    let applied = merge.apply(std::slice::from_ref(&name)).await.unwrap();
    assert_eq!((applied[0].inserted, applied[0].updated), (1, 1));
    commit(merge, &lease).await.unwrap();
    assert_eq!(
        world.dump(&world.cert, "t").await,
        [
            "(1,new,1.50,newnew)",
            "(2,two,2.00,twotwo)",
            "(3,kept,9.00,keptkept)"
        ]
    );
}

#[tokio::test]
async fn a_column_that_is_always_identity_is_inserted_and_never_updated() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id int4 primary key, v text, n int4 generated always as identity)",
    )
    .await;
    let rows =
        "insert into t (id, v, n) overriding system value values (1, 'new', 5), (2, 'two', 6)";
    world.server.psql(&world.prod, rows).await;
    let old = "insert into t (id, v, n) overriding system value values (1, 'old', 5)";
    world.server.psql(&world.cert, old).await;
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, &tables).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let name = world.table("t");
    merge.lock_staged(&name).await.unwrap();
    merge
        .mark(&name, &[Key::of("1")], Action::Update)
        .await
        .unwrap();
    let applied = merge.apply(std::slice::from_ref(&name)).await.unwrap();
    assert_eq!((applied[0].inserted, applied[0].updated), (1, 1));
    commit(merge, &lease).await.unwrap();
    assert_eq!(
        world.dump(&world.cert, "t").await,
        ["(1,new,5)", "(2,two,6)"]
    );
}

#[tokio::test]
async fn a_part_is_staged_exactly_once_and_other_columns_are_refused() {
    let world = World::new().await;
    let tables = tables(&world, "create table t (id int4 primary key, v text)").await;
    world
        .server
        .psql(&world.prod, "insert into t values (1, 'a')")
        .await;
    let lease = world.lease("mig-1").await;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    let batches = read_all(cut.as_mut(), &tables[0]).await.unwrap();
    let part = StagePart {
        table: world.table("t"),
        part: 7,
        columns: writable(&tables[0]),
        identity: vec!["id".into()],
    };
    for was_there in [false, true, true] {
        let stream = stream::iter(batches.clone().into_iter().map(Ok)).boxed();
        let staged = world
            .target
            .stage(&lease, &tables[0], &part, stream)
            .await
            .unwrap();
        assert_eq!((staged.rows, staged.was_there), (1, was_there));
    }
    let broken = stream::iter([
        Ok(batches[0].clone()),
        Err(redistrict_store::StoreError::new(
            StoreErrorKind::Data,
            "read on",
        )),
    ]);
    let other = StagePart {
        part: 8,
        ..part.clone()
    };
    let error = world
        .target
        .stage(&lease, &tables[0], &other, broken.boxed())
        .await
        .unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Data);
    let rows = world
        .server
        .scalar(&world.cert, "select count(*) from redistrict_stage.s_1")
        .await;
    assert_eq!(rows, "1");
    world.target.clear_staging(&lease).await.unwrap();
    world.target.clear_staging(&lease).await.unwrap();
    let sql = "select count(*) from pg_tables where schemaname = 'redistrict_stage'";
    assert_eq!(world.server.scalar(&world.cert, sql).await, "0");
}

#[tokio::test]
async fn a_writer_of_an_older_epoch_is_refused() {
    let world = World::new().await;
    let tables = tables(&world, "create table t (id int4 primary key)").await;
    let old = world.lease("mig-1").await;
    let merge = world.target.begin_merge(&old, &tables).await.unwrap();
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), true);
    let LeaseOutcome::Held(new) = world.target.acquire_lease(&claim).await.unwrap() else {
        panic!("busy")
    };
    assert_eq!(new.epoch, Epoch(old.epoch.0 + 1));
    // Its session was ended: the commit cannot succeed.
    assert!(commit(merge, &old).await.is_err());
    let error = world.target.begin_merge(&old, &tables).await.err().unwrap();
    assert_eq!(error.kind, StoreErrorKind::Superseded);
    assert_eq!(world.target.run_record(&old.run).await.unwrap(), None);
    // Giving back what is not held any more does nothing.
    world.target.release_lease(&old).await.unwrap();
    let other = redistrict_testkit::claims::claim(&RunId::new("mig-2"), false);
    let busy = LeaseOutcome::Busy {
        holder: RunId::new("mig-1"),
    };
    assert_eq!(world.target.acquire_lease(&other).await.unwrap(), busy);
    world.target.release_lease(&new).await.unwrap();
    assert!(matches!(
        world.target.acquire_lease(&other).await.unwrap(),
        LeaseOutcome::Held(_)
    ));
}

#[tokio::test]
async fn a_claim_beside_a_living_session_of_the_run_is_busy() {
    let world = World::new().await;
    let tables = tables(&world, "create table t (id int4 primary key)").await;
    let lease = world.lease("mig-1").await;
    let merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
    let busy = LeaseOutcome::Busy {
        holder: RunId::new("mig-1"),
    };
    assert_eq!(world.target.acquire_lease(&claim).await.unwrap(), busy);
    drop(merge);
    world.target.release_lease(&lease).await.unwrap();
    assert!(matches!(
        world.target.acquire_lease(&claim).await.unwrap(),
        LeaseOutcome::Held(_)
    ));
}

#[tokio::test]
async fn a_target_that_was_never_enrolled_is_a_configuration_error() {
    let world = World::new().await;
    let url = world.server.create_database().await;
    let target = PostgresTarget::new(world.store.clone(), url, Vec::new());
    assert_eq!(target.enrolment(&world.store).await.unwrap(), None);
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
    let error = target.acquire_lease(&claim).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.to_string().contains("not enrolled"), "{error}");
}

#[tokio::test]
async fn a_delete_that_would_reach_other_rows_is_refused() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table parent (id int4 primary key, up int4 references parent on delete set null);
         create table child (id int4 primary key, parent_id int4 references parent on delete cascade);",
    )
    .await;
    let fill = "insert into parent values (1, null), (2, 1), (3, null); insert into child values (10, 1), (11, 3)";
    world.server.psql(&world.cert, fill).await;
    let before = world.dump(&world.cert, "parent").await;
    let (parent, child) = (world.table("parent"), world.table("child"));
    let lease = world.lease("rb-1").await;
    let keys = |ids: &[&str]| ids.iter().map(|id| Key::of(*id)).collect::<Vec<_>>();
    for (request, table) in [
        (vec![(parent.clone(), keys(&["1", "2"]))], "child"),
        (
            vec![
                (parent.clone(), keys(&["1"])),
                (child.clone(), keys(&["10"])),
            ],
            "parent",
        ),
        (vec![(parent.clone(), keys(&["99"]))], "parent"),
        (vec![(parent.clone(), keys(&["no number"]))], "parent"),
    ] {
        let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
        let error = merge.delete(&request).await.unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
        assert_eq!(error.table.as_ref().unwrap().table, table);
    }
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let request = [(parent, keys(&["1", "2"])), (child, keys(&["10"]))];
    assert_eq!(merge.delete(&request).await.unwrap(), 3);
    merge.check_constraints().await.unwrap();
    commit(merge, &lease).await.unwrap();
    assert_eq!(before.len(), 3);
    assert_eq!(world.dump(&world.cert, "parent").await, ["(3,)"]);
    assert_eq!(world.dump(&world.cert, "child").await, ["(11,3)"]);
    let sql = "select count(*) from pg_tables where schemaname = 'redistrict_stage'";
    assert_eq!(world.server.scalar(&world.cert, sql).await, "0");
}

#[tokio::test]
async fn the_ledger_gives_back_keys_hashes_and_rows_exactly() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (a text, b int4, v bytea, primary key (a, b))",
    )
    .await;
    world
        .server
        .psql(
            &world.cert,
            "insert into t values ('x,\"y', 1, '\\x00'), ('', 2, null)",
        )
        .await;
    let lease = world.lease("mig-1").await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let keys = vec![Key::new(["", "2"]), Key::new(["x,\"y", "1"])];
    let request = RowRequest {
        table: world.table("t"),
        columns: writable(&tables[0]),
        identity: vec!["a".into(), "b".into()],
        keys: keys.clone(),
    };
    let before: Vec<_> = futures::TryStreamExt::try_collect(merge.rows(&request).await.unwrap())
        .await
        .unwrap();
    let entry = |part, operation, after, before| LedgerEntry {
        run: lease.run.clone(),
        table: world.table("t"),
        part,
        operation,
        keys: keys.clone(),
        after,
        before,
    };
    let entries = vec![
        entry(0, LedgerOperation::Inserted, vec![[1; 16], [2; 16]], None),
        entry(
            1,
            LedgerOperation::Updated,
            vec![[3; 16], [4; 16]],
            Some(before[0].clone()),
        ),
        entry(
            2,
            LedgerOperation::Deleted,
            Vec::new(),
            Some(before[0].clone()),
        ),
    ];
    merge.write_ledger(&entries).await.unwrap();
    commit(merge, &lease).await.unwrap();
    assert_eq!(
        world.target.ledger(&lease.run, &tables).await.unwrap(),
        entries
    );
    let record = world.target.run_record(&lease.run).await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.epoch),
        (RunState::Committed, lease.epoch)
    );
    let merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    assert_eq!(
        commit(merge, &lease).await.unwrap_err().kind,
        StoreErrorKind::Bug
    );
}

#[tokio::test]
async fn errors_name_constraints_and_never_values() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id int4 primary key, ssn text, constraint ssn_key unique (ssn) deferrable initially deferred,
                         n int4, constraint low check (n < 10))",
    )
    .await;
    world
        .server
        .psql(
            &world.cert,
            "insert into t values (1, 'canary-123-45-6789')",
        )
        .await;
    world
        .server
        .psql(
            &world.prod,
            "insert into t values (2, 'canary-123-45-6789')",
        )
        .await;
    let late = world.move_all("mig-1", &tables).await.unwrap_err();
    assert_eq!(late.kind, StoreErrorKind::Constraint);
    assert!(late.code.as_ref().unwrap().contains("ssn_key"), "{late:?}");
    let sql =
        "alter table t drop constraint low; update t set id = 3, ssn = 'canary-other', n = 11";
    world.server.psql(&world.prod, sql).await;
    let lease = world.lease("mig-1").await;
    world.target.clear_staging(&lease).await.unwrap();
    let check = world.move_all("mig-1", &tables).await.unwrap_err();
    assert_eq!(check.code.as_deref(), Some("23514 low"));
    assert_eq!(check.table.as_ref(), Some(&world.table("t")));
    for error in [late, check] {
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
    assert_eq!(world.dump(&world.cert, "t").await.len(), 1);
}

#[tokio::test]
async fn sequences_rise_to_the_largest_value_and_never_fall() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table a (id serial primary key);
         create table b (id int4 generated by default as identity primary key);
         create sequence \"Loose \"\"one\"; create table c (id int8 primary key default nextval('\"Loose \"\"one\"'));
         create table d (id serial primary key);
         create sequence part; create table e (id int8 primary key, code text default 'INV-' || nextval('part'),
             shown jsonb default to_jsonb(nextval('part')));
         create table f (id int4 generated always as identity (maxvalue 100) primary key);
         create sequence exact; create table g (id numeric primary key default nextval('exact'));
         create sequence wide; create table h (id int8 primary key default nextval('wide'))",
    )
    .await;
    let fill = "insert into a values (41); insert into b values (7); insert into c values (9);
                insert into e values (1, 'INV-7', '7');
                insert into f overriding system value values (500), (30);
                insert into g values ('Infinity'), (12); insert into h values (5000000000);
                select setval('a_id_seq', 100); select setval('b_id_seq', 7, false)";
    world.server.psql(&world.cert, fill).await;
    let lease = world.lease("mig-1").await;
    let names: Vec<_> = tables.iter().map(|table| table.name.clone()).collect();
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let raised = merge.raise_sequences(&names).await.unwrap();
    let moved = |sequence: &str, from, to| RaisedSequence {
        sequence: sequence.to_owned(),
        from,
        to,
    };
    assert_eq!(
        raised,
        [
            moved("\"public\".\"b_id_seq\"", None, 7),
            moved("\"public\".\"Loose \"\"one\"", None, 9),
            moved("\"public\".\"f_id_seq\"", None, 30),
            moved("\"public\".\"exact\"", None, 12),
            moved("\"public\".\"wide\"", None, 5_000_000_000),
        ]
    );
    // Whatever becomes of the merge: keys that were given are not given again.
    drop(merge);
    let next = async |name: &str| {
        world
            .server
            .scalar(&world.cert, &format!("select nextval('{name}')"))
            .await
    };
    assert_eq!(next("a_id_seq").await, "101");
    assert_eq!(next("b_id_seq").await, "8");
    assert_eq!(next("\"Loose \"\"one\"").await, "10");
    assert_eq!(next("d_id_seq").await, "1");
    assert_eq!(next("part").await, "1");
    assert_eq!(next("f_id_seq").await, "31");
    assert_eq!(next("exact").await, "13");
    assert_eq!(next("wide").await, "5000000001");
}

/// Others draw while it is raised: the sequence never goes back to what they have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sequence_that_others_draw_from_gives_no_key_twice() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id serial primary key, who text not null)",
    )
    .await;
    let fill = "insert into t (who) select 'theirs' from generate_series(1, 5);
                insert into t (id, who) select n, 'ours' from generate_series(6, 3000) as n;
                create procedure draw() language plpgsql as
                  'declare n int; begin for n in 1..4000 loop perform nextval(''t_id_seq''); commit; end loop; end'";
    world.server.psql(&world.cert, fill).await;
    let lease = world.lease("mig-1").await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let names = [world.table("t")];
    let (raised, ()) = tokio::join!(
        merge.raise_sequences(&names),
        world.server.psql(&world.cert, "call draw()")
    );
    raised.unwrap();
    let sql = "select nextval('t_id_seq') > greatest(3000, 4005)";
    assert_eq!(world.server.scalar(&world.cert, sql).await, "t");
}

/// Before a row is written, and once more where it is needed.
#[tokio::test]
async fn a_missing_right_on_a_sequence_names_the_sequence() {
    let world = World::new().await;
    world.both("create table a (id serial primary key)").await;
    let role = world.server.create_role(&world.cert, RoleKind::Plain).await;
    world
        .server
        .psql(
            &world.cert,
            "insert into a values (5); grant usage on schema redistrict_meta to public;
        grant all on all tables in schema redistrict_meta to public; grant all on a to public",
        )
        .await;
    let tables = world.catalog().await.tables;
    let names = [world.table("a")];
    let target = PostgresTarget::new(world.store.clone(), role, Vec::new());
    let found = target.obstacles(&names).await.unwrap();
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (finding.code.as_str(), finding.severity),
        ("sequence-right", Severity::Error)
    );
    assert!(finding.message.contains("a_id_seq"), "{finding:?}");
    let grant = "grant select, update on sequence \"public\".\"a_id_seq\" to ";
    assert!(
        finding.lines.iter().any(|line| line.starts_with(grant)),
        "{finding:?}"
    );
    let lease = world.lease("mig-1").await;
    let mut merge = target.begin_merge(&lease, &tables).await.unwrap();
    let error = merge.raise_sequences(&names).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Auth, "{error:?}");
    assert!(error.to_string().contains("a_id_seq"), "{error}");
    drop(merge);
    for line in &finding.lines {
        let statement = line.split(';').next().unwrap();
        world.server.psql(&world.cert, statement).await;
    }
    assert_eq!(target.obstacles(&names).await.unwrap(), []);
}

#[tokio::test]
async fn a_target_of_an_earlier_version_is_enrolled_again_and_keeps_its_epoch() {
    let world = World::new().await;
    let lease = world.lease("mig-1").await;
    world.target.release_lease(&lease).await.unwrap();
    world
        .server
        .psql(
            &world.cert,
            "alter table redistrict_meta.lease drop column owner;
             alter table redistrict_meta.run drop column district, drop column key_id",
        )
        .await;
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-2"), false);
    let error = world.target.acquire_lease(&claim).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.hint.unwrap().contains("redistrict enroll"));
    let mark = world.target.enrolment(&world.store).await.unwrap().unwrap();
    world.target.enroll(&world.store, &mark).await.unwrap();
    let LeaseOutcome::Held(next) = world.target.acquire_lease(&claim).await.unwrap() else {
        panic!("busy")
    };
    assert!(next.epoch > lease.epoch);
    assert_eq!(world.target.run_records().await.unwrap(), []);
}

#[tokio::test]
async fn triggers_find_what_they_find_for_the_application() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id int4 primary key); create table log (what text primary key);
         create function note() returns trigger language plpgsql as
           'begin insert into log values (new.id::text); return new; end';
         create trigger note after insert on t for each row execute function note();",
    )
    .await;
    world
        .server
        .psql(
            &world.prod,
            "alter table t disable trigger note; insert into t values (5)",
        )
        .await;
    let tables: Vec<Table> = tables
        .into_iter()
        .filter(|one| one.name.table == "t")
        .collect();
    world.move_all("mig-1", &tables).await.unwrap();
    assert_eq!(world.dump(&world.cert, "log").await, ["(5)"]);
}

/// However long the groups behind it take.
#[tokio::test]
async fn an_open_merge_is_not_ended_for_being_quiet() {
    let world = World::new().await;
    let limit = "current_setting('idle_in_transaction_session_timeout')";
    let prod = "create table t (id int4 primary key); insert into t values (1)";
    world.server.psql(&world.prod, prod).await;
    let cert = format!("create table t (id int4 primary key, quiet text default {limit})");
    world.server.psql(&world.cert, &cert).await;
    let tables = world.catalog().await.tables;
    world.move_all("mig-1", &tables).await.unwrap();
    assert_eq!(world.dump(&world.cert, "t").await, ["(1,0)"]);
}

#[tokio::test]
async fn sessions_carry_the_run_and_the_epoch() {
    let world = World::new().await;
    let tables = tables(&world, "create table t (id int4 primary key)").await;
    let lease = world.lease("mig-1").await;
    let _merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let sql = "select application_name from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid() and application_name like 'redistrict/mig%'";
    let names = query(&world.cert, sql).await.unwrap();
    assert_eq!(
        names,
        [[Some(format!("redistrict/mig-1/{}", lease.epoch.0))]]
    );
}

#[tokio::test]
async fn a_session_that_ends_inside_commit_leaves_the_outcome_unknown() {
    let world = World::new().await;
    let tables = tables(
        &world,
        "create table t (id int4 primary key);
         create function die() returns trigger language plpgsql as
           'begin perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(0); return new; end';
         create constraint trigger die after insert on t deferrable initially deferred
           for each row execute function die();",
    )
    .await;
    world
        .server
        .psql(
            &world.prod,
            "alter table t disable trigger die; insert into t values (5)",
        )
        .await;
    let lease = world.lease("mig-1").await;
    world.stage_all(&lease, &tables).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    merge.apply(&[world.table("t")]).await.unwrap();
    assert_eq!(commit(merge, &lease).await.unwrap(), CommitOutcome::Unknown);
    let claim = redistrict_testkit::claims::claim(&lease.run, true);
    world.target.acquire_lease(&claim).await.unwrap();
    assert_eq!(world.target.run_record(&lease.run).await.unwrap(), None);
    assert_eq!(world.dump(&world.cert, "t").await, [""; 0]);
}

#[tokio::test]
async fn two_writers_of_one_part_write_it_once() {
    let world = World::new().await;
    let tables = tables(&world, "create table t (id int4 primary key)").await;
    world
        .server
        .psql(
            &world.prod,
            "insert into t select generate_series(1, 20000)",
        )
        .await;
    let lease = world.lease("mig-1").await;
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    let batches = read_all(cut.as_mut(), &tables[0]).await.unwrap();
    let (one, other) = tokio::join!(
        world.stage(&lease, &tables[0], batches.clone()),
        world.stage(&lease, &tables[0], batches),
    );
    for result in [&one, &other] {
        if let Err(error) = result {
            assert_eq!(error.kind, StoreErrorKind::Transient, "{error:?}");
        }
    }
    assert!(one.is_ok() || other.is_ok());
    let rows = world
        .server
        .scalar(&world.cert, "select count(*) from redistrict_stage.s_1")
        .await;
    assert_eq!(rows, "20000");
}
