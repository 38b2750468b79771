//! Faults around CERT: two at once, signals, rights, triggers, a lost journal, a restored CERT.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};

use redistrict_testkit::postgres::{TestServer, execute, query};

use crate::environment::{Environment, count, rows};

const PLANTED: &str = "Plantagenet-Quux";

const IDS: &str = "
    create table districts (id int primary key, name text not null);
    create table students (id serial primary key, district_id int not null references districts,
        first_name text, email text unique);";
const HCP: &str = "create table learners (id int primary key, student_id int not null, nick text);";

const CONFIG: &str = r#"
[tenant]
root = "ids.districts"
key = "id"
[store.ids]
kind = "postgres"
source = { env = "IDS_PROD" }
target = { env = "IDS_CERT" }
[store.hcp]
kind = "postgres"
source = { env = "HCP_PROD" }
target = { env = "HCP_CERT" }
[[link]]
from = "hcp.learners(student_id)"
to = "ids.students(id)"
owns = true
"#;

/// Two stores, two districts; both CERT databases are enrolled and empty.
struct Place {
    environment: Environment,
    urls: Vec<(&'static str, String)>,
    ids: String,
    hcp: String,
}

const NAMES: [&str; 4] = ["IDS_PROD", "IDS_CERT", "HCP_PROD", "HCP_CERT"];

impl Place {
    async fn new() -> Self {
        let server = TestServer::start();
        let mut environment = Environment::new();
        let mut urls = Vec::new();
        for (name, schema) in NAMES.into_iter().zip([IDS, IDS, HCP, HCP]) {
            let url = server.create_database().await;
            execute(&url, schema).await.unwrap();
            environment.set(name, &url);
            urls.push(url);
        }
        let rows = format!(
            "insert into districts select g, 'District ' || g from generate_series(1, 2) g;
             insert into students select d * 100 + n, d, '{PLANTED}' || n, 'p' || d || n || '@prod.test'
             from generate_series(1, 2) d, generate_series(1, 20) n;"
        );
        execute(&urls[0], &rows).await.unwrap();
        let rows = format!(
            "insert into learners select d * 100 + n, d * 100 + n, '{PLANTED}' || n
             from generate_series(1, 2) d, generate_series(1, 20) n;"
        );
        execute(&urls[2], &rows).await.unwrap();
        environment.write("redistrict.toml", CONFIG);
        environment.must(&["enroll", "--name", "faults"]);
        // The masking key is made on first use.
        environment.must(&["migrate", "1", "--skip-load"]);
        Self {
            environment,
            urls: NAMES.into_iter().zip(urls.clone()).collect(),
            ids: urls[1].clone(),
            hcp: urls[3].clone(),
        }
    }

    /// The same configuration and masking key, and nothing of the journal.
    fn other_machine(&self) -> Environment {
        let mut other = Environment::new();
        for (name, url) in &self.urls {
            other.set(name, url);
        }
        other.write("redistrict.toml", CONFIG);
        let key = |environment: &Environment| environment.path(".redistrict/key");
        std::fs::create_dir(other.path(".redistrict")).unwrap();
        std::fs::copy(key(&self.environment), key(&other)).unwrap();
        other
    }

    async fn cert(&self) -> Vec<std::collections::BTreeMap<String, Vec<String>>> {
        vec![rows(&self.ids).await, rows(&self.hcp).await]
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command: Command = self.environment.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Starts a migration and waits until it stands before a row that another session has locked.
    async fn stuck_in_loading(&self) -> Child {
        let child = self.spawn(&["migrate", "2"]);
        wait_for(
            &self.ids,
            "select 1 from pg_stat_activity where application_name like 'redistrict/mig-%' \
             and wait_event_type = 'Lock' and datname = current_database()",
        )
        .await;
        child
    }

    fn newest(&self) -> String {
        let runs = self.environment.run(&["runs", "--output", "jsonl"]);
        let last: serde_json::Value =
            serde_json::from_str(runs.out.lines().last().unwrap()).unwrap();
        last["run"].as_str().unwrap().to_owned()
    }
}

async fn wait_for(url: &str, sql: &str) {
    while query(url, sql).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

fn end(child: Child) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!(status.signal(), None, "killed instead of ended");
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_start_together_one_loads_and_the_others_name_the_holder() {
    let place = Place::new().await;
    let children: Vec<Child> = (0..5).map(|_| place.spawn(&["migrate", "2"])).collect();
    let ended: Vec<_> = children.into_iter().map(end).collect();
    for (code, text) in &ended {
        let names_the_holder = text.contains("holds it");
        assert!(
            *code == Some(0) || *code == Some(11) && names_the_holder,
            "{code:?} {text}"
        );
    }
    assert!(ended.iter().any(|(code, _)| *code == Some(0)));
    let (again, code) = place.environment.json(&["migrate", "2"]);
    assert_eq!((code, &again["loaded"]), (0, &0.into()), "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_finds_another_one_loading_loses_nothing_and_goes_on_after_it() {
    let place = Place::new().await;
    lock_students(&place.ids).await;
    let holder = place.stuck_in_loading().await;
    let refused = place.environment.run(&["migrate", "2"]);
    assert_eq!(refused.code, 11, "{}", refused.err);
    let run = place.newest();
    let resume = format!("redistrict resume {run}");
    assert!(refused.err.contains(&resume), "{}", refused.err);
    let status = place.environment.must(&["status", &run]);
    assert!(
        status.out.contains("waiting for another run"),
        "{}",
        status.out
    );
    assert!(status.out.contains(&resume), "{}", status.out);
    let given_up = place.environment.run(&["migrate", "2"]);
    assert_eq!(given_up.code, 11, "{}", given_up.err);
    let cancelled = place.environment.must(&["cancel", &place.newest()]);
    assert!(
        cancelled.err.contains("had written nothing"),
        "{}",
        cancelled.err
    );
    let stays = place.spawn(&["resume", &run, "--wait"]);
    let log = place
        .environment
        .dir
        .path()
        .join(format!("logs/migrations/{run}.log"));
    let asks_again = || {
        std::fs::read_to_string(&log)
            .unwrap()
            .matches("holds it")
            .count()
            > 1
    };
    while !asks_again() {
        tokio::task::yield_now().await;
    }
    unlock(&place.ids).await;
    assert_eq!(end(holder).0, Some(0));
    let (code, said) = end(stays);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(count(&place.ids, "select count(*) from students").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_has_begun_is_not_even_asked_to_stop() {
    let place = Place::new().await;
    let before = place.cert().await;
    place.environment.must(&["migrate", "2"]);
    let run = place.newest();
    lock_students(&place.ids).await;
    let undoing = place.spawn(&["rollback", &run]);
    let is_stuck = "select 1 from pg_stat_activity where application_name like 'redistrict/rb-%' \
                    and wait_event_type = 'Lock' and datname = current_database()";
    wait_for(&place.ids, is_stuck).await;
    let undo = place.newest();
    let refused = place.environment.run(&["cancel", &undo]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("redistrict watch"), "{}", refused.err);
    unlock(&place.ids).await;
    let (code, said) = end(undoing);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.cert().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_somebody_takes_back_is_not_waited_for() {
    let place = Place::new().await;
    lock_students(&place.ids).await;
    let mut killed = place.stuck_in_loading().await;
    let run = place.newest();
    killed.kill().unwrap();
    killed.wait().unwrap();
    unlock(&place.ids).await;
    let undoing = place.spawn(&["rollback", "--wait", "--ask-before", "undo", &run]);
    while place.newest() == run {
        tokio::task::yield_now().await;
    }
    let undo = place.newest();
    let refused = place.environment.run(&["cancel", &run]);
    assert_eq!(refused.code, 11, "{}", refused.err);
    assert!(
        refused.err.contains(&format!("redistrict cancel {undo}")),
        "{}",
        refused.err
    );
    place.environment.must(&["cancel", &undo]);
    assert_eq!(end(undoing).0, Some(130));
    place.environment.must(&["cancel", &run]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_says_by_which_signal_and_can_be_resumed_or_rolled_back() {
    let place = Place::new().await;
    let before = place.cert().await;
    for (name, code) in [("-INT", 130), ("-TERM", 143)] {
        lock_students(&place.ids).await;
        let child = place.stuck_in_loading().await;
        let run = place.newest();
        let busy = place.environment.run(&["rollback", &run]);
        assert_eq!(busy.code, 11, "{}", busy.err);
        signal(&child, name);
        signal(&child, name);
        unlock(&place.ids).await;
        let (ended, text) = end(child);
        assert_eq!(ended, Some(code), "{text}");
        assert!(text.contains(&format!("redistrict resume {run}")), "{text}");
        if code == 130 {
            place.environment.must(&["resume"]);
        }
        place.environment.must(&["rollback", &run]);
        assert_eq!(place.cert().await, before, "{name}");
        let again = place.environment.run(&["resume"]);
        assert_eq!(again.code, 2, "{}", again.err);
    }
    place.environment.must(&["migrate", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_loads_is_cancelled_from_another_terminal_and_taken_back() {
    let place = Place::new().await;
    let before = place.cert().await;
    lock_students(&place.ids).await;
    let mut child = place.stuck_in_loading().await;
    let mut heard = BufReader::new(child.stderr.take().unwrap()).lines();
    let run = place.newest();
    let cancel = place.spawn(&["cancel", &run]);
    let is_asked = |line: &String| line.contains("cancelled from another terminal");
    assert!(
        heard
            .by_ref()
            .map(Result::unwrap)
            .any(|line| is_asked(&line))
    );
    unlock(&place.ids).await;
    let rest: Vec<String> = heard.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let (ended, said) = end(cancel);
    assert_eq!(ended, Some(0), "{said}");
    assert_eq!(place.cert().await, before);
    let status = place.environment.must(&["status", &run]);
    assert!(status.out.contains("undone"), "{}", status.out);
    place.environment.must(&["migrate", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_refuses_for_good_takes_the_earlier_one_back_and_no_value_is_told() {
    let place = Place::new().await;
    let before = place.cert().await;
    let trigger = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin
           raise exception '{PLANTED} %', new.nick using detail = '{PLANTED}', hint = '{PLANTED}';
         end $$;
         create trigger refuse before insert on learners for each row execute function refuse();
         alter table learners enable always trigger refuse"
    );
    execute(&place.hcp, &trigger).await.unwrap();
    let refused = place.environment.run(&["migrate", "2"]);
    assert_eq!(refused.code, 7, "{}", refused.err);
    assert!(refused.err.contains("trigger"), "{}", refused.err);
    assert_eq!(place.cert().await, before);
    let dir = place.environment.dir.path();
    let found = Command::new("grep")
        .args(["-rlaF", PLANTED])
        .arg(dir)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(found.stdout).unwrap(), "");
    assert!(!refused.err.contains(PLANTED) && !refused.out.contains(PLANTED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_role_is_refused_before_anything_is_written_and_leaves_nothing_open() {
    let place = Place::new().await;
    let before = place.cert().await;
    let database = "select quote_ident(current_database())";
    let name = query(&place.ids, database).await.unwrap()[0][0]
        .clone()
        .unwrap();
    let set = |what: &str| format!("alter database {name} {what}");
    execute(&place.ids, &set("set default_transaction_read_only = on"))
        .await
        .unwrap();
    let refused = place.environment.run(&["migrate", "2"]);
    let on = "set default_transaction_read_only = off; ";
    execute(&place.ids, on).await.unwrap();
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("read-only"), "{}", refused.err);
    assert!(
        !refused.err.contains("redistrict resume"),
        "{}",
        refused.err
    );
    assert_eq!(place.cert().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_journal_is_lost_can_be_given_back() {
    let place = Place::new().await;
    lock_students(&place.ids).await;
    let mut child = place.stuck_in_loading().await;
    let run = place.newest();
    child.kill().unwrap();
    child.wait().unwrap();
    unlock(&place.ids).await;
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let file = place.environment.path(".redistrict").join(name);
        if file.exists() {
            std::fs::remove_file(file).unwrap();
        }
    }
    let busy = place.environment.run(&["migrate", "2"]);
    assert_eq!(busy.code, 11, "{}", busy.err);
    // It was heard of just now, and might be another machine's.
    let alive = place.environment.run(&["rollback", &run]);
    assert_eq!(alive.code, 11, "{}", alive.err);
    assert!(alive.err.contains("heard of"), "{}", alive.err);
    assert!(alive.err.contains("--force"), "{}", alive.err);
    let age = "update redistrict_meta.heartbeat set at = at - interval '1 hour'";
    for url in [&place.ids, &place.hcp] {
        execute(url, age).await.unwrap();
    }
    let looked = place.environment.run(&["doctor"]);
    let line = format!("redistrict rollback {run}");
    assert!(looked.err.contains(&line), "{}", looked.err);
    let unknown = place.environment.run(&["rollback", &run]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    assert!(unknown.err.contains("given back"), "{}", unknown.err);
    place.environment.must(&["migrate", "2"]);
    let staged = "select count(*) from pg_tables where schemaname = 'redistrict_stage'";
    assert_eq!(count(&place.ids, staged).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_knows_that_a_run_is_dead_may_say_so() {
    let place = Place::new().await;
    lock_students(&place.ids).await;
    let mut child = place.stuck_in_loading().await;
    let run = place.newest();
    let other = place.other_machine();
    let alive = other.run(&["rollback", &run]);
    assert_eq!(alive.code, 11, "{}", alive.err);
    let forced = other.run(&["rollback", &run, "--force"]);
    assert_eq!(forced.code, 2, "{}", forced.err);
    assert!(forced.err.contains("given back"), "{}", forced.err);
    unlock(&place.ids).await;
    // The process that was taken over writes nothing more, and leaves its run as it is.
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(11));
    place.environment.must(&["migrate", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_restored_cert_holds_again_is_taken_back_again() {
    let place = Place::new().await;
    let before = place.cert().await;
    place.environment.must(&["migrate", "2"]);
    let run = place.newest();
    place.environment.must(&["rollback", &run]);
    let again = place.environment.must(&["rollback", &run]);
    assert!(again.err.contains("nothing to do"), "{}", again.err);
    // The redo stands for a restored backup: the journal is told that the run is undone.
    let undo = place.newest();
    let journal = place.environment.path(".redistrict/journal.db");
    std::fs::copy(&journal, place.environment.path("undone.db")).unwrap();
    place.environment.must(&["rollback", &undo]);
    assert_ne!(place.cert().await, before);
    std::fs::copy(place.environment.path("undone.db"), &journal).unwrap();
    place.environment.must(&["rollback", &run]);
    assert_eq!(place.cert().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_cert_has_no_record_of_is_not_taken_back() {
    let place = Place::new().await;
    place.environment.must(&["migrate", "2"]);
    place.environment.must(&["rollback", &place.newest()]);
    let undo = place.newest();
    // As in a CERT that was made anew.
    for url in [&place.ids, &place.hcp] {
        execute(
            url,
            "truncate redistrict_meta.run, redistrict_meta.ledger cascade",
        )
        .await
        .unwrap();
    }
    let before = place.cert().await;
    let refused = place.environment.run(&["rollback", &undo]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("no record of it"), "{}", refused.err);
    assert_eq!(place.cert().await, before);
}

/// Another session that holds a lock on the students of CERT.
async fn lock_students(url: &str) {
    let held = "begin; lock table students in share mode; select pg_sleep(600)";
    tokio::spawn({
        let url = url.to_owned();
        async move { execute(&url, held).await }
    });
    wait_for(url, "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()").await;
}

async fn unlock(url: &str) {
    let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
               where wait_event = 'PgSleep' and datname = current_database()";
    execute(url, end).await.unwrap();
}
