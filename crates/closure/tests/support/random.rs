//! Random worlds: schemas of 2 to 12 tables over two stores, rows that satisfy every foreign key,
//! and random decisions.

use redistrict_closure::{Decisions, Measurements};
use redistrict_model::{BoundaryPolicy, Edge, Measured};

use super::{World, table_ref};

mod rows;
mod schema;

/// SplitMix64: small, seeded, the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `below` - 1.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        usize::try_from(self.next() % (below.max(1) as u64)).expect("below a usize")
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A world, its decisions, and numbers for every table as if measured.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) decisions: Decisions,
    pub(crate) measured: Measurements,
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let (text, plans) = schema::schema(&mut random);
    let mut world = World::read(&text);
    rows::fill(&mut world, &plans, &mut random);
    let measured = measured(&world, &mut random);
    let decisions = decisions(&world, &mut random);
    Case {
        world,
        decisions,
        measured,
    }
}

/// Numbers that make a table shared or not, by chance: the evaluator must be right for both.
fn measured(world: &World, random: &mut Random) -> Measurements {
    let tables = world.catalogs.iter().flat_map(|catalog| &catalog.tables);
    tables
        .map(|table| {
            let spread = if random.chance(60) { 1.0 } else { 3.0 };
            let measured = Measured {
                rows: 100,
                spread,
                cover: 1.0,
            };
            (table.name.clone(), measured)
        })
        .collect()
}

fn decisions(world: &World, random: &mut Random) -> Decisions {
    let mut decisions = Decisions::default();
    let edges = world.edges();
    for table in world.catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let own: Vec<&Edge> = edges
            .iter()
            .filter(|edge| edge.child == table.name)
            .collect();
        let is_base = table.name == table_ref("orgs") || table.name == table_ref("bodies");
        if table.name == table_ref("districts") || is_base {
            if table.name == table_ref("districts")
                && let Some(tree) = own.iter().find(|edge| edge.is_self())
                && random.chance(40)
            {
                decisions.tree.insert(table.name.clone(), tree.id);
            }
            continue;
        }
        if table.name.table.starts_with('p') && random.chance(60) {
            decisions.shared.insert(table.name.clone(), true);
        } else if random.chance(5) {
            decisions
                .excluded
                .insert(table.name.clone(), "a reason".into());
        } else if random.chance(6) {
            decisions.whole.insert(table.name.clone());
        } else if random.chance(8) {
            decisions
                .shared
                .insert(table.name.clone(), random.chance(70));
        } else if random.chance(10) && table.name != table_ref("schools") {
            let mut list: Vec<_> = own
                .iter()
                .filter(|edge| !edge.is_self())
                .map(|edge| edge.id)
                .collect();
            random.shuffle(&mut list);
            list.truncate(2);
            decisions.owner.insert(table.name.clone(), list);
        }
        if let Some(tree) = own.iter().find(|edge| edge.is_self())
            && random.chance(30)
        {
            decisions.tree.insert(table.name.clone(), tree.id);
        }
    }
    // With it no row may be decided before all are seen.
    let has_exclude = random.chance(55);
    for edge in &edges {
        let policy = match random.below(12) {
            0..=3 => BoundaryPolicy::Stub,
            4 if has_exclude => BoundaryPolicy::Exclude,
            5 | 7 if !edge.nullable_columns.is_empty() => BoundaryPolicy::Null,
            6 => BoundaryPolicy::Stop,
            _ => continue,
        };
        decisions.boundary.insert(edge.id, policy);
    }
    // Whether it is true or not: the evaluator must be right for both.
    let always = |_: &&Edge| random.chance(20);
    let optional = edges
        .iter()
        .filter(|edge| !edge.mandatory || !edge.when.is_empty());
    decisions
        .always
        .extend(optional.filter(always).map(|edge| edge.id));
    decisions
}
