//! Links that names and values confirm and that other references of the same rows contradict: they lead to
//! another district where the others agree. Such a link is a question.

use std::collections::BTreeMap;

use redistrict_model::{Catalog, TableRef};
use redistrict_skill::SkillError;

use super::ProposedLink;
use super::agreement::{Agreement, Hop, Ways};
use super::candidates::Rule;
use super::names::{Name, referred, says_part};
use super::propose::Place;
use super::questions::{OpenReference, Suggestion};
use super::values::Reader;

/// Moves contradicted links to the questions. A link that no other reference of its rows agrees with is
/// contradicted by
///
/// - one foreign key, or two links, of its table;
/// - other tables, in which columns of the same names that were thought to lead there are contradicted so, if more
///   of them are than are agreed with, or if a link of its own table contradicts it, too;
/// - one link of its table to where columns of that link's names are known to lead: declared, or agreed with.
///
/// Where two links stand against each other and nothing else is known, nobody can tell here which is wrong: both
/// stay, and a plan stops for it. What is called after its part (`from_school_id`) may lead elsewhere.
///
/// # Errors
/// A failing store.
pub(super) async fn take_out(
    reader: &mut Reader<'_>,
    catalogs: &[Catalog],
    root: &TableRef,
    links: &mut Vec<ProposedLink>,
    asked: &mut BTreeMap<Place, Vec<Suggestion>>,
) -> Result<(), SkillError> {
    let Some(ways) = Ways::new(catalogs, root, links) else {
        return Ok(());
    };
    let mut compared: Vec<Vec<(Agreement, &Hop)>> = Vec::with_capacity(links.len());
    for link in links.iter() {
        let is_compared = link.when.is_none() && link.child != link.parent && !may_cross(link);
        compared.push(if is_compared {
            ways.beside(reader, &link.child, &hop_of(link)).await?
        } else {
            Vec::new()
        });
    }
    let mut names = Names::of(catalogs, links, &compared);
    names.remember(asked);
    let against: Vec<Option<Against>> = (links.iter().zip(&compared))
        .map(|(link, said)| speaks_against(link, said, &names))
        .collect();
    let mut kept = Vec::with_capacity(links.len());
    for (link, against) in links.drain(..).zip(against) {
        let Some(against) = against else {
            kept.push(link);
            continue;
        };
        let suggestion = Suggestion {
            parent: link.parent,
            parent_columns: link.parent_columns,
            rule: Some(link.rule),
            evidence: link.evidence,
            agreement: against.agreement,
            contradicted_in: against.tables,
        };
        asked
            .entry((link.child, link.child_columns))
            .or_default()
            .push(suggestion);
    }
    *links = kept;
    Ok(())
}

/// What speaks against a link.
struct Against {
    agreement: Option<Agreement>,
    /// Other tables in which a column of this name leads to other districts.
    tables: usize,
}

/// What is known of columns of some names that lead, or were thought to lead, to a table.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Declared, or agreed with by other references of the rows.
    agreed: usize,
    contradicted: usize,
}

/// By the names of the columns and the table.
struct Names(BTreeMap<(Vec<String>, TableRef), Known>);

impl Names {
    fn of(
        catalogs: &[Catalog],
        links: &[ProposedLink],
        compared: &[Vec<(Agreement, &Hop)>],
    ) -> Self {
        let mut known: BTreeMap<(Vec<String>, TableRef), Known> = BTreeMap::new();
        let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
        for key in tables.flat_map(|table| &table.foreign_keys) {
            let place = (key.columns.clone(), key.parent.clone());
            known.entry(place).or_default().agreed += 1;
        }
        for (link, said) in links.iter().zip(compared) {
            let place = (link.child_columns.clone(), link.parent.clone());
            let known = known.entry(place).or_default();
            known.agreed += usize::from(has_friend(said));
            known.contradicted += usize::from(contradiction(said).is_some());
        }
        Self(known)
    }

    /// What was taken out before.
    fn remember(&mut self, asked: &BTreeMap<Place, Vec<Suggestion>>) {
        for ((_, columns), suggestions) in asked {
            let differing = suggestions
                .iter()
                .filter(|one| one.agreement.is_some_and(Agreement::differs));
            for one in differing {
                let place = (columns.clone(), one.parent.clone());
                self.0.entry(place).or_default().contradicted += 1;
            }
        }
    }

    fn known(&self, columns: &[String], parent: &TableRef) -> Known {
        let place = (columns.to_vec(), parent.clone());
        self.0.get(&place).copied().unwrap_or_default()
    }
}

fn speaks_against(
    link: &ProposedLink,
    said: &[(Agreement, &Hop)],
    names: &Names,
) -> Option<Against> {
    let agreement = contradiction(said);
    if agreement.is_some() {
        return Some(Against {
            agreement,
            tables: 0,
        });
    }
    let own = names.known(&link.child_columns, &link.parent);
    if has_friend(said) || link.when.is_some() || link.child == link.parent || may_cross(link) {
        return None;
    }
    let mut differing = said.iter().filter(|(one, _)| one.differs());
    if own.contradicted > 0 && (own.contradicted > own.agreed || differing.clone().count() > 0) {
        return Some(Against {
            agreement: None,
            tables: own.contradicted,
        });
    }
    let is_known = |hop: &Hop| {
        let other = names.known(&hop.columns, &hop.parent);
        other.agreed > 0 && other.contradicted == 0
    };
    let (agreement, _) = differing.find(|(_, hop)| is_known(hop))?;
    if own.agreed > 0 {
        return None;
    }
    Some(Against {
        agreement: Some(*agreement),
        tables: 0,
    })
}

/// A link that nothing declared stands beside says alone whose the rows of its table are. Where a column of the
/// table is an open question that may lead to a district, too, it is followed and does not own: the table stays
/// unknown, and a plan asks. What other references speak against says nothing.
pub(super) fn withhold(
    catalogs: &[Catalog],
    root: &TableRef,
    links: &mut [ProposedLink],
    open: &[OpenReference],
) {
    let Some(ways) = Ways::new(catalogs, root, links) else {
        return;
    };
    let may_own = |suggestion: &Suggestion| {
        let is_guess = matches!(suggestion.rule, None | Some(Rule::Guess));
        let is_refuted =
            suggestion.contradicted_in > 0 || suggestion.agreement.is_some_and(Agreement::differs);
        !is_guess && !is_refuted && ways.leads_up(&suggestion.parent)
    };
    for link in links {
        let mut questions = open.iter().filter(|one| one.child == link.child);
        let is_open = questions.any(|one| one.suggestions.iter().any(may_own));
        let is_declared = ways.upwards(&link.child).iter().any(|hop| hop.is_declared);
        if is_open && !is_declared && link.when.is_none() && ways.leads_up(&link.parent) {
            link.owns = false;
        }
    }
}

/// What speaks against a reference among the others of its rows; nothing if that is not enough.
fn contradiction(said: &[(Agreement, &Hop)]) -> Option<Agreement> {
    let differing: Vec<&(Agreement, &Hop)> = said.iter().filter(|(one, _)| one.differs()).collect();
    let is_enough = differing.len() > 1 || differing.iter().any(|(_, hop)| hop.is_declared);
    let (agreement, _) = differing.first()?;
    (is_enough && !has_friend(said)).then_some(*agreement)
}

fn has_friend(said: &[(Agreement, &Hop)]) -> bool {
    said.iter().any(|(one, _)| one.agrees())
}

fn may_cross(link: &ProposedLink) -> bool {
    let parent = Name::of_table(&link.parent.table, None);
    let things = link
        .child_columns
        .iter()
        .filter_map(|column| referred(column));
    things.into_iter().any(|thing| says_part(&thing, &parent))
}

fn hop_of(link: &ProposedLink) -> Hop {
    Hop {
        columns: link.child_columns.clone(),
        inside: None,
        parent: link.parent.clone(),
        parent_columns: link.parent_columns.clone(),
        is_declared: false,
    }
}

#[cfg(test)]
mod tests {
    use redistrict_model::StoreName;

    use super::super::values::Evidence;
    use super::*;

    const SAME: usize = 100;
    const OTHER: usize = 30;

    fn table(called: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", called)
    }

    fn hop(column: &str, parent: &str, is_declared: bool) -> Hop {
        Hop {
            columns: vec![column.to_owned()],
            inside: None,
            parent: table(parent),
            parent_columns: vec!["id".to_owned()],
            is_declared,
        }
    }

    fn said(same: usize) -> Agreement {
        Agreement {
            same,
            compared: 100,
        }
    }

    #[test]
    fn one_foreign_key_or_two_links_contradict_what_nothing_agrees_with() {
        let (declared, link) = (hop("a", "as", true), hop("b", "bs", false));
        for (said, is_contradicted) in [
            (vec![], false),
            (vec![(said(SAME), &declared)], false),
            (vec![(said(OTHER), &declared)], true),
            (vec![(said(OTHER), &link)], false),
            (vec![(said(OTHER), &link), (said(OTHER), &link)], true),
            (vec![(said(OTHER), &declared), (said(SAME), &link)], false),
            (vec![(said(80), &declared)], false),
        ] {
            assert_eq!(contradiction(&said).is_some(), is_contradicted, "{said:?}");
        }
    }

    #[test]
    fn columns_of_the_same_name_in_other_tables_tell_which_of_two_links_is_wrong() {
        let link = |child: &str, column: &str, parent: &str| ProposedLink {
            child: table(child),
            child_columns: vec![column.to_owned()],
            parent: table(parent),
            parent_columns: vec!["id".to_owned()],
            when: None,
            owns: true,
            rule: Rule::Name,
            evidence: Evidence { seen: 9, found: 9 },
        };
        let (declared, student) = (
            hop("school_id", "schools", true),
            hop("student_id", "students", false),
        );
        let other = hop("match_id", "matches", false);
        let unknown = hop("plan_id", "plans", false);
        let links = [
            link("fines", "match_id", "matches"),
            link("fines", "student_id", "students"),
            link("meals", "student_id", "students"),
            link("meals", "school_id", "schools"),
            link("games", "match_id", "matches"),
            link("trips", "card_id", "cards"),
            link("trips", "plan_id", "plans"),
        ];
        // Whether a foreign key says in another table that this is no match.
        let judge = |is_seen_elsewhere: bool| -> Vec<bool> {
            let elsewhere = if is_seen_elsewhere { OTHER } else { 80 };
            let compared = [
                vec![(said(OTHER), &student)],
                vec![(said(OTHER), &other)],
                vec![(said(SAME), &declared)],
                vec![(said(SAME), &student)],
                vec![(said(elsewhere), &declared)],
                vec![(said(OTHER), &unknown)],
                vec![(said(OTHER), &hop_of(&links[5]))],
            ]
            .map(|said| {
                said.into_iter()
                    .map(|(one, hop)| (one, hop.clone()))
                    .collect()
            });
            let compared: Vec<Vec<(Agreement, Hop)>> = compared.into_iter().collect();
            let compared: Vec<Vec<(Agreement, &Hop)>> = compared
                .iter()
                .map(|said| said.iter().map(|(one, hop)| (*one, hop)).collect())
                .collect();
            let names = Names::of(&[], &links, &compared);
            (links.iter().zip(&compared))
                .map(|(link, said)| speaks_against(link, said, &names).is_some())
                .collect()
        };
        // A student's number is known to lead to students, so the match is wrong; of a card and a plan nothing is.
        let by_known = [true, false, false, false, false, false, false];
        assert_eq!(judge(false), by_known);
        let by_declared = [true, false, false, false, true, false, false];
        assert_eq!(judge(true), by_declared);
    }
}
