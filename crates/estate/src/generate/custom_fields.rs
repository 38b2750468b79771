//! Custom fields: what a value is stands in another table's row, not in the column's name.

use crate::generate::Uses;
use crate::generate::student::Student;
use crate::generate::world::{World, days, key_of_index};
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{CUSTOM_FIELD_VALUES, CUSTOM_FIELDS};
use crate::value::{Value, day};

/// Label and type of the fields; nobody fills in the last ones.
const FIELDS: [(&str, &str); 8] = [
    ("Emergency phone", "phone"),
    ("Preferred name", "text"),
    ("Parent e-mail", "email"),
    ("Physician and allergies", "text"),
    ("Shirt size", "choice"),
    ("Lunch plan", "choice"),
    ("Locker", "text"),
    ("Parking permit", "text"),
];
const USED_FIELDS: usize = 6;
const FIELDS_PER_STUDENT: usize = 2;

pub(crate) fn fields(_: &World, visitor: &mut dyn Visitor) {
    for (index, (label, data_type)) in FIELDS.iter().enumerate() {
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(*label),
            Value::text_of(*data_type),
            Value::Int(key_of_index(FIELDS.len() - 1 - index) * 10),
        ];
        visitor.row(Row::new(&CUSTOM_FIELDS, None, values));
    }
}

pub(crate) fn values(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for student in Student::all(world) {
        let mut rng = world.rng("custom fields", student.index());
        let first = rng.index(USED_FIELDS);
        for offset in 0..FIELDS_PER_STUDENT {
            let field = (first + offset) % USED_FIELDS;
            visitor.row(value_row(student, field, &mut rng));
            if uses.is_first(student.place.district, field) {
                let key = vec![key_of_index(field).to_string()];
                visitor.used(&CUSTOM_FIELDS, key, student.district_id());
            }
        }
    }
}

fn value_row(student: Student<'_>, field: usize, rng: &mut Rng) -> Row {
    let name = student.name();
    let guardian = student.guardian();
    let phone = guardian.phone();
    let mut inside = Vec::new();
    let (text, kind) = match field {
        0 => (phone, Some(Kind::Phone)),
        1 => (name.first.to_owned(), Some(Kind::FirstName)),
        2 => {
            let email = guardian.email();
            let known = email.unwrap_or_else(|| guardian.name().private_email());
            (known, Some(Kind::Email))
        }
        3 => {
            let full = name.full();
            let text = format!("{full}: peanut allergy, call {phone}");
            inside = vec![(Kind::FullName, full), (Kind::Phone, phone)];
            (text, Some(Kind::FreeText))
        }
        4 => ((*rng.pick(&["S", "M", "L", "XL"])).to_owned(), None),
        _ => ((*rng.pick(&["full", "reduced", "none"])).to_owned(), None),
    };
    let updated = (!rng.one_in(4)).then(|| day(2024, 8, 1) + days(rng, 200));
    let values = vec![
        Value::Int(student.id()),
        Value::Int(key_of_index(field)),
        Value::Text(text),
        updated.map_or(Value::Null, Value::Date),
    ];
    let row = Row::new(&CUSTOM_FIELD_VALUES, Some(student.district_id()), values);
    match kind {
        Some(kind) => row.mark("value", kind).mark_inside("value", inside),
        None => row,
    }
}
