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

/// References that a name alone does not carry, kinds that no table has, and references inside of values.
const OPEN: &str = "
    create table districts(id int primary key, name text);
    create table units(id int primary key, district_id int not null references districts, parent_unit_id int,
        parent_id int);
    create table people(id int primary key, unit_id int not null references units, badge int not null unique);
    create table visits(id int primary key, person_badge int references people(badge), unit_id int references units);
    create table calls(id int primary key, person_badge int not null references people(badge));
    create table letters(id int primary key, person_badge int, signed_by int);
    create table notices(id int primary key, about_type text, about_id int not null);
    create table lists(id int primary key, unit_id int not null references units, people int[], people_ids text[],
        extra jsonb, note text);
    insert into districts select g, 'd' || g from generate_series(1, 3) g;
    insert into units select g, 1 + g % 3, case when g > 10 then g - 9 end, case when g > 30 then g - 3 end
        from generate_series(1, 60) g;
    insert into people select g, 1 + g % 60, 7000 + 3 * g from generate_series(1, 200) g;
    insert into visits select g, 7000 + 3 * g, 1 + g % 60 from generate_series(1, 50) g;
    insert into visits select 100 + g, null, case when g > 5 then g end from generate_series(1, 8) g;
    insert into calls select g, 7000 + 3 * g from generate_series(1, 50) g;
    insert into letters select g, 7000 + 3 * g, 90 + g from generate_series(1, 40) g;
    insert into notices select g, case when g <= 40 then 'Person' when g <= 60 then 'Ghost' when g <= 63 then 'Anna'
        end, case when g <= 40 then g else 900 + g end from generate_series(1, 70) g;
    insert into lists select g, 1 + g % 60, array[g, g + 1], array[(g + 3)::text],
        jsonb_build_object('person', jsonb_build_object('id', g), 'unit_ids', jsonb_build_array(g + 1)),
        '{\"person_id\": ' || g || '}' from generate_series(1, 30) g;
";

/// How the lines begin that answer questions.
const ANSWERS: [&str; 9] = [
    "[table.",
    "[column.",
    "confirmed =",
    "excluded =",
    "boundary =",
    "owner =",
    "mask =",
    "public =",
    "reason =",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_names_and_values_do_not_decide_stands_in_the_file_and_in_the_plan_with_its_numbers() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, OPEN).await.unwrap();
    let schema: Vec<&str> = OPEN
        .split(';')
        .filter(|one| one.contains("create table"))
        .collect();
    execute(&cert, &schema.join(";")).await.unwrap();
    let mut environment = Environment::new();
    environment.set("IDS_PROD_URL", &prod);
    environment.set("IDS_CERT_URL", &cert);
    environment.must(&["init", "--root", "ids.districts"]);
    let text = environment.read("redistrict.toml");
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    // Two declared keys on columns of this name say where the third leads.
    has("# 2 of 2 foreign keys on columns of this name lead there; all 40 different values");
    has("from = \"ids.public.letters(person_badge)\"\nto = \"ids.public.people(badge)\"");
    // Called after its own table: a link, which owns nothing. `parent_id` may be anybody's parent.
    has(
        "\n[[link]]\nfrom = \"ids.public.units(parent_unit_id)\"\nto = \"ids.public.units(id)\"\n\n",
    );
    has("# from = \"ids.public.units(parent_id)\"\n# to = \"ids.public.units(id)\"     # all");
    // No name says it, and the districts of all rows do; it says nothing new of whose they are.
    has(
        "# its name does not say it; in all 40 rows that were compared it leads to the district that the rows' other \
         references lead to, and no other table's keys do; all 40 different values looked at are keys of \
         ids.public.people\n[[link]]\nfrom = \"ids.public.letters(signed_by)\"\nto = \"ids.public.people(id)\"\n\
         owns = false",
    );
    // Every row of a kind that no table has is told; a name that few rows have is not printed.
    has("when = { about_type = [\"Person\"] }");
    let kinds = "(about_id) refers to what about_type says, and of 70 such rows 30 say what no link covers: Ghost (20), \
                 2 other texts.";
    has(&format!("# ids.public.notices: {kinds}"));
    has("# when = { about_type = [\"Ghost\"] }");
    assert!(!text.contains("Anna"), "{text}");
    // Inside of values.
    for found in [
        "# ids.public.lists.people[]: all 31 different values looked at are keys of ids.public.people(id)",
        "# ids.public.lists.people_ids[]: all 30",
        "# ids.public.lists.extra$.person.id: all 30",
        "# ids.public.lists.extra$.unit_ids: all 30",
        "# ids.public.lists.note$.person_id: all 30",
    ] {
        has(found);
    }
    let decided: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if ANSWERS.iter().any(|one| rest.starts_with(one)) => rest,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    environment.write("redistrict.toml", &decided);
    let checked = environment.must(&["config", "check"]);
    assert!(checked.err.contains(kinds), "{}", checked.err);
    let (checked, _) = environment.json(&["config", "check"]);
    assert_eq!(checked["findings"][0]["code"], "uncovered-kind");
    assert_eq!(checked["findings"][0]["count"], 30);
    // Rows whose owners are all empty stay behind, and that is said.
    let unowned =
        "(unit_id), (person_badge) say whose a row is, and in 5 of 58 rows all of them are empty";
    let finding = &checked["findings"][1];
    assert_eq!(
        (&finding["subject"], &finding["count"]),
        (&"ids.public.visits".into(), &5.into())
    );
    assert!(
        finding["message"].as_str().unwrap().starts_with(unowned),
        "{finding}"
    );
    environment.must(&["enroll", "ids", "--name", "cert"]);
    let (plan, _) = environment.json(&["plan", "2"]);
    let findings = plan["findings"].as_array().unwrap();
    assert!(
        findings
            .iter()
            .any(|one| one["code"] == "uncovered-kind" && one["count"] == 30),
        "{plan}"
    );
}

/// References to unique keys that are no primary keys, by columns that are not called after an id: by the names of
/// table and key, by values alone, and from another store. A part of a key is unique in a part of the rows only.
const UNIQUES: &str = "
    create table districts(id int primary key, name text);
    create table schools(id int primary key, district_id int not null references districts);
    create table students(id int primary key, school_id int not null references schools, ext text not null,
        badge uuid not null constraint one_badge unique, locker text);
    create unique index one_ext on students (ext);
    create unique index one_locker on students (locker) where locker like 'L-%';
    create table memberships(id int primary key, student_ext text not null, remark text);
    create table notes(id int primary key, membership_id int not null references memberships, remark text);
    create table passes(id int primary key, holder uuid not null, remark text);
    create table uses(id int primary key, pass_id int not null references passes, remark text);
    create table sweeps(id int primary key, place text, school_id int not null references schools);
    insert into districts select g, 'd' || g from generate_series(1, 3) g;
    insert into schools select g, 1 + g % 3 from generate_series(11, 22) g;
    insert into students select g, 11 + g % 12, 'EX' || (5000 + 7 * g), md5('b' || g)::uuid, 'L-' || (1000 + g)
        from generate_series(1, 300) g;
    insert into memberships select g, 'EX' || (5000 + 7 * (g * 5 % 300 + 1)), 'r' || g from generate_series(1, 80) g;
    insert into notes select g, g, 'n' || g from generate_series(1, 80) g;
    insert into passes select g, md5('b' || (g * 11 % 300 + 1))::uuid, 'p' || g from generate_series(1, 60) g;
    insert into uses select g, g, 'u' || g from generate_series(1, 60) g;
    insert into sweeps select g, 'L-' || (1000 + g), 11 + g * 5 % 12 from generate_series(1, 60) g;
";

#[tokio::test(flavor = "multi_thread")]
async fn references_to_unique_keys_are_found_by_the_names_of_table_and_key_and_by_values() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, UNIQUES).await.unwrap();
    let mut environment = Environment::new();
    environment.set("IDS_PROD_URL", &prod);
    environment.set("IDS_CERT_URL", &cert);
    for side in ["PROD", "CERT"] {
        let path = environment.path(&format!("cards-{side}.db"));
        let connection = Connection::open(&path).unwrap();
        let sql = "create table cards(id integer primary key, pupil text not null);
                   create table prints(id integer primary key, card_id integer not null references cards);";
        connection.execute_batch(sql).unwrap();
        for g in (1..=40).filter(|_| side == "PROD") {
            let sql = "insert into cards values (?1, ?2)";
            let pupil = format!("EX{}", 5000 + 7 * (g * 3));
            connection.execute(sql, (g, pupil)).unwrap();
        }
        environment.set(
            &format!("CARDS_{side}_URL"),
            &format!("sqlite:{}", path.display()),
        );
    }
    environment.must(&["init", "--root", "ids.districts"]);
    let text = environment.read("redistrict.toml");
    for (from, to) in [
        (
            "ids.public.memberships(student_ext)",
            "ids.public.students(ext)",
        ),
        ("ids.public.passes(holder)", "ids.public.students(badge)"),
        ("cards.main.cards(pupil)", "ids.public.students(ext)"),
    ] {
        let link = format!("\n[[link]]\nfrom = \"{from}\"\nto = \"{to}\"\nowns = true\n");
        assert!(text.contains(&link), "{link}\n{text}");
    }
    for owned in [
        "#   ids.public.memberships by (student_ext) to ids.public.students",
        "#   ids.public.passes by (holder) to ids.public.students",
        "#   cards.main.cards by (pupil) to ids.public.students",
    ] {
        assert!(text.contains(owned), "{owned}\n{text}");
    }
    assert!(!text.contains("sweeps(place)"), "{text}");
}
