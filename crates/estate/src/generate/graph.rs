//! Rows of SP, the relationship graph: states, districts, schools, skills, and what connects them with
//! people. Here as rows; a writer makes nodes and relationships of them.

use crate::generate::people::Person;
use crate::generate::school::{School, Staff};
use crate::generate::student::Student;
use crate::generate::world::{World, days};
use crate::permutation::Permutation;
use crate::pools::STATES;
use crate::row::{Row, Visitor};
use crate::schema::{
    ENROLLED_IN, LinkName, PART_OF, SKILLS, SP_DISTRICTS, SP_SCHOOLS, SP_STATES, WORKS_AT,
};
use crate::value::{Value, day};

/// Code and title; nobody has the last ones.
pub(crate) const SKILL_LIST: [(&str, &str); 10] = [
    ("ALG", "Algebraic thinking"),
    ("FRAC", "Fractions"),
    ("READ", "Close reading"),
    ("SPAN", "Speaks Spanish"),
    ("SOM", "Speaks Somali"),
    ("CPR", "First aid"),
    ("COACH", "Coaching"),
    ("ROBOT", "Robotics"),
    ("FALCON", "Falconry"),
    ("KAYAK", "Kayaking"),
];
pub(crate) const USED_SKILLS: usize = 8;

pub(crate) fn states(_: &World, visitor: &mut dyn Visitor) {
    for (code, name) in STATES {
        let values = vec![Value::text_of(code), Value::text_of(name)];
        visitor.row(Row::new(&SP_STATES, None, values));
    }
}

pub(crate) fn districts(world: &World, visitor: &mut dyn Visitor) {
    for district in &world.districts {
        let values = vec![
            Value::Int(i64::from(district.id)),
            Value::text_of(&district.name),
        ];
        let row = Row::new(&SP_DISTRICTS, Some(district.id), values);
        let join = row.join(LinkName::SpDistrict, vec![district.id.to_string()]);
        visitor.row(row);
        visitor.join(join);
    }
}

pub(crate) fn schools(world: &World, visitor: &mut dyn Visitor) {
    for school in School::all(world) {
        let values = vec![
            Value::Int(school.id()),
            Value::Text(school.name()),
            Value::text_of(school.level().as_str()),
        ];
        let row = Row::new(&SP_SCHOOLS, Some(school.district_id()), values);
        let join = row.join(LinkName::SpSchool, vec![school.id().to_string()]);
        visitor.row(row);
        visitor.join(join);
    }
}

pub(crate) fn skills(_: &World, visitor: &mut dyn Visitor) {
    for (code, title) in SKILL_LIST {
        let values = vec![Value::text_of(code), Value::text_of(title)];
        visitor.row(Row::new(&SKILLS, None, values));
    }
}

/// Schools are part of districts, districts of states.
pub(crate) fn part_of(world: &World, visitor: &mut dyn Visitor) {
    let part = |district: u32, [from, id, to, whole]: [String; 4]| {
        let values = [from, id, to, whole].map(Value::Text).to_vec();
        Row::new(&PART_OF, Some(district), values)
    };
    let text = |text: &str| text.to_owned();
    for school in School::all(world) {
        let (district, id) = (school.district_id(), school.id().to_string());
        let whole = district.to_string();
        let ends = [text("School"), id.clone(), text("District"), whole.clone()];
        let row = part(district, ends);
        let joins = [
            row.join(LinkName::PartSchool, vec![id]),
            row.join(LinkName::WholeDistrict, vec![whole]),
        ];
        visitor.row(row);
        joins.into_iter().for_each(|join| visitor.join(join));
    }
    for district in &world.districts {
        let (id, state) = (district.id.to_string(), text(district.place.state));
        let ends = [text("District"), id.clone(), text("State"), state.clone()];
        let row = part(district.id, ends);
        let joins = [
            row.join(LinkName::PartDistrict, vec![id]),
            row.join(LinkName::WholeState, vec![state.clone()]),
        ];
        visitor.row(row);
        joins.into_iter().for_each(|join| visitor.join(join));
        visitor.used(&SP_STATES, vec![state], district.id);
    }
}

pub(crate) fn enrolled_in(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        let mut rng = world.rng("enrolled in", student.index());
        let values = vec![
            Value::Text(enrolment_no(student)),
            Value::Text(Person::Student(student).id()),
            Value::Int(student.school().id()),
            Value::Date(day(2024, 9, 3) + days(&mut rng, 10)),
            Value::Text(student.grade_code()),
        ];
        visitor.row(Row::new(&ENROLLED_IN, Some(student.district_id()), values));
    }
}

/// Eight digits in no order; nine from the hundred millionth student on.
fn enrolment_no(student: Student<'_>) -> String {
    let size = 100_000_000;
    let number = u64::try_from(student.index()).expect("an index fits u64");
    let found = Permutation::new(size, student.world.seed ^ 0xe24).at(number % size);
    format!("E24-{:08}", number / size * size + found)
}

pub(crate) fn works_at(world: &World, visitor: &mut dyn Visitor) {
    for staff in Staff::all(world) {
        let values = vec![
            Value::Text(Person::Staff(staff).id()),
            Value::Int(staff.school().id()),
            Value::text_of(staff.position().as_str()),
            Value::Date(staff.hired()),
        ];
        visitor.row(Row::new(&WORKS_AT, Some(staff.district_id()), values));
    }
}
