//! Dates and times of any year as keys: infinities, years before 1 and after 9999, the ends of what a
//! server knows. Every phase has to name such a row by the same text.

use std::collections::BTreeMap;
use std::path::Path;

use redistrict_testkit::neo4j::{Graph, Neo4jPair, Parameters, ValueReceive};
use redistrict_testkit::postgres::{TestServer, execute, query};

use crate::environment::{Environment, count, rows};

/// The days that are districts. `migrate` is given the first four.
const DISTRICTS: [&str; 10] = [
    "infinity",
    "-infinity",
    "0044-03-15 BC",
    "10000-01-01",
    "4714-11-24 BC",
    "0001-12-31 BC",
    "0001-01-01",
    "2024-02-29",
    "9999-12-31",
    "5874897-12-31",
];
const MIGRATED: usize = 4;

/// Keys of dates, times and both, alone and beside other columns; parents and children of them; masked
/// columns in the same key.
const SCHEMA: &str = "
    create table districts(day date primary key, name text not null);
    create table periods(
        begins timestamp primary key, ends timestamptz not null unique,
        shift time not null, zone timetz not null, unique (shift, zone),
        prior timestamp references periods);
    create table schools(
        district date not null references districts, opened timestamp not null, title text,
        primary key (district, opened));
    create table rooms(
        district date, opened timestamp, code text,
        period timestamp references periods, until timestamptz references periods(ends),
        shift time, zone timetz,
        primary key (district, opened, code),
        foreign key (district, opened) references schools,
        foreign key (shift, zone) references periods(shift, zone));
    create table students(
        district date, opened timestamp, birth_date date, email text, since timestamptz not null,
        primary key (district, opened, birth_date, email), unique (email, since),
        foreign key (district, opened) references schools);
    create table marks(
        id bigint primary key, district date not null, opened timestamp not null,
        birth_date date not null, email text not null, given date not null,
        foreign key (district, opened, birth_date, email) references students);
    create table moves(
        id bigint primary key, district date not null references districts,
        old_district date, old_opened timestamp,
        foreign key (old_district, old_opened) references schools);
    create table visits(
        district date not null references districts, at timestamptz, guest date, guest_opened timestamp,
        primary key (district, at, guest), foreign key (guest, guest_opened) references schools);
    create table logs(
        district date not null, opened timestamp not null, ends timestamptz references periods(ends), note int,
        foreign key (district, opened) references schools);";

/// Decisions that the data leave open.
const DECISIONS: &str = r#"
[table."db.periods"]
shared = false
[table."db.moves"]
owner = ["(district)"]
boundary = { "(old_district, old_opened)" = "null" }
[table."db.visits"]
owner = ["(district)"]
boundary = { "(guest, guest_opened)" = "stub" }
[column."db.schools.opened"]
mask = "keep"
public = true
reason = "the years of schools are public"
[column."db.visits.at"]
mask = "keep"
public = true
reason = "so that it can be compared"
[column."db.rooms.code"]
mask = "keep"
public = true
reason = "so that it can be compared"
"#;

fn fill() -> String {
    let districts: Vec<String> = DISTRICTS.iter().map(|day| format!("('{day}')")).collect();
    format!(
        "create temp table days(d) as select d::date from (values {}) as v(d);
         create temp table moments(m) as values
            (timestamp 'infinity'), ('-infinity'), ('4714-11-24 00:00:00 BC'), ('0044-03-15 12:00:00.5 BC'),
            ('0001-12-31 23:59:59.999999 BC'), ('0001-01-01 00:00:00'), ('1969-12-31 23:59:59.999999'),
            ('2024-02-29 12:34:56.1'), ('2024-02-29 12:34:56'), ('9999-12-31 23:59:59.999999'),
            ('10000-01-01 00:00:00.000001'), ('294247-01-10 04:00:54.775806');
         create temp table numbered as select m, (row_number() over (order by m))::int as n from moments;
         insert into districts select d, 'D' from days;
         insert into periods select m, m at time zone 'UTC',
            case n when 1 then '24:00:00' when 2 then '00:00:00' else time '00:00:00.000001' * 0 + interval '1 second' * n end,
            case n when 1 then '24:00:00-15:59:59' when 2 then '00:00:00+15:59:59' else timetz '12:00:00.1+00:30' end
            , null from numbered;
         update periods set prior = (select max(begins) from periods p where p.begins < periods.begins);
         insert into schools select d, m, 'T' from days, moments;
         insert into logs select d, m, m at time zone 'UTC', n from days, moments, generate_series(1, 2) as n
            where d in ('infinity', '0044-03-15 BC');
         insert into rooms select s.district, s.opened, 'r', p.begins, p.ends, p.shift, p.zone
            from schools s, periods p where s.opened = p.begins;
         insert into students select s.district, s.opened, b, 'a' || row_number() over () || '@example.org',
            n.m at time zone 'UTC'
            from schools s join numbered n on s.opened = n.m
            cross join (values (date 'infinity'), ('0044-03-15 BC'), ('2011-05-06'), ('12345-01-01')) as v(b);
         insert into marks select row_number() over (), district, opened, birth_date, email, birth_date from students;
         insert into moves select row_number() over (), d, e, m from days, days as f(e), numbered where n % 4 = 0;
         insert into visits select d, m at time zone 'UTC', e, m from days, days as f(e), numbered where n % 3 = 0;",
        districts.join(", ")
    )
}

/// What CERT has to hold of a district, as queries over both: all but the masked columns, and of
/// references to others what the decisions leave.
const KEPT: [(&str, &str); 9] = [
    ("districts", "select t.day::text from districts t where t.day = $"),
    ("schools", "select t::text from schools t where t.district = $"),
    ("periods", "select t::text from periods t where $ = $"),
    ("logs", "select row(t.district, t.opened, t.ends)::text from logs t where t.district = $"),
    ("rooms", "select t::text from rooms t where t.district = $"),
    (
        "moves",
        "select row(t.id, t.district, case when t.old_district = t.district then row(t.old_district, t.old_opened)
                    else row(null::date, null::timestamp) end)::text
         from moves t where t.district = $",
    ),
    ("visits", "select t::text from visits t where t.district = $"),
    (
        "students",
        "select row(t.district, t.opened, t.since = 'infinity', t.since = '-infinity', t.since < '0001-01-01',
                    case when t.birth_date between '1900-01-01' and '2100-01-01' then null else t.birth_date end)::text
         from students t where t.district = $",
    ),
    (
        "marks",
        "select row(m.id, t.district, t.opened, m.given = t.birth_date or isfinite(t.birth_date))::text
         from marks m join students t using (district, opened, birth_date, email) where m.district = $",
    ),
];

async fn kept(url: &str, day: &str) -> BTreeMap<&'static str, Vec<Vec<Option<String>>>> {
    let mut found = BTreeMap::new();
    for (table, sql) in KEPT {
        let sql = sql.replace('$', &format!("'{day}'"));
        let mut rows = query(url, &sql).await.unwrap();
        assert!(!rows.is_empty() || table == "logs", "{table}");
        rows.sort();
        found.insert(table, rows);
    }
    found
}

/// A district's name may begin with a hyphen.
fn migrate(environment: &Environment, day: &str) -> (serde_json::Value, i32) {
    let ended = environment.run(&["--output", "json", "migrate", "--", day]);
    let last = ended.out.lines().last().unwrap_or_default();
    let value = serde_json::from_str(last);
    let value = value.unwrap_or_else(|_| panic!("{day}: {}\n{}", ended.out, ended.err));
    (value, ended.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_keys_are_moments_of_any_year_move_and_are_taken_out_again() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    execute(&prod, SCHEMA).await.unwrap();
    execute(&cert, SCHEMA).await.unwrap();
    // Servers that show dates in an order of their own.
    execute(
        &prod,
        &format!(
            "set datestyle = 'ISO, YMD'; set timezone = 'UTC'; {}",
            fill()
        ),
    )
    .await
    .unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
    environment.must(&["init", "--store", store, "--root", "db.districts"]);
    let inferred = environment.read("redistrict.toml");
    environment.write("redistrict.toml", &format!("{inferred}\n{DECISIONS}"));
    environment.must(&["enroll", "--name", "test"]);
    let (prod_before, cert_before) = (rows(&prod).await, rows(&cert).await);

    let mut runs = Vec::new();
    for day in &DISTRICTS[..MIGRATED] {
        let before = rows(&cert).await;
        let (run, code) = migrate(&environment, day);
        assert_eq!(
            (code, &run["status"]),
            (0, &"SUCCESS".into()),
            "{day} {run:#}"
        );
        assert_eq!(kept(&prod, day).await, kept(&cert, day).await, "{day}");
        let after = rows(&cert).await;
        let (again, code) = migrate(&environment, day);
        assert_eq!((code, &again["loaded"]), (0, &0.into()), "{day} {again:#}");
        assert_eq!(rows(&cert).await, after, "{day}");
        runs.push((day, run["run"].as_str().unwrap().to_owned(), before));
    }
    for (day, run, before) in runs.into_iter().rev() {
        environment.must(&["rollback", &run]);
        assert_eq!(rows(&cert).await, before, "{day}");
    }
    assert_eq!(rows(&cert).await, cert_before);
    assert_eq!(rows(&prod).await, prod_before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_can_be_the_key_of_a_district() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let schema = "create table districts(since timestamptz primary key);
        create table schools(id int primary key, since timestamptz not null references districts,
            at timestamp not null unique);";
    let rows = "insert into districts values ('0044-03-15 12:00:00.5+00 BC'), ('infinity'), ('2024-02-29 12:00:00.1+00');
        insert into schools select row_number() over (), since, since at time zone 'UTC' from districts;";
    execute(&prod, schema).await.unwrap();
    execute(&cert, schema).await.unwrap();
    execute(&prod, rows).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
    environment.must(&["init", "--store", store, "--root", "db.districts"]);
    environment.must(&["enroll", "--name", "test"]);
    environment.must(&["select"]);
    for district in [
        "0044-03-15 12:00:00.5+00 BC",
        "infinity",
        "2024-02-29 12:00:00.1+00",
    ] {
        let (run, code) = migrate(&environment, district);
        assert_eq!((code, &run["loaded"]), (0, &2.into()), "{district} {run:#}");
        let (again, code) = migrate(&environment, district);
        assert_eq!(
            (code, &again["loaded"]),
            (0, &0.into()),
            "{district} {again:#}"
        );
    }
    assert_eq!(count(&cert, "select count(*) from schools").await, 3);
    let other = environment.run(&["plan", "2024-02-29 12:00:00.2+00"]);
    assert_eq!(other.code, 2, "{}", other.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_that_cannot_travel_is_refused_by_name_as_a_key_too() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let schema = "create table districts(id int primary key);
        create table lessons(at timestamp primary key, district int not null references districts);
        create table marks(id int primary key, lesson timestamp not null references lessons);";
    let rows = "insert into districts values (1);
        insert into lessons values ('infinity', 1), ('294276-12-31 23:59:59', 1);
        insert into marks values (1, 'infinity'), (2, '294276-12-31 23:59:59');";
    execute(&prod, schema).await.unwrap();
    execute(&cert, schema).await.unwrap();
    execute(&prod, rows).await.unwrap();
    let mut environment = Environment::new();
    environment.set("DB_PROD_URL", &prod);
    environment.set("DB_CERT_URL", &cert);
    let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
    environment.must(&["init", "--store", store, "--root", "db.districts"]);
    environment.must(&["enroll", "--name", "test"]);
    let (stopped, code) = migrate(&environment, "1");
    let text = stopped.to_string();
    assert_eq!(code, 3, "{stopped:#}");
    for column in ["lessons", "marks"] {
        assert!(text.contains(column), "{stopped:#}");
    }
    assert!(!text.contains("294276"), "{stopped:#}");
    assert_eq!(count(&cert, "select count(*) from districts").await, 0);
}

/// The same days in the notations of three kinds of stores: PostgreSQL has the district, the files and
/// the graph have links to it.
const LINKED: &str = r#"
[tenant]
root = "db.districts"
key = "day"
[store.db]
kind = "postgres"
source = { env = "DB_PROD_URL" }
target = { env = "DB_CERT_URL" }
[store.files]
kind = "sqlite"
source = { env = "FILES_PROD_URL" }
target = { env = "FILES_CERT_URL" }
[store.graph]
kind = "neo4j"
source = { env = "GRAPH_PROD_URL" }
target = { env = "GRAPH_CERT_URL" }
[[link]]
from = "files.visits(day)"
to = "db.districts(day)"
owns = true
[[link]]
from = "files.visits(at)"
to = "db.schools(opened)"
[[link]]
from = "graph.node.Day(day)"
to = "db.districts(day)"
owns = true
[column."db.schools.opened"]
mask = "keep"
public = true
reason = "the years of schools are public"
[column."graph.node.Event.on"]
mask = "keep"
public = true
reason = "so that it can be compared"
[column."graph.rel.OF.seen"]
mask = "keep"
public = true
reason = "so that it can be compared"
"#;

const GRAPH_KEYS: [&str; 2] = [
    "create constraint day for (d:Day) require d.day is unique",
    "create constraint event for (e:Event) require (e.on, e.number) is unique",
];

const GRAPH: &str = "
    unwind [date('0000-12-31'), date('2024-02-29'), date('-0044-03-15')] as day
    create (d:Day {day: day})
    with d unwind [date('-999999-01-01'), date('-0044-03-15'), date('0000-02-29'), date('2011-05-06'),
                   date('+12345-01-01'), date('+5881580-07-11'), date('-5877641-06-23')] as on
    create (e:Event {on: on, number: d.day.year})-[:OF {seen: on}]->(d), (e)-[:NEAR]->(d), (e)-[:NEAR]->(e)";

/// Everything of a graph's district.
async fn events(graph: &Graph, day: &str) -> Vec<Vec<ValueReceive>> {
    let text = format!(
        "match (e:Event)-[o:OF]->(d:Day {{day: date('{day}')}}), (e)-[:NEAR]->(d), (e)-[n:NEAR]->(e)
         return toString(e.on) as on, e.number, toString(d.day), o.seen = e.on order by on"
    );
    graph.query(&text, Parameters::new()).await
}

fn visits(file: &Path, day: &str) -> Vec<(String, String)> {
    let file = rusqlite::Connection::open(file).unwrap();
    let sql = "select v.day, v.at from visits v join notes n on n.day = v.day and n.at = v.at
               where v.day = ?1 order by 1, 2";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([day], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_the_same_key_in_stores_that_write_it_differently() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let graphs = Neo4jPair::take().await;
    let mut environment = Environment::new();
    let schema = "create table districts(day date primary key);
        create table schools(opened timestamp primary key, district date not null references districts)";
    let rows = "insert into districts values ('0001-12-31 BC'), ('2024-02-29'), ('0045-03-15 BC');
        insert into schools values ('0001-12-31 23:59:59.5 BC', '0001-12-31 BC'),
            ('2024-02-29 12:34:56.1', '2024-02-29'), ('0001-01-01', '2024-02-29')";
    execute(&prod, schema).await.unwrap();
    execute(&cert, schema).await.unwrap();
    execute(&prod, rows).await.unwrap();
    let schema = "create table visits(day date not null, at timestamp not null, primary key (day, at));
        create table notes(id integer primary key not null, day date not null, at timestamp not null,
            foreign key (day, at) references visits);";
    let rows = "insert into visits values ('0000-12-31', '0000-12-31 23:59:59.500000'),
            ('2024-02-29', '2024-02-29 12:34:56.100000'), ('2024-02-29', '0001-01-01 00:00:00');
        insert into notes select row_number() over (), day, at from visits;";
    let files = ["prod.db", "cert.db"].map(|name| environment.path(name));
    for (file, sql) in files.iter().zip([&[schema, rows].concat(), schema]) {
        rusqlite::Connection::open(file)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    }
    for key in GRAPH_KEYS {
        graphs.prod.run(key).await;
        graphs.cert.run(key).await;
    }
    graphs.prod.run(GRAPH).await;
    for (name, url) in [
        ("DB_PROD_URL", prod.as_str()),
        ("DB_CERT_URL", cert.as_str()),
        ("FILES_PROD_URL", "sqlite:prod.db"),
        ("FILES_CERT_URL", "sqlite:cert.db"),
        ("GRAPH_PROD_URL", graphs.prod.url()),
        ("GRAPH_CERT_URL", graphs.cert.url()),
    ] {
        environment.set(name, url);
    }
    environment.write("redistrict.toml", LINKED);
    environment.must(&["enroll", "--name", "test"]);
    let districts = [
        ("0001-12-31 BC", "0000-12-31", 1),
        ("2024-02-29", "2024-02-29", 2),
    ];
    let mut runs = Vec::new();
    for (day, day_elsewhere, schools) in districts {
        let (run, code) = migrate(&environment, day);
        assert_eq!(
            (code, &run["status"]),
            (0, &"SUCCESS".into()),
            "{day} {run:#}"
        );
        let here = events(&graphs.cert, day_elsewhere).await;
        assert_eq!(
            (here.len(), &here),
            (7, &events(&graphs.prod, day_elsewhere).await)
        );
        let here = visits(&files[1], day_elsewhere);
        assert_eq!(
            (here.len(), &here),
            (schools, &visits(&files[0], day_elsewhere))
        );
        let (again, code) = migrate(&environment, day);
        assert_eq!((code, &again["loaded"]), (0, &0.into()), "{day} {again:#}");
        runs.push(run["run"].as_str().unwrap().to_owned());
    }
    assert_eq!(count(&cert, "select count(*) from schools").await, 3);
    for run in runs.iter().rev() {
        environment.must(&["rollback", run]);
    }
    assert_eq!(count(&cert, "select count(*) from schools").await, 0);
    for (_, day, _) in districts {
        assert!(events(&graphs.cert, day).await.is_empty());
        assert!(visits(&files[1], day).is_empty());
    }
}
