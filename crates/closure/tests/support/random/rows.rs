//! Rows for a random schema. Foreign keys hold; links may lead nowhere.

use std::collections::BTreeMap;

use redistrict_model::TableRef;

use super::super::{Row, World, table_ref};
use super::Random;
use super::schema::{Fill, Plan, Reference};

pub(super) fn fill(world: &mut World, plans: &[Plan], random: &mut Random) {
    for plan in plans {
        let count = match plan.name.as_str() {
            "bodies" => 8,
            "orgs" => 6,
            "districts" => 2 + random.below(2),
            _ => random.below(13),
        };
        for number in 0..count {
            let is_later = |parent: &str| !is_before(plans, parent, &plan.name);
            insert(world, plan, number, &is_later, random);
        }
    }
    // References of early rows to rows that came later, so that there are rings.
    for plan in plans {
        let name = table_ref(&plan.name);
        for position in 0..world.rows[&name].len() {
            for reference in &plan.references {
                let is_back = !is_before(plans, &reference.parent, &plan.name);
                if is_back && (random.chance(70) || is_mandatory(plan, reference)) {
                    repoint(world, &name, position, reference, random);
                }
            }
        }
    }
    while repair(world, plans) {}
}

fn is_before(plans: &[Plan], one: &str, other: &str) -> bool {
    let place = |name: &str| plans.iter().position(|plan| plan.name == name);
    place(one) < place(other)
}

fn is_mandatory(plan: &Plan, reference: &Reference) -> bool {
    !reference
        .columns
        .iter()
        .any(|column| is_nullable(plan, column))
}

fn is_nullable(plan: &Plan, column: &str) -> bool {
    let mut columns = plan.columns.iter();
    columns.any(|(name, marks, _)| name == column && marks.contains('?'))
}

/// What a foreign key does not allow is set to NULL or taken out. True if something was.
fn repair(world: &mut World, plans: &[Plan]) -> bool {
    let mut is_changed = false;
    for plan in plans {
        let name = table_ref(&plan.name);
        for reference in plan.references.iter().filter(|one| one.dangling == 0) {
            let parents = world.rows[&table_ref(&reference.parent)].clone();
            let rows = world.rows.get_mut(&name).expect("a table");
            let before = rows.len();
            rows.retain_mut(|row| {
                let is_meant = reference.kind.is_none_or(|kind| is_of_kind(row, kind));
                let values: Option<Vec<String>> = reference
                    .columns
                    .iter()
                    .map(|column| row[column].clone())
                    .collect();
                let Some(values) = values.filter(|_| is_meant) else {
                    return true;
                };
                let is_partner = |parent: &Row| {
                    let columns = reference.parent_columns.iter().zip(&values);
                    columns
                        .into_iter()
                        .all(|(column, value)| parent[column].as_ref() == Some(value))
                };
                if parents.iter().any(is_partner) {
                    return true;
                }
                let nullable = reference.columns.iter();
                let nullable: Vec<_> = nullable.filter(|one| is_nullable(plan, one)).collect();
                for column in &nullable {
                    row.insert((*column).clone(), None);
                }
                is_changed |= !nullable.is_empty();
                !nullable.is_empty()
            });
            is_changed |= rows.len() < before;
        }
    }
    is_changed
}

fn is_of_kind(row: &Row, kind: &str) -> bool {
    row.get("kind").and_then(Option::as_deref) == Some(kind)
}

fn repoint(
    world: &mut World,
    name: &TableRef,
    position: usize,
    reference: &Reference,
    random: &mut Random,
) {
    let targets = &world.rows[&table_ref(&reference.parent)];
    if targets.is_empty() {
        return;
    }
    let target = targets[random.below(targets.len())].clone();
    let own = &world.rows[name][position];
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

/// The values of a reference's columns; none if the row cannot be. Columns that another reference has
/// filled keep what they have.
fn values(
    world: &World,
    plan: &Plan,
    reference: &Reference,
    row: &Row,
    is_later: bool,
    random: &mut Random,
) -> Option<Vec<(String, Option<String>)>> {
    let can_be_null = !is_mandatory(plan, reference);
    let pairs = || reference.columns.iter().zip(&reference.parent_columns);
    let fits = |parent: &&Row| {
        pairs().all(|(own, of)| {
            row.get(own)
                .cloned()
                .flatten()
                .is_none_or(|known| parent[of] == Some(known))
        })
    };
    let parents = world.rows[&table_ref(&reference.parent)].iter();
    let keys: Vec<Vec<String>> = parents
        .filter(fits)
        .filter_map(|parent| {
            let columns = reference.parent_columns.iter();
            columns.map(|column| parent[column].clone()).collect()
        })
        .collect();
    let is_null = can_be_null && (keys.is_empty() || random.chance(reference.nulls));
    if keys.is_empty() && !can_be_null && !is_later {
        return None;
    }
    let chosen = match keys.is_empty() {
        true => vec!["0".to_owned(); reference.columns.len()],
        false => keys[random.below(keys.len())].clone(),
    };
    let is_dangling = random.chance(reference.dangling);
    let mut values = Vec::new();
    for (column, value) in reference.columns.iter().zip(chosen) {
        if row.get(column).is_some_and(Option::is_some) {
            continue;
        }
        let value = if is_dangling { "999".to_owned() } else { value };
        let keep = !(is_null && is_nullable(plan, column));
        values.push((column.clone(), keep.then_some(value)));
    }
    Some(values)
}

fn insert(
    world: &mut World,
    plan: &Plan,
    number: usize,
    is_later: &dyn Fn(&str) -> bool,
    random: &mut Random,
) {
    let name = &table_ref(&plan.name);
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
        if !reference.kind.is_none_or(|kind| is_of_kind(&row, kind)) {
            continue;
        }
        let is_later = is_later(&reference.parent);
        let Some(values) = values(world, plan, reference, &row, is_later, random) else {
            return;
        };
        row.extend(values);
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
