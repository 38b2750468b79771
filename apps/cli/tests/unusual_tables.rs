//! Tables that are unusual, and a CERT that demands what PROD does not: what moves, moves whole; what does
//! not is told by name, with what to do.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::{Ended, Environment, count, rows};

const DISTRICTS: &str = "create table districts (id int primary key);
     create table schools (id int primary key, district int not null references districts);";
const ROWS: &str = "insert into districts values (1), (2);
     insert into schools select g, 1 + g % 2 from generate_series(1, 10) as g;";

struct Databases {
    environment: Environment,
    prod: String,
    cert: String,
}

/// PROD and CERT with the same tables, rows in PROD only, and a configuration with these lines.
async fn databases(tables: &str, rows: &str, lines: &str) -> Databases {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    for url in [&prod, &cert] {
        execute(url, &format!("{DISTRICTS}{tables}")).await.unwrap();
    }
    execute(&prod, &format!("{ROWS}{rows}")).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let text = format!(
        "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
         source = {{ env = \"DB_PROD_URL\" }}\ntarget = {{ env = \"DB_CERT_URL\" }}\n{lines}\n"
    );
    environment.write("redistrict.toml", &text);
    environment.must(&["enroll", "--name", "test"]);
    Databases {
        environment,
        prod,
        cert,
    }
}

fn assert_refused(ended: &Ended, code: i32, named: &[&str]) {
    assert_eq!(ended.code, code, "{}\n{}", ended.out, ended.err);
    for name in named {
        assert!(ended.err.contains(name), "{name}: {}", ended.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_no_staging_row_could_hold_moves_is_left_and_goes_again() {
    let uuids: Vec<String> = (0..480).map(|n| format!("u{n} uuid")).collect();
    let values = vec!["gen_random_uuid()"; 480].join(", ");
    let tables = format!(
        "create table wide (id int primary key, district int not null references districts, {});",
        uuids.join(", ")
    );
    let fill =
        format!("insert into wide select g, 1 + g % 2, {values} from generate_series(1, 6) as g;");
    let Databases {
        environment,
        prod,
        cert,
    } = databases(&tables, &fill, "").await;
    let before = rows(&cert).await;
    let (first, code) = environment.json(&["migrate", "1"]);
    assert_eq!((code, &first["loaded"]), (0, &9.into()), "{first:#}");
    let sent = rows(&prod).await["wide"].clone();
    let arrived = rows(&cert).await["wide"].clone();
    let keys = |rows: &[String]| -> Vec<String> {
        let keys = rows.iter().filter_map(|row| row.split(',').next());
        keys.map(str::to_owned).collect()
    };
    assert_eq!(arrived.len(), 3);
    assert!(keys(&arrived).iter().all(|key| keys(&sent).contains(key)));
    let (again, code) = environment.json(&["migrate", "1"]);
    assert_eq!((code, &again["loaded"]), (0, &0.into()), "{again:#}");
    for run in [&again["run"], &first["run"]] {
        environment.must(&["rollback", run.as_str().unwrap()]);
    }
    assert_eq!(rows(&cert).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_columns_stops_only_where_it_has_rows_and_nobody_left_it_out() {
    let tables = "create table z (); create table dropped (x int); alter table dropped drop x;";
    let plain = databases(tables, "", "").await;
    plain.environment.must(&["migrate", "1"]);

    let row = "insert into z default values; insert into dropped default values";
    execute(&plain.prod, row).await.unwrap();
    let stopped = plain.environment.run(&["plan", "2"]);
    let named = ["db.public.z", "db.public.dropped", "excluded ="];
    assert_refused(&stopped, 3, &named);

    let lines = "[table.\"db.z\"]\nexcluded = \"nothing in it\"\n[table.\"db.dropped\"]\nexcluded = \"nothing in it\"";
    let without = databases(tables, row, lines).await;
    without.environment.must(&["migrate", "1"]);
    assert_eq!(
        count(&without.cert, "select count(*) from schools").await,
        5
    );
}

/// A CERT that differs by these statements: how the command ends, what it names, and that nothing is written.
async fn assert_told(only_in_cert: &str, command: &str, code: i32, named: [&str; 3]) {
    let databases = databases("", "", "").await;
    execute(&databases.cert, only_in_cert).await.unwrap();
    let ended = databases.environment.run(&[command, "1"]);
    assert_refused(&ended, code, &named);
    assert!(!ended.err.contains("defect"), "{}", ended.err);
    let written = count(&databases.cert, "select count(*) from schools").await;
    assert_eq!(written, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cert_demands_and_prod_does_not_is_named_in_the_plan() {
    for (only_in_cert, code, named) in [
        (
            "create rule quiet as on insert to schools do instead nothing",
            3,
            ["db.public.schools", "rule quiet", "disable rule \"quiet\""],
        ),
        (
            "alter table schools add must int not null",
            3,
            [
                "db.public.schools",
                "must",
                "give the columns a default in CERT",
            ],
        ),
        (
            "alter table schools add constraint odd check (id::text ~ '^[0-9]+$')",
            3,
            [
                "CHECK odd of CERT, which PROD lacks",
                "operator",
                "[table.\"db.public.schools\"]",
            ],
        ),
        (
            "alter table schools add only_here int default 1 constraint more check (only_here > 0)",
            3,
            [
                "CHECK more of CERT, which PROD lacks",
                "only_here does not move",
                "drop more in CERT",
            ],
        ),
        (
            "create unique index only_here on schools (district)",
            0,
            [
                "db.public.schools",
                "CERT has constraints that PROD lacks",
                "unique key only_here",
            ],
        ),
    ] {
        assert_told(only_in_cert, "plan", code, named).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cert_refuses_in_the_end_is_named_with_what_to_do() {
    for (only_in_cert, named) in [
        (
            "create function f() returns trigger language plpgsql as 'begin return null; end';
             create trigger swallow before insert on schools for each row execute function f();
             alter table schools enable always trigger swallow",
            [
                "db.public.schools",
                "its triggers: swallow",
                "disable it there",
            ],
        ),
        (
            "create unique index expr_key on schools ((id % 1))",
            [
                "db.public.schools",
                "23505 expr_key",
                "unique key expr_key in CERT",
            ],
        ),
    ] {
        assert_told(only_in_cert, "migrate", 7, named).await;
    }
}
