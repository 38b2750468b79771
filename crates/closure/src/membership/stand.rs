//! Where a row stands, seen from the district (docs/design/closure.md §2): here, or elsewhere. By its label, by
//! where what it hangs on is known, by who looks it up, and by what it must refer to.

use std::collections::HashSet;

use super::closure::Closure;
use super::facts::Known;
use super::label::{Chain, Place};
use super::users;

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Here,
    Other,
    Above,
}

/// A verdict, or why there is none yet.
pub(super) enum Judgement {
    Known(Verdict),
    Users(Search),
    /// Facts are missing, and were asked for.
    NotYet,
}

/// Users that have to be searched for.
#[derive(Clone, Copy)]
pub(super) enum Search {
    /// Whether our district is among them.
    Ours(u32),
    /// All of them.
    All(u32),
}

impl Closure {
    /// Where a row stands. What was decided once stays so.
    pub(super) fn judge(&mut self, row: u32) -> Judgement {
        if let Some(verdict) = self.verdicts[row as usize] {
            return Judgement::Known(verdict);
        }
        let judgement = self.judge_beside(row, HashSet::new());
        if let Judgement::Known(verdict) = judgement {
            self.verdicts[row as usize] = Some(verdict);
        }
        judgement
    }

    /// Where a row stands if nothing is known of what the rows in `seen` must refer to.
    pub(super) fn judge_beside(&mut self, row: u32, seen: HashSet<u32>) -> Judgement {
        Judgement::Known(
            match self.labels.place(&mut self.facts, self.district, row) {
                Place::NotYet => return Judgement::NotYet,
                Place::Here => Verdict::Here,
                Place::Other => Verdict::Other,
                Place::Above => Verdict::Above,
                Place::Known(chain) => return self.judge_chain(chain, seen),
            },
        )
    }

    /// Searches for users. True once they are known.
    pub(super) fn search(&mut self, search: Search) -> bool {
        let (facts, labels) = (&mut self.facts, &mut self.labels);
        match search {
            Search::Ours(row) => self.users.search(facts, labels, self.district, &[row]),
            Search::All(row) => self.all_users.search(facts, labels, self.district, &[row]),
        }
    }

    /// Where a row without label stands. A row that no district owns, and that is not known in ours, is another
    /// district's if what it must refer to is, over however many steps.
    fn judge_chain(&mut self, chain: Chain, mut seen: HashSet<u32>) -> Judgement {
        let mut open = vec![chain];
        while let Some(chain) = open.pop() {
            match self.judge_users(&chain) {
                Err(search) => return Judgement::Users(search),
                Ok(Verdict::Here) => {}
                Ok(verdict) => return Judgement::Known(verdict),
            }
            let table = &self.facts.layout.tables[self.facts.table(chain.last)];
            if !table.may_be_anothers || !seen.insert(chain.last) {
                continue;
            }
            match self.users.known(&self.facts, chain.last) {
                None => return Judgement::Users(Search::Ours(chain.last)),
                Some(users::Known::Ours) => continue,
                Some(users::Known::Nobody | users::Known::Others) => {}
            }
            for edge in table.out.clone() {
                if !self.facts.layout.is_claim(edge) {
                    continue;
                }
                let Some(target) = self.facts.reference(chain.last, edge) else {
                    continue;
                };
                let parent = match self.facts.look_up(target) {
                    Known::NotYet => return Judgement::NotYet,
                    Known::Absent => continue,
                    Known::Row(parent) => parent,
                };
                match self.labels.place(&mut self.facts, self.district, parent) {
                    Place::NotYet => return Judgement::NotYet,
                    Place::Other => return Judgement::Known(Verdict::Other),
                    Place::Here | Place::Above => {}
                    Place::Known(chain) => open.push(chain),
                }
            }
        }
        Judgement::Known(Verdict::Here)
    }

    /// Where a row stands by the users of its chain of homes: those of the shared row in which that ends, and
    /// those who look up a row of it, among the districts in which that shared row is known.
    fn judge_users(&self, chain: &Chain) -> Result<Verdict, Search> {
        let known = |row: u32| self.users.known(&self.facts, row).ok_or(Search::Ours(row));
        let shared = match chain.is_shared {
            true => Some(known(chain.last)?),
            false => None,
        };
        if shared == Some(users::Known::Others) {
            return Ok(Verdict::Other);
        }
        for row in &chain.looked_up {
            if known(*row)? != users::Known::Others {
                continue;
            }
            if shared != Some(users::Known::Ours) {
                return Ok(Verdict::Other);
            }
            let users = self.all_users.districts(chain.last);
            let users = users.ok_or(Search::All(chain.last))?;
            let theirs = self.users.districts(*row);
            if theirs.is_some_and(|theirs| !theirs.is_disjoint(users)) {
                return Ok(Verdict::Other);
            }
        }
        Ok(Verdict::Here)
    }
}
