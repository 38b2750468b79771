//! A sample database as PROD and an empty copy of its schema as CERT; what `plan --exact` counts, beside
//! rows of docs/design/closure.md §8 written as text.

use std::collections::BTreeMap;

use redistrict_testkit::foreign_keys::broken_foreign_keys;
use redistrict_testkit::postgres::{RoleKind, TestServer, execute};

use crate::environment::{Ended, Environment, restore, sample};

const EMPTY: &str =
    "do $$ begin execute (select 'truncate ' || string_agg(oid::regclass::text, ', ')
    from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace); end $$";

/// Full rows and stubs of each table that has some.
pub(crate) type Counts = BTreeMap<String, (u64, u64)>;

pub(crate) struct Sample {
    pub(crate) environment: Environment,
    pub(crate) prod: String,
    pub(crate) cert: String,
    /// The configuration, before what a test decides about rows.
    configuration: String,
}

impl Sample {
    /// Restores the dump, runs `init` with that root, takes what it left open: every line that it proposes.
    pub(crate) async fn new(dump: &str, root: &str) -> Self {
        let server = TestServer::start();
        let prod = server.create_database().await;
        let cert = server.create_database().await;
        let dump = sample(dump);
        restore(&dump, &prod);
        restore(&dump, &cert);
        execute(&cert, EMPTY).await.unwrap();
        let reader = server.create_role(&prod, RoleKind::Reader).await;
        let mut environment = Environment::new();
        environment.set("DB_PROD_URL", &reader);
        environment.set("DB_CERT_URL", &cert);
        let store = "db=postgres:DB_PROD_URL:DB_CERT_URL";
        environment.must(&["init", "--store", store, "--root", &format!("db.{root}")]);
        let configuration = taken(&environment.read("redistrict.toml"));
        let sample = Self {
            environment,
            prod,
            cert,
            configuration,
        };
        sample.decide("");
        sample
    }

    /// What `init` wrote.
    pub(crate) fn configuration(&self) -> &str {
        &self.configuration
    }

    /// Writes the configuration with these lines behind it.
    pub(crate) fn decide(&self, lines: &str) {
        let text = format!("{}\n{lines}\n", self.configuration);
        self.environment.write("redistrict.toml", &text);
    }

    /// Takes out the links that `init` found, so that declared foreign keys alone count.
    pub(crate) fn without_links(mut self) -> Self {
        let mut is_link = false;
        let keep = |line: &&str| {
            is_link = *line == "[[link]]" || is_link && !line.is_empty();
            !is_link
        };
        let lines: Vec<&str> = self.configuration.lines().filter(keep).collect();
        self.configuration = lines.join("\n");
        self
    }

    /// What the exact plan counts; it has to be decided.
    pub(crate) fn counts(&self, district: &str) -> Counts {
        let (plan, code) = self.environment.json(&["plan", district, "--exact"]);
        assert_eq!(code, 0, "{plan:#}");
        let tables = plan["tables"].as_array().unwrap().iter();
        tables.filter_map(table_counts).collect()
    }

    /// The exact plan of a district that is not decided; gives what it said.
    pub(crate) fn undecided(&self, district: &str) -> Ended {
        let ended = self.environment.run(&["plan", district, "--exact"]);
        assert_eq!(ended.code, 3, "{}{}", ended.out, ended.err);
        ended
    }

    /// Migrates; gives the number of rows that CERT did not have.
    pub(crate) fn migrate(&self, district: &str) -> (serde_json::Value, u64) {
        let (report, code) = self.environment.json(&["migrate", district]);
        assert_eq!(
            (code, &report["status"]),
            (0, &"SUCCESS".into()),
            "{report:#}"
        );
        let extracted = report["extracted"].as_u64().unwrap();
        (report, extracted)
    }

    /// CERT's own word on each of its foreign keys.
    pub(crate) async fn foreign_keys_hold(&self, how_many: usize) {
        let (found, broken) = broken_foreign_keys(&self.cert).await.unwrap();
        assert_eq!((found, broken), (how_many, Vec::new()));
    }
}

/// Uncomments what `init` left to decide.
fn taken(text: &str) -> String {
    let mut is_open = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("# ---- ") {
            is_open = line.starts_with("# ---- To decide");
        }
        let is_line = |rest: &&str| is_open && (rest.starts_with('[') || rest.contains(" = "));
        let decision = line.strip_prefix("# ").filter(is_line);
        lines.push(decision.unwrap_or(line));
    }
    lines.join("\n")
}

fn table_counts(entry: &serde_json::Value) -> Option<(String, (u64, u64))> {
    let number = |name: &str| entry[name].as_u64().unwrap();
    let counts = (number("own") + number("shared"), number("stubs"));
    let name = entry["table"].as_str().unwrap();
    let name = name.strip_prefix("db.public.").unwrap_or(name);
    (counts != (0, 0)).then(|| (name.to_owned(), counts))
}

/// `"store 1+3, staff 6"`: a full row and three stubs of the one, six full rows of the other.
pub(crate) fn expected(row: &str) -> Counts {
    let entry = |entry: &str| {
        let (table, counts) = entry.trim().rsplit_once(' ').unwrap();
        let (full, stubs) = counts.split_once('+').unwrap_or((counts, "0"));
        let number = |text: &str| text.replace('_', "").parse().unwrap();
        (table.to_owned(), (number(full), number(stubs)))
    };
    row.split(',').map(entry).collect()
}

/// All rows, stubs included.
pub(crate) fn total(counts: &Counts) -> u64 {
    counts.values().map(|(full, stubs)| full + stubs).sum()
}
