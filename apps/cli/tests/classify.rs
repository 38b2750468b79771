//! The decision sheet of `classify`, against the plan and the report of a run that went by it.

use crate::environment::Environment;

/// The estate with a run of district 2, in `redistrict-demo`.
fn demo() -> Environment {
    let environment = Environment::new();
    environment.must(&["demo", "--students", "20"]);
    environment
}

const CONFIG: [&str; 2] = ["--config", "redistrict-demo/redistrict.toml"];

fn read_json(environment: &Environment, name: &str) -> serde_json::Value {
    serde_json::from_str(&environment.read(name)).unwrap()
}

#[test]
fn the_sheet_names_the_decisions_of_the_plan_and_of_the_runs_report() {
    let environment = demo();
    let call = |words: &[&str]| environment.json(&[words, &CONFIG].concat()).0;
    let sheet = call(&["classify"]);
    let columns = sheet["columns"].as_array().unwrap();
    let plan = call(&["plan", "2"]);
    let masks = plan["masks"].as_array().unwrap();
    assert_eq!(columns.len(), masks.len());
    for (column, mask) in columns.iter().zip(masks) {
        assert_eq!(column["column"], mask["column"]["column"]);
        assert_eq!(column["table"], mask["column"]["table"]);
        for what in ["class", "mask", "kind", "provenance", "reason"] {
            assert_eq!(column[what], mask[what], "{column}");
        }
    }
    assert_eq!(sheet["plan"], serde_json::Value::Null);

    let bound = call(&["classify", "2", "--out", "a sheet"]);
    assert_eq!(bound["plan"]["digest"], plan["digest"]);
    assert_eq!(bound["decisions_digest"], sheet["decisions_digest"]);
    let digest = sheet["decisions_digest"].as_str().unwrap();
    for file in [
        "redistrict-demo/data/analysis/decisions.csv",
        "redistrict-demo/data/analysis/decisions.html",
        "a sheet/decisions.csv",
        "a sheet/decisions.html",
    ] {
        assert!(environment.read(file).contains(digest), "{file}");
    }
    let csv = environment.read("a sheet/decisions.csv");
    assert_eq!(csv.split_terminator("\r\n").count(), columns.len() + 1);

    let runs = call(&["runs"]);
    let run = runs["runs"][0]["run"].as_str().unwrap();
    let report = read_json(
        &environment,
        &format!("redistrict-demo/data/reports/{run}.json"),
    );
    assert_eq!(report["decisions_digest"], sheet["decisions_digest"]);
    assert_eq!(report["plan_digest"], plan["digest"]);
}

#[test]
fn the_sheet_says_what_a_column_is_to_its_row() {
    let environment = demo();
    let sheet = environment.json(&[&["classify"][..], &CONFIG].concat()).0;
    let columns = sheet["columns"].as_array().unwrap();
    let find = |table: &str, column: &str| {
        let is_it = |one: &&serde_json::Value| one["table"] == table && one["column"] == column;
        columns.iter().find(is_it).unwrap()
    };
    let key = find("ids.main.students", "id");
    assert_eq!(
        (&key["key"], &key["is_nullable"]),
        (&"primary_key".into(), &false.into())
    );
    let school = find("ids.main.students", "school_id");
    assert_eq!(school["references"][0], "ids.main.schools(id)");
    let text = environment.must(&[&["classify"][..], &CONFIG].concat());
    assert!(text.out.contains("primary key"), "{}", text.out);
    assert!(text.err.contains("decisions digest "), "{}", text.err);
}

#[test]
fn without_cert_the_sheet_is_provisional_and_says_so() {
    let environment = demo();
    let config = environment.read("redistrict-demo/redistrict.toml");
    let is_kept = |line: &&str| !line.trim_start().starts_with("target");
    let without: Vec<&str> = config.lines().filter(is_kept).collect();
    environment.write("redistrict-demo/prod.toml", &without.join("\n"));
    let prod = ["--config", "redistrict-demo/prod.toml"];
    let (sheet, code) = environment.json(&[&["classify"][..], &prod].concat());
    assert_eq!(
        (code, &sheet["basis"]),
        (0, &"prod_alone".into()),
        "{sheet}"
    );
    let page = environment.read("redistrict-demo/data/analysis/decisions.html");
    assert!(page.contains("PROVISIONAL"));
    // A plan cannot be without CERT.
    let (failed, code) = environment.json(&[&["classify", "2"][..], &prod].concat());
    assert_eq!(code, 3, "{failed}");
}

#[test]
fn the_report_of_a_run_is_written_again_as_three_files_that_say_the_same() {
    let environment = demo();
    let call = |words: &[&str]| environment.json(&[words, &CONFIG].concat()).0;
    let runs = call(&["runs"]);
    let run = runs["runs"][0]["run"].as_str().unwrap();
    let name = |extension: &str| format!("redistrict-demo/data/reports/{run}.{extension}");
    for extension in ["md", "html", "json"] {
        std::fs::remove_file(environment.path(&name(extension))).unwrap();
    }
    let reports = call(&["report", run])["reports"].clone();
    assert_eq!(reports.as_array().unwrap().len(), 3);
    let report = read_json(&environment, &name("json"));
    assert!(!report["timeline"]["spans"].as_array().unwrap().is_empty());
    let extracted = report["totals"]["extracted"].as_u64().unwrap();
    let page = environment.read(&name("html"));
    let (thousands, rest) = (extracted / 1_000, extracted % 1_000);
    let shown = match thousands {
        0 => rest.to_string(),
        _ => format!("{thousands},{rest:03}"),
    };
    assert!(
        page.contains(&format!("<dd>{shown}<small>records</small>")),
        "{shown}"
    );
    assert!(
        environment
            .read(&name("md"))
            .contains("```mermaid\ngantt\n")
    );
}
