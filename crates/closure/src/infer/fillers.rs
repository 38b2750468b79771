//! Tables that triggers fill (docs/design/closure.md §4 rule 12): a hint in words. Decides nothing.

use std::collections::BTreeSet;

use redistrict_model::{Catalog, TableRef};

/// Who fills a table, in words that go before "fill it": the tables whose triggers insert into it, the first by
/// name and how many more. None where no trigger's text says so.
#[must_use]
pub fn fillers(catalogs: &[Catalog], table: &TableRef) -> Option<String> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let fills = tables.filter(|other| {
        let mut triggers = other.triggers.iter().filter(|trigger| trigger.enabled);
        triggers.any(|trigger| trigger.fills.contains(table))
    });
    let names: BTreeSet<&TableRef> = fills.map(|other| &other.name).collect();
    let first = names.first()?;
    Some(match names.len() {
        1 => format!("triggers of {first}"),
        2 => format!("triggers of {first} and 1 other table"),
        more => format!("triggers of {first} and {} other tables", more - 1),
    })
}
