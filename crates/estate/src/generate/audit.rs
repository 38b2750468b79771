//! The audit log: what a row was and became, as JSON. The row is named by its table and id; no foreign
//! key says so.

use serde_json::json;

use crate::generate::accounts::Account;
use crate::generate::school::Staff;
use crate::generate::student::Student;
use crate::generate::world::{World, days};
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{AUDIT_LOG, LinkName};
use crate::value::{Value, day, moment};

/// Whose row was changed.
#[derive(Clone, Copy)]
enum Subject<'w> {
    Student(Student<'w>),
    Staff(Staff<'w>),
}

struct Change {
    action: &'static str,
    old: Option<serde_json::Value>,
    new: serde_json::Value,
    /// In both documents, where they are.
    leaves: Vec<(&'static str, Kind, &'static str, String)>,
}

/// Every second student and every third member of staff, whom nobody else's row has the id of.
pub(crate) fn audit_log(world: &World, visitor: &mut dyn Visitor) {
    let students = Student::all(world).filter(|student| student.index() % 2 == 0);
    let staff = Staff::all(world).filter(|staff| staff.index() % 3 == 0);
    let all = staff
        .map(Subject::Staff)
        .chain(students.map(Subject::Student));
    for subject in all {
        let row = row(subject);
        let join = match subject {
            Subject::Student(student) => {
                row.join(LinkName::AuditStudent, vec![student.id().to_string()])
            }
            Subject::Staff(staff) => row.join(LinkName::AuditStaff, vec![staff.id().to_string()]),
        };
        visitor.row(row);
        visitor.join(join);
    }
}

fn row(subject: Subject<'_>) -> Row {
    let (world, index, district) = match subject {
        Subject::Staff(staff) => (staff.world, staff.index(), staff.district_id()),
        Subject::Student(student) => (
            student.world,
            student.world.staff_count() + student.index(),
            student.district_id(),
        ),
    };
    let (entity, id, change, actor) = match subject {
        Subject::Staff(staff) => ("staff", staff.id(), of_staff(staff), staff),
        Subject::Student(student) => (
            "students",
            student.id(),
            of_student(student),
            student.school().principal(),
        ),
    };
    let mut rng = world.rng("audit", index);
    // From August to June: a partition for each month.
    let at = moment(
        day(2024, 8, 1) + days(&mut rng, 330),
        rng.between(20_000, 80_000),
    );
    let actor = (!rng.one_in(5)).then(|| Account::of_staff(actor).id());
    let values = vec![
        Value::Int(world.id("audit_log", index)),
        Value::Timestamp(at),
        Value::text_of(entity),
        Value::Int(id),
        Value::text_of(change.action),
        actor.map_or(Value::Null, Value::Int),
        change
            .old
            .map_or(Value::Null, |document| Value::Json(document.to_string())),
        Value::Json(change.new.to_string()),
    ];
    let row = Row::new(&AUDIT_LOG, Some(district), values);
    let leaves = change.leaves.into_iter();
    leaves.fold(row, |row, (column, kind, pointer, text)| {
        row.mark_leaf(column, pointer, kind, &text)
    })
}

/// A family name or a phone number changed.
fn of_student(student: Student<'_>) -> Change {
    let world = student.world;
    let (name, email) = (student.name(), student.email());
    if world.rng("change", student.index()).one_in(3) {
        return Change {
            action: "insert",
            old: None,
            new: json!({ "email": email, "first_name": name.first, "last_name": name.last }),
            leaves: vec![
                ("new_values", Kind::Email, "/email", email),
                (
                    "new_values",
                    Kind::FirstName,
                    "/first_name",
                    name.first.to_owned(),
                ),
                (
                    "new_values",
                    Kind::Surname,
                    "/last_name",
                    name.last.to_owned(),
                ),
            ],
        };
    }
    let (old, new) = (student.guardian().phone(), student.phone());
    let new = new.unwrap_or_else(|| old.clone());
    let full = name.full();
    let was = json!({ "address": student.family().address(), "emergency_phone": old });
    let became = json!({ "changed_for": full, "emergency_phone": new });
    Change {
        action: "update",
        leaves: vec![
            (
                "old_values",
                Kind::Address,
                "/address",
                student.family().address(),
            ),
            ("old_values", Kind::Phone, "/emergency_phone", old),
            ("new_values", Kind::FullName, "/changed_for", full),
            ("new_values", Kind::Phone, "/emergency_phone", new),
        ],
        old: Some(was),
        new: became,
    }
}

fn of_staff(staff: Staff<'_>) -> Change {
    let (full, email) = (staff.name().full(), staff.email());
    Change {
        action: "update",
        old: Some(json!({ "active": false, "display_name": full })),
        new: json!({ "active": true, "contact": { "email": email }, "display_name": full }),
        leaves: vec![
            ("old_values", Kind::FullName, "/display_name", full.clone()),
            ("new_values", Kind::FullName, "/display_name", full),
            ("new_values", Kind::Email, "/contact/email", email),
        ],
    }
}
