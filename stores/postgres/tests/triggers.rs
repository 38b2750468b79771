//! Triggers that are switched off for what a merge writes: nothing of the application fires, and foreign keys hold all
//! the same, also while others write.

use redistrict_model::{Key, Table};
use redistrict_postgres::PostgresTarget;
use redistrict_store::{Action, Merge, StoreErrorKind, TargetStore as _};
use redistrict_testkit::postgres::{RoleKind, execute};

use crate::support::{World, commit};

const SCHOOL: &str = "create table campus (id int4 primary key, code text unique);
    create table section (id int4 primary key, campus_id int4 references campus,
                          code text references campus (code), v text);
    create table audit (what text);
    insert into campus values (1, 'a'), (2, 'b');";

/// In CERT: whatever is done to a section is written down, and its text is changed.
const TRIGGERS: &str = "create function note() returns trigger language plpgsql as
      'begin insert into audit values (tg_op); if tg_op = ''DELETE'' then return old; end if;
       new.v = ''stamped''; return new; end';
    create trigger note before insert or update or delete on section for each row execute function note();";

struct School {
    world: World,
    section: Table,
    campus: Table,
}

impl School {
    /// PROD has these rows besides.
    async fn new(prod: &str) -> Self {
        let world = World::new().await;
        world.both(SCHOOL).await;
        world.server.psql(&world.cert, TRIGGERS).await;
        world.server.psql(&world.prod, prod).await;
        let tables = world.catalog().await.tables;
        let table = |name: &str| {
            let found = tables.iter().find(|one| one.name.table == name);
            found.unwrap().clone()
        };
        Self {
            section: table("section"),
            campus: table("campus"),
            world,
        }
    }

    async fn dump(&self, table: &str) -> Vec<String> {
        self.world.dump(&self.world.cert, table).await
    }

    async fn cert(&self, sql: &str) {
        self.world.server.psql(&self.world.cert, sql).await;
    }
}

async fn silent(world: &World, tables: &[Table]) -> (Box<dyn Merge>, redistrict_store::Lease) {
    let lease = world.lease("mig-1").await;
    world.target.clear_staging(&lease).await.unwrap();
    world.stage_all(&lease, tables).await;
    let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
    let names: Vec<_> = tables.iter().map(|table| table.name.clone()).collect();
    merge.silence(&names).await.unwrap();
    (merge, lease)
}

#[tokio::test]
async fn what_is_switched_off_fires_for_no_row_of_ours_and_for_every_row_of_others() {
    let prod = "insert into section values (10, 1, 'b', 'new'), (11, null, null, 'two'), (12, 2, null, 'updated')";
    let school = School::new(prod).await;
    let (world, section) = (&school.world, school.section.name.clone());
    school
        .cert("insert into section values (12, 1, 'a', 'x'); truncate audit")
        .await;
    let tables = [school.section.clone()];
    let (mut merge, lease) = silent(world, &tables).await;
    let there = [Key::of("12")];
    merge.mark(&section, &there, Action::Update).await.unwrap();
    assert_eq!(merge.lock_staged(&section).await.unwrap(), there);
    merge.apply(std::slice::from_ref(&section)).await.unwrap();
    merge.check_constraints().await.unwrap();
    let changed = merge.changed_tables().await.unwrap();
    assert_eq!(changed, [(section.clone(), 3)]);
    let deleted = vec![(section.clone(), vec![Key::of("11")])];
    assert_eq!(merge.delete(&deleted).await.unwrap(), 1);
    commit(merge, &lease).await.unwrap();
    assert_eq!(
        school.dump("section").await,
        ["(10,1,b,new)", "(12,2,,updated)"]
    );
    assert_eq!(school.dump("audit").await, [""; 0]);

    execute(&world.cert, "insert into section values (13, 1, 'a', 'x')")
        .await
        .unwrap();
    assert_eq!(school.dump("audit").await, ["(INSERT)"]);
    execute(&world.cert, "insert into section values (14, 9, 'a', 'x')")
        .await
        .expect_err("the server checks foreign keys as before");
}

#[tokio::test]
async fn a_row_without_partner_is_refused_with_the_key_and_nothing_ends_unchecked() {
    for (rows, key) in [
        ("(10, 9, 'a', 'x')", "section_campus_id_fkey"),
        ("(10, 1, 'nowhere', 'x')", "section_code_fkey"),
    ] {
        let prod = format!(
            "alter table section drop constraint section_campus_id_fkey, drop constraint section_code_fkey;
             insert into section values {rows}"
        );
        let school = School::new(&prod).await;
        let tables = [school.section.clone()];
        let names = [school.section.name.clone()];
        let (mut merge, lease) = silent(&school.world, &tables).await;
        merge.apply(&names).await.unwrap();
        let refused = merge.check_constraints().await.unwrap_err();
        assert_eq!(refused.kind, StoreErrorKind::Constraint);
        assert_eq!(refused.code.as_deref(), Some(key));
        assert!(refused.to_string().contains("public.campus"), "{refused}");
        drop(merge);

        let (mut merge, again) = silent(&school.world, &tables).await;
        assert!(again.epoch > lease.epoch);
        merge.apply(&names).await.unwrap();
        let unchecked = commit(merge, &again).await.unwrap_err();
        assert_eq!(unchecked.kind, StoreErrorKind::Bug);
        assert_eq!(school.dump("section").await, [""; 0]);
    }
}

#[tokio::test]
async fn parents_stay_until_the_end_although_no_trigger_locks_them() {
    let school = School::new("insert into section values (10, 1, 'b', 'new')").await;
    let world = &school.world;
    let names = [school.section.name.clone()];
    let (mut merge, lease) = silent(world, std::slice::from_ref(&school.section)).await;
    merge.apply(&names).await.unwrap();
    merge.check_constraints().await.unwrap();
    for id in [1, 2] {
        let sql = format!("set lock_timeout = '100ms'; delete from campus where id = {id}");
        execute(&world.cert, &sql)
            .await
            .expect_err("it is referred to");
    }
    commit(merge, &lease).await.unwrap();
    assert_eq!(school.dump("section").await, ["(10,1,b,new)"]);
}

/// With its triggers off, the server neither follows nor refuses.
#[tokio::test]
async fn a_key_that_rows_refer_to_is_not_changed_under_them() {
    let school = School::new("update campus set code = 'c' where id = 1").await;
    school
        .cert("insert into section values (10, 1, 'a', 'x')")
        .await;
    let campus = school.campus.name.clone();
    let (mut merge, _lease) = silent(&school.world, std::slice::from_ref(&school.campus)).await;
    let there = merge.lock_staged(&campus).await.unwrap();
    merge.mark(&campus, &there, Action::Update).await.unwrap();
    let refused = merge.apply(&[campus]).await.unwrap_err();
    assert_eq!(refused.kind, StoreErrorKind::Constraint);
    assert_eq!(refused.code.as_deref(), Some("section_code_fkey"));
}

async fn reasons(target: &PostgresTarget, table: &Table) -> Vec<String> {
    let found = target.fires_anyway(std::slice::from_ref(&table.name));
    let found = found.await.unwrap().into_iter();
    found.map(|one| one.why).collect()
}

#[tokio::test]
async fn what_cannot_be_switched_off_or_would_go_unchecked_is_told_and_not_switched_off() {
    let school = School::new("").await;
    let (world, section) = (&school.world, &school.section);
    assert_eq!(reasons(&world.target, section).await, [""; 0]);
    for (sql, undo, expected) in [
        (
            "alter table section enable always trigger note",
            "alter table section enable trigger note",
            "trigger note is enabled to fire always",
        ),
        (
            "alter table section add constraint once unique (v) deferrable",
            "alter table section drop constraint once",
            "once is deferrable",
        ),
        (
            "create rule mute as on insert to section do instead nothing; alter table section enable replica rule mute",
            "drop rule mute on section",
            "rule mute is enabled for replicas",
        ),
    ] {
        school.cert(sql).await;
        let found = reasons(&world.target, section).await;
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        let lease = world.lease("mig-1").await;
        let tables = std::slice::from_ref(section);
        let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
        let refused = merge.silence(std::slice::from_ref(&section.name)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, StoreErrorKind::Config, "{refused}");
        drop(merge);
        school.cert(undo).await;
    }
}

#[tokio::test]
async fn a_role_needs_the_right_to_switch_triggers_off_and_to_lock_what_is_referred_to() {
    let school = School::new("").await;
    let world = &school.world;
    let url = world.server.create_role(&world.cert, RoleKind::Plain).await;
    let name = url.split("://").nth(1).unwrap().split(':').next().unwrap();
    school
        .cert(&format!("grant all on section to {name}"))
        .await;
    let target = PostgresTarget::new(world.store.clone(), url.clone(), Vec::new());
    let found = target.fires_anyway(std::slice::from_ref(&school.section.name));
    let found = found.await.unwrap();
    assert!(
        found[0]
            .why
            .contains("may not set session_replication_role")
    );
    let grant = found[0].lines[0].split(';').next().unwrap().to_owned();
    school.cert(&grant).await;
    let found = reasons(&target, &school.section).await;
    assert!(
        found.len() == 1 && found[0].contains("lock rows of public.campus"),
        "{found:?}"
    );
    school
        .cert(&format!("grant select, update on campus to {name}"))
        .await;
    assert_eq!(reasons(&target, &school.section).await, [""; 0]);
}

#[tokio::test]
async fn what_triggers_write_elsewhere_is_counted_by_table() {
    let school =
        School::new("insert into section values (10, 1, 'b', 'new'), (11, null, null, 'two')")
            .await;
    let world = &school.world;
    let lease = world.lease("mig-1").await;
    let tables = [school.section.clone()];
    world.stage_all(&lease, &tables).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    assert_eq!(merge.changed_tables().await.unwrap(), []);
    let names = std::slice::from_ref(&school.section.name);
    merge.apply(names).await.unwrap();
    let changed = merge.changed_tables().await.unwrap();
    let expected = [(world.table("audit"), 2), (world.table("section"), 2)];
    assert_eq!(changed, expected);
}
