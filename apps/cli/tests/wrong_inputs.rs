//! What a person gets wrong: each with its exit code, a sentence and a hint that leads on, and a secret in
//! each that comes out nowhere.

mod configured;
mod place;
mod stored;
mod table;
mod typed;

use redistrict_testkit::postgres::{RoleKind, TestServer, execute, query};

use crate::environment::{Environment, holding};

#[test]
fn every_wrong_input_has_its_exit_code_sentence_and_hint_and_a_secret_in_it_comes_out_nowhere() {
    let mut place = place::Place::new();
    let rows = table::rows();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for row in &rows {
        match place.try_row(row) {
            Ok(line) => lines.push(line),
            Err(problem) => problems.push(problem),
        }
    }
    println!("{}", lines.join("\n"));
    assert!(
        problems.is_empty(),
        "{} of {} rows:\n{}",
        problems.len(),
        rows.len(),
        problems.join("\n")
    );
    // The watch over the command lines has really watched.
    assert!(place.looks > rows.len() as u64, "{} looks", place.looks);
}

#[test]
fn a_secret_on_a_command_line_is_seen() {
    let mut child = std::process::Command::new("sh")
        .args(["-c", "read line", "Zq-on-a-command-line"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The name of a process is on its command line once it has become the program.
    while !place::is_on_a_command_line("Zq-on-a-command-line") {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    drop(child.stdin.take());
    child.wait().unwrap();
}

const CONFIG: &str = "[tenant]\nroot = \"s.districts\"\nkey = \"id\"\n\
    [store.s]\nkind = \"postgres\"\n\
    source = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n";

const SCHEMA: &str = "create table districts (id bigint primary key, active boolean not null);\
    create table schools (id bigint primary key, district_id bigint not null references districts, open boolean);\
    insert into districts values (1, true), (2, true);\
    insert into schools values (10, 1, true), (20, 2, false);";

struct Small {
    environment: Environment,
    prod: String,
    cert: String,
}

/// Two databases of one small schema; CERT is empty and enrolled.
async fn small() -> Small {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, SCHEMA).await.unwrap();
    execute(
        &cert,
        &format!("{SCHEMA} delete from schools; delete from districts;"),
    )
    .await
    .unwrap();
    let reader = server.create_role(&prod, RoleKind::Reader).await;
    let mut environment = Environment::new();
    environment.set("PROD", &reader);
    environment.set("CERT", &cert);
    environment.write("redistrict.toml", CONFIG);
    Small {
        environment,
        prod,
        cert,
    }
}

impl Small {
    async fn enrolled() -> Self {
        let small = small().await;
        small.environment.must(&["enroll", "--name", "test"]);
        small
    }

    fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let ended = self.environment.run(arguments);
        assert_eq!(
            ended.code, code,
            "{arguments:?}\n{}\n{}",
            ended.out, ended.err
        );
        for word in words {
            assert!(
                ended.err.contains(word),
                "{word:?} is not in\n{}",
                ended.err
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_small_district_itself_moves() {
    let small = Small::enrolled().await;
    let done = small.environment.must(&["migrate", "1"]);
    assert!(done.out.contains("Status: SUCCESS"), "{}", done.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_district_is_exit_2() {
    let small = Small::enrolled().await;
    small.fails(&["migrate", "77"], 2, &["district 77", "select"]);
    small.fails(&["migrate", "no number"], 2, &["no number"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_url_variable_is_exit_4() {
    let small = Small::enrolled().await;
    let other = CONFIG.replace("\"PROD\"", "\"NOT_SET_ANYWHERE\"");
    small.environment.write("redistrict.toml", &other);
    small.fails(&["migrate", "1"], 4, &["NOT_SET_ANYWHERE", "export"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_exit_4_and_is_not_repeated() {
    let server = TestServer::launch_private().unwrap();
    let prod = server.create_database().await;
    let reader = server.create_role(&prod, RoleKind::Reader).await;
    let mut small = small().await;
    let wrong = with_password(&reader, "s3cr3t-and-wrong");
    small.environment.set("PROD", &wrong);
    let ended = small.environment.run(&["migrate", "1"]);
    assert_eq!(ended.code, 4, "{}", ended.err);
    assert!(!ended.err.contains("s3cr3t"), "{}", ended.err);
    let left = holding(small.environment.dir.path(), "s3cr3t");
    assert_eq!(left, [] as [String; 0]);
    assert!(ended.err.contains("PROD of store s"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_missing_is_told_at_once() {
    let mut small = small().await;
    small
        .environment
        .set("PROD", "postgres://nobody:x@127.0.0.1:1/none");
    let more = "[store.t]\nkind = \"sqlite\"\nsource = { env = \"NOT_SET\" }\n\
        target = { file = \"nowhere.url\" }\n[approvals]\nvalid_for = \"soon\"\n";
    let config = [CONFIG, more].concat();
    small.environment.write("redistrict.toml", &config);
    let missing = [
        "5 prerequisites",
        "valid_for",
        "PROD of store s",
        "NOT_SET",
        "nowhere.url",
        "redistrict enroll s",
    ];
    small.fails(&["migrate", "1"], 8, &missing);
    let looked = small.environment.run(&["doctor"]);
    assert_eq!(looked.code, 8, "{}", looked.err);
    let all = [looked.out, looked.err].concat();
    assert!(missing[1..].iter().all(|word| all.contains(word)), "{all}");
}

/// Over TCP, where the server asks for a password.
fn with_password(url: &str, password: &str) -> String {
    let (head, tail) = url.split_once("://").unwrap();
    let (user, rest) = tail.split_once('@').unwrap();
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    format!("{head}://{name}:{password}@{rest}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_host_is_exit_8() {
    let mut small = Small::enrolled().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    small.environment.set(
        "PROD",
        &format!("postgres://nobody:x@127.0.0.1:{free}/none"),
    );
    small.fails(&["migrate", "1"], 8, &["127.0.0.1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_possible_while_prod_is_away() {
    let mut small = Small::enrolled().await;
    let (run, code) = small.environment.json(&["migrate", "1"]);
    assert_eq!(code, 0, "{run:#}");
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    small.environment.set(
        "PROD",
        &format!("postgres://nobody:x@127.0.0.1:{free}/none"),
    );
    small
        .environment
        .must(&["rollback", run["run"].as_str().unwrap()]);
    let left = crate::environment::count(&small.cert, "select count(*) from districts").await;
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_exit_3_with_the_nearest_one() {
    let small = Small::enrolled().await;
    small
        .environment
        .write("redistrict.toml", &CONFIG.replace("target =", "traget ="));
    small.fails(
        &["migrate", "1"],
        3,
        &["traget", "did you mean `target`", "line 7"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_table_with_rows_is_exit_3_with_the_lines_to_paste() {
    let small = Small::enrolled().await;
    execute(
        &small.prod,
        "create table notes (id bigint primary key, n bigint); insert into notes values (1, 1)",
    )
    .await
    .unwrap();
    small.fails(&["migrate", "1"], 3, &["s.public.notes", "excluded = "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_cert_lacks_is_exit_3() {
    let small = Small::enrolled().await;
    execute(&small.cert, "alter table schools drop column open")
        .await
        .unwrap();
    small.fails(&["migrate", "1"], 3, &["schools", "open"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prod_as_cert_is_exit_3_whatever_name_it_goes_by() {
    let mut small = Small::enrolled().await;
    let same = small.prod.clone();
    small.environment.set("CERT", &same);
    small.fails(&["migrate", "1"], 3, &["PROD and CERT"]);
    small.fails(&["enroll", "--name", "x"], 3, &["source"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_target_of_two_stores_is_exit_3_before_anything_runs() {
    let small = Small::enrolled().await;
    let second = "[store.t]\nkind = \"postgres\"\n\
        source = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n\
        [[link]]\nfrom = \"t.districts(id)\"\nto = \"s.districts(id)\"\nowns = true\n";
    let config = [CONFIG, second].concat();
    small.environment.write("redistrict.toml", &config);
    for arguments in [&["plan", "1"][..], &["migrate", "1"]] {
        small.fails(arguments, 3, &["stores s and t", "the same database"]);
    }
    small.fails(&["enroll", "--name", "x"], 3, &["stores s and t"]);
    let looked = small.environment.run(&["doctor"]);
    assert_eq!(looked.code, 3, "{}", looked.err);
    let said = "could not use the targets of stores s and t: they are the same database";
    assert!(looked.out.contains(said), "{}", looked.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_nobody_enrolled_is_exit_3() {
    let small = small().await;
    small.fails(&["migrate", "1"], 3, &["enroll", "s"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_are_exit_11_and_the_second_says_who_has_it() {
    let small = Small::enrolled().await;
    execute(
        &small.cert,
        "update redistrict_meta.lease set run_id = 'mig-20260101T000000Z-1', epoch = epoch + 1",
    )
    .await
    .unwrap();
    let held = small.environment.run(&["migrate", "1"]);
    if held.code == 0 {
        // No lease row before the first run: take it as a run would, then try again.
        execute(
            &small.cert,
            "update redistrict_meta.lease set run_id = 'mig-20260101T000000Z-1', epoch = epoch + 1",
        )
        .await
        .unwrap();
    }
    small.fails(&["migrate", "1"], 11, &["mig-20260101T000000Z-1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_not_there_yet_say_so() {
    let small = small().await;
    small.fails(&["key"], 2, &["not available yet"]);
    small.fails(&["migrate", "1", "--replace"], 2, &["not available yet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_cannot_travel_are_refused_together_before_a_row_is_written() {
    let small = Small::enrolled().await;
    let columns = "alter table schools add column scan text, add column at timestamp;";
    execute(&small.prod, columns).await.unwrap();
    execute(&small.cert, columns).await.unwrap();
    let sql = "update schools set scan = repeat('secret', 6000000), at = '294276-01-01';
        insert into schools values (11, 1, true, 'small', '294276-02-02');";
    execute(&small.prod, sql).await.unwrap();
    let config = format!(
        "{CONFIG}[column.\"s.public.schools.scan\"]\nmask = \"null\"\n\
         [column.\"s.public.schools.at\"]\nmask = \"null\"\n"
    );
    small.environment.write("redistrict.toml", &config);
    let words = [
        "s.public.schools.scan: 1 row with a value over 32 MB",
        "s.public.schools.at: 2 rows with a time after",
        "excluded =",
    ];
    small.fails(&["plan", "1", "--exact"], 3, &words);
    small.fails(&["migrate", "1"], 3, &words);
    let rows = query(&small.cert, "select count(*) from schools")
        .await
        .unwrap();
    assert_eq!(rows[0][0].as_deref(), Some("0"));
}
