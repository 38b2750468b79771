//! Rows about what students do: enrollments, attendance, grades, transfers.

use crate::generate::student::Student;
use crate::generate::world::{World, days, key_of_index};
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{ATTENDANCE, DISTRICTS, ENROLLMENTS, GRADES, STATES, TRANSFERS};
use crate::value::{Value, day};

const DAYS_PER_STUDENT: usize = 5;
/// Each so manyth student once moved on.
const STUDENTS_PER_TRANSFER: usize = 8;

pub(crate) fn enrollments(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        let mut rng = world.rng("enrollment rows", student.index());
        for section in student.sections() {
            let begun = day(2024, 9, 3) + days(&mut rng, 14);
            let left = rng.one_in(20).then(|| begun + 60);
            let values = vec![
                Value::Int(section.course.id()),
                Value::Int(section.number_value()),
                Value::Int(student.id()),
                Value::Date(begun),
                left.map_or(Value::Null, Value::Date),
            ];
            visitor.row(Row::new(&ENROLLMENTS, Some(student.district_id()), values));
        }
    }
}

/// Day by day over all students, so that the ids of one student are scattered.
pub(crate) fn attendance(world: &World, visitor: &mut dyn Visitor) {
    for week in 0..DAYS_PER_STUDENT {
        for student in Student::all(world) {
            visitor.row(attendance_row(student, week));
        }
    }
}

fn attendance_row(student: Student<'_>, week: usize) -> Row {
    let world = student.world;
    let index = week * world.student_count() + student.index();
    let mut rng = world.rng("attendance", index);
    let first = day(2024, 9, 9) + i32::try_from(week).expect("few weeks") * 7;
    let on = first + days(&mut rng, 5);
    let status = match rng.below(10) {
        0 => "absent",
        1 => "tardy",
        2 => "excused",
        _ => "present",
    };
    let names_child = status == "excused" || (status == "absent" && rng.one_in(2));
    let full = student.name().full();
    let remark = names_child.then(|| format!("Call from home: {full} is ill."));
    let teacher = rng.index(world.teachers_per_school());
    let recorder = (!rng.one_in(8)).then(|| student.school().teacher(teacher).id());
    let minutes = (status == "tardy").then(|| rng.between(3, 45));
    let values = vec![
        Value::Int(key_of_index(index)),
        Value::Int(student.id()),
        recorder.map_or(Value::Null, Value::Int),
        Value::Date(on),
        Value::text_of(status),
        minutes.map_or(Value::Null, Value::Int),
        Value::optional_text(remark),
    ];
    let row = Row::new(&ATTENDANCE, Some(student.district_id()), values);
    if !names_child {
        return row;
    }
    row.mark("remark", Kind::FreeText)
        .mark_inside("remark", vec![(Kind::FullName, full)])
}

pub(crate) fn grades(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        let mut rng = world.rng("grades", student.index());
        for section in student.sections() {
            for term in 1..=rng.between(1, 2) {
                let quarters = rng.between(220, 400);
                let full = student.name().full();
                let praise = format!("{full} made good progress this term.");
                let comment = rng.one_in(3).then_some(praise);
                let key = [
                    section.course.id(),
                    section.number_value(),
                    student.id(),
                    term,
                ];
                visitor.row(grade_row(student, key, quarters, comment));
            }
        }
    }
}

fn grade_row(student: Student<'_>, key: [i64; 4], quarters: i64, comment: Option<String>) -> Row {
    let is_named = comment.is_some();
    let mut values: Vec<Value> = key.into_iter().map(Value::Int).collect();
    values.push(Value::quarters(quarters));
    values.push(Value::optional_text(comment));
    let row = Row::new(&GRADES, Some(student.district_id()), values);
    if !is_named {
        return row;
    }
    let named = vec![(Kind::FullName, student.name().full())];
    row.mark("comment", Kind::FreeText)
        .mark_inside("comment", named)
}

/// The record stays with the district that was left.
pub(crate) fn transfers(world: &World, visitor: &mut dyn Visitor) {
    if !world.options.with_transfers {
        return;
    }
    let count = world.districts.len();
    let mut has_stub = vec![false; count];
    let students = Student::all(world).step_by(STUDENTS_PER_TRANSFER);
    for (index, student) in students.enumerate() {
        let from = student.place.district;
        let to = (from + 1) % count;
        let leaves_the_state = index % 4 == 3 || to == from;
        visitor.row(transfer_row(
            student,
            index,
            (!leaves_the_state).then_some(to),
        ));
        if !leaves_the_state && !std::mem::replace(&mut has_stub[from], true) {
            let (from, to) = (&world.districts[from], &world.districts[to]);
            // The other district comes as a stub, and so does what its row must refer to.
            visitor.stub(&DISTRICTS, vec![to.id.to_string()], from.id);
            if to.state_id != from.state_id {
                visitor.stub(&STATES, vec![to.state_id.to_string()], from.id);
            }
        }
    }
}

fn transfer_row(student: Student<'_>, index: usize, to: Option<usize>) -> Row {
    let world = student.world;
    let mut rng = world.rng("transfers", index);
    let full = student.name().full();
    let to = to.map(|to| i64::from(world.districts[to].id));
    let values = vec![
        Value::Int(key_of_index(index)),
        Value::Int(student.id()),
        Value::Int(i64::from(student.district_id())),
        to.map_or(Value::Null, Value::Int),
        Value::Date(day(2025, 1, 6) + days(&mut rng, 90)),
        Value::Text(format!("The family of {full} moved.")),
    ];
    Row::new(&TRANSFERS, Some(student.district_id()), values)
        .mark("reason", Kind::FreeText)
        .mark_inside("reason", vec![(Kind::FullName, full)])
}
