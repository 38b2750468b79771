//! References that may be NULL and never are: many a schema declares nothing NOT NULL, and its tables belong to
//! districts all the same. Counted over whole tables; whoever writes the configuration says that it will stay so.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::table_columns;
use redistrict_model::{Catalog, Edge, OwnerKind, Ownership, Role, StoreName, TableRef, TableRole};
use redistrict_skill::SkillError;
use redistrict_store::{KeyRequest, Selector, TallyRequest};

use crate::driver::{Cuts, cut_of, infer_once, infer_ownership, store_failed};
use crate::settings::Settings;

/// A table with fewer rows may have a reference in each of them by accident.
const LEAST_ROWS: u64 = 10;
/// Of a store that declares a smaller share of its references NOT NULL nothing follows from one that it does not.
const SPOKEN_SHARE: f64 = 0.2;
/// Columns that name kinds have fewer different texts.
const MOST_KINDS: u32 = 1_000;
/// Rows looked at before all are counted.
const SAMPLE: u32 = 1_000;

/// References over the same columns of which every row has one, as `[tenant] always` names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlwaysThere {
    /// `store.schema.table(columns)`.
    pub reference: String,
    pub rows: u64,
}

/// The references that would give a table its place (docs/design/closure.md §4 rules 1, 3 and 5) if they could not be
/// NULL, and that every row has: first those that lead towards the tenant root, from the nearest tables outwards,
/// because one that has its place gives others theirs; then those to people, and from what is theirs. Ordered as they
/// were found.
///
/// Where a catalog says NOT NULL of other references, being nullable says something too: of such a store only references
/// straight to the root count, and those under conditions, of which no catalog can say it.
///
/// # Errors
/// A failing store, or a configuration that inference refuses.
pub async fn always_there(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    settings: &Settings,
) -> Result<Vec<AlwaysThere>, SkillError> {
    let mut settings = settings.clone();
    let mut asked: BTreeSet<Place> = BTreeSet::new();
    let mut found = Vec::new();
    let silent = silent_stores(catalogs, &settings.edges);
    loop {
        // Places towards the root depend on no measurement.
        let draft = infer_once(catalogs, &settings)?;
        let mut new = towards_root(&draft.ownership, &silent);
        new.retain(|place, _| !asked.contains(place));
        if new.is_empty() {
            let draft = infer_ownership(cuts, catalogs, &settings).await?;
            new = about_people(&draft.ownership, &silent);
            new.retain(|place, _| !asked.contains(place));
        }
        if new.is_empty() {
            return Ok(found);
        }
        for (place, edges) in new {
            let (table, columns) = &place;
            let rows = match is_in_sample(cuts, table, columns).await? {
                true => rows_if_all(cuts, table, columns, &edges).await?,
                false => None,
            };
            if let Some(rows) = rows {
                let ids = edges.iter().map(|edge| edge.id);
                settings.decisions.always.extend(ids);
                found.push(AlwaysThere {
                    reference: table_columns(table, columns),
                    rows,
                });
            }
            asked.insert(place);
        }
    }
}

/// A table and the columns of a reference.
type Place = (TableRef, Vec<String>);

/// Of tables that only may lead to a district: what leads to tables that do, all references over the same columns.
fn towards_root(
    ownership: &Ownership,
    silent: &BTreeSet<&StoreName>,
) -> BTreeMap<Place, Vec<Edge>> {
    let is_tier = |table: &TableRef, tier: u8| {
        let role = ownership.table(table);
        role.is_some_and(|role| role.role == Role::Owned && role.tier == Some(tier))
            || tier == 0 && *table == ownership.root
    };
    let owns = |edge: &Edge| {
        let owners = ownership
            .table(&edge.child)
            .map(|role| role.owners.as_slice());
        let mut owners = owners.unwrap_or_default().iter();
        owners.any(|owner| owner.edge == edge.id && owner.kind == OwnerKind::Path)
    };
    let counts = |edge: &Edge| {
        silent.contains(&edge.child.store) || edge.parent == ownership.root || !edge.when.is_empty()
    };
    let mut found = by_place(ownership, |edge| is_tier(&edge.child, 1) && counts(edge));
    found.retain(|_, edges| {
        edges.iter().any(owns) && edges.iter().all(|edge| is_tier(&edge.parent, 0))
    });
    found
}

/// From rows that have a district, or are somebody's, to a table that nothing was measured of; and from such a table to
/// people, and to what is theirs.
fn about_people(
    ownership: &Ownership,
    silent: &BTreeSet<&StoreName>,
) -> BTreeMap<Place, Vec<Edge>> {
    let is_theirs = |role: &TableRole| {
        role.role == Role::Shared || role.role == Role::Owned && role.tier.is_none()
    };
    let is_open = |role: &TableRole| {
        matches!(role.role, Role::Reference | Role::Unknown) && role.owners.is_empty()
    };
    by_place(ownership, |edge| {
        let ends = (ownership.table(&edge.child), ownership.table(&edge.parent));
        let (Some(child), Some(parent)) = ends else {
            return false;
        };
        let tells = child.tier == Some(0) || is_theirs(child);
        edge.when.is_empty()
            && silent.contains(&edge.child.store)
            && (tells && is_open(parent) && parent.measured.is_none()
                || is_open(child) && is_theirs(parent))
    })
}

/// The stores of which hardly any reference is declared NOT NULL.
fn silent_stores<'a>(catalogs: &'a [Catalog], edges: &[Edge]) -> BTreeSet<&'a StoreName> {
    let is_silent = |catalog: &&Catalog| {
        let is_its = |edge: &&Edge| {
            edge.child.store == catalog.store && edge.when.is_empty() && edge.inside.is_none()
        };
        let (spoken, unspoken): (Vec<&Edge>, Vec<&Edge>) =
            edges.iter().filter(is_its).partition(|edge| edge.mandatory);
        let all = spoken.len() + unspoken.len();
        #[expect(clippy::cast_precision_loss, reason = "references are few")]
        let share = spoken.len() as f64 / all.max(1) as f64;
        share < SPOKEN_SHARE
    };
    let silent = catalogs.iter().filter(is_silent);
    silent.map(|catalog| &catalog.store).collect()
}

/// References that nothing says every row has, with all that are over the same columns.
fn by_place(
    ownership: &Ownership,
    is_wanted: impl Fn(&Edge) -> bool,
) -> BTreeMap<Place, Vec<Edge>> {
    let mut found: BTreeMap<Place, Vec<Edge>> = BTreeMap::new();
    let is_open = |edge: &Edge| !edge.always && (!edge.mandatory || !edge.when.is_empty());
    let edges = || ownership.edges.iter().filter(|edge| edge.inside.is_none());
    for edge in edges().filter(|edge| is_open(edge) && !edge.is_self() && is_wanted(edge)) {
        let place = (edge.child.clone(), edge.child_columns.clone());
        found.entry(place).or_insert_with_key(|(child, columns)| {
            let over =
                edges().filter(|other| other.child == *child && other.child_columns == *columns);
            over.cloned().collect()
        });
    }
    found
}

/// Whether none of the columns is NULL in sampled rows. Reads keys; they are forgotten.
async fn is_in_sample(
    cuts: &mut Cuts,
    table: &TableRef,
    columns: &[String],
) -> Result<bool, SkillError> {
    let request = KeyRequest {
        table: table.clone(),
        columns: columns.to_vec(),
        selector: Selector::Sample { limit: SAMPLE },
    };
    let rows = cut_of(cuts, table)?.keys(&request).await;
    let rows = rows.map_err(|error| store_failed(&error))?;
    Ok(rows
        .iter()
        .all(|row| row.values.iter().all(Option::is_some)))
}

/// The number of rows, if there are enough and each has one of the references.
async fn rows_if_all(
    cuts: &mut Cuts,
    table: &TableRef,
    columns: &[String],
    edges: &[Edge],
) -> Result<Option<u64>, SkillError> {
    let kinds: BTreeSet<&String> = edges
        .iter()
        .flat_map(|edge| edge.when.iter().map(|(column, _)| column))
        .collect();
    let kinds: Vec<String> = kinds.into_iter().cloned().collect();
    let cut = cut_of(cuts, table)?;
    let mut request = TallyRequest {
        table: table.clone(),
        columns: Vec::new(),
        present: Vec::new(),
        limit: 1,
    };
    let all = cut.tally(&request).await;
    let all = all.map_err(|error| store_failed(&error))?.rows;
    if all < LEAST_ROWS {
        return Ok(None);
    }
    request.present = columns.to_vec();
    if edges.iter().all(|edge| !edge.when.is_empty()) {
        request.columns = kinds;
        request.limit = MOST_KINDS;
    }
    let tally = cut.tally(&request).await;
    let tally = tally.map_err(|error| store_failed(&error))?;
    if request.columns.is_empty() {
        return Ok((tally.rows == all).then_some(all));
    }
    let counts = |edge: &Edge, texts: &[Option<Box<str>>]| {
        edge.when.iter().all(|(column, wanted)| {
            let at = request.columns.iter().position(|one| one == column);
            let text = at.and_then(|at| texts[at].as_deref());
            text.is_some_and(|text| wanted.iter().any(|wanted| wanted == text))
        })
    };
    let covered = tally.values.iter();
    let covered = covered.filter(|(texts, _)| edges.iter().any(|edge| counts(edge, texts)));
    let covered: u64 = covered.map(|(_, rows)| rows).sum();
    Ok((covered == all).then_some(all))
}
