//! What cannot travel is found before the first row is written, all of it at once, and refused by name
//! and number: never a value.

use std::collections::BTreeMap;

use redistrict_closure::{Members, TableMembers, table_heading};
use redistrict_model::{ErrorKind, ExtractSection, ExtractTable, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{SourceCut, UnfitReason};

use crate::closure::{Cuts, cut_of, store_failed};
use crate::write::requests;

type Counts = BTreeMap<(String, UnfitReason), u64>;

/// Asks every store for the values of the members' rows that cannot travel. Gives an error of kind
/// `Config` that names table, column, reason and number of rows; none if everything can travel.
///
/// # Errors
/// A failing store, and what `on_step` ends it with; `on_step` is called between two requests.
pub async fn unfit(
    section: &ExtractSection,
    members: &Members,
    cuts: &mut Cuts,
    mut on_step: impl FnMut() -> Result<(), SkillError> + Send,
) -> Result<Option<SkillError>, SkillError> {
    let mut found: BTreeMap<TableRef, Counts> = BTreeMap::new();
    for table in &section.tables {
        let Some(rows) = members.table(&table.table) else {
            continue;
        };
        let cut = cut_of(cuts, &table.table)?;
        let counts = of_table(table, rows, cut.as_mut(), &mut on_step).await?;
        if !counts.is_empty() {
            found.insert(table.table.clone(), counts);
        }
    }
    Ok(refusal(&found))
}

async fn of_table(
    table: &ExtractTable,
    members: &TableMembers,
    cut: &mut dyn SourceCut,
    on_step: &mut (impl FnMut() -> Result<(), SkillError> + Send),
) -> Result<Counts, SkillError> {
    let mut counts = Counts::new();
    for keys in [&members.own, &members.shared, &members.stubs] {
        for request in requests(table, keys) {
            on_step()?;
            let unfit = cut.unfit(&request).await;
            for one in unfit.map_err(|error| store_failed(&error))? {
                *counts.entry((one.column, one.reason)).or_default() += one.rows;
            }
        }
    }
    Ok(counts)
}

/// Everything that was found, as one error.
fn refusal(found: &BTreeMap<TableRef, Counts>) -> Option<SkillError> {
    if found.is_empty() {
        return None;
    }
    let what = "move every value exactly: some cannot travel";
    let mut error = SkillError::new(ErrorKind::Config, what);
    for (table, counts) in found {
        for ((column, reason), rows) in counts {
            let rows = match rows {
                1 => "1 row".to_owned(),
                more => format!("{more} rows"),
            };
            error.causes.push(format!(
                "move {table}.{column}: {rows} with {}",
                in_words(*reason)
            ));
        }
        error.hints.push(table_heading(table));
        error
            .hints
            .push("excluded = \"…the reason…\"     # or change the values in PROD".to_owned());
    }
    Some(error)
}

fn in_words(reason: UnfitReason) -> &'static str {
    match reason {
        UnfitReason::TooLarge => "a value over 32 MB",
        UnfitReason::OutOfRange => "a time after 294247-01-10 04:00:54.775806",
        UnfitReason::NotUtf8 => "a text that is not UTF-8 (the database's encoding is SQL_ASCII)",
    }
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::*;

    #[test]
    fn everything_is_refused_at_once_by_name_reason_and_number() {
        let table = |name| TableRef::new(&StoreName::new("ids"), "public", name);
        let found = BTreeMap::from([
            (
                table("a"),
                Counts::from([
                    (("at".into(), UnfitReason::OutOfRange), 2),
                    (("scan".into(), UnfitReason::TooLarge), 1),
                ]),
            ),
            (
                table("b"),
                Counts::from([(("v".into(), UnfitReason::TooLarge), 7)]),
            ),
        ]);
        let error = refusal(&found).unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert_eq!(
            error.causes,
            [
                "move ids.public.a.at: 2 rows with a time after 294247-01-10 04:00:54.775806",
                "move ids.public.a.scan: 1 row with a value over 32 MB",
                "move ids.public.b.v: 7 rows with a value over 32 MB",
            ]
        );
        assert!(refusal(&BTreeMap::new()).is_none());
    }
}
