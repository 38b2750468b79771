//! Evaluation with rows that stream by: several answers at once, each in pieces, as readers beside each other
//! bring them.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::{Closure, ClosureError, Fate, Fetch, Members, Passing, identities};
use redistrict_model::{Key, KeyRow, Ownership, TableRef};

use super::World;
use super::compare::Evaluated;
use super::random::Random;

/// Rows of one piece of an answer, of the fetch at that place.
type Piece = (usize, Vec<KeyRow>);

/// What streamed by.
#[derive(Default)]
struct Told {
    /// Keys that come: own rows, others.
    keys: BTreeMap<TableRef, [Vec<Key>; 2]>,
    /// Rows that came whole.
    whole: BTreeSet<(TableRef, Key)>,
}

/// The members, those that streamed by among them.
pub(super) fn members(
    world: &World,
    ownership: &Ownership,
    district: &Key,
    shuffle: u64,
    mode: Passing,
) -> Result<Evaluated, String> {
    let words = |error: ClosureError| error.to_string();
    let identities = identities(&world.catalogs);
    let closure = Closure::new(ownership, &identities, district).map_err(words)?;
    let mut closure = closure.letting_pass(mode, |_, _| true);
    // Few keys a step: the same facts in another order.
    let few = [1, 2, 7].get(usize::try_from(shuffle % 4).unwrap_or(0));
    if let Some(keys) = few.filter(|_| shuffle > 0) {
        closure = closure.asking_for(*keys);
    }
    let (mut random, mut told) = (Random::new(shuffle), Told::default());
    for _round in 0..10_000 {
        let mut fetches = closure.step().map_err(words)?;
        if fetches.is_empty() {
            return together(closure.into_members().map_err(words)?, told, ownership);
        }
        if shuffle > 0 {
            random.shuffle(&mut fetches);
        }
        let mut pieces = Vec::new();
        for (place, fetch) in fetches.iter().enumerate() {
            let mut rows = world.answer(fetch);
            if shuffle > 0 {
                random.shuffle(&mut rows);
            }
            if fetch.is_passing() {
                pieces.extend(rows.chunks(3).map(|rows| (place, rows.to_vec())));
            } else if fetch.is_divisible() {
                let (some, rest) = rows.split_at(rows.len() / 2);
                closure.add(fetch, some).map_err(words)?;
                closure.absorb(fetch, rest).map_err(words)?;
            } else {
                closure.absorb(fetch, &rows).map_err(words)?;
            }
        }
        if shuffle > 0 {
            random.shuffle(&mut pieces);
        }
        pass(&mut closure, &fetches, pieces, mode, &mut told)?;
        for fetch in fetches.iter().filter(|fetch| fetch.is_passing()) {
            closure.absorb(fetch, &[]).map_err(words)?;
        }
    }
    Err("the closure does not end".to_owned())
}

fn pass(
    closure: &mut Closure,
    fetches: &[Fetch],
    pieces: Vec<Piece>,
    mode: Passing,
    told: &mut Told,
) -> Result<(), String> {
    for (place, rows) in pieces {
        let fetch = &fetches[place];
        let is_whole = closure.wants_whole(fetch);
        let fates = closure
            .pass(fetch, &rows)
            .map_err(|error| error.to_string())?;
        if fates.len() != rows.len() {
            return Err("a row without a fate".to_owned());
        }
        for (row, fate) in rows.into_iter().zip(fates) {
            if is_whole && !told.whole.insert((fetch.table.clone(), row.id.clone())) {
                return Err("a whole row streams by twice".to_owned());
            }
            if !matches!(fate, Fate::Own | Fate::Shared) {
                continue;
            }
            if mode == Passing::Kept && !is_whole {
                return Err("a row comes of which only the key was read".to_owned());
            }
            let lists = told.keys.entry(fetch.table.clone()).or_default();
            lists[usize::from(fate == Fate::Shared)].push(row.id);
        }
    }
    Ok(())
}

fn together(mut members: Members, told: Told, ownership: &Ownership) -> Result<Evaluated, String> {
    let (mut streamed, mut relayed) = (0, 0);
    for (table, [own, shared]) in told.keys {
        let Some(lists) = members.rows.get_mut(&table) else {
            return Err(format!("rows of {table} came, and there are no members"));
        };
        let counts = (own.len() as u64, shared.len() as u64);
        if (lists.own_passed, lists.shared_passed) != counts {
            return Err(format!("other numbers of rows of {table} than came"));
        }
        streamed += counts.0 + counts.1;
        if ownership.edges.iter().any(|edge| edge.parent == table) {
            relayed += counts.0 + counts.1;
        }
        (lists.own_passed, lists.shared_passed) = (0, 0);
        let all = lists.count() + counts.0 + counts.1;
        lists.own = lists.own.iter().chain(own).collect();
        lists.shared = lists.shared.iter().chain(shared).collect();
        if lists.count() != all {
            return Err(format!("a row of {table} comes twice"));
        }
    }
    let left = members.rows.values();
    if left
        .map(|lists| lists.own_passed + lists.shared_passed)
        .sum::<u64>()
        > 0
    {
        return Err("rows are counted that never came".to_owned());
    }
    Ok(Evaluated {
        members,
        streamed,
        relayed,
    })
}
