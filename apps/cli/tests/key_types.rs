//! What `init` finds beside columns of numbers and texts: lists inside of values, keys of rare types, two tables with the
//! same keys.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::Environment;

/// The file that `init` writes about these tables.
async fn written(sql: &str) -> String {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, sql).await.unwrap();
    let mut environment = Environment::new();
    environment.set("IDS_PROD_URL", &prod);
    environment.set("IDS_CERT_URL", &cert);
    environment.must(&["init", "--root", "ids.public.districts"]);
    let text = environment.read("redistrict.toml");
    assert!(text.parse::<toml::Table>().is_ok(), "{text}");
    text
}

const PLACES: &str = "
    create table districts(id int primary key, name text);
    create table schools(id int primary key, district_id int not null references districts);
    insert into districts select g, 'd' || g from generate_series(1, 3) g;
    insert into schools select 100 + g, 1 + g % 3 from generate_series(1, 9) g;
";

/// Two tables of students with the same numbers, of which one is of the same districts as the teams that name them; two of
/// coaches that nothing tells apart. Members are told by UUIDs and numbers whose columns say nothing.
const LISTS: &str = "
    create schema old;
    create table students(id int primary key, school_id int not null references schools, uid uuid not null unique);
    create table old.students(id int primary key, school_id int not null references schools);
    create table coaches(id int primary key);
    create table old.coaches(id int primary key);
    create table teams(id int primary key, school_id int not null references schools, student_ids int[],
        coach_ids int[], members uuid[], helpers int[], roster jsonb, lineup jsonb, detail jsonb, scores int[]);
    insert into students select 5000 + g, 101 + g * 7 % 9, md5('s' || g)::uuid from generate_series(1, 180) g;
    insert into old.students select 5000 + g, 101 + (g * 7 + 1) % 9 from generate_series(1, 180) g;
    insert into coaches select g from generate_series(301, 330) g;
    insert into old.coaches select g from generate_series(301, 330) g;
    insert into teams select g, 101 + g * 7 % 9, array[5000 + g, 5009 + g], array[300 + g % 30 + 1],
        array[md5('s' || g)::uuid, md5('s' || g + 9)::uuid], array[5018 + g, 5027 + g],
        jsonb_build_array(5000 + g, 5036 + g), jsonb_build_array(jsonb_build_object('id', 5000 + g)),
        jsonb_build_object('Student ID', 5045 + g, 'visitor_student_ids', jsonb_build_array(5001 + g)),
        array[g % 5, g % 7] from generate_series(1, 90) g;
";

#[tokio::test(flavor = "multi_thread")]
async fn lists_inside_of_values_are_found_as_columns_are() {
    let text = written(&format!("{PLACES}{LISTS}")).await;
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    let link = |from: &str, to: &str| {
        has(&format!(
            "\n[[link]]\nfrom = {from}\nto = \"ids.public.{to}\"\n"
        ));
    };
    // Of two tables of that name the districts tell.
    link("\"ids.public.teams(student_ids[])\"", "students(id)");
    link("'ids.public.teams(detail$.\"Student ID\")'", "students(id)");
    // Names that say nothing: districts alone.
    link("\"ids.public.teams(members[])\"", "students(uid)");
    link("\"ids.public.teams(helpers[])\"", "students(id)");
    link("\"ids.public.teams(roster$[*])\"", "students(id)");
    link("\"ids.public.teams(lineup$.id)\"", "students(id)");
    // Two that nothing tells apart are asked about.
    has(
        "# its values are keys of 2 tables that it may mean: keep one line\n# [[link]]\n\
         # from = \"ids.public.teams(coach_ids[])\"\n# to = \"ids.old.coaches(id)\"     # all",
    );
    has("\n# to = \"ids.public.coaches(id)\"     # all");
    // Called after the table, and of other districts throughout: no link.
    let visitors = "from = \"ids.public.teams(detail$.visitor_student_ids)\"";
    assert!(!text.contains(&format!("\n{visitors}")), "{text}");
    has(&format!("\n# {visitors}"));
    assert!(!text.contains("teams(scores"), "{text}");
}

/// Keys of types that are neither numbers nor texts, and columns that hold them without a foreign key.
const TYPES: &str = "
    create table days(day date primary key, is_school_day bool);
    create table lessons(id int primary key, school_id int not null references schools, held_on date not null);
    create table devices(address inet primary key, school_id int not null references schools);
    create table logins(id int primary key, device_address inet not null);
    create table contents(digest bytea primary key, school_id int not null references schools);
    create table uses(id int primary key, payload bytea not null);
    create table beats(at timestamptz primary key, school_id int not null references schools);
    create table echoes(id int primary key, beat timestamptz not null, written timestamp not null);
    create table reckonings(id int primary key, amount float8, day date);
    insert into days select date '2024-01-01' + g, true from generate_series(0, 365) g;
    insert into lessons select g, 101 + g % 9, date '2024-01-01' + g * 3 from generate_series(1, 90) g;
    insert into devices select inet '10.0.0.0' + g, 101 + g * 7 % 9 from generate_series(1, 90) g;
    insert into logins select g, inet '10.0.0.0' + (1 + g * 11 % 90) from generate_series(1, 60) g;
    insert into contents select decode(md5('c' || g), 'hex'), 101 + g * 7 % 9 from generate_series(1, 90) g;
    insert into uses select g, decode(md5('c' || 1 + g * 11 % 90), 'hex') from generate_series(1, 60) g;
    insert into beats select timestamptz '2024-01-01 00:00:00+00' + g * interval '7 minutes', 101 + g * 7 % 9
        from generate_series(1, 90) g;
    insert into echoes select g, timestamptz '2024-01-01 00:00:00+00' + (1 + g * 11 % 90) * interval '7 minutes',
        timestamp '2024-01-01 00:00:00' + (1 + g * 11 % 90) * interval '7 minutes' from generate_series(1, 60) g;
    insert into reckonings select g, g, date '1999-01-01' + g from generate_series(1, 60) g;
";

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_be_of_any_type_that_a_table_is_keyed_by() {
    let text = written(&format!("{PLACES}{TYPES}")).await;
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    // A name says it, or bytes that are equal by no accident.
    has(
        "\n[[link]]\nfrom = \"ids.public.logins(device_address)\"\nto = \"ids.public.devices(address)\"",
    );
    has("\n[[link]]\nfrom = \"ids.public.uses(payload)\"\nto = \"ids.public.contents(digest)\"");
    has("\n[[link]]\nfrom = \"ids.public.echoes(beat)\"\nto = \"ids.public.beats(at)\"");
    // Values alone: a question.
    has("\n# from = \"ids.public.lessons(held_on)\"\n# to = \"ids.public.days(day)\"     # all");
    // The same moments of another type are written otherwise, and other days are no keys.
    assert!(!text.contains("echoes(written)"), "{text}");
    assert!(!text.contains("public.reckonings("), "{text}");
}

/// An audit of badges with the badges' own codes; its rows are the same, and nothing declares it. Two more of the same
/// kind that nothing tells apart.
const MUTUAL: &str = "
    create table badges(code text primary key default 'B' || gen_random_uuid(), colour text);
    create table badge_audit(code text not null unique, note text);
    create table twins(a text primary key);
    create table others(b text primary key);
    insert into badges select 'BG-' || 1000 + g * 7, 'red' from generate_series(1, 60) g;
    insert into badge_audit select 'BG-' || 1000 + g * 7, 'n' from generate_series(1, 60) g;
    insert into twins select 'TW-' || 1000 + g * 7 from generate_series(1, 60) g;
    insert into others select 'TW-' || 1000 + g * 7 from generate_series(1, 60) g;
";

#[tokio::test(flavor = "multi_thread")]
async fn of_two_tables_with_the_same_keys_one_refers_to_the_other_or_somebody_is_asked() {
    let text = written(&format!("{PLACES}{MUTUAL}")).await;
    let has = |part: &str| assert!(text.contains(part), "{part}\n{text}");
    has("\n[[link]]\nfrom = \"ids.public.badge_audit(code)\"\nto = \"ids.public.badges(code)\"");
    assert!(
        !text.contains("from = \"ids.public.badges(code)\""),
        "{text}"
    );
    // Either is the other's: both are asked about, and neither is a link.
    for (one, other) in [("twins(a)", "others(b)"), ("others(b)", "twins(a)")] {
        has(&format!(
            "uncomment this link or its reverse, not both\n# [[link]]\n# from = \"ids.public.{one}\"\n\
             # to = \"ids.public.{other}\""
        ));
    }
    assert!(!text.contains("\nfrom = \"ids.public.twins"), "{text}");
    assert!(!text.contains("\nfrom = \"ids.public.others"), "{text}");
}
