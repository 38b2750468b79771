//! Why a row does not come: the first missing step, found by looking at that row and what it belongs to
//! or hangs on. Only after the evaluation has ended; changes no membership.

use std::collections::{HashMap, HashSet, VecDeque};

use redistrict_model::{BoundaryPolicy, EdgeId, Key, Role, TableRef};

use super::closure::Closure;
use super::facts::Known;
use super::fetch::{ClosureError, Fetch, Purpose};
use super::label::{Hang, hang_home};
use super::layout::number;
use super::members::Leads;
use super::stand::{Judgement, Search, Verdict};
use super::trim::parent;
use super::users;

/// An answer, or what has to be seen before there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// To be answered and absorbed; then the question is asked again.
    Needs(Vec<Fetch>),
    Known(T),
}

/// Why a row does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// From the row that was asked for to the row that the reason is about; none if that is the same.
    pub steps: Vec<MissingStep>,
    /// The table of the row that the reason is about.
    pub table: TableRef,
    pub reason: Reason,
    /// References of rows that come to the row that was asked for, by edge: what becomes of them.
    pub referred: Vec<Referred>,
}

/// A row that does not come, because another one does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingStep {
    pub table: TableRef,
    pub tie: Tie,
}

/// What ties a row to the next one of the branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It has that row's district.
    BelongsTo(EdgeId),
    /// That row is its subclass row, and gives it its district.
    BaseOf(EdgeId),
    /// It has no district of its own and hangs on that row.
    HangsOn(EdgeId),
    /// It was taken out with that row, to which it must refer.
    MustReferTo(EdgeId),
    /// It has no district, hangs on nothing, and goes with that row, to which it must refer.
    GoesWith(EdgeId),
}

impl Tie {
    /// The reference.
    #[must_use]
    pub fn edge(self) -> EdgeId {
        match self {
            Self::BelongsTo(edge)
            | Self::BaseOf(edge)
            | Self::HangsOn(edge)
            | Self::MustReferTo(edge)
            | Self::GoesWith(edge) => edge,
        }
    }
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The table is left out by decision.
    ExcludedTable,
    /// There is no such row.
    NoSuchRow,
    /// The row belongs to the district with this key.
    AnotherDistrict(Key),
    /// A shared row, or one that others look up, that is known in other districts only: by so many rows over each
    /// of these references.
    UsedElsewhere(Vec<(EdgeId, u64)>),
    /// An organisation above all districts, and no reference that brings a stub of it.
    AboveAllDistricts,
    /// It belongs to no district, hangs on nothing, and no row that comes refers to it.
    NobodyRefers,
    /// What it hangs on comes, but of its pair the row over another reference does not.
    OtherSideMissing(EdgeId),
    /// It refers to a row that does not belong here, and the policy of that reference is `exclude`.
    TakenOut(EdgeId),
    /// What would have brought it was taken out by the policy `exclude`.
    LostItsReferrers,
}

/// References over one edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Referred {
    pub edge: EdgeId,
    pub policy: BoundaryPolicy,
    pub leads: Leads,
    pub rows: u64,
}

impl Closure {
    /// Asks for rows of a table by values of any of its columns; what comes is known afterwards to
    /// [`why`](Self::why) and [`why_not`](Self::why_not), by the ids of the answer.
    ///
    /// # Errors
    /// A table that the ownership lacks.
    pub fn look_for(
        &self,
        table: &TableRef,
        by: &[String],
        key: &Key,
    ) -> Result<Fetch, ClosureError> {
        let layout = &self.facts.layout.tables[self.position(table)?];
        Ok(Fetch {
            table: layout.name.clone(),
            columns: layout.columns.clone(),
            by: by.to_vec(),
            keys: vec![key.clone()],
            purpose: Purpose::Rows {
                targets: Vec::new(),
            },
        })
    }

    /// Why a row that is no member does not come. The row is given by its identity or, of a keyless
    /// table, by its locator, once it was [looked for](Self::look_for).
    ///
    /// # Errors
    /// Before the evaluation has ended; for a row that comes; for a row of the district that the
    /// evaluation did not find, which is a defect.
    pub fn why_not(&mut self, table: &TableRef, key: &Key) -> Result<Answer<WhyNot>, ClosureError> {
        let position = self.position(table)?;
        let simple = |reason| {
            Ok(Answer::Known(WhyNot {
                steps: Vec::new(),
                table: table.clone(),
                reason,
                referred: Vec::new(),
            }))
        };
        if self.facts.layout.tables[position].role == Role::Excluded {
            return simple(Reason::ExcludedTable);
        }
        self.make_room();
        self.labels.begin_pass(&self.facts);
        let index = self.facts.layout.tables[position].indexes[0];
        let target = self.facts.target(index, key);
        self.make_room();
        let row = match self.facts.known(target) {
            Known::Row(row) => row,
            Known::Absent | Known::NotYet => return simple(Reason::NoSuchRow),
        };
        if self.is_member(row) || self.is_stub[row as usize] {
            return Err(out_of_order("the row comes"));
        }
        let Some(branch) = self.branch(row)? else {
            let fetches = self.facts.take_fetches();
            return match fetches.is_empty() {
                true => Err(out_of_order("a row waits for facts that nobody asked for")),
                false => Ok(Answer::Needs(fetches)),
            };
        };
        let (steps, last, reason) = branch;
        let steps = steps.into_iter().map(|(row, tie)| MissingStep {
            table: self.table_of(row),
            tie,
        });
        Ok(Answer::Known(WhyNot {
            steps: steps.collect(),
            table: self.table_of(last),
            referred: self.referred(row, &reason),
            reason,
        }))
    }

    fn position(&self, table: &TableRef) -> Result<usize, ClosureError> {
        let position = self.facts.layout.position(table);
        position.ok_or_else(|| ClosureError::UnknownTable {
            table: table.clone(),
        })
    }

    fn table_of(&self, row: u32) -> TableRef {
        self.facts.layout.tables[self.facts.table(row)].name.clone()
    }

    fn edge_id(&self, edge: u32) -> EdgeId {
        self.facts.layout.edge_ids[edge as usize]
    }

    /// From the row along its homes to the one that a reason is about. `None` means not yet: what is
    /// missing has been asked for.
    #[expect(clippy::type_complexity, reason = "private, taken apart at once")]
    fn branch(&mut self, row: u32) -> Result<Option<(Vec<(u32, Tie)>, u32, Reason)>, ClosureError> {
        let mut steps: Vec<(u32, Tie)> = Vec::new();
        let mut seen = HashSet::new();
        let mut at = row;
        loop {
            if self.trimmed.is_out(at) {
                let (more, last, reason) = self.taken_out(at);
                steps.extend(more);
                return Ok(Some((steps, last, reason)));
            }
            if self.is_member(at) {
                return Ok(Some(self.other_side(steps)));
            }
            if self.is_full[at as usize] {
                return Ok(Some((steps, at, Reason::LostItsReferrers)));
            }
            if !seen.insert(at) {
                return Ok(Some((steps, at, Reason::NobodyRefers)));
            }
            let Some(label) = self.labels.label(&mut self.facts, self.district, at) else {
                return Ok(None);
            };
            match label {
                Some(label) if label == self.district => {
                    return Err(out_of_order("a row of the district was not found"));
                }
                Some(label) => match self.labels.label_home(&self.facts, at) {
                    Some((home, edge)) => {
                        steps.push((at, self.label_tie(at, edge)));
                        at = home;
                    }
                    None => {
                        let reason = Reason::AnotherDistrict(self.facts.district_key(label));
                        return Ok(Some((steps, at, reason)));
                    }
                },
                None => {
                    let table = self.facts.table(at);
                    if self.facts.layout.tables[table].org.is_some() {
                        return Ok(Some((steps, at, Reason::AboveAllDistricts)));
                    }
                    match hang_home(&mut self.facts, at) {
                        Hang::NotYet => return Ok(None),
                        Hang::On { row: parent, edge } => {
                            steps.push((at, Tie::HangsOn(self.edge_id(edge))));
                            self.make_room();
                            at = parent;
                        }
                        Hang::Nowhere => {
                            let Some(next) = self.goes_with(at, &seen) else {
                                return Ok(None);
                            };
                            self.make_room();
                            if let Some((parent, edge)) = next {
                                steps.push((at, Tie::GoesWith(self.edge_id(edge))));
                                at = parent;
                                continue;
                            }
                            let reason = self.unowned(at);
                            return Ok(reason.map(|reason| (steps, at, reason)));
                        }
                    }
                }
            }
        }
    }

    fn label_tie(&self, row: u32, edge: u32) -> Tie {
        let subclasses = &self.facts.layout.tables[self.facts.table(row)].subclasses;
        match subclasses.contains(&edge) {
            true => Tie::BaseOf(self.edge_id(edge)),
            false => Tie::BelongsTo(self.edge_id(edge)),
        }
    }

    /// The branch ended in a row that comes: the row before hangs on it, and does not come because other
    /// districts look it up, or because of the other side of its pair.
    fn other_side(&mut self, mut steps: Vec<(u32, Tie)>) -> (Vec<(u32, Tie)>, u32, Reason) {
        let Some((row, tie)) = steps.pop() else {
            return (steps, 0, Reason::NobodyRefers);
        };
        if self.verdict(row) == Some(Verdict::Other) {
            let reason = Reason::UsedElsewhere(self.known_by(row));
            return (steps, row, reason);
        }
        let pair = &self.facts.layout.edges[tie.edge().index()].pair;
        let is_missing = |twin: &&u32| {
            parent(&self.facts, row, **twin).is_none_or(|other| !self.is_member(other))
        };
        let missing = pair.iter().find(is_missing).copied();
        let reason = missing.map_or(Reason::NobodyRefers, |twin| {
            Reason::OtherSideMissing(self.edge_id(twin))
        });
        (steps, row, reason)
    }

    /// The row of another district to which a row without label and home must refer, and the edge; of `seen` nothing
    /// is asked. `None` means not yet.
    fn goes_with(&mut self, row: u32, seen: &HashSet<u32>) -> Option<Option<(u32, u32)>> {
        let table = &self.facts.layout.tables[self.facts.table(row)];
        let (is_shared, edges) = (table.role == Role::Shared, table.out.clone());
        if !table.may_be_anothers {
            return Some(None);
        }
        if self.users.known(&self.facts, row).is_none() && !self.search(Search::Ours(row)) {
            return None;
        }
        match self.users.known(&self.facts, row)? {
            users::Known::Ours => return Some(None),
            users::Known::Others if is_shared => return Some(None),
            users::Known::Others | users::Known::Nobody => {}
        }
        for edge in edges {
            let is_claim = self.facts.layout.is_claim(edge);
            let Some(target) = self.facts.reference(row, edge).filter(|_| is_claim) else {
                continue;
            };
            let parent = match self.facts.look_up(target) {
                Known::NotYet => return None,
                Known::Absent => continue,
                Known::Row(parent) => parent,
            };
            loop {
                match self.judge_beside(parent, seen.clone()) {
                    Judgement::Known(Verdict::Other) => return Some(Some((parent, edge))),
                    Judgement::Known(_) => break,
                    Judgement::NotYet => return None,
                    Judgement::Users(search) if !self.search(search) => return None,
                    Judgement::Users(_) => {}
                }
            }
        }
        Some(None)
    }

    /// A row without label and home: known elsewhere only, or to nobody.
    fn unowned(&mut self, row: u32) -> Option<Reason> {
        let table = self.facts.table(row);
        if self.facts.layout.tables[table].role != Role::Shared {
            return Some(Reason::NobodyRefers);
        }
        if self.users.known(&self.facts, row).is_none() {
            let (facts, labels) = (&mut self.facts, &mut self.labels);
            self.users.search(facts, labels, self.district, &[row]);
        }
        match self.users.known(&self.facts, row)? {
            users::Known::Others => Some(Reason::UsedElsewhere(self.known_by(row))),
            users::Known::Ours | users::Known::Nobody => Some(Reason::NobodyRefers),
        }
    }

    /// The rows of other districts that must refer to a shared row, by reference, as far as they are known.
    fn known_by(&mut self, row: u32) -> Vec<(EdgeId, u64)> {
        let mut known = Vec::new();
        let evidence = self.facts.layout.tables[self.facts.table(row)]
            .evidence
            .clone();
        for edge in evidence {
            let Some(own) = self.facts.own_target(row, edge) else {
                continue;
            };
            let list = self.facts.list(edge, own).unwrap_or_default();
            let is_labelled = |row: &&u32| matches!(self.labels.known(**row), Some(Some(_)));
            let rows = list.iter().filter(is_labelled).count() as u64;
            if rows > 0 {
                known.push((self.edge_id(edge), rows));
            }
        }
        known
    }

    /// The shortest way from a row that `exclude` took out to one that refers to something elsewhere.
    fn taken_out(&self, row: u32) -> (Vec<(u32, Tie)>, u32, Reason) {
        let causes: HashMap<u32, u32> =
            (self.trimmed.causes.iter().map(|(edge, row)| (*row, *edge))).collect();
        let mut reached: HashMap<u32, Option<(u32, Tie)>> = HashMap::from([(row, None)]);
        let mut open = VecDeque::from([row]);
        while let Some(at) = open.pop_front() {
            if let Some(edge) = causes.get(&at) {
                let mut steps = Vec::new();
                let mut back = at;
                while let Some((before, tie)) = reached.get(&back).copied().flatten() {
                    steps.push((before, tie));
                    back = before;
                }
                steps.reverse();
                return (steps, at, Reason::TakenOut(self.edge_id(*edge)));
            }
            for (next, tie) in self.out_with(at) {
                reached.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    Some((at, tie))
                });
            }
        }
        (Vec::new(), row, Reason::LostItsReferrers)
    }

    /// The rows that were taken out and took this one with them.
    fn out_with(&self, row: u32) -> Vec<(u32, Tie)> {
        let mut next = Vec::new();
        for &edge in &self.facts.layout.tables[self.facts.table(row)].out {
            if self.facts.layout.edges[edge as usize].mandatory
                && let Some(parent) = parent(&self.facts, row, edge)
            {
                next.push((parent, Tie::MustReferTo(self.edge_id(edge))));
            }
        }
        if let Some((home, edge)) = super::trim::home(self, row) {
            let tie = match self.labels.known(row) {
                Some(Some(_)) => self.label_tie(row, edge),
                _ => Tie::HangsOn(self.edge_id(edge)),
            };
            next.push((home, tie));
        }
        next.retain(|(row, _)| self.trimmed.is_out(*row));
        next
    }

    /// What becomes of the references of members to a row that does not come.
    fn referred(&self, row: u32, reason: &Reason) -> Vec<Referred> {
        let is_out = self.trimmed.is_out(row);
        let verdict = self.verdict(row).unwrap_or(match reason {
            Reason::AboveAllDistricts => Verdict::Above,
            _ => Verdict::Other,
        });
        let leads = match verdict {
            _ if is_out => Leads::RowTakenOut,
            Verdict::Above => Leads::AboveAllDistricts,
            Verdict::Here | Verdict::Other => Leads::AnotherDistrict,
        };
        let table = self.facts.table(row);
        let mut counts: Vec<(u32, u64)> = (0..)
            .zip(&self.facts.layout.edges)
            .filter(|(_, edge)| edge.parent == table)
            .map(|(position, _)| (number(position), 0))
            .collect();
        for member in self.full().filter(|member| self.is_member(*member)) {
            let child = self.facts.table(member);
            for (edge, rows) in &mut counts {
                let is_of = self.facts.layout.edges[*edge as usize].child == child;
                if is_of && parent(&self.facts, member, *edge) == Some(row) {
                    *rows += 1;
                }
            }
        }
        counts.retain(|(_, rows)| *rows > 0);
        let of = |(edge, rows): (u32, u64)| Referred {
            edge: self.edge_id(edge),
            policy: match (is_out, self.facts.layout.edges[edge as usize].is_nullable) {
                (true, true) => BoundaryPolicy::Null,
                (true, false) => BoundaryPolicy::Stop,
                (false, _) => self.policy(edge, verdict),
            },
            leads,
            rows,
        };
        counts.into_iter().map(of).collect()
    }
}

fn out_of_order(what: &'static str) -> ClosureError {
    ClosureError::OutOfOrder { what }
}
