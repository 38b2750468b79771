//! Rows of ADB, the assessments: who is tested is known by the number of the state, which is the key here
//! and a column of the students in IDS.

use crate::generate::Uses;
use crate::generate::school::School;
use crate::generate::student::Student;
use crate::generate::world::{LEVELS, World, days, key_of_index};
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{ASSESSMENTS, LinkName, RESPONSES, RESULTS, TEST_EVENTS, TEST_TAKERS};
use crate::value::{Value, day};

const SUBJECTS: [(&str, &str); 2] = [("ELA", "English Language Arts"), ("MATH", "Mathematics")];
/// Tests that nobody has taken yet.
const UNUSED: [(&str, &str, i64); 3] = [
    ("SCI", "Science", 5),
    ("SCI", "Science", 8),
    ("SCI", "Science", 11),
];
const FIRST_GRADE: i64 = 3;
const LAST_GRADE: i64 = 11;
/// The grades for which a school of each level has rooms set aside.
const GRADES_WITH_EVENTS: [i64; LEVELS] = [3, 6, 9];
const ITEMS: usize = 6;
/// Of so many items the answers are kept.
const KEPT_ANSWERS: usize = 2;

/// A test of a subject for a grade.
#[derive(Clone, Copy)]
struct Test {
    subject: usize,
    grade: i64,
}

impl Test {
    fn code(self) -> String {
        format!("{}-{:02}", SUBJECTS[self.subject].0, self.grade)
    }

    /// Among the tests that are in use.
    fn index(self) -> usize {
        let grade = usize::try_from(self.grade - FIRST_GRADE).expect("a grade that is tested");
        self.subject * 9 + grade
    }
}

pub(crate) fn assessments(world: &World, visitor: &mut dyn Visitor) {
    let used = SUBJECTS.iter().flat_map(|(code, title)| {
        (FIRST_GRADE..=LAST_GRADE).map(move |grade| (*code, *title, grade))
    });
    for (index, (code, subject, grade)) in used.chain(UNUSED).enumerate() {
        let mut rng = world.rng("assessments", index);
        let cuts = [120, 220, 300].map(|cut| Value::quarters(cut + rng.between(0, 40)));
        let standards = ["A", "B"].map(|part| format!("{code}.{grade}.{part}"));
        let values = vec![
            Value::Text(format!("{code}-{grade:02}")),
            Value::Text(format!("{subject}, grade {grade}")),
            Value::text_of(code),
            Value::Int(grade),
            Value::quarters(400),
            Value::List(cuts.to_vec()),
            Value::texts(standards),
        ];
        visitor.row(Row::new(&ASSESSMENTS, None, values));
    }
}

fn takers(world: &World) -> impl Iterator<Item = Student<'_>> {
    let is_tested = |student: &Student<'_>| (FIRST_GRADE..=LAST_GRADE).contains(&student.grade());
    Student::all(world).filter(is_tested)
}

pub(crate) fn test_takers(world: &World, visitor: &mut dyn Visitor) {
    for student in takers(world) {
        let row = taker_row(student);
        let joins = [
            row.join(LinkName::TakerStudent, vec![student.id().to_string()]),
            row.join(
                LinkName::TakerSchool,
                vec![student.school().id().to_string()],
            ),
        ];
        visitor.row(row);
        joins.into_iter().for_each(|join| visitor.join(join));
    }
}

fn taker_row(student: Student<'_>) -> Row {
    const ACCOMMODATIONS: [&str; 4] = [
        "extended time",
        "large print",
        "separate room",
        "text-to-speech, \"slow\"",
    ];
    let mut rng = student.world.rng("takers", student.index());
    let first = rng.index(ACCOMMODATIONS.len());
    let count = rng.index(5).saturating_sub(2);
    let accommodations = (0..count).map(|n| ACCOMMODATIONS[(first + n) % ACCOMMODATIONS.len()]);
    let accommodations = Value::texts(accommodations);
    let guardians = student.guardians();
    let emails: Vec<String> = guardians
        .iter()
        .filter_map(|relation| relation.guardian.email())
        .collect();
    let emails = if emails.is_empty() {
        Value::Null
    } else {
        Value::texts(emails)
    };
    let name = student.name();
    let values = vec![
        Value::Text(student.number()),
        Value::Int(student.school().id()),
        Value::text_of(name.first),
        Value::text_of(name.last),
        Value::Date(student.birth_day()),
        accommodations,
        emails,
    ];
    Row::new(&TEST_TAKERS, Some(student.district_id()), values)
        .mark("state_student_id", Kind::StudentNumber)
        .mark("first_name", Kind::FirstName)
        .mark("last_name", Kind::Surname)
        .mark_generated("full_name", Kind::FullName, name.full())
        .mark("birth_date", Kind::BirthDate)
        .mark_elements("contact_emails", Kind::Email)
}

/// The room of a school for a test.
#[derive(Clone, Copy)]
struct Event<'w> {
    school: School<'w>,
    subject: usize,
}

impl Event<'_> {
    fn index(&self) -> usize {
        self.school.index() * SUBJECTS.len() + self.subject
    }

    fn id(&self) -> i64 {
        self.school.world.id("test_events", self.index())
    }

    fn test(&self) -> Test {
        let grade = GRADES_WITH_EVENTS[self.school.place.local % LEVELS];
        let subject = self.subject;
        Test { subject, grade }
    }
}

pub(crate) fn test_events(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for school in School::all(world) {
        for subject in 0..SUBJECTS.len() {
            let event = Event { school, subject };
            let row = event_row(event);
            let proctor = proctor(event).map(|proctor| proctor.to_string());
            let mut joins = vec![row.join(LinkName::EventSchool, vec![school.id().to_string()])];
            joins.extend(proctor.map(|id| row.join(LinkName::EventProctor, vec![id])));
            visitor.row(row);
            joins.into_iter().for_each(|join| visitor.join(join));
            let test = event.test();
            if uses.is_first(school.place.district, test.index()) {
                visitor.used(&ASSESSMENTS, vec![test.code()], school.district_id());
            }
        }
    }
}

fn proctor(event: Event<'_>) -> Option<i64> {
    let mut rng = event.school.world.rng("proctors", event.index());
    let number = rng.index(event.school.world.teachers_per_school());
    (!rng.one_in(5)).then(|| event.school.teacher(number).id())
}

fn event_row(event: Event<'_>) -> Row {
    let mut rng = event.school.world.rng("test events", event.index());
    let hour = rng.between(8, 12);
    // Each subject has a day of its own.
    let day_of_april = 7 + event.subject;
    let (from, to) = (hour, hour + 2);
    let during = format!(
        "[\"2025-04-{day_of_april:02} {from:02}:00:00\",\"2025-04-{day_of_april:02} {to:02}:30:00\")"
    );
    let values = vec![
        Value::Int(event.id()),
        Value::Int(event.school.id()),
        Value::Text(event.test().code()),
        Value::Int(rng.between(101, 120)),
        Value::Text(during),
        proctor(event).map_or(Value::Null, Value::Int),
    ];
    Row::new(&TEST_EVENTS, Some(event.school.district_id()), values)
}

/// One try of a student at a test.
#[derive(Clone, Copy)]
struct Attempt<'w> {
    student: Student<'w>,
    subject: usize,
    /// From 0.
    number: usize,
}

impl<'w> Attempt<'w> {
    /// Everybody writes the first test, each second the other; one in ten repeats.
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        takers(world).flat_map(|student| {
            let mut rng = student.world.rng("attempts", student.index());
            let subjects = 1 + rng.index(SUBJECTS.len());
            let repeats = usize::from(rng.one_in(10));
            (0..subjects).flat_map(move |subject| {
                (0..=repeats).map(move |number| Self {
                    student,
                    subject,
                    number,
                })
            })
        })
    }

    fn index(&self) -> usize {
        (self.student.index() * SUBJECTS.len() + self.subject) * 2 + self.number
    }

    fn test(&self) -> Test {
        let (subject, grade) = (self.subject, self.student.grade());
        Test { subject, grade }
    }

    fn event(&self) -> Option<Event<'w>> {
        let has_event = GRADES_WITH_EVENTS.contains(&self.student.grade());
        let (school, subject) = (self.student.school(), self.subject);
        (has_event && self.number == 0).then_some(Event { school, subject })
    }

    /// Points in quarters; none was not reached.
    fn items(&self) -> [Option<i64>; ITEMS] {
        let mut rng = self.student.world.rng("items", self.index());
        std::array::from_fn(|_| (!rng.one_in(9)).then(|| rng.between(0, 16)))
    }

    fn key(&self) -> Vec<Value> {
        vec![
            Value::Text(self.student.number()),
            Value::Text(self.test().code()),
            Value::Int(key_of_index(self.number)),
        ]
    }
}

pub(crate) fn results(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for attempt in Attempt::all(world) {
        let (student, test) = (attempt.student, attempt.test());
        visitor.row(result_row(attempt));
        let is_told = GRADES_WITH_EVENTS.contains(&test.grade);
        if !is_told && uses.is_first(student.place.district, test.index()) {
            visitor.used(&ASSESSMENTS, vec![test.code()], student.district_id());
        }
    }
}

fn result_row(attempt: Attempt<'_>) -> Row {
    let student = attempt.student;
    let mut rng = student.world.rng("results", attempt.index());
    let items = attempt.items();
    let raw: i64 = items.iter().flatten().sum::<i64>() * 4 + rng.between(0, 3);
    let level = match raw {
        ..120 => "below basic",
        120..200 => "basic",
        200..280 => "proficient",
        _ => "advanced",
    };
    let points = items.map(|points| points.map_or(Value::Null, Value::Int));
    let mut pair = || Value::List(vec![Value::quarters(rng.between(0, 80)); 2]);
    let domains = Value::List(vec![pair(), pair()]);
    let is_scored = !rng.one_in(4);
    let event = attempt.event().map(|event| event.id());
    let mut values = attempt.key();
    values.extend([
        event.map_or(Value::Null, Value::Int),
        Value::Date(day(2025, 4, 7) + days(&mut rng, 20)),
        Value::quarters(raw),
        Value::text_of(level),
        Value::List(points.to_vec()),
        if is_scored { domains } else { Value::Null },
        Value::Bool(attempt.number == 1 || !rng.one_in(6)),
    ]);
    Row::new(&RESULTS, Some(student.district_id()), values)
        .mark("state_student_id", Kind::StudentNumber)
}

pub(crate) fn responses(world: &World, visitor: &mut dyn Visitor) {
    for attempt in Attempt::all(world) {
        for item in 0..KEPT_ANSWERS {
            visitor.row(response_row(attempt, item));
        }
    }
}

fn response_row(attempt: Attempt<'_>, item: usize) -> Row {
    let points = attempt.items()[item];
    let full = attempt.student.name().full();
    let is_text = points.is_some() && item == 1;
    let answer = match (points, item) {
        (None, _) => None,
        (Some(_), 1) => Some(format!("I am {full}. My family went to the lake.")),
        (Some(points), _) => Some(["A", "B", "C", "D"][usize::from(points % 4 == 1)].to_owned()),
    };
    let mut values = attempt.key();
    values.extend([
        Value::Int(key_of_index(item)),
        points.map_or(Value::Null, Value::Int),
        Value::optional_text(answer),
    ]);
    let row = Row::new(&RESPONSES, Some(attempt.student.district_id()), values)
        .mark("state_student_id", Kind::StudentNumber);
    if !is_text {
        return row;
    }
    row.mark("answer", Kind::FreeText)
        .mark_inside("answer", vec![(Kind::FullName, full)])
}
