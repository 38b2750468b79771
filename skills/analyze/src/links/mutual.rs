//! Two tables with the same keys, each of which could refer to the other: a badge and its audit. One of them does, or
//! somebody is asked; never both.

use redistrict_model::{Catalog, Generated, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::questions::OpenReference;
use super::values::Reader;

/// What speaks for a key being the one that others refer to. In the order in which it is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    /// The table with fewer rows has not all keys of the other.
    rows: u64,
    /// Foreign keys and links of other columns that lead there.
    referred: usize,
    /// Its values are made there.
    is_made: bool,
    is_primary: bool,
}

/// One end: a table and its key of one column.
type End = (TableRef, String);

/// Takes out what was found in both directions: of two links or questions that are each other's reverse the one stays
/// that leads to the table which more speaks for (its rows, what else refers to it, where the values are made, its
/// primary key). Where nothing speaks for one, both stay as questions. What is the reverse of a link that names or
/// examples told goes.
///
/// # Errors
/// A failing store.
pub(super) async fn settle(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    links: &[ProposedLink],
    told: &mut Vec<ProposedLink>,
    open: &mut Vec<OpenReference>,
) -> Result<(), SkillError> {
    let of_links: Vec<(End, End)> = links.iter().filter_map(ends_of).collect();
    let reverse = |(from, to): &(End, End)| (to.clone(), from.clone());
    told.retain(|one| ends_of(one).is_none_or(|ends| !of_links.contains(&reverse(&ends))));
    open.retain(|one| asked(one).is_none_or(|ends| !of_links.contains(&reverse(&ends))));
    let all = || {
        told.iter()
            .filter_map(ends_of)
            .chain(open.iter().filter_map(asked))
    };
    let all: Vec<(End, End)> = all().collect();
    let pairs: Vec<(End, End)> = (all.iter())
        .filter(|ends| ends.0 < ends.1 && all.contains(&reverse(ends)))
        .cloned()
        .collect();
    for (one, other) in pairs {
        let standings = (
            standing(reader, catalogs, links, &one).await?,
            standing(reader, catalogs, links, &other).await?,
        );
        let wrong = match standings.0.cmp(&standings.1) {
            std::cmp::Ordering::Less => (other, one),
            std::cmp::Ordering::Greater => (one, other),
            std::cmp::Ordering::Equal => {
                ask(told, open, &(one, other));
                continue;
            }
        };
        told.retain(|link| ends_of(link).as_ref() != Some(&wrong));
        open.retain(|question| asked(question).as_ref() != Some(&wrong));
    }
    Ok(())
}

/// Both directions as questions.
fn ask(told: &mut Vec<ProposedLink>, open: &mut Vec<OpenReference>, pair: &(End, End)) {
    let is_it = |ends: Option<(End, End)>| {
        ends.is_some_and(|(from, to)| {
            (&from, &to) == (&pair.0, &pair.1) || (&to, &from) == (&pair.0, &pair.1)
        })
    };
    let (both, rest): (Vec<_>, Vec<_>) = told.drain(..).partition(|link| is_it(ends_of(link)));
    *told = rest;
    open.extend(both.into_iter().map(OpenReference::of_link));
    for question in open.iter_mut().filter(|question| is_it(asked(question))) {
        question.is_mutual = true;
    }
}

async fn standing(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    links: &[ProposedLink],
    (table, column): &End,
) -> Result<Standing, SkillError> {
    let tables = || catalogs.iter().flat_map(|catalog| &catalog.tables);
    let Some(entry) = tables().find(|one| one.name == *table) else {
        return Ok(Standing::default());
    };
    let key = std::slice::from_ref(column);
    let keys = tables().flat_map(|one| &one.foreign_keys);
    let declared = keys.filter(|one| one.parent == *table && one.parent_columns == key);
    let links = links.iter();
    let linked = links.filter(|one| one.parent == *table && one.parent_columns == key);
    let is_made = entry
        .column(column)
        .is_some_and(|column| column.has_default || column.generated == Generated::Identity);
    Ok(Standing {
        rows: reader.count(table).await?,
        referred: declared.count() + linked.count(),
        is_made,
        is_primary: entry.primary_key.as_deref() == Some(key),
    })
}

fn ends_of(link: &ProposedLink) -> Option<(End, End)> {
    ends(
        (&link.child, &link.child_columns),
        (&link.parent, &link.parent_columns),
    )
}

/// Of a question that names one table.
fn asked(open: &OpenReference) -> Option<(End, End)> {
    match open.suggestions.as_slice() {
        [one] if open.inside.is_none() => ends(
            (&open.child, &open.columns),
            (&one.parent, &one.parent_columns),
        ),
        _ => None,
    }
}

fn ends(from: (&TableRef, &[String]), to: (&TableRef, &[String])) -> Option<(End, End)> {
    match (from.1, to.1) {
        ([from_column], [to_column]) => Some((
            (from.0.clone(), from_column.clone()),
            (to.0.clone(), to_column.clone()),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rows_count_before_references_and_these_before_where_values_are_made() {
        let plain = Standing::default();
        let rows = Standing { rows: 9, ..plain };
        let referred = Standing {
            referred: 1,
            ..plain
        };
        let made = Standing {
            is_made: true,
            ..plain
        };
        let primary = Standing {
            is_primary: true,
            ..plain
        };
        assert!(rows > referred && referred > made && made > primary && primary > plain);
    }
}
