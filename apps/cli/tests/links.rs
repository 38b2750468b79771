//! The links that `init` writes: what names suggest and values confirm, over stores and kinds, and nothing else.

use redistrict_testkit::postgres::{TestServer, execute};
use rusqlite::Connection;

use crate::environment::Environment;

const PROD: &str = "
    create table districts(id int primary key, name text);
    create table schools(id int primary key, district_id int not null references districts);
    create table staff(id int primary key, school_id int not null references schools);
    create table sections(course_id int, section_no int, school_id int not null references schools,
        primary key (course_id, section_no));
    create table rooms(id int primary key, school_id int not null references schools, number text);
    create table remarks(id int primary key, about_type text, about_id int);
    insert into districts select g, 'd' || g from generate_series(1, 3) g;
    insert into schools select g, 1 + g % 3 from generate_series(101, 112) g;
    insert into staff select g, 101 + g % 12 from generate_series(1001, 1060) g;
    insert into sections select 7000 + g, g % 2, 101 + g % 12 from generate_series(1, 20) g;
    insert into rooms select g, 101 + g % 12, 'r' || g from generate_series(1, 9) g;
    insert into remarks select g, case g % 3 when 0 then 'School' when 1 then 'staff' else 'ghost' end,
        case g % 3 when 0 then 101 + g % 12 else 1001 + g end from generate_series(1, 30) g;
";

/// Keys as texts, by another store; a table that both stores have; a column whose values are no keys; one with a dangling value; one whose
/// values happen to be keys of a table that it is not called after.
const LEARNING: &str = "
    create table logins(login integer primary key, ids_staff_id text not null, room_no integer,
        mentor_id integer, school_ref integer);
    create table schools(id integer primary key);
    create table plans(plan integer primary key, ids_course_id text not null, section_no text not null);
";

struct World {
    environment: Environment,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start();
        let prod = server.create_database().await;
        let cert = server.create_database().await;
        execute(&prod, PROD).await.unwrap();
        let mut environment = Environment::new();
        environment.set("IDS_PROD_URL", &prod);
        environment.set("IDS_CERT_URL", &cert);
        for side in ["PROD", "CERT"] {
            let path = environment.path(&format!("learning-{side}.db"));
            let connection = Connection::open(&path).unwrap();
            connection.execute_batch(LEARNING).unwrap();
            if side == "PROD" {
                fill(&connection);
            }
            environment.set(
                &format!("LEARNING_{side}_URL"),
                &format!("sqlite:{}", path.display()),
            );
        }
        Self { environment }
    }

    /// The links of the file: from, to, and the condition.
    fn links(&self) -> Vec<(String, String, String)> {
        let text = self.environment.read("redistrict.toml");
        let file: toml::Table = text.parse().unwrap();
        let links = file.get("link").and_then(|links| links.as_array()).cloned();
        let links = links.unwrap_or_default().into_iter().map(|link| {
            assert_eq!(link["owns"].as_bool(), Some(true));
            let side = |name: &str| link[name].as_str().unwrap().to_owned();
            let when = link
                .get("when")
                .map(ToString::to_string)
                .unwrap_or_default();
            (side("from"), side("to"), when)
        });
        links.collect()
    }
}

fn fill(connection: &Connection) {
    for g in 1..=30 {
        // One of thirty schools is gone; the numbers of rooms are no ids.
        let school = if g == 7 { 999 } else { 101 + g % 12 };
        connection
            .execute(
                "insert into logins values (?1, ?2, ?3, ?4, ?5)",
                (g, (1000 + g).to_string(), 5000 + g, 1 + g % 3, school),
            )
            .unwrap();
    }
    // Schools of its own, with the same ids.
    for id in 101..=112 {
        let sql = "insert into schools values (?1)";
        connection.execute(sql, [id]).unwrap();
    }
    for g in 1..=20 {
        let section = (g % 2).to_string();
        connection
            .execute(
                "insert into plans values (?1, ?2, ?3)",
                (g, (7000 + g).to_string(), section),
            )
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn references_that_no_catalog_declares_are_proposed_where_names_and_values_agree() {
    let world = World::new().await;
    world.environment.must(&["init", "--root", "ids.districts"]);
    let link = |from: &str, to: &str, when: &str| (from.to_owned(), to.to_owned(), when.to_owned());
    let expected = [
        link(
            "ids.public.remarks(about_id)",
            "ids.public.schools(id)",
            "{ about_type = [\"School\"] }",
        ),
        link(
            "ids.public.remarks(about_id)",
            "ids.public.staff(id)",
            "{ about_type = [\"staff\"] }",
        ),
        link(
            "learning.main.logins(ids_staff_id)",
            "ids.public.staff(id)",
            "",
        ),
        link(
            "learning.main.logins(school_ref)",
            "learning.main.schools(id)",
            "",
        ),
        link(
            "learning.main.plans(ids_course_id, section_no)",
            "ids.public.sections(course_id, section_no)",
            "",
        ),
    ];
    assert_eq!(world.links(), expected);
    let text = world.environment.read("redistrict.toml");
    assert!(
        text.contains("29 of 30") || text.contains("12 of 13"),
        "{text}"
    );
    // Nobody can tell whom a mentor is; the number of a room is no reference.
    assert!(
        text.contains("# from = \"learning.main.logins(mentor_id)\""),
        "{text}"
    );
    assert!(!text.contains("(room_no)"), "{text}");
    // The file is a configuration as it stands.
    let checked = world.environment.run(&["config", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
}
