//! Rows of students and guardians. Guardians belong to no district: they come with each district
//! that one of their children goes to school in.

use serde_json::json;

use crate::generate::world::{Student, World};
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{GUARDIANS, STUDENT_GUARDIANS, STUDENTS};
use crate::value::Value;

pub(crate) fn emit(world: &World, visitor: &mut dyn Visitor) {
    students(world, visitor);
    guardians(world, visitor);
    student_guardians(world, visitor);
}

fn students(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "student rows");
    for student in &world.students {
        visitor.row(student_row(world, student, &mut rng));
    }
}

fn student_row(world: &World, student: &Student, rng: &mut Rng) -> Row {
    let (notes, named) = notes(world, student, rng);
    let (profile, leaves) = profile(world, student, rng);
    let grade = match student.grade {
        0 => "KG".to_owned(),
        grade => format!("{grade:02}"),
    };
    let values = vec![
        Value::Int(student.id),
        Value::Int(world.schools[student.school].id),
        Value::text_of(&student.number),
        Value::text_of(student.name.first),
        Value::text_of(student.name.last),
        Value::Date(student.birth_day),
        Value::optional_text(student.national_id.clone()),
        Value::text_of(&student.email),
        Value::optional_text(student.phone.clone()),
        Value::optional_text(student.address.clone()),
        Value::Text(grade),
        Value::Bool(!rng.one_in(15)),
        Value::Json(profile),
        Value::optional_text(notes),
    ];
    let row = Row::new(&STUDENTS, Some(world.district_of(student)), values)
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
fn notes(world: &World, student: &Student, rng: &mut Rng) -> (Option<String>, Named) {
    let full = student.name.full();
    let guardian = &world.guardians[student.guardians[0].0];
    match rng.below(5) {
        0 => {
            let text = format!("{full} needs extra time for reading tasks.");
            (Some(text), vec![(Kind::FullName, full)])
        }
        1 => {
            let phone = guardian.phone.clone();
            let text = format!("Met the family of {full}; call {phone} before noon.");
            (
                Some(text),
                vec![(Kind::FullName, full), (Kind::Phone, phone)],
            )
        }
        2 => {
            let (child, adult) = (student.name.reversed(), guardian.name.full());
            let text = format!("Custody: {child} is picked up by {adult} only.");
            let named = vec![(Kind::FullName, child), (Kind::FullName, adult)];
            (Some(text), named)
        }
        _ => (None, Vec::new()),
    }
}

type Leaf = (&'static str, Kind, String);

fn profile(world: &World, student: &Student, rng: &mut Rng) -> (String, Vec<Leaf>) {
    const LANGUAGES: [&str; 6] = ["en", "es", "vi", "so", "uk", "zh"];
    let guardian = &world.guardians[student.guardians[0].0];
    let full = student.name.full();
    let bus = (!rng.one_in(3)).then(|| rng.between(1, 40));
    // In alphabetical order: serde_json may be built to keep the order or to sort.
    let document = json!({
        "bus": bus,
        "contact": { "email": student.email, "emergency_phone": guardian.phone },
        "display_name": full,
        "language": rng.pick(&LANGUAGES),
        "meal_plan": rng.one_in(2),
    });
    let leaves = vec![
        ("/display_name", Kind::FullName, full),
        ("/contact/email", Kind::Email, student.email.clone()),
        (
            "/contact/emergency_phone",
            Kind::Phone,
            guardian.phone.clone(),
        ),
    ];
    (document.to_string(), leaves)
}

fn guardians(world: &World, visitor: &mut dyn Visitor) {
    for guardian in &world.guardians {
        let values = vec![
            Value::Int(guardian.id),
            Value::text_of(guardian.name.first),
            Value::text_of(guardian.name.last),
            Value::optional_text(guardian.email.clone()),
            Value::text_of(&guardian.phone),
            Value::optional_text(guardian.address.clone()),
        ];
        visitor.row(
            Row::new(&GUARDIANS, None, values)
                .mark("first_name", Kind::FirstName)
                .mark("last_name", Kind::Surname)
                .mark("email", Kind::Email)
                .mark("phone", Kind::Phone)
                .mark("address", Kind::Address),
        );
    }
}

fn student_guardians(world: &World, visitor: &mut dyn Visitor) {
    for student in &world.students {
        let district = world.district_of(student);
        for (position, (guardian, relation)) in student.guardians.iter().enumerate() {
            let guardian = world.guardians[*guardian].id;
            let values = vec![
                Value::Int(student.id),
                Value::Int(guardian),
                Value::text_of(*relation),
                Value::Bool(position == 0),
            ];
            visitor.row(Row::new(&STUDENT_GUARDIANS, Some(district), values));
            visitor.used(&GUARDIANS, vec![guardian.to_string()], district);
        }
    }
}
