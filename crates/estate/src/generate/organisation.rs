//! Rows of the organisation: states, districts, schools, staff, subjects, courses, sections.

use crate::generate::Uses;
use crate::generate::school::{Course, School, Staff};
use crate::generate::world::{World, days, key_of_index};
use crate::pools::{STATES, SUBJECTS, UNUSED_SUBJECTS};
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::SUBJECTS as SUBJECTS_TABLE;
use crate::schema::{COURSES, DISTRICTS, SCHOOLS, SECTIONS, STAFF, STATES as STATES_TABLE};
use crate::value::{Value, day, moment};

pub(crate) fn states(_: &World, visitor: &mut dyn Visitor) {
    for (index, (code, name)) in STATES.iter().enumerate() {
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(*code),
            Value::text_of(*name),
        ];
        visitor.row(Row::new(&STATES_TABLE, None, values));
    }
}

pub(crate) fn districts(world: &World, visitor: &mut dyn Visitor) {
    for (index, district) in world.districts.iter().enumerate() {
        let opened = day(1890, 1, 1) + days(&mut world.rng("districts", index), 30_000);
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

pub(crate) fn schools(world: &World, visitor: &mut dyn Visitor) {
    for school in School::all(world) {
        let mut rng = world.rng("school rows", school.index());
        let district = school.district_id();
        // Each seventh school is between two principals.
        let principal = (school.index() % 7 != 6).then(|| school.principal().id());
        let values = vec![
            Value::Int(school.id()),
            Value::Int(i64::from(district)),
            principal.map_or(Value::Null, Value::Int),
            Value::Text(school.name()),
            Value::text_of(school.level().as_str()),
            Value::Int(rng.between(20, 160) * 10),
        ];
        visitor.row(Row::new(&SCHOOLS, Some(district), values));
    }
}

pub(crate) fn staff(world: &World, visitor: &mut dyn Visitor) {
    for person in Staff::all(world) {
        let row = Row::new(&STAFF, Some(person.district_id()), staff_values(person));
        visitor.row(
            row.mark("first_name", Kind::FirstName)
                .mark("last_name", Kind::Surname)
                .mark("email", Kind::Email)
                .mark("phone", Kind::Phone),
        );
    }
}

fn staff_values(person: Staff<'_>) -> Vec<Value> {
    let mut rng = person.world.rng("staff rows", person.index());
    let (name, hired) = (person.name(), person.hired());
    let manager = person.manager().map(|manager| manager.id());
    vec![
        Value::Int(person.id()),
        Value::Int(person.school().id()),
        manager.map_or(Value::Null, Value::Int),
        Value::text_of(name.first),
        Value::text_of(name.last),
        Value::Text(person.email()),
        Value::optional_text(person.phone()),
        Value::text_of(person.position().as_str()),
        Value::Date(hired),
        Value::Timestamp(moment(hired, rng.between(0, 86_399))),
    ]
}

pub(crate) fn subjects(_: &World, visitor: &mut dyn Visitor) {
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

pub(crate) fn courses(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for course in Course::all(world) {
        let school = course.school();
        let (_, title, _) = SUBJECTS[course.subject()];
        let subject = key_of_index(course.subject());
        let district = course.district_id();
        let values = vec![
            Value::Int(course.id()),
            Value::Int(school.id()),
            Value::Int(subject),
            Value::text_of(format!("{title}, {}", school.level().as_str())),
        ];
        visitor.row(Row::new(&COURSES, Some(district), values));
        if uses.is_first(course.place.district, course.subject()) {
            visitor.used(&SUBJECTS_TABLE, vec![subject.to_string()], district);
        }
    }
}

pub(crate) fn sections(world: &World, visitor: &mut dyn Visitor) {
    for course in Course::all(world) {
        for section in course.sections() {
            let mut rng = world.rng("rooms", section.index());
            let room = (!rng.one_in(6)).then(|| format!("R-{}", rng.between(101, 399)));
            let values = vec![
                Value::Int(course.id()),
                Value::Int(section.number_value()),
                Value::Int(section.teacher().id()),
                Value::optional_text(room),
            ];
            visitor.row(Row::new(&SECTIONS, Some(course.district_id()), values));
        }
    }
}
