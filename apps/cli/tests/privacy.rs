//! No child in the output: what a district holds against the expectation of the plan.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::{Environment, holding};

const SCHEMA: &str = "
    create table districts (id int primary key, name text);
    create table pupils (
        email varchar(80) primary key, district_id int not null references districts (id),
        ssn char(11) unique, last_name varchar(60) not null, birth_date date, kind text,
        doc jsonb, nick text check (length(nick) < 40));
";
/// District 1 as a whole: codes, a document of which no part is masked, a unique national id.
const ROWS: &str = "
    insert into districts values (1, 'Maple Valley'), (2, 'Salem');
    insert into pupils select 'kid' || g || '@realmail.net', 1 + g / 30,
        '123-45-' || 1000 + g, 'Quxlington' || g, date '2010-01-01' + g, 'bus',
        jsonb_build_object('m', 'text of pupil ' || g), 'nick of ' || g
        from generate_series(0, 59) as g;
    update pupils set doc = '{\"active\": true, \"left\": null}' where email = 'kid7@realmail.net';
    insert into pupils select 'far' || g || '@realmail.net', 2, null, 'Else', null, 'bus', null, null
        from generate_series(1, 3000) as g;
";

async fn prepared(server: &TestServer, more: &str) -> Environment {
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, SCHEMA).await.unwrap();
    execute(&prod, ROWS).await.unwrap();
    execute(&prod, more).await.unwrap();
    execute(&cert, SCHEMA).await.unwrap();
    let mut environment = Environment::new();
    environment.set("IDS_PROD_URL", &prod);
    environment.set("IDS_CERT_URL", &cert);
    environment.write(
        "redistrict.toml",
        "[tenant]\nroot = \"ids.districts\"\nkey = \"id\"\n[store.ids]\nkind = \"postgres\"\n\
         source = { env = \"IDS_PROD_URL\" }\ntarget = { env = \"IDS_CERT_URL\" }\n",
    );
    environment.must(&["enroll", "--name", "privacy test"]);
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_of_odd_but_clean_rows_passes_without_an_alarm_and_leaves_no_value() {
    let server = TestServer::start();
    let environment = prepared(server, "select 1").await;
    let run = environment.must(&["migrate", "1"]);
    for value in [
        "kid7@realmail",
        "Quxlington7",
        "123-45-1007",
        "text of pupil",
    ] {
        assert!(
            !run.out.contains(value) && !run.err.contains(value),
            "{value}"
        );
        let files = holding(environment.dir.path(), value);
        assert!(files.is_empty(), "{value}: {files:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rare_name_among_codes_that_the_sample_did_not_show_stops_before_cert() {
    let server = TestServer::start();
    // Far behind the sampled rows, in a dictionary of no names.
    let rare = "insert into pupils values ('kid99@realmail.net', 1, null, 'Zorkelby', null, \
                'Zorkelby', null, null)";
    let environment = prepared(server, rare).await;
    let run = environment.run(&["migrate", "1"]);
    assert_eq!(run.code, 3, "{}\n{}", run.out, run.err);
    assert!(
        run.err.contains("ids.public.pupils.kind: 1 rows"),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("[column.\"ids.public.pupils.kind\"]")
            && run.err.contains("mask = \"text\""),
        "{}",
        run.err
    );
    assert!(!run.out.contains("Zorkelby") && !run.err.contains("Zorkelby"));
    let files = holding(environment.dir.path(), "Zorkelby");
    assert!(files.is_empty(), "{files:?}");
}
