//! The generator: plans an estate, then hands out its rows table by table. Any table can be made
//! without the others, and no table holds more than a few numbers for each district.

mod accounts;
mod assessments;
mod audit;
mod custom_fields;
mod graph;
mod learning;
mod licences;
mod organisation;
mod people;
mod persons;
mod records;
mod school;
mod student;
mod world;

use serde::{Deserialize, Serialize};

use crate::row::Visitor;
use crate::schema::{StoreId, TABLES, TableSpec};
use world::World;

/// What an estate is made from. Equal options give equal estates, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstateOptions {
    pub seed: u64,
    /// Their ids are `1..=districts`.
    pub districts: u32,
    pub students_per_district: u32,
    /// Students that moved between districts: rows whose boundary needs a decision.
    pub with_transfers: bool,
}

impl Default for EstateOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            districts: 3,
            students_per_district: 40,
            with_transfers: false,
        }
    }
}

/// Generates an estate into a visitor.
///
/// Memory does not grow with the number of students: every row is computed from its place.
pub fn generate_into(options: &EstateOptions, visitor: &mut dyn Visitor) {
    for table in TABLES {
        generate_table(options, table, visitor);
    }
}

/// Generates the rows of one table, as [`generate_into`] does: the same rows in the same order, and what
/// they use, leave as stubs, and refer to.
pub fn generate_table(
    options: &EstateOptions,
    table: &'static TableSpec,
    visitor: &mut dyn Visitor,
) {
    let world = World::plan(options);
    emitter(table)(&world, visitor);
}

type Emit = fn(&World, &mut dyn Visitor);

fn emitter(table: &TableSpec) -> Emit {
    match table.store {
        StoreId::Ids => of_ids(table.name),
        StoreId::Hcp1 => match table.name {
            "content_items" => learning::content_items,
            "assignments" => learning::assignments,
            "learners" => learning::learners,
            "submissions" => learning::submissions,
            _ => learning::attachments,
        },
        StoreId::Hcp2 => match table.name {
            "products" => licences::products,
            "licences" => licences::licences,
            "devices" => licences::devices,
            _ => licences::usage_events,
        },
        StoreId::Adb => match table.name {
            "assessments" => assessments::assessments,
            "test_takers" => assessments::test_takers,
            "test_events" => assessments::test_events,
            "results" => assessments::results,
            _ => assessments::responses,
        },
        StoreId::Sp => match table.name {
            "states" => graph::states,
            "districts" => graph::districts,
            "schools" => graph::schools,
            "people" => people::people,
            "skills" => graph::skills,
            "part_of" => graph::part_of,
            "enrolled_in" => graph::enrolled_in,
            "works_at" => graph::works_at,
            "guardian_of" => people::guardian_of,
            "has_skill" => people::has_skill,
            "knows" => people::knows,
            _ => people::referred,
        },
    }
}

fn of_ids(name: &str) -> Emit {
    match name {
        "states" => organisation::states,
        "districts" => organisation::districts,
        "schools" => organisation::schools,
        "staff" => organisation::staff,
        "subjects" => organisation::subjects,
        "courses" => organisation::courses,
        "sections" => organisation::sections,
        "students" => persons::students,
        "guardians" => persons::guardians,
        "student_guardians" => persons::student_guardians,
        "enrollments" => records::enrollments,
        "attendance" => records::attendance,
        "grades" => records::grades,
        "transfers" => records::transfers,
        "custom_fields" => custom_fields::fields,
        "custom_field_values" => custom_fields::values,
        "accounts" => accounts::accounts,
        "sessions" => accounts::sessions,
        _ => audit::audit_log,
    }
}

pub(crate) fn district_name(index: usize) -> String {
    world::District::plan(index).name
}

/// Which entries of a short list each district has used.
struct Uses(Vec<u64>);

impl Uses {
    fn new(world: &World) -> Self {
        Self(vec![0; world.districts.len()])
    }

    /// True the first time for a district and an entry; entries are below 64.
    fn is_first(&mut self, district: usize, entry: usize) -> bool {
        let bit = 1 << entry;
        let is_first = self.0[district] & bit == 0;
        self.0[district] |= bit;
        is_first
    }
}
