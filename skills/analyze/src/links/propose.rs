//! Looks at the values of what examples and names suggest, from the tenant root outwards, and keeps what they
//! confirm. What is called after a table in a weaker way counts only where another reference of the table would
//! contradict it, or where the values are keys of nothing else; otherwise it is a question.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, Key, TableRef};
use redistrict_skill::SkillError;

use super::agreement::Ways;
use super::candidates::{Candidate, Rule, candidates};
use super::contradicted;
use super::kinds::{self, UncoveredKinds};
use super::known::Known;
use super::names::{Fit, fit, said_table};
use super::nested::{self, NestedReference};
use super::questions::{self, OpenReference, Questions, Suggestion};
use super::values::{Evidence, Reader};
use crate::driver::Cuts;

/// A column that says which table is meant says few different things.
pub(super) const MOST_KINDS: usize = 20;

/// A reference that examples or names suggest and values confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedLink {
    pub child: TableRef,
    pub child_columns: Vec<String>,
    pub parent: TableRef,
    /// In the order of `child_columns`.
    pub parent_columns: Vec<String>,
    /// It counts where this column has this text, which is the name of the parent's table.
    pub when: Option<(String, String)>,
    /// Whether it may say whose a row is. Not where nothing else does, and the table has an open question: then
    /// that may be the one that says it. Nor from a table to itself.
    pub owns: bool,
    /// Why this table.
    pub rule: Rule,
    /// Different values that were looked at.
    pub evidence: Evidence,
}

/// What was found out about references that no catalog declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposedLinks {
    /// Ordered by child, columns and kind.
    pub links: Vec<ProposedLink>,
    /// Columns with values that by their names refer to something, and places inside of values, with what they may
    /// refer to. Ordered.
    pub open: Vec<OpenReference>,
    /// Texts beside references that name a table for none of the links.
    pub kinds: Vec<UncoveredKinds>,
    /// References inside of values.
    pub nested: Vec<NestedReference>,
}

/// The links that `init` writes: for each column that may refer to something at most one (for each kind that
/// a column beside it tells: one), nearest to the root first; and what is left open.
///
/// Reads samples of keys, at most 1,000 rows of a table, and counts the texts of columns that say kinds. They
/// stay in memory: of what was read, the result has only texts that are names of tables, and those that look
/// like names and that many rows share.
///
/// # Errors
/// A failing store.
pub async fn propose_links(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    root: &TableRef,
) -> Result<ProposedLinks, SkillError> {
    let all = candidates(catalogs);
    let mut search = Search {
        reader: Reader::new(cuts),
        catalogs,
        root,
        open: all.clone(),
        known: Known::around(catalogs, root),
        links: Vec::new(),
        asked: BTreeMap::new(),
        kinds: BTreeMap::new(),
    };
    let mut which = Which::FIRST;
    loop {
        let before = search.links.len();
        if which == Which::Weak {
            // What is wrong must not speak against what is called after a table in a weaker way.
            search.take_out().await?;
            search.weak_round().await?;
        } else {
            search.round(which).await?;
        }
        if search.links.len() > before {
            which = Which::FIRST;
        } else if let Some(next) = which.next() {
            which = next;
        } else {
            break;
        }
    }
    search.take_out().await?;
    let Search {
        mut reader,
        mut links,
        asked,
        ..
    } = search;
    let Questions { mut open, told } =
        questions::open(&mut reader, catalogs, root, &links, asked).await?;
    links.extend(told);
    links.sort_by(|a, b| {
        let rank = |link: &ProposedLink| {
            (
                link.child.clone(),
                link.child_columns.clone(),
                link.when.clone(),
            )
        };
        rank(a).cmp(&rank(b))
    });
    contradicted::withhold(catalogs, root, &mut links, &open);
    let kinds = kinds::left_open(&mut reader, &all, &links).await?;
    let nested = nested::find(&mut reader, catalogs, root, &links).await?;
    open.extend(nested.open);
    open.sort_by(|a, b| (&a.child, &a.columns, &a.inside).cmp(&(&b.child, &b.columns, &b.inside)));
    Ok(ProposedLinks {
        links,
        open,
        kinds,
        nested: nested.references,
    })
}

/// Which candidates a round looks at. The next ones are looked at when these gave nothing more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Within a store: what is called after a table of its own store means that one.
    SameStore,
    /// To tables that are connected with the root already.
    Inwards,
    /// Those whose table a column beside tells, to any table: that of the same store is meant first.
    ByKind,
    /// From connected tables to others: lists that they look up.
    Outwards,
    /// What names alone do not carry.
    Weak,
}

impl Which {
    const FIRST: Self = Self::SameStore;

    fn next(self) -> Option<Self> {
        match self {
            Self::SameStore => Some(Self::Inwards),
            Self::Inwards => Some(Self::ByKind),
            Self::ByKind => Some(Self::Outwards),
            Self::Outwards => Some(Self::Weak),
            Self::Weak => None,
        }
    }
}

/// A column that is asked about, or several that are one reference.
pub(super) type Place = (TableRef, Vec<String>);

/// The search on its way.
pub(super) struct Search<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) catalogs: &'a [Catalog],
    pub(super) root: &'a TableRef,
    pub(super) open: Vec<Candidate>,
    pub(super) known: Known,
    pub(super) links: Vec<ProposedLink>,
    pub(super) asked: BTreeMap<Place, Vec<Suggestion>>,
    /// What columns of kinds say, if they do.
    kinds: BTreeMap<Place, BTreeSet<Box<str>>>,
}

impl Search<'_> {
    /// Makes questions of the links that other references contradict.
    async fn take_out(&mut self) -> Result<(), SkillError> {
        let (links, asked) = (&mut self.links, &mut self.asked);
        contradicted::take_out(&mut self.reader, self.catalogs, self.root, links, asked).await
    }

    /// Looks at every candidate that has become one, and then counts its tables to the known ones.
    async fn round(&mut self, which: Which) -> Result<(), SkillError> {
        let known = &self.known;
        let is_due = |one: &Candidate| {
            !one.rule.is_weak()
                && match which {
                    Which::SameStore => {
                        let is_plain = one.kind_column.is_none() && !one.is_own_name;
                        is_plain && one.child.store == one.parent.store
                    }
                    Which::Inwards => one.kind_column.is_none() && known.has(&one.parent),
                    Which::ByKind => one.kind_column.is_some(),
                    Which::Outwards => known.has(&one.child) && !one.is_own_name,
                    Which::Weak => false,
                }
        };
        let (mut due, later): (Vec<_>, Vec<_>) = self.open.drain(..).partition(is_due);
        self.open = later;
        // Stable: what was first stays first within a depth.
        due.sort_by_key(|one| {
            let is_elsewhere = one.kind_column.is_some() && one.child.store != one.parent.store;
            let depth = known.depth.get(&one.parent).copied().unwrap_or(u32::MAX);
            let columns = std::cmp::Reverse(one.child_columns.len());
            (columns, one.rule, is_elsewhere, depth)
        });
        for (at, candidate) in due.iter().enumerate() {
            if candidate.kind_column.is_none() {
                self.consider(candidate, &due[at + 1..]).await?;
                continue;
            }
            for kind in self.kinds_of(candidate).await? {
                self.consider_kind(candidate, &kind).await?;
            }
        }
        self.known.follow(&self.links);
        Ok(())
    }

    /// The texts of the column of kinds that name the parent's table: all there are in the whole table.
    async fn kinds_of(&mut self, candidate: &Candidate) -> Result<Vec<Box<str>>, SkillError> {
        let Some(column) = candidate.kind_column.clone() else {
            return Ok(Vec::new());
        };
        let mut place = (candidate.child.clone(), candidate.child_columns.clone());
        place.1.push(column.clone());
        if !self.kinds.contains_key(&place) {
            let columns = &candidate.child_columns;
            let said = kinds::said(&mut self.reader, &candidate.child, columns, &column).await?;
            self.kinds.insert(place.clone(), said);
        }
        let said = self.kinds.get(&place).into_iter().flatten();
        let names_parent =
            |kind: &str| fit(&said_table(kind), &candidate.parent_name) == Some(Fit::Whole);
        Ok(said.filter(|kind| names_parent(kind)).cloned().collect())
    }

    /// Several tables of one store may be called so, and hold the values: then nobody can tell.
    async fn consider(
        &mut self,
        candidate: &Candidate,
        others: &[Candidate],
    ) -> Result<(), SkillError> {
        if self.is_settled(candidate, None) {
            return Ok(());
        }
        let Some(evidence) = self.confirmed(candidate).await? else {
            return Ok(());
        };
        let is_rival = |other: &&Candidate| {
            other.child == candidate.child
                && other.child_columns == candidate.child_columns
                && other.kind_column.is_none()
                && (candidate.rule, other.rule) == (Rule::Name, Rule::Name)
                && other.parent != candidate.parent
                && other.parent.store == candidate.parent.store
        };
        let mut suggestions = vec![suggestion(candidate, evidence)];
        let mut rivals = vec![(candidate, evidence)];
        for rival in others.iter().filter(is_rival) {
            let is_new = suggestions.iter().all(|known| known.parent != rival.parent);
            if let Some(evidence) = self.confirmed(rival).await?.filter(|_| is_new) {
                suggestions.push(suggestion(rival, evidence));
                rivals.push((rival, evidence));
            }
        }
        if suggestions.len() > 1 {
            // Other references of the rows may tell which.
            let ways = Ways::new(self.catalogs, self.root, &self.links);
            let mut agreeing = Vec::new();
            for (one, evidence) in rivals {
                let said = self.agreements(one, ways.as_ref()).await?;
                if said.iter().any(|agreement| agreement.agrees()) {
                    agreeing.push((one, evidence));
                }
            }
            if let [(one, evidence)] = agreeing.as_slice() {
                self.links.push(link(one, None, *evidence));
                return Ok(());
            }
            self.asked.insert(place_of(candidate), suggestions);
        } else {
            self.links.push(link(candidate, None, evidence));
        }
        Ok(())
    }

    async fn consider_kind(&mut self, candidate: &Candidate, kind: &str) -> Result<(), SkillError> {
        let Some(column) = &candidate.kind_column else {
            return Ok(());
        };
        let when = (column.clone(), kind.to_owned());
        if self.is_settled(candidate, Some(&when)) {
            return Ok(());
        }
        let (child, columns) = (&candidate.child, &candidate.child_columns);
        let keys = self.reader.of_kind(child, columns, column, kind).await?;
        let parent = (&candidate.parent, &candidate.parent_columns);
        let evidence = self.reader.look_up(parent.0, parent.1, &keys).await?;
        if evidence.confirms() {
            self.links.push(link(candidate, Some(when), evidence));
        }
        Ok(())
    }

    pub(super) async fn keys_of(
        &mut self,
        candidate: &Candidate,
    ) -> Result<BTreeSet<Key>, SkillError> {
        let (child, columns) = (&candidate.child, &candidate.child_columns);
        self.reader.values(child, columns).await
    }

    /// The evidence, if the values confirm the candidate. An example wants every value.
    pub(super) async fn confirmed(
        &mut self,
        candidate: &Candidate,
    ) -> Result<Option<Evidence>, SkillError> {
        let keys = self.keys_of(candidate).await?;
        if keys.is_empty() {
            return Ok(None);
        }
        let (parent, columns) = (&candidate.parent, &candidate.parent_columns);
        let evidence = self.reader.look_up(parent, columns, &keys).await?;
        let wants_all = matches!(candidate.rule, Rule::Example { .. });
        let is_confirmed = evidence.confirms() && (evidence.is_whole() || !wants_all);
        Ok(is_confirmed.then_some(evidence))
    }

    /// A link over one of these columns is there, or the same one the other way round, or somebody is asked.
    pub(super) fn is_settled(
        &self,
        candidate: &Candidate,
        when: Option<&(String, String)>,
    ) -> bool {
        let is_linked = self.links.iter().any(|link| {
            let is_taken = link.child == candidate.child
                && (when.is_none() || link.when.is_none() || link.when.as_ref() == when)
                && self.shares_columns(link, candidate);
            let is_reverse = link.child == candidate.parent
                && link.parent == candidate.child
                && link.child_columns == candidate.parent_columns;
            is_taken || is_reverse
        });
        is_linked || self.asked.contains_key(&place_of(candidate))
    }

    /// Two keys of several columns may have columns in common, but not those that tell which table is meant.
    fn shares_columns(&self, link: &ProposedLink, candidate: &Candidate) -> bool {
        let has_column = |column: &String| link.child_columns.contains(column);
        if link.child_columns.len() > 1 && candidate.child_columns.len() > 1 {
            return candidate.bearing.iter().all(has_column);
        }
        candidate.child_columns.iter().any(has_column)
    }
}

pub(super) fn place_of(candidate: &Candidate) -> Place {
    (candidate.child.clone(), candidate.child_columns.clone())
}

pub(super) fn link(
    candidate: &Candidate,
    when: Option<(String, String)>,
    evidence: Evidence,
) -> ProposedLink {
    ProposedLink {
        child: candidate.child.clone(),
        child_columns: candidate.child_columns.clone(),
        parent: candidate.parent.clone(),
        parent_columns: candidate.parent_columns.clone(),
        when,
        owns: candidate.child != candidate.parent,
        rule: candidate.rule,
        evidence,
    }
}

pub(super) fn suggestion(candidate: &Candidate, evidence: Evidence) -> Suggestion {
    Suggestion {
        parent: candidate.parent.clone(),
        parent_columns: candidate.parent_columns.clone(),
        rule: Some(candidate.rule),
        evidence,
        agreement: None,
        contradicted_in: 0,
    }
}
