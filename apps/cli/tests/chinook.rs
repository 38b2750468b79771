//! A real third-party database whose tenant is a person: chinook, sales representative 3, whose manager is
//! another row of the root table. Also: a tenant's name that is a person's is printed nowhere.

use redistrict_testkit::postgres::{RoleKind, TestServer, execute, query};

use crate::environment::{Ended, Environment, holding, restore, rows, sample};
use crate::hook::Hook;
use crate::samples::{Sample, expected, total};

/// Names of the representative, of the manager, and what else tells who they are.
const PERSONS: [&str; 6] = [
    "Peacock",
    "jane@chinookcorp.com",
    "(403) 262-3443",
    "Edwards",
    "nancy@chinookcorp.com",
    "Sales Manager",
];

/// CERT keeps another representative with her customers, and none of the catalogue.
const KEEP_PARK: &str = "
    delete from invoice_line; delete from invoice;
    delete from customer where support_rep_id is distinct from 4;
    delete from playlist_track; delete from playlist; delete from track;
    delete from album; delete from artist; delete from genre; delete from media_type;
    update employee set reports_to = null;
    delete from employee where employee_id <> 4;
";

struct World {
    environment: Environment,
    prod: String,
    cert: String,
    hook: Hook,
    /// All that was printed.
    said: String,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::start();
        let prod = server.create_database().await;
        let cert = server.create_database().await;
        let dump = sample("chinook.sql.gz");
        restore(&dump, &prod);
        restore(&dump, &cert);
        execute(&cert, KEEP_PARK).await.unwrap();
        let reader = server.create_role(&prod, RoleKind::Reader).await;
        let hook = Hook::start(&[]);
        let mut environment = Environment::new();
        environment.set("DB_PROD_URL", &reader);
        environment.set("DB_CERT_URL", &cert);
        environment.set("WEBHOOK", &hook.url("x"));
        environment.set("NO_PROXY", "127.0.0.1");
        Self {
            environment,
            prod,
            cert,
            hook,
            said: String::new(),
        }
    }

    fn must(&mut self, arguments: &[&str]) -> Ended {
        let ended = self.environment.must(arguments);
        self.said.push_str(&ended.out);
        self.said.push_str(&ended.err);
        ended
    }

    /// What `init` wrote, with its one decision taken, the name named and a webhook.
    fn decide(&self, policy: &str) {
        let text = self.environment.read("redistrict.toml");
        let text = text
            .replace(
                "# [table.\"db.public.employee\"]",
                "[table.\"db.public.employee\"]",
            )
            .replace("# boundary = ", "boundary = ")
            .replace("= \"stub\"", &format!("= \"{policy}\""))
            .replace(
                "\nkey = \"employee_id\"",
                "\nkey = \"employee_id\"\nname = \"last_name\"",
            );
        let text = format!("{text}\n[notify]\nurl = {{ env = \"WEBHOOK\" }}\n");
        assert!(
            text.contains("\n[table.\"db.public.employee\"]\nboundary"),
            "{text}"
        );
        self.environment.write("redistrict.toml", &text);
    }

    /// The employees of CERT: key, superior, and how many columns hold something.
    async fn employees(&self) -> Vec<Vec<Option<String>>> {
        let sql = "select employee_id, reports_to,
                (select count(*) from jsonb_each(to_jsonb(e) - 'employee_id' - 'reports_to') where value <> 'null')
            from employee e order by employee_id";
        query(&self.cert, sql).await.unwrap()
    }
}

fn row(id: &str, superior: Option<&str>, filled: &str) -> Vec<Option<String>> {
    [Some(id), superior, Some(filled)]
        .map(|one| one.map(str::to_owned))
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manager_of_a_sales_representative_is_decided_shown_and_right_and_no_name_is_printed() {
    let mut world = World::new().await;
    let (prod, before) = (rows(&world.prod).await, rows(&world.cert).await);
    let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
    world.must(&["init", "--store", store, "--root", "db.employee"]);
    world.must(&["enroll", "--name", "chinook cert"]);

    // Undecided, it stops before a row moves, and says what to write.
    let undecided = world.environment.run(&["plan", "3", "--exact"]);
    assert_eq!(undecided.code, 3, "{}", undecided.err);
    assert!(undecided.err.contains("boundary = {"), "{}", undecided.err);

    // The superior's key and mandatory columns come, masked, and nothing else.
    world.decide("stub");
    let plan = world.must(&["plan", "3", "--exact"]).out;
    assert!(plan.contains("db.public.employee(reports_to)"), "{plan}");
    assert!(plan.contains("stub"), "{plan}");
    let migrated = world.must(&["migrate", "3"]).err + &world.said;
    let run = migrated.split("rollback ").nth(1).unwrap();
    let run = run.split_whitespace().next().unwrap().to_owned();
    let expected = [
        row("2", None, "2"),
        row("3", Some("2"), "13"),
        row("4", None, "13"),
    ];
    assert_eq!(world.employees().await, expected);
    let after = rows(&world.cert).await;
    let is_kept =
        |(table, rows): (&String, &Vec<String>)| rows.iter().all(|row| after[table].contains(row));
    assert!(before.iter().all(is_kept), "a row of others changed");
    world.must(&["status", &run]);
    world.must(&["report", &run]);
    world.must(&["select"]);
    world.must(&["classify"]);
    world.must(&["rollback", &run]);
    assert_eq!(rows(&world.cert).await, before);

    // Decided otherwise, the reference is emptied, and the superior stays where she is.
    let text = world.environment.read("redistrict.toml");
    world
        .environment
        .write("redistrict.toml", &text.replace("= \"stub\"", "= \"null\""));
    world.must(&["migrate", "3"]);
    let expected = [row("3", None, "13"), row("4", None, "13")];
    assert_eq!(world.employees().await, expected);
    assert_eq!(rows(&world.prod).await, prod);

    let told: Vec<String> = world
        .hook
        .received()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(told.len() >= 2, "{told:?}");
    for person in PERSONS {
        assert!(!world.said.contains(person), "{person} was printed");
        assert!(
            told.iter().all(|one| !one.contains(person)),
            "{person} was told"
        );
        let files = holding(world.environment.dir.path(), person);
        assert_eq!(files, [] as [String; 0], "{person}");
    }
}

/// Representative, rows of each table, all rows: docs/design/closure.md §8. The superior is a stub.
const ROWS: [(&str, &str, u64); 2] = [
    (
        "3",
        "employee 1+1, customer 21, invoice 146, invoice_line 796, track 761, album 250, artist 138, genre 23, \
         media_type 4, playlist 12, playlist_track 1_894",
        4_047,
    ),
    (
        "4",
        "employee 1+1, customer 20, invoice 140, invoice_line 760, track 731, album 256, artist 137, genre 22, \
         media_type 5, playlist 12, playlist_track 1_812",
        3_897,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sales_representative_has_the_customers_and_what_these_bought() {
    let sample = Sample::new("chinook.sql.gz", "employee").await;
    for (district, row, all) in ROWS {
        let counts = sample.counts(district);
        assert_eq!(counts, expected(row), "employee {district}");
        assert_eq!(total(&counts), all, "employee {district}");
    }
}
