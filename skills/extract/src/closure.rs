//! What the extraction says about the closure: districts' keys, questions, errors.

use std::collections::BTreeMap;

use redistrict_closure::{ClosureError, Leads, Members, table_heading};
use redistrict_model::{ErrorKind, ExtractSection, Key, Ownership, Role, StoreName, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{SourceCut, StoreError};

/// One open cut per store.
pub type Cuts = BTreeMap<StoreName, Box<dyn SourceCut>>;

/// The open cut of a table's store.
pub(crate) fn cut_of<'a>(
    cuts: &'a mut Cuts,
    table: &TableRef,
) -> Result<&'a mut Box<dyn SourceCut>, SkillError> {
    cuts.get_mut(&table.store).ok_or_else(|| {
        let what = format!("read {table}: no cut is open");
        SkillError::new(ErrorKind::Bug, what)
    })
}

/// The district's key from its text: one part, or as many as the root's key has columns, joined by
/// commas.
#[must_use]
pub fn district_key(district: &str, root_key: &[String]) -> Key {
    if root_key.len() == 1 {
        return Key::of(district);
    }
    Key::new(district.split(',').map(str::trim))
}

/// Tables that the plan left out because they were empty still are: a row of theirs would be a
/// question that nobody was asked.
///
/// # Errors
/// Such tables (kind `Config`), a failing store.
pub(crate) async fn left_out(section: &ExtractSection, cuts: &mut Cuts) -> Result<(), SkillError> {
    let mut error = SkillError::new(
        ErrorKind::Config,
        "use the plan: tables that were empty hold rows now",
    );
    let roles = section.ownership.tables.iter();
    for role in roles.filter(|role| role.role != Role::Excluded) {
        let table = &role.table;
        if section.tables.iter().any(|moving| moving.table == *table) {
            continue;
        }
        let Some(cut) = cuts.get_mut(&table.store) else {
            continue;
        };
        let rows = cut.count(table).await.map_err(|e| store_failed(&e))?;
        if rows > 0 {
            error.causes.push(format!("leave out {table}: {rows} rows"));
        }
    }
    if error.causes.is_empty() {
        return Ok(());
    }
    Err(error.with_hint("redistrict analyze"))
}

/// What nobody decided, as an error of kind `Config` with the lines to paste; none if all is decided.
#[must_use]
pub fn undecided(members: &Members, ownership: &Ownership) -> Option<SkillError> {
    if members.is_decided() {
        return None;
    }
    let mut error = SkillError::new(
        ErrorKind::Config,
        "decide which rows belong to the district: the data need a decision",
    );
    for stop in &members.stops {
        let edge = ownership.edge(stop.edge);
        error.causes.push(format!(
            "follow {} references of {} to {}: they lead {}",
            stop.rows,
            edge.describe(),
            edge.parent,
            leads(stop.leads)
        ));
        error.hints.extend(stop.lines.iter().cloned());
    }
    for table in &members.undecided {
        let counts: Vec<String> = table
            .candidates
            .iter()
            .map(|candidate| {
                let edge = ownership.edge(candidate.edge);
                let to = if edge.when.is_empty() {
                    String::new()
                } else {
                    format!(" -> {}", edge.parent)
                };
                format!("({}){to} {}", edge.child_columns.join(", "), candidate.rows)
            })
            .collect();
        error.causes.push(format!(
            "tell who owns {} rows of {}: its references disagree ({})",
            table.any - table.all,
            table.table,
            counts.join(", ")
        ));
        error.hints.extend(table.lines.iter().cloned());
    }
    for (table, rows) in &members.unknown {
        error.causes.push(format!(
            "tell what {table} is: {rows} of its rows are referred to"
        ));
        error.hints.push(table_heading(table));
        error
            .hints
            .push("excluded = \"…the reason…\"     # or owner = [\"(column)\"]".to_owned());
    }
    Some(error)
}

/// Where a reference leads, in words.
#[must_use]
pub fn leads(leads: Leads) -> &'static str {
    match leads {
        Leads::AnotherDistrict => "to another district",
        Leads::AboveAllDistricts => "above all districts",
        Leads::ExcludedTable => "into an excluded table",
        Leads::RowTakenOut => "to a row that was taken out",
        Leads::NoRow => "to no row of PROD",
    }
}

pub(crate) fn closure_failed(error: &ClosureError) -> SkillError {
    match error {
        ClosureError::UnknownDistrict { .. } => SkillError::new(error.kind(), error.to_string())
            .with_hint("`redistrict select` lists the districts"),
        _ => SkillError::because(
            error.kind(),
            "evaluate which rows belong to the district",
            error,
        ),
    }
}

pub(crate) fn store_failed(error: &StoreError) -> SkillError {
    let failed = SkillError::new(error.error_kind(), error.to_string());
    match &error.hint {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}
