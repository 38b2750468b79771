//! How the commit groups of a run end together: asked and told while planning, decided by the preflight. Pure.

use redistrict_model::{Finding, Severity, StoreName};
use redistrict_store::Preparing;
use serde::{Deserialize, Serialize};

/// A commit group that is written, and whether it can prepare a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    pub group: StoreName,
    pub preparing: Preparing,
}

/// Why a group cannot prepare a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    pub group: StoreName,
    /// Fits after "because".
    pub why: String,
}

/// How several commit groups commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum CommitMode {
    /// At most one group is written: one transaction, which stands or does not.
    OneTransaction,
    /// Every group is written and checked in an open transaction. All but one prepare their commit; then that one
    /// commits, and its record of the run is the decision for all; then they are told.
    TwoPhase {
        groups: Vec<StoreName>,
        decides: StoreName,
        /// Why it is this one, where it could be no other one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because_of: Option<Hindrance>,
    },
    /// Every group is written and checked in an open transaction; then they commit in this order, one right
    /// after the other. If one of them fails for certain, those before it are taken back.
    OneAfterAnother {
        groups: Vec<StoreName>,
        /// Two-phase commit leaves room for one group that cannot prepare, and there are more.
        because_of: Vec<Hindrance>,
    },
}

impl CommitMode {
    /// By the groups that are written, in the order of the configuration: one that cannot prepare decides. Where
    /// all can, the last one does.
    pub(crate) fn of(written: &[Ability]) -> Self {
        let groups: Vec<StoreName> = written.iter().map(|one| one.group.clone()).collect();
        let Some(last) = groups.last().filter(|_| groups.len() > 1) else {
            return Self::OneTransaction;
        };
        let mut unable: Vec<Hindrance> = written.iter().filter_map(Ability::hindrance).collect();
        if unable.len() < 2 {
            let decides = unable.first().map_or(last, |one| &one.group).clone();
            let crowded = crowded(written, &decides);
            if crowded.is_empty() {
                return Self::TwoPhase {
                    groups,
                    decides,
                    because_of: unable.pop(),
                };
            }
            unable.extend(crowded);
        }
        Self::OneAfterAnother {
            groups,
            because_of: unable,
        }
    }

    /// For the plan; none where there is nothing to tell.
    pub(crate) fn finding(&self) -> Option<Finding> {
        let (code, groups, message) = match self {
            Self::OneTransaction => return None,
            Self::TwoPhase {
                groups,
                decides,
                because_of,
            } => {
                let why = because_of.as_ref().map_or_else(String::new, |one| {
                    format!(", which decides because {}", one.why)
                });
                let message = format!(
                    "{} databases are written and checked in open transactions and prepare their commit; then the \
                     commit of {decides} decides for all{why} (two-phase commit)",
                    groups.len()
                );
                ("commits-in-two-phases", groups, message)
            }
            Self::OneAfterAnother { groups, because_of } => {
                let names: Vec<&str> = groups.iter().map(StoreName::as_str).collect();
                let why: Vec<String> = because_of.iter().map(|one| one.why.clone()).collect();
                let message = format!(
                    "{} databases are written and checked in open transactions; then they commit one right after the \
                     other ({}), because {}; if one fails, those before it are taken back",
                    groups.len(),
                    names.join(", "),
                    why.join(", "),
                );
                ("commits-one-after-another", groups, message)
            }
        };
        Some(Finding {
            severity: Severity::Info,
            ..Finding::warning(code, "load", message, groups.len() as u64)
        })
    }
}

impl Ability {
    fn hindrance(&self) -> Option<Hindrance> {
        match &self.preparing {
            Preparing::Yes { .. } => None,
            Preparing::No { why } => Some(Hindrance {
                group: self.group.clone(),
                why: format!("{} cannot prepare a commit: {why}", self.group),
            }),
        }
    }
}

/// The groups that would prepare on a server that has too few places left for all of them.
fn crowded(written: &[Ability], decides: &StoreName) -> Vec<Hindrance> {
    let members = || written.iter().filter(|one| one.group != *decides);
    let places = |one: &Ability| match &one.preparing {
        Preparing::Yes { server, free } => Some((server.clone(), *free)),
        Preparing::No { .. } => None,
    };
    let hindrance = |one: &Ability| {
        let (server, free) = places(one)?;
        let is_there = |other: &&Ability| places(other).is_some_and(|place| place.0 == server);
        let needed = members().filter(is_there).count();
        (needed > free as usize).then(|| Hindrance {
            group: one.group.clone(),
            why: format!(
                "{} cannot prepare a commit: its server has {free} free places for prepared transactions \
                 (max_prepared_transactions), and {needed} are needed",
                one.group
            ),
        })
    };
    members().filter_map(hindrance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> StoreName {
        StoreName::new(text)
    }

    fn able(group: &str, server: &str, free: u32) -> Ability {
        let server = server.to_owned();
        Ability {
            group: name(group),
            preparing: Preparing::Yes { server, free },
        }
    }

    fn unable(group: &str) -> Ability {
        Ability {
            group: name(group),
            preparing: Preparing::never("Neo4j"),
        }
    }

    fn decides(written: &[Ability]) -> Option<String> {
        match CommitMode::of(written) {
            CommitMode::TwoPhase { decides, .. } => Some(decides.as_str().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn the_one_that_cannot_prepare_decides_and_else_the_last_one() {
        let (a, b, c) = (able("a", "s", 9), able("b", "s", 9), able("c", "t", 9));
        assert_eq!(decides(&[a.clone(), b.clone(), c]), Some("c".into()));
        let graph = unable("graph");
        assert_eq!(
            decides(&[graph.clone(), a.clone(), b]),
            Some("graph".into())
        );
        assert_eq!(decides(&[graph.clone(), unable("files"), a.clone()]), None);
        assert_eq!(CommitMode::of(&[graph]), CommitMode::OneTransaction);
        assert_eq!(CommitMode::of(&[a]), CommitMode::OneTransaction);
        assert_eq!(CommitMode::of(&[]), CommitMode::OneTransaction);
    }

    #[test]
    fn a_server_has_to_have_a_place_for_each_group_that_prepares_there() {
        let on = |free| {
            [
                able("a", "s", free),
                able("b", "s", free),
                able("c", "s", free),
            ]
        };
        assert_eq!(decides(&on(2)), Some("c".into()));
        let CommitMode::OneAfterAnother { because_of, .. } = CommitMode::of(&on(1)) else {
            panic!("two places are needed");
        };
        let groups: Vec<&str> = because_of.iter().map(|one| one.group.as_str()).collect();
        assert_eq!(groups, ["a", "b"]);
        assert!(because_of[0].why.contains("has 1 free places"));
        let apart = [able("a", "s", 1), able("b", "t", 1), able("c", "u", 0)];
        assert_eq!(decides(&apart), Some("c".into()));
    }

    #[test]
    fn the_plan_says_which_and_why() {
        let told = |written: &[Ability]| CommitMode::of(written).finding().map(|one| one.message);
        assert_eq!(told(&[unable("a")]), None);
        let both = told(&[unable("graph"), able("a", "s", 1)]).unwrap();
        assert!(
            both.contains("the commit of graph decides for all, which decides because graph"),
            "{both}"
        );
        let three = told(&[unable("graph"), unable("files")]).unwrap();
        assert!(
            three.contains("one right after the other (graph, files)"),
            "{three}"
        );
        assert!(
            three.contains("files cannot prepare a commit: Neo4j has no"),
            "{three}"
        );
    }
}
