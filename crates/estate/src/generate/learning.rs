//! Rows of HCP1, the learning platform: content, assignments, learners, submissions, attachments. A
//! learner names its student by the decimal text of the id in IDS, an assignment its section likewise;
//! no foreign key says so.

use crate::generate::Uses;
use crate::generate::school::{Course, Section};
use crate::generate::student::Student;
use crate::generate::world::{World, days, key_of_index, uuid};
use crate::people::slug;
use crate::permutation::Permutation;
use crate::pools::CONTENT_TOPICS;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{ASSIGNMENTS, ATTACHMENTS, CONTENT_ITEMS, LEARNERS, LinkName, SUBMISSIONS};
use crate::value::{Value, day, moment};

const PARTS_PER_TOPIC: usize = 3;
/// The last items of the catalogue that nobody works on.
const UNUSED_ITEMS: usize = 8;
const ASSIGNMENTS_PER_SECTION: usize = 2;
const SUBMISSION_ROUNDS: usize = 3;
/// Nine of ten students learn here.
const LEARNERS_OF_TEN: usize = 9;

pub(crate) fn content_items(world: &World, visitor: &mut dyn Visitor) {
    for index in 0..CONTENT_TOPICS.len() * PARTS_PER_TOPIC {
        let mut rng = world.rng("content", index);
        let topic = CONTENT_TOPICS[index / PARTS_PER_TOPIC];
        let part = index % PARTS_PER_TOPIC + 1;
        let thumbnail: Vec<u8> = rng.next().to_be_bytes().to_vec();
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(format!("C{:02}-{part}", index / PARTS_PER_TOPIC + 1)),
            Value::text_of(format!("{topic}, part {part}")),
            Value::Int(rng.between(5, 45)),
            Value::Bytes(thumbnail),
            Value::Date(day(2021, 1, 4) + days(&mut rng, 900)),
        ];
        visitor.row(Row::new(&CONTENT_ITEMS, None, values));
    }
}

/// One of a section, from 0.
#[derive(Clone, Copy)]
struct Assignment<'w> {
    section: Section<'w>,
    number: usize,
}

impl Assignment<'_> {
    fn index(&self) -> usize {
        self.section.index() * ASSIGNMENTS_PER_SECTION + self.number
    }

    fn id(&self) -> i64 {
        let world = self.section.course.world;
        world.id("assignments", self.index())
    }

    /// Index into the catalogue.
    fn item(&self) -> usize {
        let used = CONTENT_TOPICS.len() * PARTS_PER_TOPIC - UNUSED_ITEMS;
        let world = self.section.course.world;
        world.rng("items", self.index()).index(used)
    }
}

pub(crate) fn assignments(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for course in Course::all(world) {
        for section in course.sections() {
            for number in 0..ASSIGNMENTS_PER_SECTION {
                let assignment = Assignment { section, number };
                let row = assignment_row(assignment);
                let to = vec![course.id().to_string(), section.number.to_string()];
                let join = row.join(LinkName::AssignmentSection, to);
                visitor.row(row);
                visitor.join(join);
                let item = assignment.item();
                if uses.is_first(course.place.district, item) {
                    let key = vec![key_of_index(item).to_string()];
                    visitor.used(&CONTENT_ITEMS, key, course.district_id());
                }
            }
        }
    }
}

fn assignment_row(assignment: Assignment<'_>) -> Row {
    let (section, item) = (assignment.section, assignment.item());
    let world = section.course.world;
    let mut rng = world.rng("assignment rows", assignment.index());
    let topic = CONTENT_TOPICS[item / PARTS_PER_TOPIC];
    let teacher = section.teacher();
    let full = teacher.name().full();
    let instructions = rng
        .one_in(3)
        .then(|| format!("Questions to {full}, {}.", teacher.email()));
    let is_named = instructions.is_some();
    let values = vec![
        Value::Int(assignment.id()),
        Value::Text(section.course.id().to_string()),
        Value::Int(section.number_value()),
        Value::Int(key_of_index(item)),
        Value::Text(format!("{topic}: exercise {}", assignment.number + 1)),
        Value::Date(day(2024, 10, 1) + days(&mut rng, 100)),
        Value::optional_text(instructions),
    ];
    let row = Row::new(&ASSIGNMENTS, Some(section.course.district_id()), values);
    if !is_named {
        return row;
    }
    let named = vec![(Kind::FullName, full), (Kind::Email, teacher.email())];
    row.mark("instructions", Kind::FreeText)
        .mark_inside("instructions", named)
}

#[derive(Clone, Copy)]
struct Learner<'w> {
    student: Student<'w>,
}

impl<'w> Learner<'w> {
    /// In an order that has nothing to do with IDS.
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let full_tens = world.student_count() / 10;
        let count = full_tens * LEARNERS_OF_TEN + world.student_count() % 10;
        let wide = u64::try_from(count).expect("a usize fits u64");
        let order = Permutation::new(wide.max(1), world.rng("learners", 0).next());
        (0..wide).map(move |place| {
            let learner = usize::try_from(order.at(place)).expect("below a usize");
            let index = learner / LEARNERS_OF_TEN * 10 + learner % LEARNERS_OF_TEN;
            let student = Student::at(world, index);
            Self { student }
        })
    }

    fn id(&self) -> u128 {
        uuid(self.student.world, "learner", self.student.index())
    }
}

pub(crate) fn learners(world: &World, visitor: &mut dyn Visitor) {
    for learner in Learner::all(world) {
        let row = learner_row(learner);
        let to = vec![learner.student.id().to_string()];
        let join = row.join(LinkName::LearnerStudent, to);
        visitor.row(row);
        visitor.join(join);
    }
}

fn learner_row(learner: Learner<'_>) -> Row {
    let student = learner.student;
    let mut rng = student.world.rng("learner rows", student.index());
    let avatar: Vec<u8> = (0..2).flat_map(|_| rng.next().to_be_bytes()).collect();
    let seen = moment(
        day(2025, 2, 3) + days(&mut rng, 20),
        rng.between(25_000, 80_000),
    );
    let avatar = (!rng.one_in(3)).then_some(avatar);
    let is_active = !rng.one_in(20);
    let seen = (!rng.one_in(10)).then_some(seen);
    let values = vec![
        Value::Uuid(learner.id()),
        Value::Text(student.id().to_string()),
        Value::Text(student.name().full()),
        Value::Text(student.email()),
        avatar.map_or(Value::Null, Value::Bytes),
        Value::Bool(is_active),
        seen.map_or(Value::Null, Value::Timestamp),
    ];
    Row::new(&LEARNERS, Some(student.district_id()), values)
        .mark("display_name", Kind::FullName)
        .mark("login", Kind::Email)
        .mark("avatar", Kind::Binary)
}

/// What a learner handed in, in a round.
#[derive(Clone, Copy)]
struct Submission<'w> {
    learner: Learner<'w>,
    round: usize,
}

impl<'w> Submission<'w> {
    /// Round by round over all learners, so that the ids of one learner are scattered.
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        (0..SUBMISSION_ROUNDS)
            .flat_map(move |round| Learner::all(world).map(move |learner| Self { learner, round }))
            .filter(|submission| {
                let world = submission.learner.student.world;
                !world.rng("hands in", submission.index()).one_in(4)
            })
    }

    fn index(&self) -> usize {
        let student = self.learner.student;
        self.round * student.world.student_count() + student.index()
    }

    fn id(&self) -> i64 {
        let world = self.learner.student.world;
        world.id("submissions", self.index())
    }

    fn assignment(&self) -> Assignment<'w> {
        let student = self.learner.student;
        let mut rng = student.world.rng("submitted to", self.index());
        let section = student.sections()[self.round];
        let number = rng.index(ASSIGNMENTS_PER_SECTION);
        Assignment { section, number }
    }

    fn body(&self) -> String {
        let full = self.learner.student.name().full();
        let item = key_of_index(self.assignment().item());
        format!("My name is {full} and this is my answer to task {item}.")
    }
}

pub(crate) fn submissions(world: &World, visitor: &mut dyn Visitor) {
    for submission in Submission::all(world) {
        visitor.row(submission_row(submission));
    }
}

fn submission_row(submission: Submission<'_>) -> Row {
    let learner = submission.learner;
    let world = learner.student.world;
    let mut rng = world.rng("submissions", submission.index());
    let on = day(2024, 10, 1) + days(&mut rng, 120);
    let score = (!rng.one_in(5)).then(|| rng.between(0, 400));
    let values = vec![
        Value::Int(submission.id()),
        Value::Uuid(learner.id()),
        Value::Int(submission.assignment().id()),
        Value::Timestamp(moment(on, rng.between(25_000, 80_000))),
        score.map_or(Value::Null, Value::quarters),
        Value::Text(submission.body()),
    ];
    let named = vec![(Kind::FullName, learner.student.name().full())];
    Row::new(&SUBMISSIONS, Some(learner.student.district_id()), values)
        .mark("body", Kind::FreeText)
        .mark_inside("body", named)
}

/// With each fourth submission a file: its name and its bytes name the child.
pub(crate) fn attachments(world: &World, visitor: &mut dyn Visitor) {
    for submission in Submission::all(world) {
        if world.rng("attachments", submission.index()).one_in(4) {
            visitor.row(attachment_row(submission));
        }
    }
}

fn attachment_row(submission: Submission<'_>) -> Row {
    let student = submission.learner.student;
    let world = student.world;
    let name = student.name();
    let (first, last) = (slug(name.first), slug(name.last));
    let mut content = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
    content.extend_from_slice(submission.body().as_bytes());
    content.extend_from_slice(b"\n%%EOF\n");
    let size = i64::try_from(content.len()).expect("a short file");
    let values = vec![
        Value::Uuid(uuid(world, "attachment", submission.index())),
        Value::Int(submission.id()),
        Value::Text(format!("{last}-{first}-{}.pdf", submission.round + 1)),
        Value::text_of("application/pdf"),
        Value::Int(size),
        Value::Bytes(content),
    ];
    Row::new(&ATTACHMENTS, Some(student.district_id()), values)
        .mark("file_name", Kind::FreeText)
        .mark("content", Kind::Binary)
}
