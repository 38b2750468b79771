//! `why` on rows chosen over Ed-Fi's 741 tables: every printed statement is run in PROD and finds what it
//! says.

use redistrict_testkit::postgres::{TestServer, query};
use serde_json::Value;

use crate::environment::{Environment, restore, sample};
use crate::why::check;

const DISTRICT: &str = "255901";

/// Table, which row of it, how it comes, and the rules of its chain from the row to the district.
const ROWS: [(&str, &str, &str, &str); 11] = [
    (
        "contactaddress",
        "true",
        "shared",
        "part_of referred_to_by hangs_on referred_to_by belongs_to base_of root",
    ),
    (
        "contact",
        "contactusi in (select contactusi from edfi.studentcontactassociation)",
        "shared",
        "referred_to_by hangs_on referred_to_by belongs_to base_of root",
    ),
    (
        "student",
        "studentusi in (select studentusi from edfi.studentschoolassociation)",
        "shared",
        "referred_to_by belongs_to base_of root",
    ),
    (
        "studentschoolattendanceevent",
        "true",
        "own",
        "belongs_to belongs_to root",
    ),
    (
        "studentassessmentitem",
        "true",
        "shared",
        "part_of hangs_on referred_to_by belongs_to base_of root",
    ),
    ("credential", "true", "shared", ""),
    (
        "learningstandard",
        "learningstandardid in (select learningstandardid from edfi.objectiveassessmentlearningstandard)",
        "shared",
        "",
    ),
    (
        "staffleave",
        "true",
        "shared",
        "hangs_on referred_to_by belongs_to belongs_to root",
    ),
    (
        "gradeleveldescriptor",
        "gradeleveldescriptorid in (select entrygradeleveldescriptorid from edfi.studentschoolassociation)",
        "shared",
        "referred_to_by part_of belongs_to root",
    ),
    ("school", "true", "own", "belongs_to root"),
    (
        "educationservicecenter",
        "educationservicecenterid in (select educationservicecenterid from edfi.localeducationagency)",
        "stub",
        "stub_for root",
    ),
];

/// Rows that stay.
const NOT: [(&str, &str, &str); 2] = [
    (
        "contact",
        "contactusi not in (select contactusi from edfi.studentcontactassociation)",
        "nobody_refers",
    ),
    (
        "learningstandard",
        "learningstandardid not in (select learningstandardid from edfi.objectiveassessmentlearningstandard
           union select learningstandardid from edfi.assessmentitemlearningstandard
           union select parentlearningstandardid from edfi.learningstandard where parentlearningstandardid is not null
           union select learningstandardid from edfi.courselearningstandard)",
        "nobody_refers",
    ),
];

/// The words that name a row of a table: one value of its key each.
async fn key(prod: &str, table: &str, which: &str) -> Vec<String> {
    let columns = format!(
        "select string_agg(format(case when atttypid = 'date'::regtype then 'to_char(%I, ''YYYY-MM-DD'')'
           else '%I::text' end, attname), ', ' order by place)
         from pg_index, unnest(indkey) with ordinality as k(number, place), pg_attribute
         where indrelid = 'edfi.{table}'::regclass and indisprimary and attrelid = indrelid and attnum = number"
    );
    let columns = query(prod, &columns).await.unwrap()[0][0].clone().unwrap();
    let sql =
        format!("select {columns} from edfi.{table} where {which} order by {columns} limit 1");
    let rows = query(prod, &sql).await.unwrap();
    let row = rows
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no row of {table}"));
    row.into_iter().flatten().collect()
}

async fn world() -> (Environment, String) {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    restore(&sample("edfi_ds52.sql.gz"), &prod);
    let mut environment = Environment::new();
    environment.set("ODS_PROD_URL", &prod);
    environment.set("ODS_CERT_URL", &cert);
    let store = "ods=postgres:ODS_PROD_URL:ODS_CERT_URL";
    let root = "ods.edfi.localeducationagency";
    environment.must(&["init", "--root", root, "--store", store]);
    let text = environment.read("redistrict.toml");
    let mut is_open = false;
    let lines: Vec<&str> = text
        .lines()
        .map(|line| {
            if line.starts_with("# ---- ") {
                is_open = line.starts_with("# ---- To decide");
            }
            let decision = line.strip_prefix("# ").filter(|rest| {
                let is_line = ["[table.", "excluded = ", "confirmed = "];
                is_open && is_line.iter().any(|begin| rest.starts_with(begin))
            });
            decision.unwrap_or(line)
        })
        .collect();
    environment.write("redistrict.toml", &lines.join("\n"));
    (environment, prod)
}

fn why(environment: &Environment, table: &str, key: &[String]) -> Value {
    let table = format!("ods.edfi.{table}");
    let mut words = vec![
        "why",
        "--district",
        DISTRICT,
        "--show-keys",
        "--output",
        "json",
        "--",
        &table,
    ];
    words.extend(key.iter().map(String::as_str));
    let ended = environment.must(&words);
    serde_json::from_str(ended.out.trim()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn chains_of_ed_fi_hold_in_sql_step_by_step() {
    let (environment, prod) = world().await;
    let mut checked = 0;
    for (table, which, comes, rules) in ROWS {
        let told = why(&environment, table, &key(&prod, table, which).await);
        assert_eq!(told["comes"], comes, "{told:#}");
        let steps = told["chain"].as_array().unwrap();
        let found: Vec<&str> = steps
            .iter()
            .map(|step| step["rule"].as_str().unwrap())
            .collect();
        assert!(
            rules.is_empty() || rules == found.join(" "),
            "{table}: {found:?}"
        );
        assert_eq!(found.last(), Some(&"root"));
        checked += check(&prod, &told).await;
    }
    assert!(checked > 40, "{checked} statements");
    println!("{} chains, {checked} statements, all true", ROWS.len());
    for (table, which, reason) in NOT {
        let told = why(&environment, table, &key(&prod, table, which).await);
        assert_eq!(told["why_not"]["reason"], reason, "{told:#}");
    }
    let picture = environment.read("data/analysis/dependency-graph.svg");
    assert!(picture.contains("741 tables, ") && picture.contains(" references, drawn as "));
    let boxes = picture.matches("class=\"box ").count();
    // The legend has five.
    assert!((30..=65).contains(&boxes), "{boxes} boxes");
}
