//! Rows of the organisation: states, districts, schools, staff, subjects, courses, sections.

use crate::generate::world::{Level, Position, School, Staff, World, key_of_index};
use crate::pools::{self, STATES, SUBJECTS, UNUSED_SUBJECTS};
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::SUBJECTS as SUBJECTS_TABLE;
use crate::schema::{COURSES, DISTRICTS, SCHOOLS, SECTIONS, STAFF, STATES as STATES_TABLE};
use crate::value::{Value, day, moment};

pub(crate) fn emit(world: &World, visitor: &mut dyn Visitor) {
    states(visitor);
    districts(world, visitor);
    schools(world, visitor);
    staff(world, visitor);
    subjects(visitor);
    courses(world, visitor);
    sections(world, visitor);
}

fn states(visitor: &mut dyn Visitor) {
    for (index, (code, name)) in STATES.iter().enumerate() {
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(*code),
            Value::text_of(*name),
        ];
        visitor.row(Row::new(&STATES_TABLE, None, values));
    }
}

fn districts(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "districts");
    for district in &world.districts {
        let opened = day(1890, 1, 1) + i32::try_from(rng.below(30_000)).expect("small");
        let values = vec![
            Value::Int(i64::from(district.id)),
            Value::Int(district.state_id),
            Value::text_of(&district.name),
            Value::text_of(format!("{:02}{:05}", district.state_id, district.id)),
            Value::Date(opened),
            Value::Bool(true),
        ];
        visitor.row(Row::new(&DISTRICTS, Some(district.id), values));
        let state = vec![district.state_id.to_string()];
        visitor.used(&STATES_TABLE, state, district.id);
    }
}

fn schools(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "school rows");
    let streets = pools::streets();
    for school in &world.schools {
        let level = level_text(school.level);
        let title = format!("{}{}", level[..1].to_uppercase(), &level[1..]);
        let values = vec![
            Value::Int(school.id),
            Value::Int(i64::from(world.districts[school.district].id)),
            principal(world, school),
            Value::text_of(format!("{} {title} School", rng.pick(&streets))),
            Value::text_of(level),
            Value::Int(rng.between(20, 160) * 10),
        ];
        let district = world.districts[school.district].id;
        visitor.row(Row::new(&SCHOOLS, Some(district), values));
    }
}

/// Each seventh school is between two principals.
fn principal(world: &World, school: &School) -> Value {
    if school.id % 7 == 0 {
        return Value::Null;
    }
    Value::Int(world.staff[school.principal].id)
}

fn level_text(level: Level) -> &'static str {
    match level {
        Level::Elementary => "elementary",
        Level::Middle => "middle",
        Level::High => "high",
    }
}

fn staff(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "staff rows");
    for person in &world.staff {
        let district = world.district_of_school(person.school);
        let row = Row::new(
            &STAFF,
            Some(district),
            staff_values(world, person, &mut rng),
        );
        visitor.row(
            row.mark("first_name", Kind::FirstName)
                .mark("last_name", Kind::Surname)
                .mark("email", Kind::Email)
                .mark("phone", Kind::Phone),
        );
    }
}

fn staff_values(world: &World, person: &Staff, rng: &mut Rng) -> Vec<Value> {
    let position = match person.position {
        Position::Superintendent => "superintendent",
        Position::Principal => "principal",
        Position::Teacher => "teacher",
    };
    let hired = day(1998, 8, 15) + i32::try_from(rng.below(9_000)).expect("small");
    let manager = person.manager.map(|index| world.staff[index].id);
    vec![
        Value::Int(person.id),
        Value::Int(world.schools[person.school].id),
        manager.map_or(Value::Null, Value::Int),
        Value::text_of(person.name.first),
        Value::text_of(person.name.last),
        Value::text_of(&person.email),
        Value::optional_text(person.phone.clone()),
        Value::text_of(position),
        Value::Date(hired),
        Value::Timestamp(moment(hired, rng.between(0, 86_399))),
    ]
}

fn subjects(visitor: &mut dyn Visitor) {
    let all = SUBJECTS.iter().chain(&UNUSED_SUBJECTS).enumerate();
    for (index, (code, title, quarters)) in all {
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(*code),
            Value::text_of(*title),
            Value::Float(f64::from(*quarters) / 4.0),
        ];
        visitor.row(Row::new(&SUBJECTS_TABLE, None, values));
    }
}

fn courses(world: &World, visitor: &mut dyn Visitor) {
    for course in &world.courses {
        let school = &world.schools[course.school];
        let district = world.district_of_school(course.school);
        let (_, title, _) = SUBJECTS[course.subject];
        let subject = key_of_index(course.subject);
        let values = vec![
            Value::Int(course.id),
            Value::Int(school.id),
            Value::Int(subject),
            Value::text_of(format!("{title}, {}", level_text(school.level))),
        ];
        visitor.row(Row::new(&COURSES, Some(district), values));
        visitor.used(&SUBJECTS_TABLE, vec![subject.to_string()], district);
    }
}

fn sections(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "rooms");
    for course in &world.courses {
        let district = world.district_of_school(course.school);
        for (index, teacher) in course.sections.iter().enumerate() {
            let room = (!rng.one_in(6)).then(|| format!("R-{}", rng.between(101, 399)));
            let values = vec![
                Value::Int(course.id),
                Value::Int(key_of_index(index)),
                Value::Int(world.staff[*teacher].id),
                Value::optional_text(room),
            ];
            visitor.row(Row::new(&SECTIONS, Some(district), values));
        }
    }
}
