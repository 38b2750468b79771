//! The comparison: what evaluators find in a world, against the brute-force reading, and what must hold of any
//! result. Gives errors instead of panics, so that a failing case can be made smaller.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use redistrict_closure::{Closure, How, Leads, Members, Passing, TableMembers};
use redistrict_model::{BoundaryPolicy, Key, Ownership, Role, TableRef};

use super::brute::{Brute, Expected, Mistake};
use super::random::Case;
use super::{Row, World, coverage, neighbours, streaming, table_ref};

/// From a world, an ownership, a district and a seed for the order of answers (0: as they come) to members.
pub(crate) type Evaluate = fn(&World, &Ownership, &Key, u64) -> Result<Evaluated, String>;

/// What an evaluator gives: all members with their keys, and how many of them it did not hold.
pub(crate) struct Evaluated {
    pub(crate) members: Members,
    pub(crate) streamed: u64,
    /// Of these, rows to which others refer.
    pub(crate) relayed: u64,
}

/// What is compared with the brute-force reading. Another way to evaluate is one more line here.
pub(crate) const EVALUATORS: &[(&str, Evaluate)] = &[
    ("rows are held", holding),
    ("rows stream by and are kept", keeping),
    ("rows stream by and are counted", counting),
];

fn holding(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    shuffle: u64,
) -> Result<Evaluated, String> {
    let (closure, _) = world
        .try_close(ownership, district, shuffle)
        .map_err(|error| error.to_string())?;
    let members = closure.finish().map_err(|error| error.to_string())?;
    Ok(Evaluated {
        members,
        streamed: 0,
        relayed: 0,
    })
}

fn keeping(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    shuffle: u64,
) -> Result<Evaluated, String> {
    streaming::members(world, ownership, district, shuffle, Passing::Kept)
}

fn counting(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    shuffle: u64,
) -> Result<Evaluated, String> {
    streaming::members(world, ownership, district, shuffle, Passing::Counted)
}

/// What one case showed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) features: BTreeSet<&'static str>,
    /// Mistakes that made a difference, by their number.
    pub(crate) caught: BTreeSet<&'static str>,
    pub(crate) counts: Counts,
}

/// Sums over cases.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) districts: u64,
    pub(crate) comparisons: u64,
    pub(crate) full: u64,
    /// Rows that an evaluator decided while they streamed by.
    pub(crate) streamed: u64,
    /// Of these, rows to which others refer.
    pub(crate) relayed: u64,
    pub(crate) stubs: u64,
    /// Rows that do not come.
    pub(crate) others: u64,
    /// Districts whose rows were the same without their neighbours.
    pub(crate) alone: u64,
    /// The same with everything inferred and measured anew.
    pub(crate) alone_inferred: u64,
    /// Districts of which measuring says something else without neighbours.
    pub(crate) alone_measured_otherwise: u64,
    /// Districts with a ring of owners that neighbours are part of: not compared.
    pub(crate) alone_rings: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.districts += other.districts;
        self.comparisons += other.comparisons;
        self.full += other.full;
        self.streamed += other.streamed;
        self.relayed += other.relayed;
        self.stubs += other.stubs;
        self.others += other.others;
        self.alone += other.alone;
        self.alone_inferred += other.alone_inferred;
        self.alone_measured_otherwise += other.alone_measured_otherwise;
        self.alone_rings += other.alone_rings;
    }
}

/// Which rows and which way of evaluation.
pub(crate) struct Check {
    /// For the order of answers.
    pub(crate) seed: u64,
    /// Every mistake is made, too.
    pub(crate) with_mistakes: bool,
}

/// Everything about one case; what is wrong with it in words. A panic is told like any other fault.
pub(crate) fn check(case: &Case, check: &Check) -> Result<Seen, String> {
    let checked = catch_unwind(AssertUnwindSafe(|| check_case(case, check)));
    checked.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

pub(crate) fn districts(world: &World) -> Vec<Key> {
    let key = |row: &Row| {
        let columns = world.root_key.iter();
        Key::new(columns.map(|column| row[column].clone().expect("a key")))
    };
    world.rows[&table_ref("districts")]
        .iter()
        .map(key)
        .collect()
}

fn check_case(case: &Case, check: &Check) -> Result<Seen, String> {
    let world = &case.world;
    let draft = world.infer_with(&case.decisions, &case.measured);
    let ownership = &draft.ownership;
    let mut seen = Seen::default();
    for district in districts(world) {
        let of_district = |error: String| format!("district {:?}: {error}", district.parts());
        let brute = Brute::new(world, ownership, &district);
        let expected = brute.expected();
        let counts = &mut seen.counts;
        check_district(
            world, ownership, &brute, &expected, &district, check, counts,
        )
        .map_err(of_district)?;
        neighbours::check(case, ownership, &brute, &district, &mut seen.counts)
            .map_err(of_district)?;
        coverage::note(case, ownership, &brute, &expected, &mut seen.features);
        if check.with_mistakes {
            for (number, mistake) in Mistake::ALL {
                let wrong = Brute::with_mistake(world, ownership, &district, Some(mistake));
                if wrong.expected() != expected {
                    seen.caught.insert(number);
                }
            }
            if neighbours::tells_what_labels_do_not(world, ownership, &brute, &district) {
                seen.caught.insert("11");
            }
        }
        let rows: usize = world.rows.values().map(Vec::len).sum();
        let full = expected.own.len() + expected.shared.len();
        seen.counts.districts += 1;
        seen.counts.comparisons += 2 * EVALUATORS.len() as u64;
        seen.counts.full += full as u64;
        seen.counts.stubs += expected.stubs.len() as u64;
        seen.counts.others += (rows - full - expected.stubs.len()) as u64;
    }
    Ok(seen)
}

fn check_district(
    world: &World,
    ownership: &Ownership,
    brute: &Brute<'_>,
    expected: &Expected,
    district: &Key,
    check: &Check,
    counts: &mut Counts,
) -> Result<(), String> {
    if expected.left_behind > 0 {
        return Err("the brute-force reading leaves rows behind".to_owned());
    }
    check_isolation(brute, expected, district)?;
    for (name, evaluate) in EVALUATORS {
        for shuffle in [0, check.seed + 1] {
            let evaluated = evaluate(world, ownership, district, shuffle)
                .map_err(|error| format!("{name}: {error}"))?;
            counts.streamed += evaluated.streamed;
            counts.relayed += evaluated.relayed;
            let members = evaluated.members;
            let found = as_expected(ownership, &members)?;
            if found != *expected {
                return Err(format!("{name}: {}", difference(&found, expected)));
            }
            check_stops(&members)?;
            check_references(world, ownership, &found)?;
        }
    }
    let (closure, _) = world
        .try_close(ownership, district, 0)
        .map_err(|error| error.to_string())?;
    let members = closure.finish().map_err(|error| error.to_string())?;
    check_why(&closure, &members)?;
    check_labels(world, ownership, district, brute)
}

/// The members of an evaluator in the form of the brute-force reading.
pub(crate) fn as_expected(ownership: &Ownership, members: &Members) -> Result<Expected, String> {
    let pairs = |pick: &dyn Fn(&TableMembers) -> Vec<Key>| {
        let mut set = BTreeSet::new();
        for (table, rows) in &members.rows {
            for key in pick(rows) {
                if !set.insert((table.clone(), key)) {
                    return Err(format!("a key of {table} stands twice"));
                }
            }
        }
        Ok(set)
    };
    let leads = |leads: Leads| match leads {
        Leads::AnotherDistrict => "other",
        Leads::AboveAllDistricts => "above",
        Leads::ExcludedTable => "excluded",
        Leads::RowTakenOut => "out",
        Leads::NoRow => "nowhere",
    };
    let mut nulls = BTreeSet::new();
    for nulled in &members.nulled {
        let edge = ownership.edge(nulled.edge);
        for key in &nulled.rows {
            let columns = edge.nullable_columns.iter();
            nulls.extend(columns.map(|column| (edge.child.clone(), key.clone(), column.clone())));
        }
    }
    Ok(Expected {
        own: pairs(&|rows| rows.own.to_vec())?,
        shared: pairs(&|rows| rows.shared.to_vec())?,
        stubs: pairs(&|rows| rows.stubs.to_vec())?,
        nulled: members
            .nulled
            .iter()
            .map(|nulled| (nulled.edge.0, nulled.rows.iter().cloned().collect()))
            .collect(),
        nulls,
        boundaries: members
            .boundaries
            .iter()
            .map(|one| ((one.edge.0, leads(one.leads)), (one.policy, one.rows)))
            .collect(),
        taken_out: members.taken_out.clone(),
        dangling: members
            .dangling
            .iter()
            .map(|dangling| (dangling.edge.0, dangling.rows))
            .collect(),
        undecided: members
            .undecided
            .iter()
            .map(|table| {
                let under = table.candidates.iter().map(|one| one.rows).collect();
                (table.table.clone(), (table.any, table.all, under))
            })
            .collect(),
        unknown: members.unknown.clone(),
        left_behind: 0,
    })
}

/// Where two results differ, in a line.
fn difference(found: &Expected, expected: &Expected) -> String {
    let mut words = Vec::new();
    for (what, found, expected) in [
        ("own", &found.own, &expected.own),
        ("shared", &found.shared, &expected.shared),
        ("stubs", &found.stubs, &expected.stubs),
    ] {
        for (sign, one, other) in [("+", found, expected), ("-", expected, found)] {
            let rows = one.difference(other);
            words.extend(rows.map(|(table, key)| {
                format!("{sign}{what} {} {}", table.table, key.parts().join(","))
            }));
        }
    }
    let rest = |one: &Expected| {
        format!(
            "nulled {:?} boundaries {:?} taken out {:?} dangling {:?} undecided {:?} unknown {:?}",
            one.nulls, one.boundaries, one.taken_out, one.dangling, one.undecided, one.unknown
        )
    };
    if words.is_empty() {
        words.push(format!("{} instead of {}", rest(found), rest(expected)));
    }
    words.join("; ")
}

/// Every stop is a boundary with the policy stop, or is asked with its table's owner.
fn check_stops(members: &Members) -> Result<(), String> {
    for boundary in &members.boundaries {
        let is_asked = members
            .undecided
            .iter()
            .any(|table| table.candidates.iter().any(|one| one.edge == boundary.edge));
        let is_stop = members
            .stops
            .iter()
            .any(|stop| stop.edge == boundary.edge && stop.leads == boundary.leads);
        let should_stop = boundary.policy == BoundaryPolicy::Stop
            && (boundary.leads == Leads::ExcludedTable || !is_asked);
        if is_stop != should_stop {
            return Err(format!(
                "a boundary and no stop, or the reverse: {boundary:?}"
            ));
        }
    }
    Ok(())
}

/// What comes can be restored: every reference of a member that is not NULL has its partner, or is a boundary
/// that was reported.
pub(crate) fn check_references(
    world: &World,
    ownership: &Ownership,
    found: &Expected,
) -> Result<(), String> {
    let mut reported: BTreeMap<u32, u64> = found.dangling.clone();
    for ((edge, _), (policy, rows)) in &found.boundaries {
        if *policy == BoundaryPolicy::Stop {
            *reported.entry(*edge).or_default() += rows;
        }
    }
    let none = BTreeSet::new();
    for edge in &ownership.edges {
        let comes: BTreeSet<(TableRef, Key)> = (found.own.iter())
            .chain(&found.shared)
            .chain(&found.stubs)
            .filter(|(table, _)| *table == edge.parent)
            .cloned()
            .collect();
        let nulled = found.nulled.get(&edge.id.0).unwrap_or(&none);
        let mut open = 0;
        for row in &world.rows[&edge.child] {
            let id = (edge.child.clone(), world.identity_of(&edge.child, row));
            let is_full = found.own.contains(&id) || found.shared.contains(&id);
            let is_stub = found.stubs.contains(&id);
            let holds = edge.when.iter().all(|(column, texts)| {
                row[column]
                    .as_ref()
                    .is_some_and(|value| texts.contains(value))
            });
            let columns = edge.child_columns.iter();
            let values: Option<Vec<&String>> = columns.map(|column| row[column].as_ref()).collect();
            let follows = is_full && !nulled.contains(&id.1) || is_stub && edge.mandatory;
            let (Some(values), true, true) = (values, follows, holds) else {
                continue;
            };
            let has_partner = world.rows[&edge.parent].iter().any(|parent| {
                let columns = edge.parent_columns.iter();
                let is_partner = columns
                    .zip(&values)
                    .all(|(column, value)| parent[column].as_ref() == Some(value));
                is_partner
                    && comes
                        .contains(&(edge.parent.clone(), world.identity_of(&edge.parent, parent)))
            });
            open += u64::from(!has_partner);
        }
        let known = reported.get(&edge.id.0).copied().unwrap_or(0);
        if open > known {
            return Err(format!(
                "{} has {open} open references, {known} reported",
                edge.describe()
            ));
        }
    }
    Ok(())
}

/// docs/design/closure.md §7, seen from the rows: no full row has another district's label, and no person comes
/// who is known elsewhere only.
fn check_isolation(brute: &Brute<'_>, found: &Expected, district: &Key) -> Result<(), String> {
    for at in brute.all() {
        let name = brute.name(at);
        if !found.own.contains(&name) && !found.shared.contains(&name) {
            continue;
        }
        if brute.label(at).is_some_and(|label| label != district) {
            return Err(format!("a row of another district comes: {name:?}"));
        }
        let users = brute.users_at(at).filter(|users| !users.is_empty());
        let is_person = brute.role(at).role == Role::Shared && brute.label(at).is_none();
        let is_strange = users.is_some_and(|users| !users.contains(district));
        if is_person && is_strange && brute.home(at).is_none() {
            return Err(format!("a person of others comes: {name:?}"));
        }
    }
    Ok(())
}

fn check_why(closure: &Closure, members: &Members) -> Result<(), String> {
    let is_gone = |finding: &redistrict_model::Finding| finding.code == "district-taken-out";
    if members.findings.iter().any(is_gone) {
        return Ok(());
    }
    for (table, rows) in &members.rows {
        for key in rows.own.iter().chain(&rows.shared).chain(&rows.stubs) {
            let chain = closure.why(table, &key);
            // With `exclude` a member may be left whose own chain was taken out.
            if chain.is_none() && !members.taken_out.is_empty() {
                continue;
            }
            let chain = chain.ok_or_else(|| format!("no chain to {table} {key:?}"))?;
            let (first, last) = (chain.first(), chain.last());
            let is_right = first.is_some_and(|step| step.how == How::Root)
                && last.is_some_and(|step| (&step.table, &step.key) == (table, &key))
                && chain.iter().skip(1).all(|step| step.how != How::Root);
            if !is_right {
                return Err(format!("the chain to {table} {key:?} is none"));
            }
        }
    }
    Ok(())
}

fn check_labels(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    brute: &Brute<'_>,
) -> Result<(), String> {
    let (rows, expected): (Vec<_>, Vec<_>) = brute
        .labels
        .iter()
        .map(|(at, label)| (brute.name(*at), label.clone()))
        .filter(|((table, _), _)| !world.is_keyless(table))
        .unzip();
    if world.labels(ownership, district, &rows) == expected {
        Ok(())
    } else {
        Err("labels differ".to_owned())
    }
}
