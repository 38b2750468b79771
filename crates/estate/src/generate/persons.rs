//! Rows of students and guardians. Guardians belong to no district: they come with each district
//! that one of their children goes to school in.

use serde_json::json;

use crate::generate::student::{Guardian, Student};
use crate::generate::world::World;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{GUARDIANS, STUDENT_GUARDIANS, STUDENTS};
use crate::value::Value;

pub(crate) fn students(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        visitor.row(student_row(student));
    }
}

fn student_row(student: Student<'_>) -> Row {
    let (notes, named) = notes(student);
    let (profile, leaves) = profile(student);
    let mut rng = student.world.rng("student rows", student.index());
    let name = student.name();
    let values = vec![
        Value::Int(student.id()),
        Value::Int(student.school().id()),
        Value::Text(student.number()),
        Value::text_of(name.first),
        Value::text_of(name.last),
        Value::Date(student.birth_day()),
        Value::optional_text(student.national_id()),
        Value::Text(student.email()),
        Value::optional_text(student.phone()),
        Value::optional_text(student.address()),
        Value::Text(student.grade_code()),
        Value::Bool(!rng.one_in(15)),
        Value::Json(profile),
        Value::optional_text(notes),
    ];
    let row = Row::new(&STUDENTS, Some(student.district_id()), values)
        .mark("student_number", Kind::StudentNumber)
        .mark("first_name", Kind::FirstName)
        .mark("last_name", Kind::Surname)
        .mark("birth_date", Kind::BirthDate)
        .mark("national_id", Kind::NationalId)
        .mark("email", Kind::Email)
        .mark("phone", Kind::Phone)
        .mark("address", Kind::Address)
        .mark("notes", Kind::FreeText)
        .mark_inside("notes", named);
    leaves.into_iter().fold(row, |row, (pointer, kind, text)| {
        row.mark_leaf("profile", pointer, kind, &text)
    })
}

type Named = Vec<(Kind, String)>;

/// A remark that names the child, sometimes with a number or another person; often none.
fn notes(student: Student<'_>) -> (Option<String>, Named) {
    let mut rng = student.world.rng("student notes", student.index());
    let full = student.name().full();
    let guardian = student.guardian();
    match rng.below(5) {
        0 => {
            let text = format!("{full} needs extra time for reading tasks.");
            (Some(text), vec![(Kind::FullName, full)])
        }
        1 => {
            let phone = guardian.phone();
            let text = format!("Met the family of {full}; call {phone} before noon.");
            (
                Some(text),
                vec![(Kind::FullName, full), (Kind::Phone, phone)],
            )
        }
        2 => {
            let (child, adult) = (student.name().reversed(), guardian.name().full());
            let text = format!("Custody: {child} is picked up by {adult} only.");
            let named = vec![(Kind::FullName, child), (Kind::FullName, adult)];
            (Some(text), named)
        }
        _ => (None, Vec::new()),
    }
}

type Leaf = (&'static str, Kind, String);

fn profile(student: Student<'_>) -> (String, Vec<Leaf>) {
    const LANGUAGES: [&str; 6] = ["en", "es", "vi", "so", "uk", "zh"];
    let mut rng = student.world.rng("profile", student.index());
    let phone = student.guardian().phone();
    let (full, email) = (student.name().full(), student.email());
    let bus = (!rng.one_in(3)).then(|| rng.between(1, 40));
    // In alphabetical order: serde_json may be built to keep the order or to sort.
    let document = json!({
        "bus": bus,
        "contact": { "email": email, "emergency_phone": phone },
        "display_name": full,
        "language": rng.pick(&LANGUAGES),
        "meal_plan": rng.one_in(2),
    });
    let leaves = vec![
        ("/display_name", Kind::FullName, full),
        ("/contact/email", Kind::Email, email),
        ("/contact/emergency_phone", Kind::Phone, phone),
    ];
    (document.to_string(), leaves)
}

pub(crate) fn guardians(world: &World, visitor: &mut dyn Visitor) {
    for guardian in Guardian::all(world) {
        let address = guardian.family.address();
        let row = guardian_row(guardian, address);
        let key = row.key();
        visitor.row(row);
        for district in guardian.districts() {
            visitor.used(&GUARDIANS, key.clone(), district);
        }
    }
    if world.has_guardian_of_nobody() {
        visitor.row(row_of_nobody(world));
    }
}

fn guardian_row(guardian: Guardian<'_>, address: String) -> Row {
    let name = guardian.name();
    let values = vec![
        Value::Int(guardian.id()),
        Value::text_of(name.first),
        Value::text_of(name.last),
        Value::optional_text(guardian.email()),
        Value::Text(guardian.phone()),
        Value::Text(address),
    ];
    marked(Row::new(&GUARDIANS, None, values))
}

/// A guardian whom no student refers to.
fn row_of_nobody(world: &World) -> Row {
    let index = world.guardian_places() * world.districts.len();
    let name = world.registry.lone_name(world.staff_count());
    let area = world.districts[0].place.area_code;
    let values = vec![
        Value::Int(world.id("guardians", index)),
        Value::text_of(name.first),
        Value::text_of(name.last),
        Value::Text(name.private_email()),
        Value::Text(world.registry.phone(area, world.student_count() + index)),
        Value::Null,
    ];
    marked(Row::new(&GUARDIANS, None, values))
}

fn marked(row: Row) -> Row {
    row.mark("first_name", Kind::FirstName)
        .mark("last_name", Kind::Surname)
        .mark("email", Kind::Email)
        .mark("phone", Kind::Phone)
        .mark("address", Kind::Address)
}

pub(crate) fn student_guardians(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        for (position, relation) in student.guardians().into_iter().enumerate() {
            let values = vec![
                Value::Int(student.id()),
                Value::Int(relation.guardian.id()),
                Value::text_of(relation.text),
                Value::Bool(position == 0),
            ];
            let district = Some(student.district_id());
            visitor.row(Row::new(&STUDENT_GUARDIANS, district, values));
        }
    }
}
