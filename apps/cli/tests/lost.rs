//! Connections that are lost before there is a run: looked at again after growing waits, and told with a reason.
//! And rows that row-level security hides: refused, never half read.

use std::net::{TcpListener, TcpStream};

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::Environment;

/// The same URL by way of a place that closes the connections of these numbers (1 and up) at once.
fn closing(url: &str, is_closed: impl Fn(usize) -> bool + Send + 'static) -> String {
    let from = url.rfind('@').unwrap() + 1;
    let to = from + url[from..].find('/').unwrap();
    let server = url[from..to].to_owned();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (number, client) in (1..).zip(listener.incoming().map_while(Result::ok)) {
            if !is_closed(number) {
                pass_on(client, &server);
            }
        }
    });
    format!("{}127.0.0.1:{port}{}", &url[..from], &url[to..])
}

fn pass_on(client: TcpStream, server: &str) {
    let server = TcpStream::connect(server).unwrap();
    let ends = [
        (client.try_clone().unwrap(), server.try_clone().unwrap()),
        (server, client),
    ];
    for (mut from, mut to) in ends {
        std::thread::spawn(move || {
            let _ended = std::io::copy(&mut from, &mut to);
            let _closed = to.shutdown(std::net::Shutdown::Both);
        });
    }
}

const TABLES: &str = "create table districts (id int primary key);
    create table schools (id int primary key, district int not null references districts);";

async fn environment(prod: impl Fn(&str) -> String) -> (Environment, String) {
    let server = TestServer::start();
    let (url, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    for url in [&url, &cert] {
        execute(url, TABLES).await.unwrap();
    }
    let rows = "insert into districts values (1), (2); insert into schools values (1, 1), (2, 2)";
    execute(&url, rows).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod(&url));
    environment.set("DB_CERT_URL", &cert);
    environment.write(
        "redistrict.toml",
        "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
         source = { env = \"DB_PROD_URL\" }\ntarget = { env = \"DB_CERT_URL\" }\n",
    );
    (environment, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_before_a_run_is_looked_at_again() {
    // The first is the probe's; then the catalog's is lost, and once more.
    let (environment, _) = environment(|url| closing(url, |number| [2, 4].contains(&number))).await;
    let ended = environment.must(&["plan", "1"]);
    for attempt in 1..=2 {
        let said =
            format!("attempt {attempt} failed: could not reach the database server at 127.0.0.1:");
        assert!(ended.err.contains(&said), "{}", ended.err);
    }
    assert!(!ended.err.contains("attempt 3"), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_four_attempts_it_is_told_and_a_host_that_never_answered_at_once() {
    let (environment, _) = environment(|url| closing(url, |number| number > 1)).await;
    let ended = environment.run(&["plan", "1"]);
    assert_eq!(ended.code, 8, "{}", ended.err);
    for said in [
        "attempt 3 failed",
        "trying again in",
        "after 4 attempts with growing waits",
    ] {
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
    let never = closing("postgres://u:p@127.0.0.1:1/d", |_| true);
    let mut environment = environment;
    environment.set("DB_PROD_URL", &never);
    let ended = environment.run(&["plan", "1"]);
    assert_eq!(ended.code, 8, "{}", ended.err);
    assert!(!ended.err.contains("attempt"), "{}", ended.err);
    assert!(
        ended.err.contains("check host, port and network"),
        "{}",
        ended.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_which_the_server_hides_rows_is_refused_by_name() {
    let (mut environment, url) = environment(str::to_owned).await;
    let sql = "create table notes (id int primary key, district int not null references districts);
        insert into notes values (1, 1), (2, 1), (3, 2);
        create role half_blind login password 'p'; grant usage on schema public to half_blind;
        grant select on all tables in schema public to half_blind;
        alter table notes enable row level security;
        create policy all_of_it on notes using (true);
        create policy few_of_it on notes using (id < 2)";
    execute(&url, sql).await.unwrap();
    let from = url.find("://").unwrap() + 3;
    let at = url.rfind('@').unwrap();
    environment.set(
        "DB_PROD_URL",
        &format!("{}half_blind:p{}", &url[..from], &url[at..]),
    );
    for arguments in [&["analyze"][..], &["plan", "1"], &["select"]] {
        let ended = environment.run(arguments);
        assert_eq!(ended.code, 3, "{}", ended.err);
        for said in [
            "db.public.notes: row-level security is active on it for this user: rows would be missing",
            "BYPASSRLS",
            "[table.\"db.public.notes\"]",
        ] {
            assert!(ended.err.contains(said), "{said}: {}", ended.err);
        }
    }
    execute(&url, "alter role half_blind bypassrls")
        .await
        .unwrap();
    environment.must(&["analyze"]);
}
