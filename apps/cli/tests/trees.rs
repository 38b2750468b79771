//! `tree`: agencies that stand above each other. The district brings those below it, nobody's from above, and
//! nothing of its neighbours; without the line they are another district's. `copy = "whole"`: every row of a list,
//! and never of a table of persons unless somebody says why.

use redistrict_testkit::postgres::{TestServer, execute};
use serde_json::Value;

use crate::environment::Environment;

/// 10 stands above 1 and 3, 1 above 11 and 12, 11 above 13. A unit has units below it, too, and names its
/// agency only at the top.
const TABLES: &str = "create table agencies (id int primary key, above int references agencies);
    create table schools (id int primary key, agency int not null references agencies);
    create table units (id int primary key, agency int references agencies, above int references units);
    create table posts (id int primary key, unit int not null references units);
    create table zones (id int primary key, label text not null);
    create table states (id int primary key, label text not null, zone int references zones);
    create table people (id int primary key, first_name text, last_name text);";
const ROWS: &str =
    "insert into agencies values (10, null), (1, 10), (3, 10), (11, 1), (12, 1), (13, 11), (31, 3);
    insert into schools values (100, 1), (111, 11), (113, 13), (103, 3), (131, 31), (110, 10);
    insert into units values (1, 12, null), (2, null, 1), (3, null, 2), (4, 31, null), (5, null, 4);
    insert into posts values (1, 3), (2, 2), (3, 5);
    insert into zones values (1, 'north'), (2, 'south'), (3, 'nowhere');
    insert into states values (1, 'one', 1), (2, 'two', 2), (3, 'three', null);
    insert into people values (1, 'Ann', 'Smith'), (2, 'Ben', 'Jones');";
const LEFT_OUT: &str = "[table.\"db.states\"]\nexcluded = \"a test\"\n\
    [table.\"db.zones\"]\nexcluded = \"a test\"\n[table.\"db.people\"]\nexcluded = \"a test\"\n";
const TREES: &str = "[table.\"db.agencies\"]\ntree = \"(above)\"\n\
    boundary = { \"(above)\" = \"stub\" }\n\
    [table.\"db.units\"]\ntree = \"(above)\"\n";

struct World {
    environment: Environment,
    kind: &'static str,
}

impl World {
    async fn postgres() -> Self {
        let server = TestServer::start();
        let mut environment = Environment::new();
        for (side, rows) in [("PROD", ROWS), ("CERT", "")] {
            let url = server.create_database().await;
            execute(&url, &format!("{TABLES}{rows}")).await.unwrap();
            environment.set(&format!("DB_{side}_URL"), &url);
        }
        Self {
            environment,
            kind: "postgres",
        }
    }

    fn sqlite() -> Self {
        let mut environment = Environment::new();
        for (side, rows) in [("PROD", ROWS), ("CERT", "")] {
            let path = environment.path(&format!("{side}.sqlite"));
            let database = rusqlite::Connection::open(&path).unwrap();
            database.execute_batch(&format!("{TABLES}{rows}")).unwrap();
            let url = format!("sqlite:{}", path.display());
            environment.set(&format!("DB_{side}_URL"), &url);
        }
        Self {
            environment,
            kind: "sqlite",
        }
    }

    fn configure(&self, lines: &str) {
        let text = format!(
            "[tenant]\nroot = \"db.agencies\"\nkey = \"id\"\n[store.db]\nkind = \"{}\"\n\
             source = {{ env = \"DB_PROD_URL\" }}\ntarget = {{ env = \"DB_CERT_URL\" }}\n{lines}",
            self.kind
        );
        self.environment.write("redistrict.toml", &text);
    }

    /// Full rows and stubs of each table that a plan of district 1 foretells.
    fn planned(&self) -> Vec<(String, u64, u64)> {
        let (plan, code) = self.environment.json(&["plan", "1", "--exact"]);
        assert_eq!(code, 0, "{plan:#}");
        counts(&plan)
    }
}

fn counts(value: &Value) -> Vec<(String, u64, u64)> {
    let tables = value["tables"].as_array().unwrap().iter();
    let count = |table: &Value| {
        let number = |name: &str| table[name].as_u64().unwrap();
        let name = table["table"].as_str().unwrap();
        let name = name.rsplit('.').next().unwrap().to_owned();
        (name, number("own") + number("shared"), number("stubs"))
    };
    let mut counts: Vec<_> = tables.map(count).collect();
    counts.sort();
    counts
}

fn expected(rows: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    let rows = rows.iter();
    rows.map(|(table, full, stubs)| ((*table).to_owned(), *full, *stubs))
        .collect()
}

/// What of CERT a migration has to leave behind, and the chain that `why` prints.
fn moves_with_what_is_below(world: &World) {
    world.configure(&format!("{TREES}{LEFT_OUT}"));
    world.environment.must(&["config", "check"]);
    world.environment.must(&["enroll", "--name", "test"]);
    let with_trees = [
        ("agencies", 4, 1),
        ("posts", 2, 0),
        ("schools", 3, 0),
        ("units", 3, 0),
    ];
    assert_eq!(world.planned(), expected(&with_trees));
    let (report, code) = world.environment.json(&["migrate", "1"]);
    assert_eq!(
        (code, &report["status"]),
        (0, &"SUCCESS".into()),
        "{report:#}"
    );
    assert_eq!(counts(&report), expected(&with_trees));
    let (again, code) = world.environment.json(&["migrate", "1"]);
    assert_eq!((code, &again["loaded"]), (0, &0.into()), "{again:#}");
    let why = world
        .environment
        .must(&["why", "db.schools", "113", "--district", "1"]);
    for agency in ["11", "13"] {
        assert!(why.out.contains(agency), "{}", why.out);
    }

    // Without the line those below are other districts, and what they say of this one is asked for.
    world.configure(&format!(
        "[table.\"db.agencies\"]\nboundary = {{ \"(above)\" = \"stub\" }}\n\
         [table.\"db.units\"]\nowner = [\"(agency)\"]\n{LEFT_OUT}"
    ));
    let without = [
        ("agencies", 1, 1),
        ("posts", 0, 0),
        ("schools", 1, 0),
        ("units", 0, 0),
    ];
    assert_eq!(world.planned(), expected(&without));
}

/// Every state comes though nothing refers to it, with the zones that states name and no other.
fn moves_whole(world: &World) {
    let trees = format!("{TREES}[table.\"db.states\"]\ncopy = \"whole\"\n");
    world.configure(&format!("{trees}[table.\"db.people\"]\ncopy = \"whole\"\n"));
    world.environment.must(&["enroll", "--name", "test"]);
    let asked = world.environment.run(&["plan", "1"]);
    assert_eq!(asked.code, 3, "{}{}", asked.out, asked.err);
    assert!(asked.err.contains("confirmed = "), "{}", asked.err);

    world.configure(&format!(
        "{trees}[table.\"db.people\"]\ncopy = \"whole\"\nconfirmed = \"made up for a test\"\n"
    ));
    let tables = [
        ("agencies", 4, 1),
        ("people", 2, 0),
        ("posts", 2, 0),
        ("schools", 3, 0),
        ("states", 3, 0),
        ("units", 3, 0),
        ("zones", 2, 0),
    ];
    assert_eq!(world.planned(), expected(&tables));
    let (report, code) = world.environment.json(&["migrate", "1"]);
    assert_eq!(
        (code, &report["status"]),
        (0, &"SUCCESS".into()),
        "{report:#}"
    );
    assert_eq!(counts(&report), expected(&tables));
    let why = world
        .environment
        .must(&["why", "db.states", "3", "--district", "1"]);
    assert!(why.out.contains("copied whole"), "{}", why.out);

    world.configure(&format!(
        "{TREES}{LEFT_OUT}[table.\"db.schools\"]\ncopy = \"whole\"\n"
    ));
    let refused = world.environment.run(&["plan", "1"]);
    assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("is owned"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_copied_whole_comes_with_every_row_on_postgres() {
    let world = World::postgres().await;
    moves_whole(&world);
}

#[test]
fn a_table_that_is_copied_whole_comes_with_every_row_on_sqlite() {
    moves_whole(&World::sqlite());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_brings_the_districts_below_on_postgres() {
    let world = World::postgres().await;
    moves_with_what_is_below(&world);
}

#[test]
fn a_tree_brings_the_districts_below_on_sqlite() {
    moves_with_what_is_below(&World::sqlite());
}

#[test]
fn a_tree_is_a_reference_from_a_table_to_itself() {
    let world = World::sqlite();
    for (line, said) in [
        (
            "[table.\"db.schools\"]\ntree = \"(agency)\"\n",
            "it has none",
        ),
        (
            "[table.\"db.units\"]\ntree = \"(agency)\"\n",
            "it has (above)",
        ),
        ("[table.\"db.units\"]\ntree = \"(beyond)\"\n", "(beyond)"),
    ] {
        world.configure(line);
        let ended = world.environment.run(&["config", "check"]);
        assert_eq!(ended.code, 3, "{line}: {}", ended.err);
        assert!(ended.err.contains(said), "{line}: {}", ended.err);
    }
}

/// Of the units three name no agency, and stand below one that does.
#[test]
fn init_and_plan_propose_the_tree_of_rows_that_nobody_owns() {
    let world = World::sqlite();
    world.environment.must(&["init", "--root", "db.agencies"]);
    let written = world.environment.read("redistrict.toml");
    let lines = "# [table.\"db.main.units\"]\n# tree = \"(above)\"\n";
    assert!(written.contains(lines), "{written}");
    assert!(
        written.contains("in 3 of 5 rows it is empty") && written.contains("3 of them refer"),
        "{written}"
    );
    world.configure(LEFT_OUT);
    let (plan, code) = world.environment.json(&["plan", "1"]);
    assert_eq!(code, 0, "{plan:#}");
    let proposed = |plan: &Value| {
        let findings = plan["findings"].as_array().unwrap().iter();
        let mut found = findings.filter(|one| one["code"] == "unowned-rows");
        found.any(|one| one["lines"].to_string().contains("tree = "))
    };
    assert!(proposed(&plan), "{plan:#}");
    world.configure(&format!("{TREES}{LEFT_OUT}"));
    let (plan, _) = world.environment.json(&["plan", "1"]);
    assert!(!proposed(&plan), "{plan:#}");
}
