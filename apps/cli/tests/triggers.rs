//! Triggers of CERT that write elsewhere: switched off by default, so that nothing but the district's rows comes and goes;
//! with `triggers = "fire"` they fire, and the plan says what that costs.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::{Environment, rows};

const TABLES: &str = "create table districts (id int primary key, touched text);
    create table schools (id int primary key, district int not null references districts, name text);";
const ROWS: &str = "insert into districts values (1), (2);
    insert into schools select g, 1 + g % 2, 'S' from generate_series(1, 10) as g;";
/// What CERT alone has: a log of every change, and a tree that is kept up for the application.
const TRIGGERS: &str = "create table change_log (what text);
    create table school_tree (school int primary key);
    create function note() returns trigger language plpgsql as $$ begin
      insert into change_log values (tg_op || ' ' || tg_table_name); return null; end $$;
    create function grow() returns trigger language plpgsql as $$ begin
      insert into school_tree values (new.id); return null; end $$;
    create trigger note after insert or update or delete on schools for each row execute function note();
    create trigger grow after insert on schools for each row execute function grow();
    insert into districts values (1, 'theirs'); insert into schools values (2, 1, 'old'), (99, 1, 'theirs');";

async fn place(lines: &str) -> (Environment, String) {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    for url in [&prod, &cert] {
        execute(url, TABLES).await.unwrap();
    }
    execute(&prod, ROWS).await.unwrap();
    execute(&cert, TRIGGERS).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let text = format!(
        "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
         source = {{ env = \"DB_PROD_URL\" }}\ntarget = {{ env = \"DB_CERT_URL\" }}\n{lines}\n"
    );
    environment.write("redistrict.toml", &text);
    environment.must(&["enroll", "--name", "test"]);
    (environment, cert)
}

fn run_of(environment: &Environment) -> String {
    let done = environment.must(&["migrate", "1", "--output", "json"]);
    let done: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    done["run"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_triggers_write_elsewhere_does_not_come_and_every_table_is_as_before_after_the_undo() {
    let (environment, cert) = place("").await;
    let before = rows(&cert).await;
    let plan = environment.must(&["plan", "1"]);
    let said = format!("{}{}", plan.out, plan.err);
    for part in [
        "CERT's triggers do not fire",
        "they write db.public.change_log, db.public.school_tree",
        "grow, note",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for _ in 0..2 {
        let run = run_of(&environment);
        let loaded = rows(&cert).await;
        assert_eq!(loaded["schools"].len(), 6);
        assert_ne!(loaded["schools"], before["schools"]);
        for table in ["change_log", "school_tree"] {
            assert_eq!(loaded[table], before[table], "{table}");
        }
        environment.must(&["rollback", &run]);
        assert_eq!(rows(&cert).await, before);
    }
    execute(&cert, "insert into schools values (100, 1, 'theirs')")
        .await
        .unwrap();
    assert_eq!(
        rows(&cert).await["change_log"].len(),
        before["change_log"].len() + 1,
        "they fire for others"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_are_to_fire_do_and_the_plan_says_before_what_an_undo_leaves() {
    let (environment, cert) = place("[table.\"db.schools\"]\ntriggers = \"fire\"").await;
    let before = rows(&cert).await;
    let plan = environment.must(&["plan", "1"]);
    let said = format!("{}{}", plan.out, plan.err);
    for part in [
        "CERT's triggers fire",
        "(db.public.change_log, db.public.school_tree, by their text)",
        "is not taken back by an undo",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let run = run_of(&environment);
    assert_eq!(
        rows(&cert).await["school_tree"].len(),
        before["school_tree"].len() + 4
    );
    let report = environment.read(&format!("data/reports/{run}.md"));
    for part in [
        "db.public.change_log",
        "db.public.school_tree",
        "no undo takes that back",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    environment.must(&["rollback", &run]);
    let after = rows(&cert).await;
    assert_eq!(after["schools"], before["schools"]);
    assert_ne!(after["change_log"], before["change_log"], "as was said");
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_that_cannot_be_switched_off_stop_the_plan_that_wants_it() {
    let (environment, cert) = place("[table.\"db.schools\"]\ntriggers = \"off\"").await;
    let always = "alter table schools enable always trigger note";
    execute(&cert, always).await.unwrap();
    let refused = environment.run(&["plan", "1"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    for part in [
        "its triggers cannot be switched off because trigger note is enabled to fire always",
        "triggers = \"fire\"",
    ] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
}
