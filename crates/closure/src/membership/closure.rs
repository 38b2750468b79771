//! The evaluator of docs/design/closure.md §2 and §3: full members first, then what `exclude` takes out, then
//! stubs. Says what it has to see, never decides on incomplete knowledge.

use std::collections::BTreeMap;

use redistrict_model::{BoundaryPolicy, EdgeOrigin, Key, KeyRow, Ownership, Role, TableRef};

use super::facts::{Facts, Known, is_relayed};
use super::fetch::{ClosureError, Fetch, Purpose};
use super::growth;
use super::label::{Hang, Labels, hang_home};
use super::layout::Layout;
use super::members::Members;
use super::stand::{Judgement, Search, Verdict};
use super::trailing::Trailing;
use super::trim::{self, Trimmed};
use super::users::{self, Users};

/// Evaluates which rows belong to one district.
///
/// ```text
/// let mut closure = Closure::new(&ownership, &identities, &district)?;
/// loop {
///     let fetches = closure.step()?;
///     if fetches.is_empty() { break; }
///     for fetch in fetches { let rows = …; closure.absorb(&fetch, &rows)?; }
/// }
/// let members = closure.finish()?;
/// ```
///
/// The result depends on the rows only, not on the order of answers. Memory is a few words per row
/// and reference that was fetched, and each distinct key once. Every row is entered once; what
/// waits for facts is looked at once per step.
pub struct Closure {
    pub(super) facts: Facts,
    pub(super) labels: Labels,
    pub(super) users: Users,
    /// Whole sets of users, of the few rows where these matter.
    pub(super) all_users: Users,
    pub(super) district: u32,
    stage: Stage,
    outstanding: usize,
    /// By row: a full member before `exclude`.
    pub(super) is_full: Vec<bool>,
    pub(super) verdicts: Vec<Option<Verdict>>,
    pub(super) is_referred: Vec<bool>,
    candidates: Vec<u32>,
    references: Vec<u32>,
    awaiting: Vec<u32>,
    pub(super) trimmed: Trimmed,
    pub(super) is_stub: Vec<bool>,
    pub(super) stubs: Vec<u32>,
    open_stubs: Vec<u32>,
    pub(super) trailing: Trailing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Start,
    Full,
    Stubs,
    Done,
}

impl Closure {
    /// Prepares the evaluation for one district.
    ///
    /// `identity` holds the identity columns of every table that has some (see
    /// [`identities`](crate::identities)); `district` has one part per column of the root's key.
    ///
    /// # Errors
    /// If edges name tables that the ownership lacks, or the key has the wrong number of parts.
    pub fn new(
        ownership: &Ownership,
        identity: &BTreeMap<TableRef, Vec<String>>,
        district: &Key,
    ) -> Result<Self, ClosureError> {
        let (facts, district) = open(ownership, identity, district)?;
        Ok(Self {
            facts,
            labels: Labels::default(),
            users: Users::default(),
            all_users: Users::exhaustive(),
            district,
            stage: Stage::Start,
            outstanding: 0,
            is_full: Vec::new(),
            verdicts: Vec::new(),
            is_referred: Vec::new(),
            candidates: Vec::new(),
            references: Vec::new(),
            awaiting: Vec::new(),
            trimmed: Trimmed::default(),
            is_stub: Vec::new(),
            stubs: Vec::new(),
            open_stubs: Vec::new(),
            trailing: Trailing::default(),
        })
    }

    /// Asks for at most so many keys of one kind in a step, instead of as many as fit well into memory.
    #[must_use]
    pub fn asking_for(mut self, keys: usize) -> Self {
        self.facts.set_window(keys);
        self
    }

    /// Goes as far as facts allow and says which rows have to be seen next; nothing means done.
    ///
    /// # Errors
    /// An unknown district, or answers of the last step that are missing.
    pub fn step(&mut self) -> Result<Vec<Fetch>, ClosureError> {
        if self.outstanding > 0 {
            return Err(ClosureError::OutOfOrder {
                what: "answers of the last step are missing",
            });
        }
        self.labels.begin_pass(&self.facts);
        self.make_room();
        loop {
            match self.stage {
                Stage::Start => self.start()?,
                Stage::Full => self.grow()?,
                Stage::Stubs => self.grow_stubs(),
                Stage::Done => return Ok(Vec::new()),
            }
            let fetches = self.facts.take_fetches();
            if !fetches.is_empty() {
                self.outstanding = fetches.len();
                return Ok(fetches);
            }
        }
    }

    /// Takes the answer to a fetch: all rows that match, each once, in any order.
    ///
    /// # Errors
    /// If a row has not the columns that were asked for, or two rows have the same key.
    pub fn absorb(&mut self, fetch: &Fetch, rows: &[KeyRow]) -> Result<(), ClosureError> {
        self.outstanding = self.outstanding.saturating_sub(1);
        let rows = self.facts.absorb(fetch, rows)?;
        if fetch.purpose == Purpose::Down {
            self.candidates.extend(rows);
        }
        Ok(())
    }

    /// Takes some rows of the answer to a fetch that is [divisible](Fetch::is_divisible); the last ones, or
    /// none, are [absorbed](Self::absorb).
    ///
    /// # Errors
    /// As [`absorb`](Self::absorb), and if the fetch is not divisible.
    pub fn add(&mut self, fetch: &Fetch, rows: &[KeyRow]) -> Result<(), ClosureError> {
        if !fetch.is_divisible() {
            let what = "a part of an answer that is wanted as a whole";
            return Err(ClosureError::OutOfOrder { what });
        }
        let rows = self.facts.absorb(fetch, rows)?;
        self.candidates.extend(rows);
        Ok(())
    }

    /// The members and everything that has to be said about them.
    ///
    /// # Errors
    /// Before [`step`](Self::step) has returned nothing.
    pub fn finish(&self) -> Result<Members, ClosureError> {
        self.check_end()?;
        Ok(super::outcome::members(self))
    }

    /// As [`finish`](Self::finish), in less memory: what was known of the rows is given up on the way.
    ///
    /// # Errors
    /// Before [`step`](Self::step) has returned nothing.
    pub fn into_members(self) -> Result<Members, ClosureError> {
        self.check_end()?;
        Ok(super::outcome::into_members(self))
    }

    fn check_end(&self) -> Result<(), ClosureError> {
        if self.stage == Stage::Done {
            return Ok(());
        }
        let what = "it has not ended";
        Err(ClosureError::OutOfOrder { what })
    }

    /// Full members before `exclude`.
    pub(super) fn full(&self) -> impl Iterator<Item = u32> {
        let rows = (0..).zip(&self.is_full);
        rows.filter_map(|(row, is_full)| (*is_full && !self.facts.is_stand_in(row)).then_some(row))
    }

    pub(super) fn is_member(&self, row: u32) -> bool {
        self.is_full.get(row as usize) == Some(&true) && self.trimmed.is_left(row)
    }

    pub(super) fn is_own(&self, row: u32) -> bool {
        self.labels.known(row) == Some(Some(self.district))
    }

    /// Its table is copied whole, and no district owns it.
    pub(super) fn comes_whole(&self, row: u32) -> bool {
        self.facts.layout.tables[self.facts.table(row)].is_whole
            && self.labels.known(row) == Some(None)
    }

    /// Where a row stands that a member refers to; final once the evaluation has ended.
    pub(super) fn verdict(&self, row: u32) -> Option<Verdict> {
        self.verdicts.get(row as usize).copied().flatten()
    }

    /// What a decided policy does with references over a key that was never validated to rows that are not
    /// there: `null` and `exclude` count for them, too. None otherwise: they dangle.
    pub(super) fn policy_of_nothing(&self, edge: u32) -> Option<BoundaryPolicy> {
        let layout = &self.facts.layout;
        let shape = &layout.edges[edge as usize];
        if layout.descriptions[edge as usize].origin != EdgeOrigin::NotValid {
            return None;
        }
        match shape.policy? {
            BoundaryPolicy::Null if shape.is_nullable => Some(BoundaryPolicy::Null),
            BoundaryPolicy::Exclude => Some(BoundaryPolicy::Exclude),
            BoundaryPolicy::Null | BoundaryPolicy::Stop | BoundaryPolicy::Stub => None,
        }
    }

    /// What happens to a reference over that edge to a row that stands there.
    pub(super) fn policy(&self, edge: u32, verdict: Verdict) -> BoundaryPolicy {
        let edge = &self.facts.layout.edges[edge as usize];
        let default = if verdict == Verdict::Above {
            BoundaryPolicy::Stub
        } else {
            BoundaryPolicy::Stop
        };
        match edge.policy.unwrap_or(default) {
            BoundaryPolicy::Null if !edge.is_nullable => BoundaryPolicy::Stop,
            BoundaryPolicy::Stub if edge.is_into_keyless => BoundaryPolicy::Stop,
            policy => policy,
        }
    }

    pub(super) fn make_room(&mut self) {
        let rows = self.facts.row_count();
        growth::resize(&mut self.is_full, rows, false);
        growth::resize(&mut self.is_stub, rows, false);
        growth::resize(&mut self.verdicts, rows, None);
        growth::resize(&mut self.is_referred, self.facts.pool.len(), false);
    }

    fn start(&mut self) -> Result<(), ClosureError> {
        match self.facts.look_up(self.district) {
            Known::NotYet => {}
            Known::Absent => {
                let root = &self.facts.layout.tables[self.facts.layout.root];
                return Err(ClosureError::UnknownDistrict {
                    root: root.name.clone(),
                });
            }
            Known::Row(root) => {
                self.candidates.push(root);
                self.facts.ask_for_whole_tables();
                self.stage = Stage::Full;
            }
        }
        Ok(())
    }

    /// Enters every row that is known to be a full member.
    fn grow(&mut self) -> Result<(), ClosureError> {
        while self.pass_candidates() | self.pass_waiting() | self.pass_references() {}
        if self.facts.has_questions() {
            return Ok(());
        }
        let is_stuck = !self.candidates.is_empty()
            || !self.references.is_empty()
            || self.trailing.is_waiting();
        if is_stuck {
            return Err(ClosureError::OutOfOrder {
                what: "rows wait for facts that nobody asked for",
            });
        }
        if self.ask_passing() {
            return Ok(());
        }
        if !self.awaiting.is_empty() {
            return self.settle_awaiting();
        }
        self.trimmed = trim::trim(self);
        self.begin_stubs();
        self.stage = Stage::Stubs;
        Ok(())
    }

    /// Rows that may be own or hang on a member. True if one was entered.
    fn pass_candidates(&mut self) -> bool {
        let mut is_changed = false;
        for row in std::mem::take(&mut self.candidates) {
            if self.is_full[row as usize] {
                continue;
            }
            match self.labels.label(&mut self.facts, self.district, row) {
                None => self.candidates.push(row),
                Some(Some(label)) if label == self.district => {
                    self.enter(row);
                    is_changed = true;
                }
                Some(Some(_)) => {}
                Some(None) if self.facts.layout.tables[self.facts.table(row)].is_whole => {
                    self.enter(row);
                    is_changed = true;
                }
                Some(None) => match self.hangs_on_member(row) {
                    None => self.candidates.push(row),
                    Some(true) => {
                        self.enter(row);
                        is_changed = true;
                    }
                    Some(false) => {}
                },
            }
        }
        is_changed
    }

    /// Whether the home of a row without label is a full member now, and of a pair both parents.
    /// Should a parent become one later, the row becomes a candidate again.
    fn hangs_on_member(&mut self, row: u32) -> Option<bool> {
        let (parent, edge) = match hang_home(&mut self.facts, row) {
            Hang::NotYet => return None,
            Hang::Nowhere => return Some(false),
            Hang::On { row, edge } => (row, edge),
        };
        if !self.is_full[parent as usize] {
            return Some(false);
        }
        for position in 0..self.facts.layout.edges[edge as usize].pair.len() {
            let twin = self.facts.layout.edges[edge as usize].pair[position];
            let Some(target) = self.facts.reference(row, twin) else {
                continue;
            };
            match self.facts.look_up(target) {
                Known::NotYet => return None,
                Known::Row(other) if self.is_full[other as usize] => {}
                Known::Row(_) | Known::Absent => return Some(false),
            }
        }
        if !self.facts.layout.tables[self.facts.table(row)].is_looked_up {
            return Some(true);
        }
        match self.judge(row) {
            Judgement::Known(verdict) => Some(verdict == Verdict::Here),
            Judgement::NotYet => None,
            Judgement::Users(_) => {
                self.awaiting.push(row);
                Some(false)
            }
        }
    }

    /// Rows that members refer to. True if one was entered.
    fn pass_references(&mut self) -> bool {
        let mut is_changed = false;
        for target in std::mem::take(&mut self.references) {
            match self.facts.look_up(target) {
                Known::NotYet => self.references.push(target),
                Known::Absent => {}
                Known::Row(row) if self.is_full[row as usize] => {}
                Known::Row(row) => match self.judge(row) {
                    Judgement::Known(Verdict::Here) => {
                        self.enter(row);
                        is_changed = true;
                    }
                    Judgement::Known(_) => {}
                    Judgement::NotYet => self.references.push(target),
                    Judgement::Users(_) => self.awaiting.push(row),
                },
            }
        }
        is_changed
    }

    /// Decides shared rows by their users: those that members were seen to refer to meanwhile
    /// first, the others by a search, which is only begun when nothing else is left to do.
    fn settle_awaiting(&mut self) -> Result<(), ClosureError> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        let mut is_changed = false;
        for row in std::mem::take(&mut self.awaiting) {
            match self.judge(row) {
                Judgement::Known(Verdict::Here) if !self.is_full[row as usize] => {
                    self.enter(row);
                    is_changed = true;
                }
                Judgement::Known(_) => is_changed = true,
                Judgement::Users(search) => {
                    match search {
                        Search::Ours(row) => open.push(row),
                        Search::All(row) => all.push(row),
                    }
                    self.awaiting.push(row);
                }
                Judgement::NotYet => self.awaiting.push(row),
            }
        }
        if is_changed {
            return Ok(());
        }
        let (facts, labels) = (&mut self.facts, &mut self.labels);
        let is_found = self.users.search(facts, labels, self.district, &open)
            & self.all_users.search(facts, labels, self.district, &all);
        if is_found || self.facts.has_questions() {
            return Ok(());
        }
        Err(ClosureError::OutOfOrder {
            what: "shared rows wait for facts that nobody asked for",
        })
    }

    pub(super) fn enter(&mut self, row: u32) {
        self.is_full[row as usize] = true;
        let table = self.facts.table(row);
        let is_own = self.is_own(row);
        let shows = self.shows(row, is_own);
        for position in 0..self.facts.layout.tables[table].out.len() {
            let edge = self.facts.layout.tables[table].out[position];
            let Some(target) = self.facts.reference(row, edge) else {
                continue;
            };
            self.refer(edge, target, shows);
        }
        self.ask_children(row, table, is_own);
    }

    /// A full member refers to this target.
    pub(super) fn refer(&mut self, edge: u32, target: u32, shows: Shows) {
        let layout = &self.facts.layout.edges[edge as usize];
        if layout.is_into_excluded || is_relayed(target) {
            return;
        }
        let parent = &self.facts.layout.tables[layout.parent];
        let is_known = shows != Shows::Nothing && layout.is_always && parent.role == Role::Shared;
        if is_known || shows == Shows::Label && parent.is_looked_up {
            self.users.mark_ours(target);
        }
        if !self.is_referred[target as usize] {
            self.is_referred[target as usize] = true;
            self.references.push(target);
        }
    }

    fn ask_children(&mut self, row: u32, table: usize, is_own: bool) {
        for edge in self.facts.layout.children(table, is_own) {
            let Some(own) = self.facts.own_target(row, edge) else {
                continue;
            };
            let child = self.facts.layout.edges[edge as usize].child;
            if self.trailing.passes(child) {
                self.trailing.want(edge, own);
            } else {
                self.facts.want_down(edge, own);
            }
        }
    }

    /// Whether what the row refers to is known in our district by that.
    pub(super) fn shows(&mut self, row: u32, is_own: bool) -> Shows {
        if is_own {
            let is_tier_0 = self.facts.layout.tables[self.facts.table(row)].is_tier_0;
            return if is_tier_0 {
                Shows::Label
            } else {
                Shows::Nothing
            };
        }
        let (facts, labels) = (&mut self.facts, &mut self.labels);
        let last = users::last_home(facts, labels, self.district, row).flatten();
        match last.and_then(|last| self.users.known(&self.facts, last)) {
            Some(users::Known::Ours) => Shows::Users,
            _ => Shows::Nothing,
        }
    }

    fn begin_stubs(&mut self) {
        for row in 0..super::layout::number(self.is_full.len()) {
            if !self.is_member(row) || self.facts.is_stand_in(row) {
                continue;
            }
            let table = self.facts.table(row);
            for place in 0..self.facts.layout.tables[table].out.len() {
                let edge = self.facts.layout.tables[table].out[place];
                if self.facts.layout.edges[edge as usize].is_into_excluded {
                    continue;
                }
                let target = self.facts.reference(row, edge);
                if let Some(target) = target {
                    self.begin_stub(edge, target);
                }
            }
        }
        for (edge, target, _) in self.passed_references() {
            self.begin_stub(edge, target);
        }
    }

    /// A stub where a full member refers to what does not come.
    fn begin_stub(&mut self, edge: u32, target: u32) {
        let Known::Row(parent) = self.facts.known(target) else {
            return;
        };
        if self.is_full[parent as usize] {
            return;
        }
        let verdict = self.verdict(parent).unwrap_or(Verdict::Other);
        if self.policy(edge, verdict) == BoundaryPolicy::Stub {
            self.add_stub(parent);
        }
    }

    fn add_stub(&mut self, row: u32) {
        if !self.is_stub[row as usize] && !self.is_member(row) {
            self.is_stub[row as usize] = true;
            self.stubs.push(row);
            self.open_stubs.push(row);
        }
    }

    /// Follows the mandatory references of stubs.
    fn grow_stubs(&mut self) {
        let mut waiting = Vec::new();
        while let Some(row) = self.open_stubs.pop() {
            let table = self.facts.table(row);
            let mut is_waiting = false;
            for position in 0..self.facts.layout.tables[table].out.len() {
                let edge = self.facts.layout.tables[table].out[position];
                let layout = &self.facts.layout.edges[edge as usize];
                if !layout.mandatory || layout.is_into_excluded {
                    continue;
                }
                let is_keyless = layout.is_into_keyless;
                let Some(target) = self.facts.reference(row, edge) else {
                    continue;
                };
                match self.facts.look_up(target) {
                    Known::NotYet => is_waiting = true,
                    Known::Absent => {}
                    Known::Row(_) if is_keyless => {}
                    Known::Row(parent) => self.add_stub(parent),
                }
            }
            if is_waiting {
                waiting.push(row);
            }
        }
        if waiting.is_empty() {
            self.stage = Stage::Done;
        }
        self.open_stubs = waiting;
    }
}

/// What a full row shows about the rows it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Nothing,
    /// Our district, by its own label.
    Label,
    /// Our district, as one in which the row it hangs on is known.
    Users,
}

/// Compiles an ownership and interns the district's key.
pub(super) fn open(
    ownership: &Ownership,
    identity: &BTreeMap<TableRef, Vec<String>>,
    district: &Key,
) -> Result<(Facts, u32), ClosureError> {
    let expected = ownership.root_key.len();
    if district.parts().len() != expected {
        return Err(ClosureError::WrongKey {
            root: ownership.root.clone(),
            expected,
            given: district.parts().len(),
        });
    }
    let layout = Layout::new(ownership, identity)?;
    let index = layout.root_index;
    // The index may have the columns in another order than the configuration.
    let names = &layout.indexes[index as usize].names;
    let part = |name: &String| {
        let position = ownership.root_key.iter().position(|column| column == name);
        district.parts()[position.unwrap_or(0)].clone()
    };
    let key = Key::new(names.iter().map(part));
    let mut facts = Facts::new(layout);
    let district = facts.target(index, &key);
    Ok((facts, district))
}
