//! A district is meant by its key however it is typed, as the database reads it, and has one name in everything that is
//! kept of it.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::Environment;

/// Three districts by a key of that type; the text of the first one is `key`.
async fn environment(key_type: &str, keys: [&str; 3]) -> Environment {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let tables = format!(
        "create table districts(id {key_type} primary key);
         create table schools(id int primary key, district_id {key_type} not null references districts);"
    );
    let rows = keys.iter().enumerate().map(|(at, key)| {
        format!(
            "insert into districts values ('{key}'); insert into schools values ({at}, '{key}');"
        )
    });
    let rows: String = rows.collect();
    execute(&prod, &format!("{tables}{rows}")).await.unwrap();
    execute(&cert, &tables).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    environment.write(
        "redistrict.toml",
        "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
         source = { env = \"DB_PROD_URL\" }\ntarget = { env = \"DB_CERT_URL\" }\n",
    );
    environment
}

#[tokio::test(flavor = "multi_thread")]
async fn a_district_is_found_however_its_key_is_typed() {
    let uuid = "6f1c1a7e-0000-4000-8000-00000000000f";
    let other = "6f1c1a7e-0000-4000-8000-0000000000aa";
    let last = "6f1c1a7e-0000-4000-8000-0000000000bb";
    let in_braces = format!("{{{}}}", uuid.to_uppercase());
    let without_hyphens = uuid.replace('-', "");
    for (key_type, keys, typed, missed) in [
        (
            "int",
            ["7", "8", "70"],
            &["7", "007", "+7", " 7 "][..],
            "7.5",
        ),
        ("numeric", ["7", "8", "70"], &["7", "7.0", "07.00"], "0.7"),
        ("char(5)", ["ab", "abc", "b"], &["ab", "ab   "], " ab"),
        ("text", ["007", "7", "x"], &["007"], "07"),
        (
            "uuid",
            [uuid, other, last],
            &[uuid, &in_braces, &without_hyphens],
            "6f1c1a7e",
        ),
        (
            "date",
            ["2024-01-05", "2024-01-06", "2024-11-05"],
            &["2024-01-05", "2024-1-5"],
            "2024-01-07",
        ),
    ] {
        let environment = environment(key_type, keys).await;
        for one in typed {
            let (plan, code) = environment.json(&["plan", one, "--exact"]);
            assert_eq!(
                (code, plan["district"].as_str()),
                (0, Some(keys[0])),
                "{key_type} {one:?}: {plan:#}"
            );
            assert_eq!(plan["rows"], 2, "{plan:#}");
            let (told, code) = environment.json(&["why", "db.schools", "0", "--district", one]);
            assert_eq!(
                (code, told["district"].as_str()),
                (0, Some(keys[0])),
                "{told:#}"
            );
        }
        let refused = environment.run(&["plan", missed]);
        assert_eq!(refused.code, 2, "{key_type} {missed}: {}", refused.err);
        assert!(
            refused.err.contains("has no row with that key"),
            "{}",
            refused.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_district_has_the_name_that_its_database_writes() {
    let environment = environment("int", ["7", "8", "70"]).await;
    environment.must(&["enroll", "--name", "test"]);
    let (done, code) = environment.json(&["migrate", "007"]);
    assert_eq!(
        (code, done["district"].as_str()),
        (0, Some("7")),
        "{done:#}"
    );
    let (listed, _) = environment.json(&["artifacts", "ls", "7"]);
    assert!(
        !listed["artifacts"].as_array().unwrap().is_empty(),
        "{listed:#}"
    );
    let (again, code) = environment.json(&["migrate", "+7", "--skip-extraction"]);
    assert_eq!(
        (code, again["district"].as_str()),
        (0, Some("7")),
        "{again:#}"
    );
}
