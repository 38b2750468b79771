//! References inside of values: elements of arrays, members of JSON. Found as others are: by names, by the values that
//! every key of every table holds, and by the districts of the rows that name them.

use redistrict_model::{Catalog, ColumnRef, Inside, Table, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::agreement::{Agreement, Ways};
use super::candidates::Rule;
use super::holders::{self, Column};
use super::names::{Fit, Name, fit, says_part};
use super::places::{self, Place};
use super::questions::{self, Decided, OpenReference, Suggestion};
use super::tables::{KeyTypes, keys_of_one_column};
use super::telling;
use super::values::{Evidence, Reader};
use crate::inside;

/// Rows of a table that are looked at: these values may be long.
const SAMPLE: u32 = 200;

/// A reference inside of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedReference {
    pub column: ColumnRef,
    /// Where in the column's values.
    pub inside: Inside,
    pub parent: TableRef,
    pub parent_column: String,
    pub rule: Rule,
    pub evidence: Evidence,
    /// Whether its rows are of the same district as what other references of the same rows lead to, where that was
    /// looked at.
    pub agreement: Option<Agreement>,
    /// Why it cannot be a link, in words.
    pub obstacle: Option<String>,
}

impl NestedReference {
    /// Name and values agree, or districts or values tell by themselves, and a link can lead from there.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        let is_told = matches!(
            self.rule,
            Rule::Name | Rule::Districts { .. } | Rule::Values
        );
        self.obstacle.is_none() && (is_told || self.agreement.is_some_and(Agreement::agrees))
    }
}

/// What was found inside of values.
pub(super) struct Nested {
    /// Ordered by column and place.
    pub(super) references: Vec<NestedReference>,
    pub(super) open: Vec<OpenReference>,
}

/// Every reference in arrays and JSON that names, districts or values tell, and the questions: places that several
/// tables may be meant by, that lead to other districts than the rows that hold them, or whose name says nothing while
/// one table has keys like their values. `links` are those that are known.
///
/// # Errors
/// A failing store.
pub(super) async fn find(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    root: &TableRef,
    links: &[ProposedLink],
) -> Result<Nested, SkillError> {
    let ways = Ways::new(catalogs, root, links);
    let ways = ways.as_ref();
    let mut nested = Nested {
        references: Vec::new(),
        open: Vec::new(),
    };
    let (mut unnamed, mut are_named) = (Vec::new(), Vec::new());
    for (column, place) in all_places(reader, catalogs).await? {
        let is_named = places::is_named(&column.column, &place);
        let decided = match places::called(&column.column, &place) {
            Some(called) => named(reader, catalogs, ways, &column, &called).await?,
            None => Decided::Nothing,
        };
        let is_looked_at = is_named || places::is_looked_at(&place);
        match decided {
            Decided::Nothing
                if is_looked_at || telling::are_telling(column.column_type, &column.values) =>
            {
                unnamed.push(column);
                are_named.push(is_named);
            }
            decided => nested.add(catalogs, &column, decided),
        }
    }
    let held = holders::find(reader, catalogs, ways, &unnamed).await?;
    for ((column, is_named), held) in unnamed.iter().zip(are_named).zip(held) {
        let decided = questions::decide(reader, ways, column, held, is_named).await?;
        nested.add(catalogs, column, decided);
    }
    let place = |one: &NestedReference| (one.column.clone(), one.inside.clone());
    nested.references.sort_by_key(place);
    Ok(nested)
}

impl Nested {
    fn add(&mut self, catalogs: &[Catalog], column: &Column, decided: Decided) {
        let Some(inside) = &column.inside else { return };
        match decided {
            Decided::Link(link) => {
                let table = catalogs.iter().find_map(|one| one.table(&column.child));
                let refused = |table| inside::refused(catalogs, table, &column.column, inside);
                let Some(parent_column) = link.to.parent_columns.into_iter().next() else {
                    return;
                };
                self.references.push(NestedReference {
                    column: column.child.column(&column.column),
                    inside: inside.clone(),
                    parent: link.to.parent,
                    parent_column,
                    rule: link.rule,
                    evidence: link.evidence,
                    agreement: link.to.agreement,
                    obstacle: table.and_then(refused),
                });
            }
            // A document may have many ids of things that are not here.
            Decided::Open(open) if open.suggestions.is_empty() && *inside != Inside::Elements => {}
            Decided::Open(open) => self.open.push(open),
            Decided::Nothing => {}
        }
    }
}

/// Every place with values, of every column that may hold references inside of them.
async fn all_places(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
) -> Result<Vec<(Column, Place)>, SkillError> {
    let types = KeyTypes::of(catalogs);
    let mut found = Vec::new();
    for table in catalogs.iter().flat_map(|catalog| &catalog.tables) {
        let columns = table.columns.iter();
        let columns: Vec<_> = columns
            .filter(|one| places::may_hold(one, &types))
            .collect();
        let names: Vec<String> = columns.iter().map(|one| one.name.clone()).collect();
        if names.is_empty() {
            continue;
        }
        let rows = reader.texts(&table.name, &names, SAMPLE).await?;
        for (at, column) in columns.into_iter().enumerate() {
            let texts = rows.iter().filter_map(|row| row.get(at)?.as_deref());
            let places = places::places(column, texts).into_iter();
            found.extend(places.map(|place| {
                let of_place = Column {
                    child: table.name.clone(),
                    column: column.name.clone(),
                    inside: Some(place.inside.clone()),
                    column_type: place.column_type,
                    values: place.keys.clone(),
                };
                (of_place, place)
            }));
        }
    }
    Ok(found)
}

/// What the values at a place refer to that is called after a thing.
async fn named(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    ways: Option<&Ways>,
    column: &Column,
    called: &Name,
) -> Result<Decided, SkillError> {
    let mut beside = None;
    let mut held = Vec::new();
    for (table, rule) in meant(called, catalogs) {
        for key in keys_of_one_column(table) {
            if beside.is_none() {
                beside = Some(holders::beside(reader, ways, column).await?);
            }
            let Some(beside) = &beside else { continue };
            let to = (&table.name, std::slice::from_ref(&key));
            let found = holders::suggestion(reader, ways, (column, beside), to, rule).await?;
            if let Some(found) = found {
                held.push((rule, found));
                // The first key that holds the values is meant.
                break;
            }
        }
    }
    Ok(choose(column, held))
}

/// The tables that are called so.
fn meant<'a>(called: &Name, catalogs: &'a [Catalog]) -> Vec<(&'a Table, Rule)> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    let rule = |table: &'a Table| {
        let name = Name::of_table(&table.name.table, None);
        let rule = match fit(called, &name)? {
            Fit::Whole => Rule::Name,
            Fit::Qualified if says_part(called, &name) => Rule::Name,
            Fit::Qualified => Rule::Qualified,
        };
        Some((table, rule))
    };
    tables.filter_map(rule).collect()
}

/// Of the tables that are called so and hold the values, the one that is meant: by the best reason, in the store of
/// the column first; of several, the one whose rows are of the same districts. Two that remain are a question, and so
/// is one whose rows are of other districts, unless another's agree.
fn choose(column: &Column, held: Vec<(Rule, Suggestion)>) -> Decided {
    let class = |(rule, one): &(Rule, Suggestion)| (*rule, one.parent.store != column.child.store);
    let Some(best) = held.iter().map(class).min() else {
        return Decided::Nothing;
    };
    let (mut best, others): (Vec<_>, Vec<_>) = held.into_iter().partition(|one| class(one) == best);
    let agrees = |(_, one): &(Rule, Suggestion)| one.agreement.is_some_and(Agreement::agrees);
    let differs = |(_, one): &(Rule, Suggestion)| one.agreement.is_some_and(Agreement::differs);
    if best.iter().any(agrees) {
        best.retain(agrees);
    } else if best.iter().all(differs) {
        let mut agreeing = others.into_iter().filter(agrees);
        if let (Some(one), None) = (agreeing.next(), agreeing.next()) {
            best = vec![one];
        }
    }
    if let [one] = best.as_slice()
        && !differs(one)
        && let Some((rule, to)) = best.pop()
    {
        let evidence = to.evidence;
        return Decided::Link(questions::Told {
            to,
            rule,
            evidence,
            owns: false,
        });
    }
    Decided::Open(OpenReference {
        suggestions: best.into_iter().map(|(_, one)| one).collect(),
        ..OpenReference::of(column)
    })
}

#[cfg(test)]
mod tests {
    use redistrict_model::{ColumnType, StoreName};

    use super::*;

    fn table(store: &str, called: &str) -> TableRef {
        TableRef::new(&StoreName::new(store), "main", called)
    }

    const AGREES: Option<(usize, usize)> = Some((40, 40));
    const DIFFERS: Option<(usize, usize)> = Some((5, 40));

    /// Store and name of a table, why it may be meant, and rows that agree of those that were compared.
    type Held<'a> = (&'a str, &'a str, Rule, Option<(usize, usize)>);

    /// What is chosen of tables that hold the values: by store and name, with what the districts say.
    fn chosen(held: &[Held<'_>]) -> Result<String, Vec<String>> {
        let column = Column {
            child: table("a", "teams"),
            column: "members".to_owned(),
            inside: Some(Inside::Elements),
            column_type: ColumnType::Int32,
            values: std::collections::BTreeSet::new(),
        };
        let held = held.iter().map(|(store, name, rule, said)| {
            let one = Suggestion {
                parent: table(store, name),
                parent_columns: vec!["id".to_owned()],
                rule: Some(*rule),
                evidence: Evidence { seen: 9, found: 9 },
                agreement: said.map(|(same, compared)| Agreement { same, compared }),
                contradicted_in: 0,
            };
            (*rule, one)
        });
        match choose(&column, held.collect()) {
            Decided::Link(told) => Ok(told.to.parent.to_string()),
            Decided::Open(open) => {
                let parents = open.suggestions.iter().map(|one| one.parent.to_string());
                Err(parents.collect())
            }
            Decided::Nothing => Err(Vec::new()),
        }
    }

    #[test]
    fn all_tables_that_hold_the_values_are_looked_at_and_districts_tell_which() {
        use Rule::{Name, Qualified};
        let yes = |name: &str| Ok(name.to_owned());
        let open = |names: &[&str]| Err(names.iter().map(|one| (*one).to_owned()).collect());
        for (held, expected) in [
            (&[][..], open(&[])),
            (&[("a", "x", Name, None)], yes("a.main.x")),
            (&[("a", "x", Name, DIFFERS)], open(&["a.main.x"])),
            (
                &[("b", "x", Name, None), ("a", "x", Name, None)],
                yes("a.main.x"),
            ),
            (
                &[("a", "x", Name, None), ("a", "y", Name, None)],
                open(&["a.main.x", "a.main.y"]),
            ),
            (
                &[("a", "x", Name, DIFFERS), ("a", "y", Name, AGREES)],
                yes("a.main.y"),
            ),
            (
                &[("a", "x", Name, None), ("a", "y", Name, AGREES)],
                yes("a.main.y"),
            ),
            (
                &[("a", "x", Name, DIFFERS), ("b", "x", Name, AGREES)],
                yes("b.main.x"),
            ),
            (
                &[("a", "x", Qualified, AGREES), ("b", "x", Name, None)],
                yes("b.main.x"),
            ),
            (
                &[("a", "x", Name, AGREES), ("a", "y", Name, AGREES)],
                open(&["a.main.x", "a.main.y"]),
            ),
        ] {
            assert_eq!(chosen(held), expected, "{held:?}");
        }
    }
}
