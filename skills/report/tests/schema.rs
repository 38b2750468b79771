//! The published schema of the JSON report: real reports keep it, and it has no field or word more or less
//! than the types.

use std::collections::BTreeSet;

use jsonschema::Validator;
use redistrict_artifact::ArtifactKind;
use redistrict_model::{ColumnClass, ErrorKind, MaskKind, Phase, Severity, Verdict};
use redistrict_report::{FORMAT_VERSION, ReportData, ReportStatus, SpanState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::sample;
use crate::story::{Files, every_kind};

fn schema() -> Value {
    let text = include_str!("../../../docs/reference/report.schema.json");
    serde_json::from_str(text).unwrap()
}

fn complaints(validator: &Validator, report: &Value) -> Vec<String> {
    let errors = validator.iter_errors(report);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn reports_of_every_kind_keep_the_schema() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    files.seal(ArtifactKind::Masked);
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (kind, story) in every_kind() {
        let report = serde_json::to_value(files.data(&story)).unwrap();
        assert_eq!(
            complaints(&validator, &report),
            Vec::<String>::new(),
            "{kind}"
        );
    }
    let report = serde_json::to_value(sample::report("x")).unwrap();
    assert_eq!(complaints(&validator, &report), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let good = serde_json::to_value(sample::report("x")).unwrap();
    let changes: [fn(&mut Value); 6] = [
        |report| report["more"] = json!(1),
        |report| report["status"] = json!("GREAT"),
        |report| report["tables"][0]["own"] = json!("1"),
        |report| report["checks"][0]["rows"] = json!(1),
        |report| report["timeline"]["spans"][0]["from_millis"] = json!(-1),
        |report| drop(report.as_object_mut().unwrap().remove("verdict")),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut bad = good.clone();
        change(&mut bad);
        assert!(!complaints(&validator, &bad).is_empty(), "change {at}");
    }
}

/// Where the schema and a value that has every field name different fields.
fn differences(schema: &Value, at: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(name) = at.get("$ref").and_then(Value::as_str) {
        let name = name.trim_start_matches("#/$defs/");
        return differences(schema, &schema["$defs"][name], value, place, found);
    }
    if let Some(some) = at.get("anyOf") {
        return differences(schema, &some[0], value, place, found);
    }
    match value {
        Value::Object(fields) if at["additionalProperties"].is_object() => {
            for (name, one) in fields {
                let place = format!("{place}.{name}");
                differences(schema, &at["additionalProperties"], one, &place, found);
            }
        }
        Value::Object(fields) => {
            let known = at["properties"].as_object().unwrap();
            let is_optional = |name: &&String| {
                place.ends_with("checks[]") && ["rows", "why"].contains(&name.as_str())
            };
            let known_names: BTreeSet<&String> =
                known.keys().filter(|name| !is_optional(name)).collect();
            let names: BTreeSet<&String> =
                fields.keys().filter(|name| !is_optional(name)).collect();
            if known_names != names {
                found.push(format!("{place}: {known_names:?} and {names:?}"));
            }
            for (name, one) in fields {
                differences(schema, &known[name], one, &format!("{place}.{name}"), found);
            }
        }
        Value::Array(list) => {
            assert!(!list.is_empty(), "{place} of the sample is empty");
            for one in list {
                differences(schema, &at["items"], one, &format!("{place}[]"), found);
            }
        }
        Value::Null => found.push(format!("{place} of the sample is null")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_has_the_fields_of_the_types() {
    let (schema, mut found) = (schema(), Vec::new());
    let value = serde_json::to_value(sample::report("x")).unwrap();
    differences(&schema, &schema, &value, "", &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        schema["properties"]["format_version"]["const"],
        FORMAT_VERSION
    );
}

/// The words of an enumeration, which its reader lists when it is given another.
fn words<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(json!("?"))
        .err()
        .unwrap()
        .to_string();
    let listed = error.split("expected").nth(1).unwrap();
    let quoted = listed.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_words_of_the_types() {
    let schema = schema();
    let of_schema = |name: &str| -> BTreeSet<String> {
        let listed = schema["$defs"][name]["enum"].as_array().unwrap();
        let texts = listed.iter().map(|word| word.as_str().unwrap().to_owned());
        texts.collect()
    };
    for (name, words) in [
        ("phase", words::<Phase>()),
        ("error_kind", words::<ErrorKind>()),
        ("severity", words::<Severity>()),
        ("verdict", words::<Verdict>()),
        ("status", words::<ReportStatus>()),
        ("class", words::<ColumnClass>()),
        ("mask_kind", words::<MaskKind>()),
        ("span_state", words::<SpanState>()),
    ] {
        assert!(words.len() > 2, "{name}: {words:?}");
        assert_eq!(of_schema(name), words, "{name}");
    }
}

#[test]
fn a_report_of_before_the_time_line_is_read() {
    let mut old = serde_json::to_value(sample::report("x")).unwrap();
    let fields = old.as_object_mut().unwrap();
    for name in [
        "timeline",
        "skew_millis",
        "unmatched_between_stores",
        "left_behind",
        "decisions_digest",
        "fields_by_class",
        "approvals",
    ] {
        fields.remove(name).unwrap();
    }
    let read: ReportData = serde_json::from_value(old).unwrap();
    assert!(read.timeline.spans.is_empty() && read.decisions_digest.is_empty());
}
