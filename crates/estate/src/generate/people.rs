//! People of SP and what is between them. One person may be staff and guardian at once; a guardian who
//! is nothing else belongs to no district and comes with those that know the guardian in IDS, and what
//! hangs on such a person comes along.

use crate::generate::Uses;
use crate::generate::graph::{SKILL_LIST, USED_SKILLS};
use crate::generate::school::Staff;
use crate::generate::student::{Guardian, Student, guardian_of_staff};
use crate::generate::world::{World, days, uuid};
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{GUARDIAN_OF, HAS_SKILL, KNOWS, LinkName, PEOPLE, REFERRED, SKILLS};
use crate::value::{Value, day};

#[derive(Clone, Copy)]
pub(crate) enum Person<'w> {
    Staff(Staff<'w>),
    Student(Student<'w>),
    /// Who is no staff.
    Guardian(Guardian<'w>),
}

impl<'w> Person<'w> {
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let guardians = Guardian::all(world).filter(|guardian| guardian.staff().is_none());
        Staff::all(world)
            .map(Self::Staff)
            .chain(Student::all(world).map(Self::Student))
            .chain(guardians.map(Self::Guardian))
    }

    fn of_guardian(guardian: Guardian<'w>) -> Self {
        let staff = guardian.staff().map(Self::Staff);
        staff.unwrap_or(Self::Guardian(guardian))
    }

    fn world(&self) -> &'w World {
        match self {
            Self::Staff(staff) => staff.world,
            Self::Student(student) => student.world,
            Self::Guardian(guardian) => guardian.family.world,
        }
    }

    fn index(&self) -> usize {
        match self {
            Self::Staff(staff) => staff.index(),
            Self::Student(student) => student.index(),
            Self::Guardian(guardian) => guardian.index(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Staff(_) => "person of staff",
            Self::Student(_) => "person of student",
            Self::Guardian(_) => "person of guardian",
        }
    }

    pub(crate) fn id(&self) -> String {
        let id = Value::Uuid(uuid(self.world(), self.kind(), self.index()));
        id.text().expect("no NULL")
    }

    /// The districts the person comes with, and the one they belong to.
    fn districts(&self) -> (Option<u32>, Vec<u32>) {
        match self {
            Self::Staff(staff) => (Some(staff.district_id()), Vec::new()),
            Self::Student(student) => (Some(student.district_id()), Vec::new()),
            Self::Guardian(guardian) => (None, guardian.districts()),
        }
    }
}

pub(crate) fn people(world: &World, visitor: &mut dyn Visitor) {
    for person in Person::all(world) {
        let (own, users) = person.districts();
        let row = person_row(person, own);
        let (key, joins) = (row.key(), joins(person, &row));
        visitor.row(row);
        joins.into_iter().for_each(|join| visitor.join(join));
        for district in users {
            visitor.used(&PEOPLE, key.clone(), district);
        }
    }
}

fn joins(person: Person<'_>, row: &Row) -> Vec<crate::answer_key::KeyJoin> {
    let guardian = |guardian: Guardian<'_>| {
        row.join(LinkName::PersonGuardian, vec![guardian.id().to_string()])
    };
    match person {
        Person::Staff(staff) => {
            let of_staff = row.join(LinkName::PersonStaff, vec![staff.id().to_string()]);
            let also = guardian_of_staff(staff).map(guardian);
            std::iter::once(of_staff).chain(also).collect()
        }
        Person::Student(student) => {
            vec![row.join(LinkName::PersonStudent, vec![student.id().to_string()])]
        }
        Person::Guardian(one) => vec![guardian(one)],
    }
}

fn person_row(person: Person<'_>, district: Option<u32>) -> Row {
    let mut values = vec![Value::Text(person.id())];
    let none = Value::Null;
    values.extend(match person {
        Person::Staff(staff) => {
            let guardian = guardian_of_staff(staff);
            let id = guardian.map(|guardian| guardian.id());
            let labels = id.map_or(&["Staff"][..], |_| &["Guardian", "Staff"]);
            [
                Value::texts(labels.iter().copied()),
                none.clone(),
                Value::Int(staff.id()),
                id.map_or(Value::Null, Value::Int),
                Value::Text(staff.name().full()),
                Value::Text(staff.email()),
                Value::optional_text(staff.phone()),
                none.clone(),
                none,
            ]
        }
        Person::Student(student) => [
            Value::texts(["Student"]),
            Value::Int(student.id()),
            none.clone(),
            none,
            Value::Text(student.name().full()),
            Value::Text(student.email()),
            Value::optional_text(student.phone()),
            nicknames(student),
            Value::Date(student.birth_day()),
        ],
        Person::Guardian(guardian) => [
            Value::texts(["Guardian"]),
            none.clone(),
            none.clone(),
            Value::Int(guardian.id()),
            Value::Text(guardian.name().full()),
            Value::optional_text(guardian.email()),
            Value::Text(guardian.phone()),
            none.clone(),
            none,
        ],
    });
    Row::new(&PEOPLE, district, values)
        .mark("display_name", Kind::FullName)
        .mark("email", Kind::Email)
        .mark("phone", Kind::Phone)
        .mark_elements("nicknames", Kind::FirstName)
        .mark("born_on", Kind::BirthDate)
}

fn nicknames(student: Student<'_>) -> Value {
    let mut rng = student.world.rng("nicknames", student.index());
    let name = student.name();
    let start: String = name.first.chars().take(3).collect();
    let initial: String = name.last.chars().take(1).collect();
    match rng.below(4) {
        0 => Value::texts([start, format!("{} {initial}.", name.first)]),
        1 => Value::texts([start]),
        _ => Value::Null,
    }
}

pub(crate) fn guardian_of(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        for (position, relation) in student.guardians().into_iter().enumerate() {
            let values = vec![
                Value::Text(Person::of_guardian(relation.guardian).id()),
                Value::Text(Person::Student(student).id()),
                Value::text_of(relation.text),
                Value::Bool(position == 0),
            ];
            visitor.row(Row::new(&GUARDIAN_OF, Some(student.district_id()), values));
        }
    }
}

/// Everybody of a school has one or two skills, a few guardians one.
pub(crate) fn has_skill(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for person in Person::all(world) {
        let purpose = format!("skills, {}", person.kind());
        let mut rng = world.rng(&purpose, person.index());
        let count = match person {
            Person::Guardian(_) => usize::from(rng.one_in(4)),
            _ => 1 + rng.index(2),
        };
        let first = rng.index(USED_SKILLS);
        let (own, users) = person.districts();
        for skill in (0..count).map(|offset| (first + offset) % USED_SKILLS) {
            let assessed = (!rng.one_in(5)).then(|| day(2024, 10, 1) + days(&mut rng, 120));
            let values = vec![
                Value::Text(person.id()),
                Value::text_of(SKILL_LIST[skill].0),
                Value::Int(rng.between(1, 5)),
                assessed.map_or(Value::Null, Value::Date),
            ];
            let row = Row::new(&HAS_SKILL, own, values);
            let key = row.key();
            visitor.row(row);
            for district in &users {
                visitor.used(&HAS_SKILL, key.clone(), *district);
            }
            for district in own.iter().chain(&users) {
                let index = usize::try_from(*district - 1).expect("a u32 fits usize");
                if uses.is_first(index, skill) {
                    let key = vec![SKILL_LIST[skill].0.to_owned()];
                    visitor.used(&SKILLS, key, *district);
                }
            }
        }
    }
}

/// A child of each second pair of the district's list knows the next one, some twice, some by equal
/// relationships; a few know themselves.
pub(crate) fn knows(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world) {
        let mut place = student.place;
        let mut rng = world.rng("knows", student.index());
        let on = day(2023, 9, 1) + days(&mut rng, 300);
        if place.local % 17 == 3 {
            visitor.row(knows_row(student, student, Value::Null));
        }
        place.local += 1;
        if place.local % 2 == 0 || place.local >= world.students_per_district() {
            continue;
        }
        let other = Student { world, place };
        let row = knows_row(student, other, Value::Date(on));
        let copies = 1 + u32::from(rng.one_in(5));
        for copy in 1..=copies {
            visitor.row(row.as_copy(copy));
        }
        if rng.one_in(3) {
            visitor.row(knows_row(student, other, Value::Date(on + 365)));
        }
    }
}

fn knows_row(one: Student<'_>, other: Student<'_>, since: Value) -> Row {
    let how = if since == Value::Null {
        None
    } else {
        Some("class")
    };
    let values = vec![
        Value::Text(Person::Student(one).id()),
        Value::Text(Person::Student(other).id()),
        since,
        how.map_or(Value::Null, Value::text_of),
    ];
    Row::new(&KNOWS, Some(one.district_id()), values)
}

/// Principals about every fifth child, some of them again.
pub(crate) fn referred(world: &World, visitor: &mut dyn Visitor) {
    for student in Student::all(world).filter(|student| student.place.local % 5 == 0) {
        let mut rng = world.rng("referred", student.index());
        let on = day(2024, 10, 1) + days(&mut rng, 60);
        visitor.row(referred_row(student, on));
        if rng.one_in(3) {
            visitor.row(referred_row(student, on + 45));
        }
    }
}

fn referred_row(student: Student<'_>, on: i32) -> Row {
    let full = student.name().full();
    let note = (on % 3 != 0).then(|| format!("{full} to see the counselor."));
    let is_named = note.is_some();
    let values = vec![
        Value::Text(Person::Staff(student.school().principal()).id()),
        Value::Text(Person::Student(student).id()),
        Value::Date(on),
        Value::optional_text(note),
    ];
    let row = Row::new(&REFERRED, Some(student.district_id()), values);
    if !is_named {
        return row;
    }
    row.mark("note", Kind::FreeText)
        .mark_inside("note", vec![(Kind::FullName, full)])
}
