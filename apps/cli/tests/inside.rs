//! References inside of arrays and documents: they bring what they refer to, they are masked as what they
//! refer to, what must not come is taken out of the value, and the checks count them.

use std::collections::BTreeMap;

use redistrict_testkit::postgres::{TestServer, execute, query};
use serde_json::Value;

use crate::environment::Environment;

/// Codes are about nobody and only arrays name them. A team's members are of whatever district.
const TABLES: &str = "create table districts (id int primary key, name text);
    create table schools (id int primary key, district_id int not null references districts);
    create table students (id int primary key, school_id int not null references schools, email text);
    create table codes (code text primary key, grade int);
    create table teams (id int primary key, school_id int not null references schools,
        members int[], codes text[] not null default '{}', leaders bigint[][]);";
const ROWS: &str = "insert into districts select g, 'd' || g from generate_series(1, 3) g;
    insert into schools select g, 1 + g % 3 from generate_series(1, 9) g;
    insert into students select g, 1 + g % 9, 'pupil' || g || '@example.org' from generate_series(1, 180) g;
    insert into codes select 'k-' || g, g from generate_series(1, 40) g;
    insert into teams select g, 1 + g % 9, array[g, g + 9, g + 18], array['k-' || 1 + g % 30, 'k-7'], null
        from generate_series(1, 90) g;
    -- What arrays may look like: none, empty, nothing in it, twice the same, several dimensions, other bounds.
    insert into teams values (1001, 3, null, '{}', null), (1002, 3, '{}', '{k-31}', '{}'),
        (1003, 3, '{NULL}', '{NULL,k-32}', null), (1004, 3, '{2,2,NULL,2}', '{}', null),
        (1005, 3, null, '{}', '{{2,11},{20,NULL}}'), (1006, 3, '[5:6]={2,11}', '{}', '[0:0][3:4]={{2,11}}');";
/// A team with members and leaders of other districts.
const STRANGERS: &str = "insert into teams values (1007, 3, '{2,1,3,1,NULL}', '{k-33}', '{{5,4}}'),
        (1008, 6, '{{3,11},{NULL,4}}', '{}', null);";
const LINKS: &str = "[[link]]\nfrom = \"db.teams(members[])\"\nto = \"db.students(id)\"\n\
    [[link]]\nfrom = \"db.teams(codes[])\"\nto = \"db.codes(code)\"\n\
    [[link]]\nfrom = \"db.teams(leaders[])\"\nto = \"db.students(id)\"\n\
    [table.\"db.codes\"]\nshared = false\n";

struct World {
    environment: Environment,
    prod: String,
    cert: String,
}

impl World {
    async fn new(tables: &str, rows: &str) -> Self {
        let server = TestServer::start();
        let (prod, cert) = (
            server.create_database().await,
            server.create_database().await,
        );
        for (url, rows) in [(&prod, rows), (&cert, "")] {
            execute(url, &format!("{tables}{rows}")).await.unwrap();
        }
        let mut environment = Environment::new();
        environment.set("DB_PROD_URL", &prod);
        environment.set("DB_CERT_URL", &cert);
        Self {
            environment,
            prod,
            cert,
        }
    }

    fn configure(&self, lines: &str) {
        let text = format!(
            "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"postgres\"\n\
             source = {{ env = \"DB_PROD_URL\" }}\ntarget = {{ env = \"DB_CERT_URL\" }}\n{lines}"
        );
        self.environment.write("redistrict.toml", &text);
    }

    /// The first column of what PROD answers, in order.
    async fn prod(&self, sql: &str) -> Vec<String> {
        first(&self.prod, sql).await
    }

    async fn cert(&self, sql: &str) -> Vec<String> {
        first(&self.cert, sql).await
    }

    fn migrate(&self) -> Value {
        self.environment.must(&["enroll", "--name", "test"]);
        let (done, code) = self.environment.json(&["migrate", "1"]);
        assert_eq!(code, 0, "{done:#}");
        done
    }

    /// Full rows and stubs of each table that a plan foretells.
    fn planned(&self) -> BTreeMap<String, (u64, u64)> {
        let (plan, code) = self.environment.json(&["plan", "1", "--exact"]);
        assert_eq!(code, 0, "{plan:#}");
        let tables = plan["tables"].as_array().unwrap().iter();
        let count = |table: &Value| {
            let number = |name: &str| table[name].as_u64().unwrap();
            let name = table["table"].as_str().unwrap();
            let name = name.rsplit('.').next().unwrap().to_owned();
            (name, (number("own") + number("shared"), number("stubs")))
        };
        tables.map(count).collect()
    }
}

async fn first(url: &str, sql: &str) -> Vec<String> {
    let rows = query(url, sql).await.unwrap();
    let cells = rows.into_iter().map(|mut row| row.remove(0));
    cells.map(Option::unwrap_or_default).collect()
}

/// The district's teams.
const OURS: &str =
    "(select t.* from teams t join schools s on s.id = t.school_id where s.district_id = 1)";
/// Whether pupil m is of the district.
const IS_OURS: &str = "(select s.district_id = 1 from students p join schools s on s.id = p.school_id where p.id = m)";
const KEPT: &str = "[table.\"db.teams\"]\nboundary = { \"(members[])\" = ";

fn with_strangers() -> String {
    format!("{ROWS}{STRANGERS}")
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_in_an_array_stop_the_run_with_the_lines_that_decide() {
    let world = World::new(TABLES, &with_strangers()).await;
    world.configure(LINKS);
    let (plan, code) = world.environment.json(&["plan", "1", "--exact"]);
    assert_eq!(code, 3, "{plan:#}");
    let text = plan.to_string();
    for column in ["members", "leaders"] {
        let sql = format!(
            "select count(*) from (select distinct t.id, m from {OURS} t, unnest({column}) m
             where not {IS_OURS}) x"
        );
        let strangers = world.prod(&sql).await;
        let said = format!(
            "follow {} references of db.public.teams({column}[]) to db.public.students",
            strangers[0]
        );
        assert!(text.contains(&said), "{said}\n{plan:#}");
    }
    let line = r#"boundary = { \"(leaders[])\" = \"stub\", \"(members[])\" = \"stub\" }"#;
    assert!(text.contains(line), "{plan:#}");
    // A run that stops for it says the line once.
    world.environment.must(&["enroll", "--name", "test"]);
    let stopped = world.environment.run(&["migrate", "1"]);
    let said = line.replace('\\', "");
    let count = stopped.err.matches(&said).count() + stopped.out.matches(&said).count();
    assert_eq!(count, 1, "{}\n{}", stopped.out, stopped.err);
    // The line as it is printed decides.
    let line = line.replace('\\', "");
    world.configure(&format!("{LINKS}[table.\"db.public.teams\"]\n{line}\n"));
    let planned = world.planned();
    let full = world.prod("select count(*) from students p join schools s on s.id = p.school_id where district_id = 1").await;
    assert_eq!(planned["students"], (full[0].parse().unwrap(), 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn arrays_bring_what_they_refer_to_and_keep_their_shape() {
    let world = World::new(TABLES, ROWS).await;
    world.configure(LINKS);
    world.migrate();
    for (table, expected) in [
        ("teams", format!("select t::text from {OURS} t order by id")),
        (
            "codes",
            format!(
                "select c::text from codes c where code in (select unnest(codes) from {OURS} t) order by code"
            ),
        ),
    ] {
        let order = if table == "teams" { "id" } else { "code" };
        let came = format!("select t::text from {table} t order by {order}");
        let came = world.cert(&came).await;
        assert_eq!(came, world.prod(&expected).await, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_become_null_where_they_stand_or_take_the_row_out_or_come_as_stubs() {
    let world = World::new(TABLES, &with_strangers()).await;
    let decide = |policy: &str| {
        let both = format!("{KEPT}\"{policy}\", \"(leaders[])\" = \"{policy}\" }}\n");
        world.configure(&format!("{LINKS}{both}"));
        world.planned()
    };
    let all = world.prod(&format!("select count(*) from {OURS} t")).await;
    let all: u64 = all[0].parse().unwrap();
    let excluded = decide("exclude");
    assert_eq!(
        (excluded["teams"], excluded["students"].1),
        ((all - 2, 0), 0)
    );
    let stubs = decide("stub");
    assert_eq!((stubs["teams"], stubs["students"].1), ((all, 0), 3));
    let nulled = decide("null");
    assert_eq!((nulled["teams"], nulled["students"].1), ((all, 0), 0));
    world.migrate();
    let teams = "select coalesce(members::text, '-') || ' ' || coalesce(leaders::text, '-')
        from teams where id > 1000 order by id";
    assert_eq!(
        world.cert(teams).await,
        [
            "- -",
            "{} {}",
            "{NULL} -",
            "{2,2,NULL,2} -",
            "- {{2,11},{20,NULL}}",
            "[5:6]={2,11} [0:0][3:4]={{2,11}}",
            "{2,NULL,NULL,NULL,NULL} {{5,NULL}}",
            "{{NULL,11},{NULL,NULL}} -",
        ]
    );
    // Whole numbers are keys that say nothing about anybody: all others are as they were.
    let others = "select t::text from teams t where id < 1000 order by id";
    let ours = format!("select t::text from {OURS} t where id < 1000 order by id");
    assert_eq!(world.cert(others).await, world.prod(&ours).await);
}

/// Pupils are told by their addresses, which are about them: all places name them by these.
const PUPILS: &str = "create table districts (id int primary key);
    create table schools (id int primary key, district_id int not null references districts);
    create table pupils (email text primary key, school_id int not null references schools);
    create table events (id int primary key, school_id int not null references schools,
        detail jsonb, log json not null, note text, members text[]);";
const EVENTS: &str = "insert into districts select g from generate_series(1, 3) g;
    insert into schools select g, 1 + g % 3 from generate_series(1, 9) g;
    insert into pupils select 'pupil.' || g || '@school' || g % 9 || '.org', 1 + g % 9 from generate_series(1, 180) g;
    insert into events select g, 1 + g % 9,
        jsonb_build_object('students', jsonb_build_array(jsonb_build_object('id', p(g), 'seat', g),
            jsonb_build_object('id', p(g + 9))), 'title', 'Meeting of class ' || g),
        json_build_object('by', p(g + 18)), json_build_object('who', p(g + 27))::text, array[p(g), null, p(g + 36)]
        from generate_series(1, 90) g;
    insert into events values
        (1001, 3, null, '{}', null, null),
        (1002, 3, '{}', '{\"by\": null}', 'plain words about nobody', '{}'),
        (1003, 3, '{\"students\": null}', '[]', '{\"who\"', null),
        (1004, 3, '{\"students\": \"none\"}', '{\"by\": [\"pupil.2@school2.org\", [\"pupil.11@school2.org\"]]}', '{}', null),
        (1005, 3, '{\"students\": {\"id\": \"pupil.2@school2.org\"}}', '{\"by\": {\"by\": \"x\"}}', null, null),
        (1006, 3, '{\"students\": [{\"id\": null}, {\"id\": 5}, {\"id\": \"no such pupil 77\"}, {\"id\": true}, 7]}', '{}', null, null),
        (1007, 3, '{\"students\": [{\"id\": \"pupil.2@school2.org\"}, {\"id\": \"pupil.1@school1.org\"}]}',
            '{\"by\": \"pupil.1@school1.org\"}', '{\"who\": [\"pupil.1@school1.org\"]}', '{pupil.1@school1.org,pupil.2@school2.org}');";
const PUPIL: &str = "create function p(g int) returns text language sql as
    $$ select 'pupil.' || 1 + (g - 1) % 180 || '@school' || (1 + (g - 1) % 180) % 9 || '.org' $$;";
const DOCUMENTS: &str = "[[link]]\nfrom = \"db.events(detail$.students[*].id)\"\nto = \"db.pupils(email)\"\n\
    [[link]]\nfrom = \"db.events(log$.by)\"\nto = \"db.pupils(email)\"\n\
    [[link]]\nfrom = \"db.events(note$.who)\"\nto = \"db.pupils(email)\"\n\
    [[link]]\nfrom = \"db.events(members[])\"\nto = \"db.pupils(email)\"\n\
    [table.\"db.events\"]\nboundary = { \"(detail$.students.id)\" = \"null\", \"(log$.by)\" = \"null\", \
    \"(note$.who)\" = \"null\", \"(members[])\" = \"null\" }\n";

/// Every place where an event names a pupil, by the pupil's address.
const NAMED: &str = "(select e.id, v #>> '{}' as pupil from events e,
        jsonb_path_query(detail, '$.students[*].id') v where jsonb_typeof(v) in ('string', 'number')
    union all select e.id, v #>> '{}' from events e, jsonb_path_query(log::jsonb, '$.by[*][*]') v
        where jsonb_typeof(v) = 'string'
    union all select e.id, v #>> '{}' from events e,
        jsonb_path_query(case when note like '{%}' then note::jsonb end, '$.who[*]') v where jsonb_typeof(v) = 'string'
    union all select e.id, m from events e, unnest(members) m where m is not null)";

#[tokio::test(flavor = "multi_thread")]
async fn members_of_documents_are_followed_masked_as_keys_and_checked() {
    let world = World::new(PUPILS, &format!("{PUPIL}{EVENTS}")).await;
    world.configure(DOCUMENTS);
    let (plan, code) = world.environment.json(&["plan", "1", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    let boundaries = plan["boundaries"].as_array().unwrap().iter();
    let said: BTreeMap<&str, u64> = boundaries
        .map(|one| {
            (
                one["reference"].as_str().unwrap(),
                one["rows"].as_u64().unwrap(),
            )
        })
        .collect();
    let events = |place: &str| format!("db.public.events({place})");
    let places = ["detail$.students.id", "log$.by", "note$.who", "members[]"].map(events);
    let expected: BTreeMap<&str, u64> = places.iter().map(|place| (place.as_str(), 1)).collect();
    assert_eq!(said, expected, "{plan:#}");
    world.migrate();
    // Each place names the pseudonym of whom it named; strangers and what was no key are named no more.
    let pairs = format!(
        "select n.id || ' ' || count(*) from {NAMED} n join pupils p on p.email = n.pupil
         join schools s on s.id = p.school_id where s.district_id = 1 group by n.id order by n.id"
    );
    assert_eq!(world.cert(&pairs).await, world.prod(&pairs).await);
    assert_eq!(world.cert(&pairs).await.len(), 33);
    // What has one shape in PROD has it in CERT, but for what became NULL.
    let shape = "select jsonb_path_query_array(detail, '$.students[*].id.type()')::text from events where id > 1000 order by id";
    let shapes = world.cert(shape).await;
    assert_eq!(shapes[4], "[\"string\"]");
    // A number that refers to texts is masked as one.
    assert_eq!(shapes[5], "[\"null\", \"string\", \"string\", \"boolean\"]");
    assert_eq!(shapes[6], "[\"string\", \"null\"]");
    // Nobody of PROD is anywhere in CERT.
    for table in ["events", "pupils"] {
        let rows = world.cert(&format!("select t::text from {table} t")).await;
        assert!(!rows.is_empty());
        let is_left = |row: &String| row.contains("@school") || row.contains("no such pupil");
        assert_eq!(rows.iter().filter(|row| is_left(row)).count(), 0, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_another_store_bring_rows_and_keep_numbers_that_are_kept() {
    let mut world = World::new(TABLES, ROWS).await;
    for side in ["PROD", "CERT"] {
        let path = world.environment.path(&format!("{side}.db"));
        let database = rusqlite::Connection::open(&path).unwrap();
        database
            .execute_batch("create table visits (id integer primary key, school integer not null, detail text)")
            .unwrap();
        let url = format!("sqlite:{}", path.display());
        world.environment.set(&format!("LOG_{side}_URL"), &url);
        for g in (1..=90).filter(|_| side == "PROD") {
            // As a text, as a number with a fraction of nothing, and the word of nobody.
            let detail = format!(
                "{{\"codes\": [\"k-{}\", null], \"pupil\": {{\"no\": {g}.0}}, \"note\": \"word {g}\"}}",
                1 + g % 40
            );
            let sql = "insert into visits values (?1, ?2, ?3)";
            database.execute(sql, (g, 1 + g % 9, detail)).unwrap();
        }
    }
    world.configure(
        "[store.log]\nkind = \"sqlite\"\nsource = { env = \"LOG_PROD_URL\" }\ntarget = { env = \"LOG_CERT_URL\" }\n\
         [[link]]\nfrom = \"log.visits(school)\"\nto = \"db.schools(id)\"\nowns = true\n\
         [[link]]\nfrom = \"log.visits(detail$.codes)\"\nto = \"db.codes(code)\"\n\
         [[link]]\nfrom = \"log.visits(detail$.pupil.no)\"\nto = \"db.students(id)\"\n\
         [table.\"db.teams\"]\nexcluded = \"not asked for\"\n[table.\"db.codes\"]\nshared = false\n",
    );
    world.migrate();
    let codes: Vec<String> = {
        let mut codes: Vec<u32> = (1..=90)
            .filter(|g| g % 3 == 2)
            .map(|g| 1 + g % 40)
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes.iter().map(|code| format!("k-{code}")).collect()
    };
    let came = world.cert("select code from codes order by grade").await;
    assert_eq!(came, codes);
    let path = world.environment.path("CERT.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let sql = "select count(*), sum(json_extract(detail, '$.pupil.no') = id),
        sum(json_extract(detail, '$.codes[0]') = 'k-' || (1 + id % 40)),
        sum(json_extract(detail, '$.note') like 'word%') from visits";
    let counts = database
        .query_row(sql, [], |row| {
            Ok::<[i64; 4], _>([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })
        .unwrap();
    assert_eq!(counts, [30, 30, 30, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_refused_with_a_sentence() {
    let world = World::new(PUPILS, "create table loose (ids text[]);").await;
    let link = |from: &str, more: &str| {
        world.configure(&format!(
            "[[link]]\nfrom = \"{from}\"\nto = \"db.pupils(email)\"\n{more}"
        ));
        let (answer, code) = world.environment.json(&["config", "check"]);
        assert_ne!(code, 0, "{from}: {answer:#}");
        answer.to_string()
    };
    for (from, more, sentence) in [
        (
            "db.events(members[])",
            "owns = true\n",
            "cannot own its row",
        ),
        ("db.events(detail[])", "", "is jsonb, no array"),
        ("db.events(members$.id)", "", "holds no JSON"),
        ("db.events(detail$.)", "", "as a path in a document"),
        (
            "db.events(detail$.a)",
            "when = { note = \"x\" }\n",
            "leave `when` out",
        ),
        ("db.loose(ids[])", "", "nothing tells which row"),
        (
            "db.events(members[])",
            "[table.\"db.events\"]\nowner = [\"(members[])\"]\n",
            "cannot own its row",
        ),
        ("db.events(nothing[])", "", "has no column nothing"),
    ] {
        let said = link(from, more);
        assert!(said.contains(sentence), "{from}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_goes_by_way_of_the_value() {
    let world = World::new(TABLES, ROWS).await;
    world.configure(LINKS);
    let asked = ["why", "db.codes", "k-31", "--district", "1"];
    let said = world.environment.must(&asked).out;
    assert!(said.contains("db.public.teams(codes[])"), "{said}");
    assert!(said.contains("= any("), "{said}");
    let (answer, code) = world.environment.json(&asked);
    assert_eq!(code, 0, "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn init_finds_them_and_what_it_writes_migrates() {
    let tables = "create table districts (id int primary key, name text);
        create table schools (id int primary key, district_id int not null references districts);
        create table students (id int primary key, school_id int not null references schools, email text);
        create table teams (id int primary key, school_id int not null references schools,
            student_ids int[], detail jsonb);";
    let rows = "insert into districts select g, 'd' || g from generate_series(1, 3) g;
        insert into schools select g + 100, 1 + g % 3 from generate_series(1, 9) g;
        insert into students select g + 5000, 101 + g % 9, 'pupil' || g || '@example.org' from generate_series(1, 180) g;
        insert into teams select g + 20, 101 + g % 9, array[5000 + g, 5009 + g],
            jsonb_build_object('leader', jsonb_build_object('student_id', 5018 + g), 'size', g)
            from generate_series(1, 90) g;";
    let world = World::new(tables, rows).await;
    world.environment.must(&["init", "--root", "db.districts"]);
    let text = world.environment.read("redistrict.toml");
    for from in ["student_ids[]", "detail$.leader.student_id"] {
        let lines = format!(
            "[[link]]\nfrom = \"db.public.teams({from})\"\nto = \"db.public.students(id)\"\n"
        );
        assert!(text.contains(&format!("\n{lines}")), "{text}");
    }
    world.migrate();
    let teams = "select t.id || student_ids::text || (detail -> 'leader')::text from teams t join schools s on s.id = school_id
        where district_id = 1 order by t.id";
    let came = world.cert(teams).await;
    assert_eq!(came.len(), 30);
    assert_eq!(came, world.prod(teams).await);
}

/// Names of members with blanks, dots, quotes, letters of other scripts and signs of none: they stay as they are, and what
/// stands under them is followed, masked, taken out and checked like anything else.
#[tokio::test(flavor = "multi_thread")]
async fn members_may_have_any_name() {
    let names = [
        "home room",
        "a.b",
        "say \"x\"",
        "größe",
        "🎒",
        "it's",
        "(x, [y])",
        "x->y",
    ];
    let member = |name: &str, value: &str| {
        let name = name.replace('\'', "\'\'");
        format!("'{name}', {value}")
    };
    let members = |value: &str| names.map(|name| member(name, value)).join(", ");
    let rows = format!(
        "{PUPIL}insert into districts select g from generate_series(1, 3) g;
         insert into schools select g, 1 + g % 3 from generate_series(1, 9) g;
         insert into pupils select 'pupil.' || g || '@school' || g % 9 || '.org', 1 + g % 9
             from generate_series(1, 180) g;
         insert into events select g, 1 + g % 9, jsonb_build_object('outer one', jsonb_build_array(
             jsonb_build_object({})), 'note', 'words', 'Code, \"new\"', 'k-' || g), '{{}}', null, null
             from generate_series(1, 90) g;
         insert into codes select 'k-' || g from generate_series(1, 90) g;
         insert into events values (1001, 3, jsonb_build_object('outer one', jsonb_build_object({})), '{{}}', null, null);",
        members("p(g)"),
        members("p(1)"),
    );
    let tables = format!("{PUPILS} create table codes (code text primary key);");
    let world = World::new(&tables, &rows).await;
    let places =
        names.map(|name| format!("detail$.\"outer one\".\"{}\"", name.replace('"', "\"\"")));
    let links = places.iter().map(|place| {
        let from = redistrict_model::toml_text(&format!("db.events({place})"));
        format!("[[link]]\nfrom = {from}\nto = \"db.pupils(email)\"\n")
    });
    let boundary = places.iter().map(|place| {
        let key = redistrict_model::toml_text(&format!("({place})"));
        format!("{key} = \"null\"")
    });
    world.configure(&format!(
        "[[link]]\nfrom = 'db.events(detail$.\"Code, \"\"new\"\"\")'\nto = \"db.codes(code)\"\n\
         {}[table.\"db.events\"]\nboundary = {{ {} }}\n",
        links.collect::<String>(),
        boundary.collect::<Vec<_>>().join(", ")
    ));
    let (plan, code) = world.environment.json(&["plan", "1", "--exact"]);
    assert_eq!(code, 0, "{plan:#}");
    let boundaries = plan["boundaries"].as_array().unwrap();
    assert_eq!(boundaries.len(), names.len(), "{plan:#}");
    world.migrate();
    let keys = "select distinct k from events e,
        jsonb_path_query(detail, '$.\"outer one\"[*]') o, jsonb_object_keys(o) k order by k";
    assert_eq!(world.cert(keys).await, world.prod(keys).await);
    // Each place names a pupil that came; of strangers nothing is left.
    let pairs = |side: &str| {
        format!(
            "select e.id || ' ' || count(*) from events e, jsonb_path_query(detail, '$.\"outer one\"[*].*') v
             join pupils p on p.email = v #>> '{{}}' join schools s on s.id = p.school_id
             where s.district_id = 1 {side} group by e.id order by e.id"
        )
    };
    let came = world.cert(&pairs("")).await;
    assert_eq!(came, world.prod(&pairs("and e.id < 1000")).await);
    assert_eq!(came.len(), 30);
    let nulls = "select count(*)::text from events e, jsonb_path_query(detail, '$.\"outer one\"[*].* ? (@ == null)') v";
    assert_eq!(world.cert(nulls).await, [names.len().to_string()]);
    let asked = ["why", "db.codes", "k-2", "--district", "1", "--show-keys"];
    let (told, code) = world.environment.json(&asked);
    assert_eq!(code, 0, "{told:#}");
    assert!(told.to_string().contains("jsonb_path_query"), "{told:#}");
    assert!(crate::why::check(&world.prod, &told).await > 2);
}
