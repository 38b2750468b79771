//! The generator: plans an estate, then hands out its rows table by table.

mod organisation;
mod persons;
mod platform;
mod records;
mod world;

use serde::{Deserialize, Serialize};

use crate::row::Visitor;
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
/// The plan of people, schools and sections is held in memory; rows of the bulk tables (enrollments,
/// attendance, grades, submissions) are made one at a time and not kept.
pub fn generate_into(options: &EstateOptions, visitor: &mut dyn Visitor) {
    let world = World::plan(options);
    organisation::emit(&world, visitor);
    persons::emit(&world, visitor);
    records::emit(&world, options, visitor);
    platform::emit(&world, visitor);
}

pub(crate) fn district_name(index: usize) -> String {
    world::District::plan(index).name
}
