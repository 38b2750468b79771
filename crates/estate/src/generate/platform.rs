//! Rows of HCP1, the learning platform: content, learners, submissions. A learner names its student
//! by the decimal text of the id in IDS; no foreign key says so.

use crate::answer_key::KeyJoin;
use crate::generate::world::{Student, World, key_of_index};
use crate::pools::CONTENT_TOPICS;
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{CONTENT_ITEMS, LEARNERS, STUDENTS, SUBMISSIONS};
use crate::value::{Value, day, moment};

struct Learner<'a> {
    id: u128,
    student: &'a Student,
}

const PARTS_PER_TOPIC: usize = 3;
/// The last items of the catalogue that nobody has worked on.
const UNUSED_ITEMS: usize = 8;
const SUBMISSION_ROUNDS: usize = 3;

pub(crate) fn emit(world: &World, visitor: &mut dyn Visitor) {
    content_items(world, visitor);
    let learners = plan_learners(world);
    let mut rng = Rng::new(world.seed, "learner rows");
    for learner in &learners {
        emit_learner(world, learner, &mut rng, visitor);
    }
    submissions(world, &learners, visitor);
}

fn content_items(world: &World, visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "content");
    for index in 0..CONTENT_TOPICS.len() * PARTS_PER_TOPIC {
        let topic = CONTENT_TOPICS[index / PARTS_PER_TOPIC];
        let part = index % PARTS_PER_TOPIC + 1;
        let thumbnail: Vec<u8> = rng.next().to_be_bytes().to_vec();
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::text_of(format!("C{:02}-{part}", index / PARTS_PER_TOPIC + 1)),
            Value::text_of(format!("{topic}, part {part}")),
            Value::Int(rng.between(5, 45)),
            Value::Bytes(thumbnail),
            Value::Date(day(2021, 1, 4) + i32::try_from(rng.below(900)).expect("small")),
        ];
        visitor.row(Row::new(&CONTENT_ITEMS, None, values));
    }
}

/// Nine of ten students, in an order that has nothing to do with IDS.
fn plan_learners(world: &World) -> Vec<Learner<'_>> {
    let mut rng = Rng::new(world.seed, "learners");
    let mut learners: Vec<Learner<'_>> = world
        .students
        .iter()
        .enumerate()
        .filter(|(index, _)| index % 10 != 9)
        .map(|(_, student)| Learner {
            id: random_uuid(&mut rng),
            student,
        })
        .collect();
    rng.shuffle(&mut learners);
    learners
}

/// Version 4, variant 1.
fn random_uuid(rng: &mut Rng) -> u128 {
    let bits = (u128::from(rng.next()) << 64) | u128::from(rng.next());
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

fn emit_learner(world: &World, learner: &Learner<'_>, rng: &mut Rng, visitor: &mut dyn Visitor) {
    let student = learner.student;
    let avatar: Vec<u8> = (0..2).flat_map(|_| rng.next().to_be_bytes()).collect();
    let seen = moment(
        day(2025, 2, 3) + i32::try_from(rng.below(20)).expect("small"),
        rng.between(25_000, 80_000),
    );
    let values = vec![
        Value::Uuid(learner.id),
        Value::Text(student.id.to_string()),
        Value::Text(student.name.full()),
        Value::text_of(&student.email),
        if rng.one_in(3) {
            Value::Null
        } else {
            Value::Bytes(avatar)
        },
        Value::Bool(!rng.one_in(20)),
        if rng.one_in(10) {
            Value::Null
        } else {
            Value::Timestamp(seen)
        },
    ];
    let row = Row::new(&LEARNERS, Some(world.district_of(student)), values)
        .mark("display_name", Kind::FullName)
        .mark("login", Kind::Email)
        .mark("avatar", Kind::Binary);
    let join = KeyJoin {
        from: LEARNERS.full_name(),
        from_key: row.key(),
        to: STUDENTS.full_name(),
        to_key: vec![student.id.to_string()],
    };
    visitor.row(row);
    visitor.join(join);
}

/// Round by round over all learners, so that the ids of one learner are scattered.
fn submissions(world: &World, learners: &[Learner<'_>], visitor: &mut dyn Visitor) {
    let mut rng = Rng::new(world.seed, "submissions");
    let used_items = CONTENT_TOPICS.len() * PARTS_PER_TOPIC - UNUSED_ITEMS;
    let mut id = 0;
    for _round in 0..SUBMISSION_ROUNDS {
        for learner in learners {
            if rng.one_in(4) {
                continue;
            }
            id += rng.between(1, 2);
            let item = key_of_index(rng.index(used_items));
            visitor.row(submission_row(world, learner, [id, item], &mut rng));
            let district = world.district_of(learner.student);
            visitor.used(&CONTENT_ITEMS, vec![item.to_string()], district);
        }
    }
}

fn submission_row(world: &World, learner: &Learner<'_>, key: [i64; 2], rng: &mut Rng) -> Row {
    let [id, item] = key;
    let full = learner.student.name.full();
    let on = day(2024, 10, 1) + i32::try_from(rng.below(120)).expect("small");
    let quarters = i32::try_from(rng.between(0, 400)).expect("small");
    let score = (!rng.one_in(5)).then(|| f64::from(quarters) / 4.0);
    let body = format!("My name is {full} and this is my answer to task {item}.");
    let values = vec![
        Value::Int(id),
        Value::Uuid(learner.id),
        Value::Int(item),
        Value::Timestamp(moment(on, rng.between(25_000, 80_000))),
        score.map_or(Value::Null, Value::Float),
        Value::Text(body),
    ];
    Row::new(
        &SUBMISSIONS,
        Some(world.district_of(learner.student)),
        values,
    )
    .mark("body", Kind::FreeText)
    .mark_inside("body", vec![(Kind::FullName, full)])
}
