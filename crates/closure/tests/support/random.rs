//! Random worlds: schemas of 2 to 10 tables over two stores, rows that satisfy every foreign key,
//! and random decisions.

use std::collections::BTreeMap;
use std::fmt::Write;

use redistrict_closure::{Decisions, Measurements};
use redistrict_model::{BoundaryPolicy, Edge, Measured, TableRef};

use super::{World, table_ref};

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

/// How a column of a table gets its value.
#[derive(Clone)]
enum Fill {
    /// The row's number: unique.
    Number,
    /// A small number: 0 to 2.
    Small,
    /// A unique code, NULL at times.
    Code,
    /// `s` or `t`.
    Kind,
    /// Filled by a reference.
    Reference,
}

struct Plan {
    name: String,
    columns: Vec<(String, String, Fill)>,
    references: Vec<Reference>,
}

#[derive(Clone)]
struct Reference {
    columns: Vec<String>,
    parent: String,
    parent_columns: Vec<String>,
    /// Percent of rows where nullable columns are NULL.
    nulls: usize,
    /// Percent of rows that have no partner (links only).
    dangling: usize,
}

/// A world, its decisions, and numbers for every table as if measured.
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) decisions: Decisions,
    pub(crate) measured: Measurements,
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let mut maker = Maker {
        random: &mut random,
        plans: Vec::new(),
        text: String::new(),
    };
    maker.schema();
    let Maker { plans, text, .. } = maker;
    let mut world = World::read(&text);
    fill(&mut world, &plans, &mut random);
    let measured = measured(&world, &mut random);
    let decisions = decisions(&world, &mut random);
    Case {
        world,
        decisions,
        measured,
    }
}

struct Maker<'a> {
    random: &'a mut Random,
    plans: Vec<Plan>,
    text: String,
}

impl Maker<'_> {
    fn schema(&mut self) {
        let has_base = self.random.chance(40);
        let key = if self.random.chance(25) { "code" } else { "id" };
        writeln!(self.text, "root districts({key})").expect("text");
        if has_base {
            self.plan("orgs", &[("id", "*", Fill::Number)]);
            self.finish();
        }
        self.plan(
            "districts",
            &[("id", "*", Fill::Number), ("code", "!", Fill::Number)],
        );
        if has_base {
            self.refer("districts", &["id"], "orgs", &["id"], 0, "");
        }
        if self.random.chance(25) {
            self.add_column("districts", "parent_id", "?", Fill::Reference);
            self.refer("districts", &["parent_id"], "districts", &["id"], 60, "");
        }
        self.finish();
        if has_base {
            self.sibling();
        }
        for number in 0..self.random.below(3) {
            self.people(number);
        }
        let others = 1 + self.random.below(6);
        for number in 0..others {
            self.table(number);
        }
    }

    /// Tables without a reference to a district, at times one to another person.
    fn people(&mut self, number: usize) {
        let name = format!("p{number}");
        self.plan(&name, &[("id", "*", Fill::Number)]);
        if number > 0 && self.random.chance(40) {
            let mark = if self.random.chance(50) { "?" } else { "" };
            self.add_column(&name, "other_id", mark, Fill::Reference);
            self.refer(&name, &["other_id"], "p0", &["id"], 30, "");
        }
        self.finish();
    }

    fn sibling(&mut self) {
        self.plan("schools", &[("id", "*", Fill::Number)]);
        self.refer("schools", &["id"], "orgs", &["id"], 0, "");
        for (column, parent) in [("district_id", "districts"), ("other_id", "orgs")] {
            if self.random.chance(60) {
                self.add_column("schools", column, "?", Fill::Reference);
                self.refer("schools", &[column], parent, &["id"], 30, "");
            }
        }
        self.finish();
    }

    fn table(&mut self, number: usize) {
        let store = if self.random.chance(20) { "hcp." } else { "" };
        let name = format!("{store}t{number}");
        let shape = self.random.below(13);
        match shape {
            // A surrogate key.
            0..=4 => self.plan(&name, &[("id", "*", Fill::Number)]),
            // A composite key whose first column may be a district's.
            5 => self.plan(&name, &[("a", "*", Fill::Small), ("b", "*", Fill::Number)]),
            // A key that contains a parent's.
            6 | 7 => {
                self.plan(&name, &[]);
                let parent = self.earlier(&name);
                self.key_reference(&name, &parent, "p");
                self.add_column(&name, "seq", "*", Fill::Number);
            }
            // A key that is a parent's.
            8 => {
                self.plan(&name, &[]);
                let parent = self.earlier(&name);
                self.key_reference(&name, &parent, "p");
            }
            // No key at all; equal rows.
            10..=12 => self.plan(&name, &[("small", "", Fill::Small)]),
            // An association of two parents, at times the same table.
            _ => {
                self.plan(&name, &[]);
                let parent = self.earlier(&name);
                self.key_reference(&name, &parent, "p");
                let other = if self.random.chance(40) {
                    parent
                } else {
                    self.earlier(&name)
                };
                self.key_reference(&name, &other, "q");
            }
        }
        if self.random.chance(15) {
            self.add_column(&name, "code", "?!", Fill::Code);
        }
        if self.random.chance(20) {
            self.add_column(&name, "kind", "", Fill::Kind);
        }
        for reference in 0..self.random.below(5) {
            self.reference(&name, reference);
        }
        self.finish();
    }

    fn reference(&mut self, name: &str, number: usize) {
        // Later tables come by and by; what is later refers back, self references make rings.
        let parent = if self.random.chance(12) && self.has_unique(name) {
            name.to_owned()
        } else if self.random.chance(30) {
            "districts".to_owned()
        } else {
            self.earlier(name)
        };
        let columns = self.key_of(&parent, true);
        let is_nullable = parent == name || self.random.chance(50);
        let mut own = Vec::new();
        for (position, column) in columns.iter().enumerate() {
            let is_shared = columns.len() > 1 && self.random.chance(30) && position == 0;
            let suffix = if is_nullable && !is_shared { "?" } else { "" };
            let column = format!("r{number}_{column}");
            self.add_column(name, &column, suffix, Fill::Reference);
            own.push(column);
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.refer(name, &own, &parent, &columns, 30, "");
    }

    /// A reference whose columns are part of the key.
    fn key_reference(&mut self, name: &str, parent: &str, prefix: &str) {
        let columns = self.key_of(parent, false);
        let mut own = Vec::new();
        for column in &columns {
            let column = format!("{prefix}_{column}");
            self.add_column(name, &column, "*", Fill::Reference);
            own.push(column);
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let tail = if self.random.chance(40) {
            "cascade"
        } else {
            ""
        };
        self.refer(name, &own, parent, &columns, 0, tail);
    }

    fn marks(&self, table: &str) -> String {
        let plan = self.plans.iter().find(|plan| plan.name == table);
        let columns = &plan.expect("a planned table").columns;
        columns.iter().map(|(_, marks, _)| marks.as_str()).collect()
    }

    fn is_keyless(&self, table: &str) -> bool {
        !self.marks(table).contains('*')
    }

    fn has_unique(&self, table: &str) -> bool {
        self.marks(table).contains(['*', '!'])
    }

    fn earlier(&mut self, name: &str) -> String {
        let names: Vec<String> = self.plans.iter().map(|plan| plan.name.clone()).collect();
        let is_person = |other: &&String| other.starts_with('p');
        let can_be_referred = |other: &&String| *other != name && self.has_unique(other);
        let mut earlier: Vec<&String> = names.iter().filter(can_be_referred).collect();
        if earlier.iter().any(is_person) && self.random.chance(40) {
            earlier.retain(is_person);
        }
        earlier[self.random.below(earlier.len())].clone()
    }

    /// The primary key of a table, or at times another unique column. A keyless table has that only.
    fn key_of(&mut self, table: &str, may_be_code: bool) -> Vec<String> {
        let is_keyless = self.is_keyless(table);
        let is_code = is_keyless || may_be_code && self.random.chance(30);
        let plan = self.plans.iter().find(|plan| plan.name == table);
        let columns = &plan.expect("a planned table").columns;
        let of = |mark: char| -> Vec<String> {
            columns
                .iter()
                .filter(|(_, marks, _)| marks.contains(mark))
                .map(|(column, ..)| column.clone())
                .collect()
        };
        let unique = of('!');
        if is_code && !unique.is_empty() {
            return unique;
        }
        of('*')
    }

    fn plan(&mut self, name: &str, columns: &[(&str, &str, Fill)]) {
        self.plans.push(Plan {
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|(column, marks, fill)| {
                    ((*column).to_owned(), (*marks).to_owned(), fill.clone())
                })
                .collect(),
            references: Vec::new(),
        });
    }

    fn add_column(&mut self, table: &str, column: &str, marks: &str, fill: Fill) {
        let plan = self.plans.iter_mut().find(|plan| plan.name == table);
        let plan = plan.expect("a planned table");
        plan.columns
            .push((column.to_owned(), marks.to_owned(), fill));
    }

    fn refer(
        &mut self,
        child: &str,
        columns: &[&str],
        parent: &str,
        parent_columns: &[&str],
        nulls: usize,
        tail: &str,
    ) {
        let is_across = child.starts_with("hcp.") != parent.starts_with("hcp.");
        let is_link = is_across || self.random.chance(5);
        let (from, to) = (columns.join(", "), parent_columns.join(", "));
        let plan = self.plans.iter_mut().find(|plan| plan.name == child);
        let plan = plan.expect("a planned table");
        let mut reference = Reference {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            parent: parent.to_owned(),
            parent_columns: parent_columns
                .iter()
                .map(|column| (*column).to_owned())
                .collect(),
            nulls,
            dangling: 0,
        };
        if is_link {
            let is_key = plan.columns.iter().any(|(column, marks, _)| {
                marks.contains('*') && reference.columns.contains(column)
            });
            let has_kind = plan.columns.iter().any(|(column, ..)| column == "kind");
            reference.dangling = if is_key { 0 } else { 15 };
            let owns = if self.random.chance(70) { "owns" } else { "" };
            let when = if has_kind && self.random.chance(60) {
                "when kind=s"
            } else {
                ""
            };
            writeln!(
                self.text,
                "link {child}({from}) -> {parent}({to}) {owns} {when}"
            )
            .expect("text");
        } else {
            let valid = if self.random.chance(10) {
                "not valid"
            } else {
                ""
            };
            let has_kind = plan.columns.iter().any(|(column, ..)| column == "kind");
            let when = if has_kind && self.random.chance(30) {
                "when kind=s"
            } else {
                ""
            };
            writeln!(
                self.text,
                "fk {child}({from}) -> {parent}({to}) {tail} {valid} {when}"
            )
            .expect("text");
        }
        plan.references.push(reference);
    }

    /// Writes the table's line before the lines of its references.
    fn finish(&mut self) {
        let plan = self.plans.last().expect("a planned table");
        let columns: Vec<String> = plan
            .columns
            .iter()
            .map(|(column, marks, _)| format!("{column}{marks}"))
            .collect();
        let line = format!("table {}({})\n", plan.name, columns.join(", "));
        let own = format!(" {}(", plan.name);
        let start = self.text.find(&own).map_or(self.text.len(), |at| {
            self.text[..at].rfind('\n').map_or(0, |line| line + 1)
        });
        let start = if plan.name == "districts" {
            start.max(self.text.find('\n').map_or(0, |at| at + 1))
        } else {
            start
        };
        self.text.insert_str(start, &line);
    }
}

fn fill(world: &mut World, plans: &[Plan], random: &mut Random) {
    for plan in plans {
        let name = table_ref(&plan.name);
        let count = match plan.name.as_str() {
            "orgs" => 6,
            "districts" => 2 + random.below(2),
            _ => random.below(13),
        };
        for number in 0..count {
            insert(world, plan, &name, number, random);
        }
    }
    // References of early rows to rows that came later, so that there are rings.
    for plan in plans {
        let name = table_ref(&plan.name);
        for position in 0..world.rows[&name].len() {
            for reference in &plan.references {
                if reference.parent == plan.name && random.chance(70) {
                    repoint(world, &name, position, reference, random);
                }
            }
        }
    }
}

fn repoint(
    world: &mut World,
    name: &TableRef,
    position: usize,
    reference: &Reference,
    random: &mut Random,
) {
    let rows = &world.rows[name];
    let target = rows[random.below(rows.len())].clone();
    let own = &rows[position];
    let is_free = reference.columns.iter().all(|column| own[column].is_some());
    let values: Option<Vec<String>> = reference
        .parent_columns
        .iter()
        .map(|column| target[column].clone())
        .collect();
    if let (Some(values), true) = (values, is_free) {
        let row = &mut world.rows.get_mut(name).expect("a table")[position];
        for (column, value) in reference.columns.iter().zip(values) {
            row.insert(column.clone(), Some(value));
        }
    }
}

fn insert(world: &mut World, plan: &Plan, name: &TableRef, number: usize, random: &mut Random) {
    let mut row = BTreeMap::new();
    for (column, _, fill) in &plan.columns {
        let value = match fill {
            Fill::Number => Some((10 + number).to_string()),
            Fill::Small => Some(random.below(3).to_string()),
            Fill::Code if random.chance(30) => None,
            Fill::Code => Some(format!("c{number}")),
            Fill::Kind => Some(if random.chance(50) { "s" } else { "t" }.to_owned()),
            Fill::Reference => None,
        };
        row.insert(column.clone(), value);
    }
    for reference in &plan.references {
        let is_nullable = |column: &String| {
            let mut columns = plan.columns.iter();
            columns.any(|(name, marks, _)| name == column && marks.contains('?'))
        };
        let parents = world.rows[&table_ref(&reference.parent)].clone();
        let can_be_null = reference.columns.iter().any(is_nullable);
        let candidates: Vec<_> = parents
            .iter()
            .filter_map(|parent| {
                let columns = reference.parent_columns.iter();
                columns
                    .map(|column| parent[column].clone())
                    .collect::<Option<Vec<_>>>()
            })
            .collect();
        let is_null = can_be_null && (candidates.is_empty() || random.chance(reference.nulls));
        if candidates.is_empty() && !can_be_null {
            return;
        }
        let chosen = if candidates.is_empty() {
            vec!["0".to_owned(); reference.columns.len()]
        } else {
            candidates[random.below(candidates.len())].clone()
        };
        let is_dangling = random.chance(reference.dangling);
        for (column, value) in reference.columns.iter().zip(chosen) {
            let value = if is_dangling { "999".to_owned() } else { value };
            let keep = !(is_null && is_nullable(column));
            row.insert(column.clone(), keep.then_some(value));
        }
    }
    if world.is_keyless(name) {
        let has_unique = plan.columns.iter().any(|(_, marks, _)| marks.contains('!'));
        let copies = if !has_unique && random.chance(30) {
            2
        } else {
            1
        };
        let rows = world.rows.get_mut(name).expect("a table");
        rows.extend(std::iter::repeat_n(row, copies));
        return;
    }
    let identity = world.identity_of(name, &row);
    let rows = &world.rows[name];
    let is_taken = rows
        .iter()
        .any(|other| world.identity_of(name, other) == identity);
    if !is_taken {
        world.rows.get_mut(name).expect("a table").push(row);
    }
}

/// Numbers that make a table shared or not, by chance: the evaluator must be right for both.
fn measured(world: &World, random: &mut Random) -> Measurements {
    let tables = world.catalogs.iter().flat_map(|catalog| &catalog.tables);
    tables
        .map(|table| {
            let spread = if random.chance(60) { 1.0 } else { 2.0 };
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
        if table.name == table_ref("districts") || table.name == table_ref("orgs") {
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
    for edge in &edges {
        let policy = match random.below(12) {
            0..=3 => BoundaryPolicy::Stub,
            4 => BoundaryPolicy::Exclude,
            5 | 7 if !edge.nullable_columns.is_empty() => BoundaryPolicy::Null,
            6 => BoundaryPolicy::Stop,
            _ => continue,
        };
        decisions.boundary.insert(edge.id, policy);
    }
    decisions
}
