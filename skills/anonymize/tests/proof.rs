//! The skill on artifacts: what it writes, what its proof catches, that it can be repeated.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use redistrict_anonymize::{
    Field, FieldShape, Mask, MaskDefinition, MaskRegistry, Masked, SweepSkill, Unmaskable, Value,
    check_fits,
};
use redistrict_artifact::Artifact;
use redistrict_model::{ColumnType, ErrorKind, MaskName, Role};
use redistrict_skill::Skill as _;

use crate::support::{
    Estate, Outcomes, cells, check, context, layout, masked, root_key, run_all, run_id, table,
    unique, write_raw,
};

fn estate() -> Estate {
    let students = table(
        "students",
        &["id"],
        &[
            "id:int8!",
            "student_number:varchar(10)!",
            "first_name:varchar(14)!",
            "last_name:varchar(24)!",
            "email:varchar(80)!",
            "phone:varchar(20)",
            "national_id:char(11)",
            "address:varchar(120)",
            "birth_date:date",
            "notes:text",
            "profile:json",
            "photo:bytes",
            "points:int4",
            "level:varchar(8)!",
        ],
    );
    let subjects = table("subjects", &["id"], &["id:int8!", "title:varchar(60)"]);
    Estate::new(vec![
        (
            Role::Root,
            table("districts", &["id"], &["id:int8!", "name:text"]),
        ),
        (Role::Owned, students),
        (Role::Reference, subjects),
        (
            Role::Owned,
            table("meals", &["id"], &["id:int8!", "number:varchar(10)"]),
        ),
        (
            Role::Owned,
            table("empty", &["id"], &["id:int8!", "note:text"]),
        ),
    ])
    .with("students", |table| {
        table.uniques.push(unique("u", &["student_number"]));
        table.uniques.push(unique("e", &["email"]));
        table.checks.push(check("l", "level in ('high', 'middle')"));
    })
    .reference("meals.number", "students.student_number")
}

const FIRST: [&str; 6] = ["Priscilla", "Wanjiru", "Maria", "Søren", "Ana", "Bo"];
const LAST: [&str; 7] = [
    "Featherstone",
    "Okonkwo",
    "Lopez",
    "Zúñiga",
    "O'Brien",
    "de la Cruz",
    "Li",
];

fn number(n: usize) -> String {
    (4_000_000_000 + n * 7_919_333).to_string()
}

fn email(n: usize) -> String {
    format!("student.{n}@cascademail.net")
}

fn rows() -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let student = |n: usize| {
        let (first, last) = (FIRST[n % 6], LAST[n % 7]);
        let phone = format!("(425) 3{:02}-{:04}", n % 90 + 10, 1000 + n * 7);
        let or_null = |text: String| {
            if n.is_multiple_of(10) {
                "∅".to_owned()
            } else {
                text
            }
        };
        vec![
            n.to_string(),
            number(n),
            first.to_owned(),
            last.to_owned(),
            email(n),
            or_null(phone.clone()),
            or_null(format!(
                "{:03}-{:02}-{:04}",
                100 + n,
                10 + n % 80,
                1000 + n * 3
            )),
            or_null(format!(
                "{} Huckleberry Rd, Maple Valley, WA 98038",
                100 + n * 3
            )),
            (14_000 + i64::try_from(n * 13).unwrap()).to_string(),
            or_null(format!(
                "{first} {last} was seen by the nurse on day {n}, call {phone}"
            )),
            format!(
                r#"{{"email": "{}", "bus": {n}, "likes": ["chess", "row {n} of the choir"]}}"#,
                email(n)
            ),
            format!("\u{1}JFIF picture number {n} of a face"),
            (n % 97).to_string(),
            if n.is_multiple_of(2) {
                "high"
            } else {
                "middle"
            }
            .to_owned(),
        ]
    };
    let text = |text: &str| text.to_owned();
    BTreeMap::from([
        (
            "districts",
            vec![vec![text("2"), text("Maple Valley School District")]],
        ),
        ("students", (1..=200).map(student).collect()),
        (
            "subjects",
            (1..=5)
                .map(|n| vec![n.to_string(), format!("Subject {n}")])
                .collect(),
        ),
        (
            "meals",
            (1..=100).map(|n| vec![n.to_string(), number(n)]).collect(),
        ),
    ])
}

#[tokio::test]
async fn a_district_is_masked_proved_and_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    let raw = write_raw(dir.path(), &plan, &rows());
    let outcomes = run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    artifact.verify().unwrap();
    let manifest = artifact.manifest();
    let counts = |manifest: &redistrict_artifact::Manifest| {
        let tables = manifest.tables.iter();
        tables
            .map(|table| (table.table.clone(), table.rows))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(manifest), counts(&raw));
    assert_eq!(manifest.made_from.as_deref().map(str::len), Some(64));
    let line = manifest.facts["proof"]["result"].as_str().unwrap();
    assert!(line.starts_with("0 survivors of "), "{line}");
    let canaries = &manifest.facts["proof"]["canaries"];
    assert_eq!(canaries["planted"], canaries["found"]);
    assert!(canaries["planted"].as_u64().unwrap() >= 300, "{canaries}");
    assert!(outcomes.values().map(|outcome| outcome.rows).sum::<u64>() > 600);
    // Kept columns stay, references still fit, NULLs stay NULL.
    let numbers = cells(&artifact, "students", "student_number");
    assert!(
        cells(&artifact, "meals", "number")
            .iter()
            .all(|number| numbers.contains(number))
    );
    assert_eq!(cells(&artifact, "students", "id")[3].as_deref(), Some("4"));
    assert_eq!(
        cells(&artifact, "students", "level")[0].as_deref(),
        Some("middle")
    );
    let nulls = cells(&artifact, "students", "phone")
        .iter()
        .filter(|cell| cell.is_none())
        .count();
    assert_eq!(nulls, 20);
}

#[tokio::test]
async fn no_byte_of_the_masked_files_holds_an_original() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    write_raw(dir.path(), &plan, &rows());
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    let mut text = std::fs::read_to_string(artifact.dir().join("manifest.json")).unwrap();
    for table in &manifest_tables(&artifact) {
        for rows in artifact.rows(table) {
            let (batch, _) = rows.unwrap();
            write!(text, "{:?}", batch.columns()).unwrap();
        }
        let columns = ["student_number", "email", "phone", "notes", "profile"];
        for column in columns.iter().filter(|_| table.table == "students") {
            cells(&artifact, "students", column)
                .iter()
                .flatten()
                .for_each(|cell| text.push_str(cell));
        }
    }
    for n in 1..=200 {
        assert!(!text.contains(&number(n)) && !text.contains(&email(n)));
    }
    for gone in [
        "Featherstone",
        "Okonkwo",
        "Huckleberry",
        "nurse",
        "choir",
        "JFIF",
        "Maple Valley",
    ] {
        assert!(!text.contains(gone), "{gone}");
    }
}

fn manifest_tables(artifact: &Artifact) -> Vec<redistrict_model::TableRef> {
    artifact
        .manifest()
        .tables
        .iter()
        .map(|table| table.table.clone())
        .collect()
}

#[tokio::test]
async fn a_unit_may_run_twice_and_the_bytes_are_the_same() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = estate().whole_plan();
    let mut parts = Vec::new();
    for dir in [one.path(), two.path()] {
        write_raw(dir, &plan, &rows());
        run_all(dir, &plan, MaskRegistry::default()).await.unwrap();
        run_all(dir, &plan, MaskRegistry::default()).await.unwrap();
        let artifact = masked(dir, &plan).unwrap();
        parts.push(artifact.manifest().tables.clone());
    }
    assert_eq!(parts[0], parts[1]);
}

/// A mask that is broken in some way.
struct Broken {
    name: MaskName,
    types: &'static [ColumnType],
    make: fn(&str) -> String,
    /// The range check is broken too: only the search is left.
    accepts_all: bool,
}

impl Mask for Broken {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: self.name,
            kind: redistrict_model::MaskKind::Synthetic,
            output: "broken",
            types: self.types,
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, value: Value<'_>, _field: &Field) -> Result<Masked, Unmaskable> {
        match value {
            Value::Text(text) => Ok(Masked::Text((self.make)(text))),
            Value::Days(days) => Ok(Masked::Days(days)),
            Value::Micros(micros) => Ok(Masked::Micros(micros)),
            Value::Bytes(bytes) => Ok(Masked::Bytes(bytes.to_vec())),
        }
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        let registry = MaskRegistry::default();
        let real = registry.get(self.name, &shape.types).unwrap();
        self.accepts_all || real.is_output(output, shape)
    }
}

async fn leak(name: MaskName, accepts_all: bool, make: fn(&str) -> String) -> String {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    write_raw(dir.path(), &plan, &rows());
    let broken = Broken {
        name,
        types: &[],
        make,
        accepts_all,
    };
    let registry = MaskRegistry::default().with(Arc::new(broken));
    let error = run_all(dir.path(), &plan, registry).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Leak, "{}", error.chain());
    assert!(masked(dir.path(), &plan).is_err(), "nothing is sealed");
    let text = format!("{error:?}");
    for value in FIRST.iter().chain(&LAST).filter(|name| name.len() > 2) {
        assert!(!text.contains(value), "{text}");
    }
    assert!(!text.contains(&number(3)) && !text.contains("cascademail"));
    error.message
}

#[tokio::test]
async fn a_mask_that_passes_values_on_is_caught_and_its_column_named() {
    for (name, column) in [
        (MaskName::Email, "ids.main.students.email"),
        (MaskName::Phone, "ids.main.students.phone"),
        (MaskName::NationalId, "ids.main.students.national_id"),
        (MaskName::Address, "ids.main.students.address"),
        (MaskName::FirstName, "ids.main.students.first_name"),
        (MaskName::Surname, "ids.main.students.last_name"),
        (MaskName::Text, "ids.main.students.notes"),
        (MaskName::Json, "ids.main.students.profile"),
        (MaskName::Bytes, "ids.main.students.photo"),
        (MaskName::Date, "ids.main.students.birth_date"),
        (MaskName::Number, "ids.main.students.points"),
    ] {
        for accepts_all in [false, true] {
            let message = leak(name, accepts_all, str::to_owned).await;
            assert!(message.contains(column), "{name:?}: {message}");
        }
    }
}

#[tokio::test]
async fn values_of_other_rows_are_caught() {
    // The e-mail address, number or id of the next person.
    let next = |text: &str| {
        let n: usize = text.split(['.', '@']).nth(1).unwrap().parse().unwrap();
        email(n % 200 + 1)
    };
    let message = leak(MaskName::Email, true, next).await;
    assert!(message.contains("students.email"), "{message}");
    let other_number = |text: &str| match text.parse::<usize>() {
        Ok(own) => number((own - 4_000_000_000) / 7_919_333 % 200 + 1),
        Err(_) => "Bado".to_owned(),
    };
    let message = leak(MaskName::Text, true, other_number).await;
    assert!(message.contains("student_number"), "{message}");
}

#[tokio::test]
async fn values_cut_short_are_caught() {
    let half = |text: &str| {
        text.chars()
            .take(text.chars().count().div_ceil(2))
            .collect()
    };
    for (name, column) in [
        (MaskName::Email, "students.email"),
        (MaskName::Surname, "students.last_name"),
        (MaskName::Text, "students.notes"),
        (MaskName::Phone, "students.phone"),
    ] {
        let message = leak(name, false, half).await;
        assert!(message.contains(column), "{name:?}: {message}");
    }
}

#[tokio::test]
async fn encoded_values_are_caught() {
    for make in [
        (|text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect())
            as fn(&str) -> String,
        |text| {
            text.chars()
                .map(|c| format!("&#{};", u32::from(c)))
                .collect()
        },
        |text| text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        |text| text.to_uppercase(),
        |text| text.chars().flat_map(|c| [c, '\u{200b}']).collect(),
    ] {
        let message = leak(MaskName::Email, true, make).await;
        assert!(message.contains("students.email"), "{message}");
    }
    let message = leak(MaskName::Phone, true, |text| {
        text.chars().filter(char::is_ascii_digit).collect()
    })
    .await;
    assert!(message.contains("students.phone"), "{message}");
}

#[tokio::test]
async fn two_values_with_one_pseudonym_are_a_failure_of_data() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    write_raw(dir.path(), &plan, &rows());
    let broken = Broken {
        name: MaskName::Email,
        types: &[],
        make: |_| "a@example.org".to_owned(),
        accepts_all: false,
    };
    let registry = MaskRegistry::default().with(Arc::new(broken));
    let error = run_all(dir.path(), &plan, registry).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data, "{}", error.chain());
    assert!(error.message.contains("students.email"));
}

#[tokio::test]
async fn an_identifier_in_a_kept_column_is_a_leak_and_a_common_text_is_none() {
    let plan = estate().whole_plan();
    let dir = tempfile::tempdir().unwrap();
    let mut data = rows();
    let titles = data.get_mut("subjects").unwrap();
    titles[2][1] = format!("Ask {} for help", email(7));
    write_raw(dir.path(), &plan, &data);
    let error = run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Leak);
    assert!(
        error.message.contains("ids.main.subjects.title"),
        "{}",
        error.message
    );
    // A remark that is also a title is a coincidence, and listed.
    let dir = tempfile::tempdir().unwrap();
    let mut data = rows();
    data.get_mut("students").unwrap()[4][9] = "Geography".to_owned();
    data.get_mut("subjects").unwrap()[0][1] = "Geography and history".to_owned();
    write_raw(dir.path(), &plan, &data);
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    let listed = &artifact.manifest().facts["proof"]["coincidences"];
    assert_eq!(listed[0]["column"], "ids.main.subjects.title");
}

#[tokio::test]
async fn a_raw_artifact_of_another_plan_or_with_a_changed_byte_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    let manifest = write_raw(dir.path(), &plan, &rows());
    check_fits(&manifest, &plan).unwrap();
    let mut other = plan.clone();
    other.sections.extract.tables.pop();
    let error = check_fits(&manifest, &other).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    let mut other = plan.clone();
    other.district = redistrict_model::DistrictId::new("3");
    assert!(check_fits(&manifest, &other).is_err());
    // One byte of one part.
    let raw = layout(dir.path())
        .raw_of(&plan.district, &root_key())
        .join(run_id().as_str());
    let part = raw.join(&manifest.tables[1].parts[0].file);
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let error = run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn the_sweep_finds_values_in_files_and_destroys_v_when_there_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    write_raw(dir.path(), &plan, &rows());
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let layout = layout(dir.path());
    let log = layout.log(&run_id());
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, format!("1 row refused: {}", email(12))).unwrap();
    let journal = dir.path().join("journal.db");
    std::fs::write(&journal, b"\x00\xffno value here\x00").unwrap();
    let sweep = SweepSkill::new(layout.clone(), root_key(), None).with_files(vec![journal]);
    let unit = sweep.units(&plan).remove(0);
    let context = context(&plan, &Outcomes::new());
    let error = sweep.run(&unit, &context).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Leak);
    assert!(error.message.contains(".log") && !error.message.contains("cascademail"));
    // The rows were loaded before.
    assert!(!error.hints.is_empty() && !error.hints.concat().contains("not touched"));
    std::fs::write(&log, "Maple Valley: 200 records in 1.2 s").unwrap();
    let outcome = sweep.run(&unit, &context).await.unwrap();
    assert_eq!(outcome.facts["files"], 2);
    let raw = layout
        .raw_of(&plan.district, &root_key())
        .join(run_id().as_str());
    let raw = Artifact::open(&raw, &root_key()).unwrap();
    assert!(raw.read_blob("values").unwrap().is_none());
    assert_eq!(
        sweep.run(&unit, &context).await.unwrap().facts["swept"],
        "before"
    );
}

#[tokio::test]
async fn blanks_at_the_end_tell_texts_apart_and_only_pad_those_of_char() {
    let things = table(
        "things",
        &["code"],
        &["code:varchar(12)!", "label:char(12)"],
    );
    let plan = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, things),
    ])
    .with("things", |table| {
        table.uniques.push(unique("l", &["label"]));
    })
    .whole_plan();
    let rows: Rows = (0..120)
        .map(|at| {
            let (number, blanks) = (100 + at / 3, " ".repeat(at % 3));
            vec![format!("K-{number}{blanks}"), format!("L{at:<11}")]
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &BTreeMap::from([("things", rows)]));
    let result = run_all(dir.path(), &plan, MaskRegistry::default()).await;
    result.unwrap_or_else(|error| panic!("{}", error.chain()));
    let artifact = masked(dir.path(), &plan).unwrap();
    let mut codes = cells(&artifact, "things", "code");
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), 120);
}

#[tokio::test]
async fn documents_and_lists_in_texts_are_found_where_they_are_planted() {
    let notes = table("notes", &["id"], &["id:int8!", "body:text"]);
    let plan = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, notes),
    ])
    .whole_plan();
    for body in [
        r#"{"amount": 4711, "to": "Zdenka"}"#,
        r#"{"amount": 471142}"#,
        "{Zdenka,4711}",
        "[47, 11, 4711, 12]",
        "(Zdenka,4711)",
        "1234567.25",
        "-12e4711",
    ] {
        let row = |n: usize| vec![n.to_string(), body.replace("11", &format!("{}", 11 + n))];
        let rows: Rows = (0..5).map(row).collect();
        let dir = tempfile::tempdir().unwrap();
        write_raw(dir.path(), &plan, &BTreeMap::from([("notes", rows)]));
        let result = run_all(dir.path(), &plan, MaskRegistry::default()).await;
        result.unwrap_or_else(|error| panic!("{body}: {}", error.chain()));
    }
}

#[tokio::test]
async fn an_empty_district_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    write_raw(dir.path(), &plan, &BTreeMap::new());
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    assert_eq!(artifact.manifest().total_rows(), 0);
}

#[tokio::test]
async fn words_that_masks_give_out_anyway_raise_no_alarm() {
    // First names of the list and words of our syllables, each in one row only.
    let dir = tempfile::tempdir().unwrap();
    let plan = estate().whole_plan();
    let mut data = rows();
    for (row, word) in data.get_mut("students").unwrap().iter_mut().zip([
        "Alexandra",
        "Katherine",
        "Elizabeth",
        "Pasadena",
        "Christina",
        "Theodore",
    ]) {
        word.clone_into(&mut row[9]);
    }
    write_raw(dir.path(), &plan, &data);
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn six_digit_numbers_of_other_people_are_chance_and_shuffled_ones_are_not() {
    let students = table(
        "students",
        &["id"],
        &["id:int8!", "student_number:varchar(6)!"],
    );
    let estate = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, students),
    ])
    .with("students", |table| {
        table.uniques.push(unique("u", &["student_number"]));
    });
    let plan = estate.whole_plan();
    let rows: Vec<Vec<String>> = (0..4000)
        .map(|n| vec![n.to_string(), (100_000 + n * 97).to_string()])
        .collect();
    let data = BTreeMap::from([("students", rows)]);
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &data);
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &data);
    let shuffled = Broken {
        name: MaskName::Text,
        types: &[],
        make: |text| {
            let n = (text.parse::<usize>().unwrap() - 100_000) / 97;
            (100_000 + (n + 1) % 4000 * 97).to_string()
        },
        accepts_all: false,
    };
    let registry = MaskRegistry::default().with(Arc::new(shuffled));
    let error = run_all(dir.path(), &plan, registry).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Leak);
    assert!(
        error.message.contains("more than chance explains"),
        "{}",
        error.message
    );
}

/// A permutation of single letters makes letters that stand elsewhere in PROD, and each of them in all rows of
/// its letter: one coincidence, not hundreds.
#[tokio::test]
async fn a_letter_that_many_rows_hold_is_chance_once() {
    let key = ["id", "choice"];
    let answers = table("answers", &key, &["id:int8!", "choice:varchar(9)!"]);
    let estate = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, answers),
    ]);
    let plan = estate.whole_plan();
    let rows: Vec<Vec<String>> = (0..2000)
        .map(|n| {
            // Three letters in nearly all rows; the others of V in one row each.
            let letter = match u8::try_from(n) {
                Ok(n) if n < 9 => b'D' + n,
                _ => *b"ABC".get(n % 3).unwrap(),
            };
            vec![n.to_string(), char::from(letter).to_string()]
        })
        .collect();
    let data = BTreeMap::from([("answers", rows)]);
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &data);
    // Every common letter becomes one of the rare ones: three hits of twelve letters out of 26.
    let moved = Broken {
        name: MaskName::Text,
        types: &[],
        make: |text| {
            let letter = text.bytes().next().unwrap();
            let at = (letter - b'A' + 3) % 26;
            char::from(b'A' + at).to_string()
        },
        accepts_all: false,
    };
    let registry = MaskRegistry::default().with(Arc::new(moved));
    run_all(dir.path(), &plan, registry).await.unwrap();
}

#[tokio::test]
async fn where_values_of_one_column_stand_in_another_both_are_named() {
    let schools = table("schools", &["id"], &["id:int8!", "code:varchar(20)!"]);
    let estate = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, schools),
    ]);
    let plan = estate.whole_plan();
    let id = |n: u32| (255_900_000 + n * 7_001).to_string();
    let rows: Vec<Vec<String>> = (0..50).map(|n| vec![id(n), id((n + 1) % 50)]).collect();
    let data = BTreeMap::from([("schools", rows)]);
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &data);
    let run = run_all(dir.path(), &plan, MaskRegistry::default());
    let error = run.await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Leak);
    let said = "schools.id (they are values of ids.main.schools.code)";
    assert!(error.message.contains(said), "{}", error.message);
}

type Rows = Vec<Vec<String>>;

const KINDS: [&str; 2] = ["present", "absent"];

/// Visits whose kind and room are codes by their samples, whose state is listed by a CHECK.
fn visits() -> Estate {
    let visits = table(
        "visits",
        &["id"],
        &[
            "id:int8!",
            "kind:text",
            "room:int4",
            "state:text",
            "last_name:text",
        ],
    );
    Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, visits),
    ])
    .with("visits", |table| {
        table.checks.push(check("s", "state in ('open', 'done')"));
    })
    .sample("visits.kind", &KINDS.repeat(20))
    .sample("visits.room", &["1", "2"].repeat(20))
}

fn visit(n: usize, kind: &str, room: usize, state: &str) -> Vec<String> {
    let cells = [&n.to_string(), kind, &room.to_string(), state, "Quxlington"];
    cells.map(str::to_owned).to_vec()
}

fn clean_visits() -> Rows {
    (0..40)
        .map(|n| visit(n, KINDS[n % 2], n % 3, ["open", "DONE", "∅"][n % 3]))
        .collect()
}

#[tokio::test]
async fn columns_kept_by_a_sample_or_a_check_are_looked_at_over_all_rows() {
    let plan = visits().whole_plan();
    let row = visit;
    let cases: [(&str, Rows, Option<&str>); 7] = [
        ("clean", vec![], None),
        (
            "a name",
            vec![row(90, "Wanjiru Martinez", 1, "open")],
            Some("visits.kind: 1 rows"),
        ),
        (
            "a name in no dictionary",
            vec![row(90, "Quxlington", 1, "open")],
            Some("visits.kind: 1 rows"),
        ),
        (
            "a remark",
            vec![row(90, "left early with her aunt", 1, "open"); 2],
            Some("visits.kind: 2 rows"),
        ),
        (
            "a number",
            vec![row(90, "absent", 425_312_987, "open")],
            Some("visits.room: 1 rows"),
        ),
        (
            "not listed",
            vec![row(90, "absent", 1, "moved to Zagreb")],
            Some("visits.state: 1 rows"),
        ),
        (
            "too many",
            (0..63)
                .map(|n| row(90 + n, "absent", 10 + n, "open"))
                .collect(),
            Some("visits.room: it holds 65 values"),
        ),
    ];
    for (what, more, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let rows = [clean_visits(), more].concat();
        write_raw(dir.path(), &plan, &BTreeMap::from([("visits", rows)]));
        let result = run_all(dir.path(), &plan, MaskRegistry::default()).await;
        let Some(expected) = expected else {
            result.unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
            continue;
        };
        let error = result.unwrap_err();
        let said = serde_json::to_string(&error).unwrap();
        assert_eq!(error.kind, ErrorKind::Config, "{what}: {said}");
        assert!(error.message.contains(expected), "{what}: {said}");
        assert!(
            error.hints[0].starts_with("[column.\"ids.main.visits."),
            "{said}"
        );
        assert!(error.hints[1].starts_with("mask = "), "{said}");
        for value in ["Wanjiru", "Quxlington", "aunt", "425312987", "Zagreb"] {
            assert!(!said.contains(value), "{what}: {said}");
        }
        assert!(masked(dir.path(), &plan).is_err(), "{what}");
    }
}

#[tokio::test]
async fn columns_that_are_kept_openly_are_not_looked_at() {
    let public = serde_json::json!({"mask": "keep", "public": true, "reason": "a public list"});
    let estate = visits()
        .setting("visits.kind", public.clone())
        .setting("visits.state", public);
    let plan = estate.whole_plan();
    let odd = visit(90, "seen by the nurse again", 1, "moved to Zagreb");
    let rows = [clean_visits(), vec![odd]].concat();
    let dir = tempfile::tempdir().unwrap();
    write_raw(dir.path(), &plan, &BTreeMap::from([("visits", rows)]));
    let result = run_all(dir.path(), &plan, MaskRegistry::default()).await;
    result.unwrap();
}

#[tokio::test]
async fn what_no_mask_changes_is_no_leak_in_one_row_among_others() {
    let things = table(
        "things",
        &["id"],
        &["id:int8!", "doc:json", "hired:text", "seen:text", "r:text"],
    );
    let plan = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, things),
    ])
    .setting("things.hired", serde_json::json!({"mask": "date"}))
    .setting("things.seen", serde_json::json!({"mask": "timestamp"}))
    .whole_plan();
    let row = |n: usize, doc: &str, date: &str| {
        let cells = [&n.to_string(), doc, date, date, &format!("row {n} of many")];
        cells.map(str::to_owned).to_vec()
    };
    let odd = [
        ("{\"active\": true}", "9999-12-31"),
        ("{\"a\": null}", "0001-01-01 00:00:00"),
        ("{\"a\": \"\"}", "9999-12-31 23:59:59"),
        ("{\"a\": \"9999-12-31\"}", "2010-02-28"),
        ("null", "2010-02-28"),
        ("{\"a\": 1, \"x y\": broken", "2010-02-28"),
        ("[]", "2010-02-28"),
    ];
    for (doc, date) in odd {
        let usual = |n: usize| {
            let doc = format!("{{\"a\": \"text {n} here\"}}");
            row(n, &doc, &format!("2010-03-{:02}", 1 + n % 28))
        };
        let rows: Rows = (0..40).map(usual).chain([row(90, doc, date)]).collect();
        let dir = tempfile::tempdir().unwrap();
        write_raw(dir.path(), &plan, &BTreeMap::from([("things", rows)]));
        let result = run_all(dir.path(), &plan, MaskRegistry::default()).await;
        result.unwrap_or_else(|error| panic!("{doc} {date}: {}", error.chain()));
    }
}

#[tokio::test]
async fn a_mask_that_changes_nothing_is_found_in_a_district_of_three_rows() {
    let pupils = table(
        "pupils",
        &["id"],
        &["id:int8!", "birth_date:date", "photo:bytes", "city:text"],
    );
    let plan = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, pupils),
    ])
    .whole_plan();
    let rows: Rows = (1..=3)
        .map(|n| {
            vec![
                n.to_string(),
                (15_000 + n * 31).to_string(),
                format!("{n}"),
                "x".into(),
            ]
        })
        .collect();
    for (name, column) in [(MaskName::Date, "birth_date"), (MaskName::Bytes, "photo")] {
        let dir = tempfile::tempdir().unwrap();
        write_raw(
            dir.path(),
            &plan,
            &BTreeMap::from([("pupils", rows.clone())]),
        );
        run_all(dir.path(), &plan, MaskRegistry::default())
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        write_raw(
            dir.path(),
            &plan,
            &BTreeMap::from([("pupils", rows.clone())]),
        );
        let broken = Broken {
            name,
            types: &[],
            make: str::to_owned,
            accepts_all: true,
        };
        let registry = MaskRegistry::default().with(Arc::new(broken));
        let error = run_all(dir.path(), &plan, registry).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Leak, "{column}");
        assert!(error.message.contains(column), "{}", error.message);
    }
}
