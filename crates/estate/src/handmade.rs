//! Rows that somebody made by hand in CERT: entries of lists, people that nobody refers to, and rows that
//! stand beside those of another district, some of them equal to each other.

use crate::estate::TableRows;
use crate::schema::{
    ASSESSMENTS, CONTENT_ITEMS, CUSTOM_FIELDS, GUARDIANS, KNOWS, PEOPLE, PRODUCTS, SKILLS, STATES,
    STUDENT_GUARDIANS, SUBJECTS, TableSpec, USAGE_EVENTS,
};
use crate::value::{Value, day, moment};

/// Keys of hand-made rows: far outside of what is generated.
const HAND_MADE: i64 = 990_001;
/// The same where keys are short.
const SHORT: i64 = 991;
const PEOPLE_MADE: [(&str, &str); 2] = [
    ("00000000-0000-4000-8000-000000000001", "Handmade Tester"),
    ("00000000-0000-4000-8000-000000000002", "Unlinked Tester"),
];

pub(crate) fn add_hand_made(tables: &mut [TableRows]) {
    let student = first_cell(tables, &STUDENT_GUARDIANS, "student_id");
    let licence = first_cell(tables, &USAGE_EVENTS, "licence_id");
    for (table, row) in entries_of_lists().into_iter().chain(people()) {
        push(tables, table, row);
    }
    if let Some(student) = student {
        let guardian = Value::Int(HAND_MADE);
        let row = vec![student, guardian, text("guardian"), Value::Bool(false)];
        push(tables, &STUDENT_GUARDIANS, row);
    }
    if let Some(licence) = licence {
        for _ in 0..2 {
            push(tables, &USAGE_EVENTS, event(licence.clone()));
        }
    }
}

fn entries_of_lists() -> Vec<(&'static TableSpec, Vec<Value>)> {
    let state = vec![Value::Int(SHORT), text("ZZ"), text("Testland")];
    let subject = vec![
        Value::Int(HAND_MADE),
        text("TST"),
        text("Test subject"),
        Value::Float(1.0),
    ];
    let field = vec![
        Value::Int(SHORT),
        text("Test field"),
        text("text"),
        Value::Int(SHORT),
    ];
    let item = vec![
        Value::Int(HAND_MADE),
        text("TST-1"),
        text("Test item"),
        Value::Null,
        Value::Null,
        Value::Date(day(2020, 1, 1)),
    ];
    let product = vec![
        Value::Int(HAND_MADE),
        text("TST-1"),
        text("Test product"),
        text("Testers"),
        Value::Null,
    ];
    let assessment = vec![
        text("TST-1"),
        text("Test of tests"),
        text("TST"),
        Value::Int(4),
        Value::quarters(400),
        Value::List(Vec::new()),
        Value::texts(["TST"]),
    ];
    vec![
        (&STATES, state),
        (&SUBJECTS, subject),
        (&CUSTOM_FIELDS, field),
        (&CONTENT_ITEMS, item),
        (&PRODUCTS, product),
        (&ASSESSMENTS, assessment),
        (&SKILLS, vec![text("TST"), text("Testing")]),
    ]
}

/// Guardians and people, and who of them knows whom, twice the same.
fn people() -> Vec<(&'static TableSpec, Vec<Value>)> {
    let mut all = Vec::new();
    for (key, name) in [(HAND_MADE, "Handmade"), (HAND_MADE + 1, "Unlinked")] {
        let email = format!("{}@example.org", name.to_lowercase());
        let row = vec![
            Value::Int(key),
            text(name),
            text("Tester"),
            Value::Text(email),
            text("555-0199"),
            Value::Null,
        ];
        all.push((&GUARDIANS, row));
    }
    for (id, name) in PEOPLE_MADE {
        let mut row = vec![text(id), Value::texts(["Guardian"])];
        row.extend([Value::Null, Value::Null, Value::Null, text(name)]);
        row.resize(PEOPLE.columns.len(), Value::Null);
        all.push((&PEOPLE, row));
    }
    let [(one, _), (other, _)] = PEOPLE_MADE;
    for _ in 0..2 {
        let row = vec![text(one), text(other), Value::Null, text("testing")];
        all.push((&KNOWS, row));
    }
    all
}

fn event(licence: Value) -> Vec<Value> {
    vec![
        Value::Timestamp(moment(day(2020, 1, 1), 0)),
        licence,
        Value::Null,
        Value::Null,
        text("made by hand"),
        Value::Null,
        Value::Null,
    ]
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn first_cell(tables: &[TableRows], table: &TableSpec, column: &str) -> Option<Value> {
    let rows = tables.iter().find(|rows| *rows.table == *table)?;
    Some(rows.rows.first()?[table.index(column)].clone())
}

fn push(tables: &mut [TableRows], table: &TableSpec, row: Vec<Value>) {
    if let Some(rows) = tables.iter_mut().find(|rows| *rows.table == *table) {
        rows.rows.push(row);
    }
}
