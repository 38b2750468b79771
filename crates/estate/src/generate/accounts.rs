//! Accounts of staff and students, and their sessions. Each account names its last session, each
//! session its account: a cycle of references.

use crate::generate::school::Staff;
use crate::generate::student::Student;
use crate::generate::world::{World, days};
use crate::people::Name;
use crate::rng::Rng;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{ACCOUNTS, SESSIONS};
use crate::value::{Value, day, hex, moment};

/// At most; an account has none, one or two.
const SESSIONS_PER_ACCOUNT: usize = 2;

#[derive(Clone, Copy)]
enum Owner<'w> {
    Staff(Staff<'w>),
    Student(Student<'w>),
}

/// The account of a person; staff first.
#[derive(Clone, Copy)]
pub(crate) struct Account<'w> {
    owner: Owner<'w>,
}

impl<'w> Account<'w> {
    /// All but those of each seventh student, who has none.
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let staff = Staff::all(world).map(Self::of_staff);
        let students = Student::all(world).filter(|student| student.index() % 7 != 6);
        staff.chain(students.map(|student| Self {
            owner: Owner::Student(student),
        }))
    }

    pub(crate) fn of_staff(staff: Staff<'w>) -> Self {
        Self {
            owner: Owner::Staff(staff),
        }
    }

    fn world(&self) -> &'w World {
        match self.owner {
            Owner::Staff(staff) => staff.world,
            Owner::Student(student) => student.world,
        }
    }

    fn index(&self) -> usize {
        match self.owner {
            Owner::Staff(staff) => staff.index(),
            Owner::Student(student) => student.world.staff_count() + student.index(),
        }
    }

    pub(crate) fn id(&self) -> i64 {
        self.world().id("accounts", self.index())
    }

    fn district_id(&self) -> u32 {
        match self.owner {
            Owner::Staff(staff) => staff.district_id(),
            Owner::Student(student) => student.district_id(),
        }
    }

    fn name(&self) -> Name {
        match self.owner {
            Owner::Staff(staff) => staff.name(),
            Owner::Student(student) => student.name(),
        }
    }

    fn session_count(&self) -> usize {
        self.world()
            .rng("session count", self.index())
            .index(SESSIONS_PER_ACCOUNT + 1)
    }

    /// Of the session with that number, from 0.
    fn session_id(&self, number: usize) -> i64 {
        // Number by number over all accounts, so that the ids of one account are scattered.
        let world = self.world();
        let accounts = world.staff_count() + world.student_count();
        world.id("sessions", number * accounts + self.index())
    }
}

pub(crate) fn accounts(world: &World, visitor: &mut dyn Visitor) {
    for account in Account::all(world) {
        visitor.row(account_row(account));
    }
}

fn account_row(account: Account<'_>) -> Row {
    let world = account.world();
    let mut rng = world.rng("account rows", account.index());
    let (student, staff) = match account.owner {
        Owner::Student(student) => (Value::Int(student.id()), Value::Null),
        Owner::Staff(staff) => (Value::Null, Value::Int(staff.id())),
    };
    // Each sixth logs in elsewhere.
    let hash = (!rng.one_in(6)).then(|| format!("$2b$12${}", secret(&mut rng, 53)));
    let last = account.session_count().checked_sub(1);
    let last = last.map(|number| account.session_id(number));
    let created = moment(day(2024, 8, 1) + days(&mut rng, 40), 36_000);
    let values = vec![
        Value::Int(account.id()),
        student,
        staff,
        Value::Text(account.name().login()),
        Value::optional_text(hash),
        last.map_or(Value::Null, Value::Int),
        Value::Timestamp(created),
    ];
    Row::new(&ACCOUNTS, Some(account.district_id()), values)
        .mark("user_name", Kind::UserName)
        .mark("password_hash", Kind::Credential)
}

pub(crate) fn sessions(world: &World, visitor: &mut dyn Visitor) {
    for number in 0..SESSIONS_PER_ACCOUNT {
        for account in Account::all(world) {
            if number < account.session_count() {
                visitor.row(session_row(account, number));
            }
        }
    }
}

fn session_row(account: Account<'_>, number: usize) -> Row {
    const AGENTS: [&str; 3] = [
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/128.0",
        "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) Safari/605.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/127.0",
    ];
    let world = account.world();
    let index = account.index() * SESSIONS_PER_ACCOUNT + number;
    let mut rng = world.rng("session rows", index);
    let begun = moment(
        day(2025, 1, 6) + days(&mut rng, 60),
        rng.between(25_000, 80_000),
    );
    let is_open = rng.one_in(8);
    let ended = (!is_open).then(|| begun + rng.between(60, 9_000) * 1_000_000);
    let mut token = [0; 16];
    token[..8].copy_from_slice(&rng.next().to_be_bytes());
    token[8..].copy_from_slice(&rng.next().to_be_bytes());
    let values = vec![
        Value::Int(account.session_id(number)),
        Value::Int(account.id()),
        Value::Text(hex(&token)),
        Value::optional_text((!rng.one_in(9)).then(|| address(index))),
        Value::text_of(rng.pick(&AGENTS)),
        Value::Timestamp(begun),
        ended.map_or(Value::Null, Value::Timestamp),
    ];
    Row::new(&SESSIONS, Some(account.district_id()), values)
        .mark("token", Kind::Credential)
        .mark("ip_address", Kind::NetworkAddress)
}

/// An address of a provider's network; each machine has another, as long as there are some.
pub(crate) fn address(machine: usize) -> String {
    let octet = |place: usize| 100 + machine / place % 120;
    format!(
        "{}.{}.{}.{}",
        73 + machine / 1_728_000 % 20,
        octet(14_400),
        octet(120),
        octet(1)
    )
}

fn secret(rng: &mut Rng, length: usize) -> String {
    const LETTERS: &[u8] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let letters = (0..length).map(|_| char::from(LETTERS[rng.index(LETTERS.len())]));
    letters.collect()
}
