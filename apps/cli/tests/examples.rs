//! `docs/examples`: what `init` writes for two databases, and all that a person changed in it before a migration
//! ran to SUCCESS. The pages are written by this test (REDISTRICT_WRITE_EXAMPLES=1) and checked by it.

use std::path::Path;

use redistrict_estate::{Databases, Estate, EstateOptions, StoreId, StoreKinds};
use redistrict_testkit::postgres::{RoleKind, TestServer, execute};

use crate::environment::{Environment, restore, sample};

/// So many lines may differ, links apart.
const MOST: usize = 10;

/// What stands above the columns.
const COLUMNS: &str =
    "\n# ---- Inferred: what is done with each column (redistrict classify says why)\n";

/// One database or more, and what a person decides about them.
struct Example {
    name: &'static str,
    about: &'static str,
    init: &'static [&'static str],
    district: &'static str,
    /// Lines of the file and what they become: what stands there as a comment is uncommented.
    decisions: &'static [(&'static str, &'static str)],
    /// What nobody can infer: added at the end.
    link: &'static str,
}

const NORTHWIND: Example = Example {
    name: "northwind",
    about: "A shop (14 tables, PostgreSQL) whose tenant is a customer. Four tables are a question: one that nothing \
            refers to, and three lists of people that belong to no customer.",
    init: &[
        "--store",
        "nw=postgres:NW_PROD_URL:NW_CERT_URL",
        "--root",
        "nw.customers",
    ],
    district: "ALFKI",
    decisions: &[
        (
            "excluded = \"…the reason…\"",
            "excluded = \"a list of states that nothing uses\"",
        ),
        (
            "confirmed = ",
            "confirmed = \"the shop's own people and partners, masked\"",
        ),
    ],
    link: "",
};

const ESTATE: Example = Example {
    name: "estate",
    about: "Five PostgreSQL databases (45 tables) of the reference estate ([design](../design/estate.md)), whose \
            references from store to store no catalog declares. Nothing had to be decided, and no link was added: the \
            one whose column is not called after its table (`proctor_id`) is told by the districts of its rows.",
    init: &["--root", "ids.districts"],
    district: "2",
    decisions: &[],
    link: "",
};

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_for_northwind_is_nearly_what_runs() {
    let server = TestServer::start();
    let prod = server.create_database().await;
    let cert = server.create_database().await;
    let dump = sample("northwind.sql.gz");
    restore(&dump, &prod);
    restore(&dump, &cert);
    let truncate = "do $$ begin execute (select 'truncate ' || string_agg(quote_ident(tablename), ', ') \
                    from pg_tables where schemaname = 'public'); end $$";
    execute(&cert, truncate).await.unwrap();
    let mut environment = Environment::new();
    let reader = server.create_role(&prod, RoleKind::Reader).await;
    environment.set("NW_PROD_URL", &reader);
    environment.set("NW_CERT_URL", &cert);
    check(&environment, &NORTHWIND);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_init_writes_for_the_estate_is_what_runs() {
    let server = TestServer::start();
    let mut environment = Environment::new();
    let mut sides = [Vec::new(), Vec::new()];
    for store in StoreId::ALL {
        for (side, name) in sides.iter_mut().zip(["PROD", "CERT"]) {
            let url = server.create_database().await;
            let variable = format!("{}_{name}_URL", store.as_str()).to_uppercase();
            environment.set(&variable, &url);
            side.push(url);
        }
    }
    let [prod, cert] = sides.map(|urls| {
        let urls: [String; 5] = urls.try_into().unwrap();
        Databases::new(StoreKinds::postgres(), urls)
    });
    let options = EstateOptions {
        seed: 1,
        districts: 3,
        students_per_district: 60,
        with_transfers: false,
    };
    prod.write_estate(&Estate::generate(options)).await.unwrap();
    cert.write_schema().await.unwrap();
    check(&environment, &ESTATE);
}

/// Runs `init`, decides, migrates, and compares the page.
fn check(environment: &Environment, example: &Example) {
    environment.must(&[&["init"], example.init].concat());
    let written = environment.read("redistrict.toml");
    let decided = decide(&written, example);
    environment.write("redistrict.toml", &format!("{decided}{}", example.link));
    environment.must(&["config", "check"]);
    environment.must(&["enroll", "--name", "example"]);
    let (end, code) = environment.json(&["migrate", example.district]);
    assert_eq!((code, &end["status"]), (0, &"SUCCESS".into()), "{end:#}");

    let changes = difference(&written, &decided);
    let added = changes.iter().filter(|line| line.starts_with('+')).count();
    assert!(
        added <= MOST,
        "{added} lines differ:\n{}",
        changes.join("\n")
    );
    let page = page(example, &written, &changes, added);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/examples")
        .join(format!("{}.md", example.name));
    if std::env::var_os("REDISTRICT_WRITE_EXAMPLES").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page,
        "docs/examples/{}.md is not what init writes now: \
         REDISTRICT_WRITE_EXAMPLES=1 cargo test -p redistrict-cli --test main examples",
        example.name
    );
}

/// Uncomments what stands below `To decide`, with what the person says.
fn decide(text: &str, example: &Example) -> String {
    let mut is_open = false;
    let lines = text.lines().map(|line| {
        if line.starts_with("# ---- ") {
            is_open = line.starts_with("# ---- To decide");
        }
        let rest = line
            .strip_prefix("# ")
            .filter(|_| is_open)
            .unwrap_or_default();
        if rest.starts_with("[table.") {
            return rest.to_owned();
        }
        let decision = example
            .decisions
            .iter()
            .find(|(from, _)| rest.starts_with(from));
        decision.map_or_else(|| line.to_owned(), |(_, to)| (*to).to_owned())
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Lines that went (`-`) and came (`+`), in order. One line becomes one: the decisions add none.
fn difference(before: &str, after: &str) -> Vec<String> {
    assert_eq!(before.lines().count(), after.lines().count());
    let pairs = before.lines().zip(after.lines());
    let changed = pairs.filter(|(one, other)| one != other);
    changed
        .flat_map(|(one, other)| [format!("-{one}"), format!("+{other}")])
        .collect()
}

fn page(example: &Example, written: &str, changes: &[String], added: usize) -> String {
    let (head, columns) = written.split_once(COLUMNS).unwrap();
    let columns: Vec<&str> = columns.lines().collect();
    let shown = columns
        .iter()
        .take(8)
        .copied()
        .collect::<Vec<_>>()
        .join("\n");
    let more = columns.len().saturating_sub(8);
    let differs = match (added, example.link) {
        (0, "") => "Nothing: it ran as it was written.\n".to_owned(),
        (0, link) => format!("0 lines, links apart; added by hand:\n\n```toml{link}```\n"),
        (many, _) => format!("{many} lines:\n\n```diff\n{}\n```\n", changes.join("\n")),
    };
    format!(
        "# Example: {}\n\n{}\n\nThis page is written by a test (`apps/cli/tests/examples.rs`), which runs all of it \
         to the end and fails where the page is not what happens.\n\n## What was changed before it ran\n\n{differs}\n\
         ## What `redistrict init {}` wrote\n\n```toml\n{head}{COLUMNS}{shown}\n```\n\n\
         and {more} more lines.\n",
        example.name,
        example.about,
        example.init.join(" "),
    )
}
