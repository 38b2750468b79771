//! Schemas nobody designed for us: hostile names, empty tables without keys, types that are not
//! there yet, polymorphic links. What `init` writes has to parse, what cannot move has to be named.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::{Environment, restore, sample};

/// PROD and CERT with the same schema and rows in PROD only.
async fn environment(schema: &str, rows: &str) -> (Environment, String) {
    let server = TestServer::start();
    let prod = server.create_database().await;
    let cert = server.create_database().await;
    execute(&prod, schema).await.unwrap();
    execute(&cert, schema).await.unwrap();
    execute(&prod, rows).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    (environment, prod)
}

fn init(environment: &Environment, root: &str) {
    let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
    environment.must(&["init", "--store", store, "--root", root]);
}

/// Takes every decision that `init` proposes, as it stands.
fn accept(environment: &Environment) {
    let mut is_inside = false;
    let text = environment.read("redistrict.toml");
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            if line.starts_with("# ---- ") {
                is_inside = line.starts_with("# ---- To decide");
            }
            let decision = line.strip_prefix("# ").filter(|rest| {
                let is_entry = rest.starts_with('[') || rest.starts_with("excluded = ");
                is_inside && is_entry
            });
            decision.unwrap_or(line)
        })
        .collect();
    environment.write("redistrict.toml", &lines.join("\n"));
}

fn add(environment: &Environment, lines: &str) {
    let text = environment.read("redistrict.toml");
    environment.write("redistrict.toml", &format!("{text}\n{lines}\n"));
}

/// `own`, `shared` and `stubs` of a table in the exact plan.
fn counts(plan: &serde_json::Value, table: &str) -> [u64; 3] {
    let tables = plan["tables"].as_array().unwrap();
    let found = tables.iter().find(|entry| entry["table"] == table);
    let entry = found.unwrap_or_else(|| panic!("{table} is not in {tables:?}"));
    ["own", "shared", "stubs"].map(|count| entry[count].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_with_hostile_names_moves_with_the_file_that_init_writes() {
    let schema = r#"
        create table districts(code text primary key, name text);
        create table "We.ird ""T"" é
        x"(id int primary key, "Co.l ""q"", (p)
        nl" text not null references districts, "UPPER" int);
        create table "lon'e""ly
        x"(id int primary key);
        create table empty_without_key(a int, district text not null references districts);
        create table empty_float_key(f float8 primary key, at point, d text not null references districts);
    "#;
    let rows = r#"
        insert into districts values ('O''Brien "x" é', 'A'), ('01', 'B'), (' 1', 'C');
        insert into "We.ird ""T"" é
        x" select row_number() over (), code from districts;
        insert into "lon'e""ly
        x" values (1);
    "#;
    let (environment, prod) = environment(schema, rows).await;
    init(&environment, "db.districts");
    accept(&environment);
    environment.must(&["config", "check"]);
    environment.must(&["enroll", "--name", "c"]);
    for district in ["O'Brien \"x\" é", " 1"] {
        let (done, code) = environment.json(&["migrate", district]);
        assert_eq!((code, &done["extracted"]), (0, &2.into()), "{done:#}");
    }
    for unknown in ["1", "1 ", "O'Brien"] {
        assert_eq!(environment.run(&["plan", unknown]).code, 2, "{unknown}");
    }

    // A table without a key that was empty when it was analyzed.
    let row = "insert into empty_without_key values (1, '01')";
    execute(&prod, row).await.unwrap();
    environment.must(&["migrate", "01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn init_says_once_for_each_table_what_cannot_move_and_what_follows_from_it() {
    let schema = "
        create table districts(id int primary key);
        create table places(id int primary key, a pg_node_tree, b pg_node_tree, district int not null references districts);
        create table visits(id int primary key, place int not null references places, district int not null references districts);
        create table bills(id int primary key, visit int not null references visits, district int not null references districts);
    ";
    let rows = "
        insert into districts values (1);
        insert into places values (1, null, null, 1);
        insert into visits values (1, 1, 1);
        insert into bills values (1, 1, 1);
    ";
    let (environment, _) = environment(schema, rows).await;
    init(&environment, "db.districts");
    let text = environment.read("redistrict.toml");
    for table in ["places", "visits", "bills"] {
        let heading = format!("# [table.\"db.public.{table}\"]");
        assert_eq!(text.matches(&heading).count(), 1, "{text}");
    }
    let undecided = environment.run(&["config", "check"]);
    assert_eq!(undecided.code, 3, "{}", undecided.err);
    assert!(undecided.err.contains("pg_node_tree"), "{}", undecided.err);
    accept(&environment);
    environment.must(&["config", "check"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_key_is_joined_by_commas_and_another_number_of_parts_is_a_usage_error() {
    let schema = "
        create table tenants(a int, b text, name text, primary key (a, b));
        create table schools(id int primary key, a int not null, b text, foreign key (a, b) references tenants);
    ";
    let rows = "
        insert into tenants values (1, 'x', 'n'), (1, 'y', 'n'), (2, 'x', 'n');
        insert into schools values (1, 1, 'x'), (2, 1, 'y'), (3, 1, null), (4, 2, 'x');
    ";
    let (environment, _) = environment(schema, rows).await;
    init(&environment, "db.tenants");
    let (plan, code) = environment.json(&["plan", "1,x", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    assert_eq!(counts(&plan, "db.public.schools"), [1, 0, 0]);
    for wrong in ["1", "1,x,z"] {
        let ended = environment.run(&["plan", wrong]);
        assert_eq!(ended.code, 2, "{}", ended.err);
        assert!(ended.err.contains("2 columns"), "{}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_polymorphic_link_moves_once_its_kind_is_kept_and_says_so_before() {
    let schema = "
        create table districts(id int primary key);
        create table schools(id int primary key, district int not null references districts);
        create table staff(id int primary key, school int not null references schools);
        create table notes(id int primary key, kind text not null, about int not null);
    ";
    let rows = "
        insert into districts values (1), (2);
        insert into schools values (1, 1), (2, 2);
        insert into staff select g, 1 + g % 2 from generate_series(1, 6) g;
        insert into notes select g, 'staff', g from generate_series(1, 6) g;
        insert into notes values (11, 'school', 1), (12, 'school', 2), (13, 'ghost', 1), (14, 'staff', 99);
    ";
    let (environment, _) = environment(schema, rows).await;
    init(&environment, "db.districts");
    for (kind, parent) in [("staff", "staff"), ("school", "schools")] {
        let link = format!(
            "[[link]]\nfrom = \"db.notes(about)\"\nto = \"db.{parent}(id)\"\nowns = true\n\
             when = {{ kind = [\"{kind}\"] }}"
        );
        add(&environment, &link);
    }
    environment.must(&["enroll", "--name", "c"]);
    let (stopped, code) = environment.json(&["plan", "2"]);
    assert_eq!(code, 3, "{stopped:#}");
    let lines: Vec<&str> = stopped["hints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|hint| hint.as_str())
        .collect();
    add(&environment, &lines.join("\n"));
    let (plan, code) = environment.json(&["plan", "2", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    assert_eq!(counts(&plan, "db.public.notes"), [4, 0, 0]);
    let (done, code) = environment.json(&["migrate", "2"]);
    assert_eq!((code, &done["extracted"]), (0, &9.into()), "{done:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sales_representative_of_chinook_brings_what_the_design_says() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let dump = sample("chinook.sql.gz");
    restore(&dump, &prod);
    restore(&dump, &cert);
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    init(&environment, "db.employee");
    let (stopped, code) = environment.json(&["plan", "3", "--exact"]);
    assert_eq!(code, 3, "{stopped:#}");
    add(
        &environment,
        "[table.\"db.employee\"]\nboundary = { \"(reports_to)\" = \"stub\" }",
    );
    let (plan, code) = environment.json(&["plan", "3", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    assert_eq!(counts(&plan, "db.public.employee"), [1, 0, 1]);
    let tables = plan["tables"].as_array().unwrap();
    let rows: u64 = tables
        .iter()
        .flat_map(|table| counts(&plan, table["table"].as_str().unwrap()))
        .sum();
    assert_eq!(rows, 4_047);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_row_that_refers_to_another_one_comes_with_a_stub_of_it_through_all_five_phases() {
    let schema =
        "create table offices(id int primary key, above int references offices, code int not null);
         create table rooms(id int primary key, office int not null references offices);";
    let rows = "insert into offices values (1, null, 10), (2, 1, 20), (3, 1, 30);
         insert into rooms values (1, 1), (2, 2), (3, 3);";
    let (environment, _) = environment(schema, rows).await;
    init(&environment, "db.offices");
    add(
        &environment,
        "[table.'db.offices']\nboundary = { \"(above)\" = \"stub\" }",
    );
    environment.must(&["enroll", "--name", "test"]);
    let (run, code) = environment.json(&["migrate", "2"]);
    assert_eq!((code, &run["status"]), (0, &"SUCCESS".into()), "{run:#}");
    let tables = run["tables"].as_array().unwrap();
    let offices = tables
        .iter()
        .find(|entry| entry["table"] == "db.public.offices")
        .unwrap();
    assert_eq!(
        (&offices["own"], &offices["stubs"]),
        (&1.into(), &1.into()),
        "{offices:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_compares_without_case_is_refused_by_name_and_loses_no_row() {
    let schema = "create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         create table districts(code text collate nocase primary key);
         create table schools(id int primary key, district text collate nocase not null references districts);";
    let rows = "insert into districts values ('ABC'); insert into schools values (1, 'abc');";
    let (environment, _) = environment(schema, rows).await;
    environment.write(
        "redistrict.toml",
        "[tenant]\nroot = \"db.districts\"\nkey = \"code\"\n[store.db]\nkind = \"postgres\"\n\
         source = { env = \"DB_PROD_URL\" }\ntarget = { env = \"DB_CERT_URL\" }\n",
    );
    environment.must(&["enroll", "--name", "test"]);
    let ended = environment.run(&["migrate", "ABC"]);
    assert_eq!(ended.code, 3, "{}\n{}", ended.out, ended.err);
    assert!(ended.err.contains("code"), "{}", ended.err);
}
