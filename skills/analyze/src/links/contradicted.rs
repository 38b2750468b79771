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

/// Moves contradicted links to the questions. A link is contradicted by one foreign key, or by two links, if no
/// other reference agrees with it. Where one link stands against another, nobody can tell here which is wrong:
/// both stay, and a plan stops for it. What is called after its part (`from_school_id`) may lead elsewhere.
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
    let mut kept = Vec::with_capacity(links.len());
    for link in links.drain(..) {
        let is_compared = link.when.is_none() && link.child != link.parent && !may_cross(&link);
        let said = if is_compared {
            ways.beside(reader, &link.child, &hop_of(&link)).await?
        } else {
            Vec::new()
        };
        let Some(agreement) = contradiction(&said) else {
            kept.push(link);
            continue;
        };
        let suggestion = Suggestion {
            parent: link.parent,
            parent_columns: link.parent_columns,
            rule: Some(link.rule),
            evidence: link.evidence,
            agreement: Some(agreement),
        };
        asked
            .entry((link.child, link.child_columns))
            .or_default()
            .push(suggestion);
    }
    *links = kept;
    Ok(())
}

/// A link that nothing declared stands beside says alone whose the rows of its table are. Where a column of the
/// table is an open question that may lead to a district, too, it is followed and does not own: the table stays
/// unknown, and a plan asks.
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
        !is_guess && ways.leads_up(&suggestion.parent)
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

/// What speaks against a reference; nothing if that is not enough.
fn contradiction(said: &[(Agreement, bool)]) -> Option<Agreement> {
    let differing: Vec<&(Agreement, bool)> = said.iter().filter(|(one, _)| one.differs()).collect();
    let is_enough = differing.len() > 1 || differing.iter().any(|(_, is_declared)| *is_declared);
    let has_friend = said.iter().any(|(one, _)| one.agrees());
    let (agreement, _) = differing.first()?;
    (is_enough && !has_friend).then_some(*agreement)
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
        parent: link.parent.clone(),
        parent_columns: link.parent_columns.clone(),
        is_declared: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_foreign_key_or_two_links_contradict_what_nothing_agrees_with() {
        let said = |same, is_declared| {
            let agreement = Agreement {
                same,
                compared: 100,
            };
            (agreement, is_declared)
        };
        let (same, other) = (100, 30);
        for (said, is_contradicted) in [
            (vec![], false),
            (vec![said(same, true)], false),
            (vec![said(other, true)], true),
            (vec![said(other, false)], false),
            (vec![said(other, false), said(other, false)], true),
            (vec![said(other, true), said(same, false)], false),
            (vec![said(80, true)], false),
        ] {
            assert_eq!(contradiction(&said).is_some(), is_contradicted, "{said:?}");
        }
    }
}
