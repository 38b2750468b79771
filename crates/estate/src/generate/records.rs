//! Rows about what students do: enrollments, attendance, grades, transfers. Each table draws from
//! its own stream of numbers, so that one can be made without the others.

use crate::generate::EstateOptions;
use crate::generate::world::{Student, World, key_of_index};
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{ATTENDANCE, DISTRICTS, ENROLLMENTS, GRADES, STATES, TRANSFERS};
use crate::value::{Value, day};

pub(crate) fn emit(world: &World, options: &EstateOptions, visitor: &mut dyn Visitor) {
    enrollments(world, visitor);
    attendance(world, visitor);
    grades(world, visitor);
    if options.with_transfers {
        transfers(world, visitor);
    }
}

const COURSES_PER_STUDENT: usize = 3;
const DAYS_PER_STUDENT: i32 = 5;

/// The sections of a student: course id and section number. The same on every call.
fn sections_of(world: &World, student: &Student, rng: &mut Rng) -> Vec<(i64, i64)> {
    let courses = &world.schools[student.school].courses;
    let first = rng.index(courses.len());
    (0..COURSES_PER_STUDENT.min(courses.len()))
        .map(|offset| {
            let course = &world.courses[courses[(first + offset) % courses.len()]];
            (course.id, key_of_index(rng.index(course.sections.len())))
        })
        .collect()
}

fn enrollments(world: &World, visitor: &mut dyn Visitor) {
    let mut choice = Rng::new(world.seed, "enrollments");
    let mut rng = Rng::new(world.seed, "enrollment rows");
    for student in &world.students {
        for (course, section) in sections_of(world, student, &mut choice) {
            let begun = day(2024, 9, 3) + i32::try_from(rng.below(14)).expect("small");
            let left = rng.one_in(20).then(|| begun + 60);
            let values = vec![
                Value::Int(course),
                Value::Int(section),
                Value::Int(student.id),
                Value::Date(begun),
                left.map_or(Value::Null, Value::Date),
            ];
            let district = world.district_of(student);
            visitor.row(Row::new(&ENROLLMENTS, Some(district), values));
        }
    }
}

/// Day by day over all students, so that the ids of one student are scattered.
fn attendance(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "attendance");
    let mut id = 0;
    for week in 0..DAYS_PER_STUDENT {
        for student in &world.students {
            id += 1;
            let on = day(2024, 9, 9) + week * 7 + i32::try_from(rng.below(5)).expect("small");
            visitor.row(attendance_row(world, student, id, on, &mut rng));
        }
    }
}

fn attendance_row(world: &World, student: &Student, id: i64, on: i32, rng: &mut Rng) -> Row {
    let status = match rng.below(10) {
        0 => "absent",
        1 => "tardy",
        2 => "excused",
        _ => "present",
    };
    let names_child = status == "excused" || (status == "absent" && rng.one_in(2));
    let full = student.name.full();
    let remark = names_child.then(|| format!("Call from home: {full} is ill."));
    let teachers = &world.schools[student.school].teachers;
    let recorder = world.staff[teachers[rng.index(teachers.len())]].id;
    let values = vec![
        Value::Int(id),
        Value::Int(student.id),
        if rng.one_in(8) {
            Value::Null
        } else {
            Value::Int(recorder)
        },
        Value::Date(on),
        Value::text_of(status),
        if status == "tardy" {
            Value::Int(rng.between(3, 45))
        } else {
            Value::Null
        },
        Value::optional_text(remark),
    ];
    let row = Row::new(&ATTENDANCE, Some(world.district_of(student)), values);
    if !names_child {
        return row;
    }
    row.mark("remark", Kind::FreeText)
        .mark_inside("remark", vec![(Kind::FullName, full)])
}

fn grades(world: &World, visitor: &mut dyn Visitor) {
    let mut choice = Rng::new(world.seed, "enrollments");
    let mut rng = Rng::new(world.seed, "grades");
    for student in &world.students {
        for (course, section) in sections_of(world, student, &mut choice) {
            for term in 1..=rng.between(1, 2) {
                let key = [course, section, student.id, term];
                visitor.row(grade_row(world, student, key, &mut rng));
            }
        }
    }
}

fn grade_row(world: &World, student: &Student, key: [i64; 4], rng: &mut Rng) -> Row {
    let quarters = i32::try_from(rng.between(220, 400)).expect("small");
    let full = student.name.full();
    let comment = rng
        .one_in(3)
        .then(|| format!("{full} made good progress this term."));
    let is_named = comment.is_some();
    let mut values: Vec<Value> = key.into_iter().map(Value::Int).collect();
    values.push(Value::Float(f64::from(quarters) / 4.0));
    values.push(Value::optional_text(comment));
    let row = Row::new(&GRADES, Some(world.district_of(student)), values);
    if !is_named {
        return row;
    }
    row.mark("comment", Kind::FreeText)
        .mark_inside("comment", vec![(Kind::FullName, full)])
}

/// Each eighth student once moved on; the record stays with the district they left.
fn transfers(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "transfers");
    let count = world.districts.len();
    for (index, student) in world.students.iter().step_by(8).enumerate() {
        let from = &world.districts[student.district];
        let to = &world.districts[(student.district + 1) % count];
        let leaves_the_state = index % 4 == 3 || to.id == from.id;
        let full = student.name.full();
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::Int(student.id),
            Value::Int(i64::from(from.id)),
            if leaves_the_state {
                Value::Null
            } else {
                Value::Int(i64::from(to.id))
            },
            Value::Date(day(2025, 1, 6) + i32::try_from(rng.below(90)).expect("small")),
            Value::Text(format!("The family of {full} moved.")),
        ];
        visitor.row(
            Row::new(&TRANSFERS, Some(from.id), values)
                .mark("reason", Kind::FreeText)
                .mark_inside("reason", vec![(Kind::FullName, full)]),
        );
        if !leaves_the_state {
            // The other district comes as a stub, and so does what its row must refer to.
            visitor.stub(&DISTRICTS, vec![to.id.to_string()], from.id);
            visitor.stub(&STATES, vec![to.state_id.to_string()], from.id);
        }
    }
}
