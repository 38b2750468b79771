//! Whether CERT's triggers fire for what is written and taken out: decided while planning, held to by the load and the
//! undo. Tables that are written in one statement have one answer.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::config::Triggers;
use redistrict_model::{Finding, LoadGroup, Plan, Severity, Table, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{FiresAnyway, Merge, StoreError, TargetStore};

use crate::error::{config, store_failed};

/// What is known before it is decided.
pub(crate) struct Known<'a> {
    /// As CERT has them.
    pub(crate) tables: &'a [Table],
    /// What the configuration says.
    pub(crate) settings: &'a BTreeMap<TableRef, Triggers>,
    /// What CERT's servers say.
    pub(crate) anyway: &'a [FiresAnyway],
}

/// Why the triggers of a set of tables fire.
enum Because<'a> {
    /// The configuration says so for one of them.
    Set(&'a TableRef),
    /// They cannot be switched off.
    Hindered { why: String, lines: &'a [String] },
}

impl Known<'_> {
    /// The tables whose triggers are off, of a commit group that is written in this order. Without a word of the
    /// configuration that is where they can be. Everything that fires, or does not, is told.
    pub(crate) fn decide(&self, order: &[Vec<TableRef>]) -> (BTreeSet<TableRef>, Vec<Finding>) {
        let (mut off, mut findings) = (BTreeSet::new(), Vec::new());
        for set in order {
            let tables: Vec<&Table> = set.iter().filter_map(|name| self.table(name)).collect();
            let firing = tables.iter().copied();
            let firing = firing.filter(|table| !table.firing_triggers().is_empty());
            let because = self.because(&tables);
            for table in firing {
                findings.push(match &because {
                    None => {
                        off.insert(table.name.clone());
                        silent(table)
                    }
                    Some(because) if self.setting(&table.name) == Some(Triggers::Off) => {
                        refused(table, because)
                    }
                    Some(because) => firing_anyway(table, because),
                });
            }
        }
        (off, findings)
    }

    fn table(&self, name: &TableRef) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    fn setting(&self, name: &TableRef) -> Option<Triggers> {
        self.settings.get(name).copied()
    }

    fn because(&self, set: &[&Table]) -> Option<Because<'_>> {
        let is_set = |table: &&&Table| self.setting(&table.name) == Some(Triggers::Fire);
        if let Some(table) = set.iter().find(is_set) {
            let name = self.settings.keys().find(|name| **name == table.name);
            return name.map(Because::Set);
        }
        let keyless = set.iter().find(|table| table.identity().is_none());
        if let Some(table) = keyless {
            let why = format!(
                "the rows of {} have no key to check their references by",
                table.name
            );
            return Some(Because::Hindered { why, lines: &[] });
        }
        let is_of_set = |one: &&FiresAnyway| set.iter().any(|table| table.name == one.table);
        let found = self.anyway.iter().find(is_of_set)?;
        Some(Because::Hindered {
            why: found.why.clone(),
            lines: &found.lines,
        })
    }
}

/// What their texts say that they fill, for people.
fn fills(table: &Table) -> String {
    let enabled = table.triggers.iter().filter(|trigger| trigger.enabled);
    let tables: BTreeSet<&TableRef> = enabled.flat_map(|trigger| &trigger.fills).collect();
    let names: Vec<String> = tables.into_iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn silent(table: &Table) -> Finding {
    let filled = fills(table);
    let kept_up = match filled.is_empty() {
        true => String::new(),
        false => format!("; by their text they write {filled}, which gets nothing by them"),
    };
    let message = format!(
        "CERT's triggers do not fire for the rows that are written, nor when they are taken out again, so that an undo is \
         exact; foreign keys are checked all the same{kept_up}: {}",
        table.firing_triggers().join(", ")
    );
    let count = table.firing_triggers().len() as u64;
    let found = Finding::warning("triggers-off", table.name.to_string(), message, count);
    match filled.is_empty() {
        true => Finding {
            severity: Severity::Info,
            ..found
        },
        false => found.with_lines(setting(
            table,
            "fire",
            "what they write is not taken out by an undo",
        )),
    }
}

fn firing_anyway(table: &Table, because: &Because<'_>) -> Finding {
    let filled = fills(table);
    let filled = match filled.is_empty() {
        true => String::new(),
        false => format!(" ({filled}, by their text)"),
    };
    let why = match because {
        Because::Set(name) if **name == table.name => String::new(),
        Because::Set(name) => {
            format!(" They fire because those of {name} do, which is written with it.")
        }
        Because::Hindered { why, .. } => format!(" They cannot be switched off because {why}."),
    };
    let message = format!(
        "CERT's triggers fire for the rows that are written, and when they are taken out again: {}. What they write \
         elsewhere{filled} is not taken back by an undo; where one changes the rows themselves, an undo of rows that \
         were updated is refused.{why}",
        table.firing_triggers().join(", ")
    );
    let count = table.firing_triggers().len() as u64;
    let found = Finding::warning("triggers-in-target", table.name.to_string(), message, count);
    found.with_lines(match because {
        Because::Set(_) => setting(table, "off", "then an undo is exact"),
        Because::Hindered { lines, .. } => lines.to_vec(),
    })
}

fn refused(table: &Table, because: &Because<'_>) -> Finding {
    let (why, lines): (String, &[String]) = match because {
        Because::Set(name) => (
            format!("{name} is written in the same statement, and its triggers are to fire"),
            &[],
        ),
        Because::Hindered { why, lines } => (why.clone(), lines),
    };
    let message = format!("its triggers cannot be switched off because {why}");
    let found = Finding::error("triggers-not-off", table.name.to_string(), message, 1);
    let alternative = setting(
        table,
        "fire",
        "what they write elsewhere is not taken back by an undo",
    );
    found.with_lines(lines.iter().cloned().chain(alternative))
}

fn setting(table: &Table, value: &str, what: &str) -> Vec<String> {
    vec![
        redistrict_closure::table_heading(&table.name),
        format!("triggers = \"{value}\"     # {what}"),
    ]
}

/// The tables of a group whose triggers are off, each with those that are written together with it.
fn silenced(plan: &Plan, group: &LoadGroup) -> Vec<TableRef> {
    let is_off = |name: &TableRef| {
        let planned = plan.sections.load.table(name);
        planned.is_some_and(|one| one.triggers == Triggers::Off)
    };
    let sets = group.order.iter().filter(|set| set.iter().any(is_off));
    sets.flatten().cloned().collect()
}

/// Keeps the triggers from firing that the plan switches off.
pub(crate) async fn silence(
    merge: &mut dyn Merge,
    plan: &Plan,
    group: &LoadGroup,
) -> Result<(), StoreError> {
    match silenced(plan, group).as_slice() {
        [] => Ok(()),
        tables => merge.silence(tables).await,
    }
}

/// Tables that no ledger knows, in which CERT changed rows while ours were written or taken out. Asked before the
/// commit.
pub(crate) async fn changed_elsewhere(
    merge: &mut dyn Merge,
    group: &LoadGroup,
) -> Result<Vec<Finding>, StoreError> {
    let changed = merge.changed_tables().await?.into_iter();
    let is_ours = |name: &TableRef| group.order.iter().flatten().any(|one| one == name);
    let elsewhere = changed.filter(|(name, _)| !is_ours(name));
    let told = elsewhere.map(|(name, changes)| {
        let what =
            "CERT's triggers changed rows of a table that is not loaded; no undo takes that back";
        Finding::warning("changed-elsewhere", name.to_string(), what, changes)
    });
    Ok(told.collect())
}

/// What the plan switches off can still be switched off. Reads only.
///
/// # Errors
/// Kind `Config`, with the reason and the lines that mend it.
pub(crate) async fn check_silence(
    target: &dyn TargetStore,
    plan: &Plan,
    group: &LoadGroup,
) -> Result<(), SkillError> {
    let tables = silenced(plan, group);
    if tables.is_empty() {
        return Ok(());
    }
    let found = target.fires_anyway(&tables).await;
    let found = found
        .map_err(|error| store_failed(format!("look at the target {}", group.name), &error))?;
    let Some(one) = found.into_iter().next() else {
        return Ok(());
    };
    let error = config(format!(
        "switch off the triggers of {} as planned: {}",
        one.table, one.why
    ));
    Err(one.lines.into_iter().fold(error, SkillError::with_hint))
}

#[cfg(test)]
mod tests {
    use redistrict_model::Trigger;

    use super::*;

    fn name(text: &str) -> TableRef {
        format!("s.main.{text}").parse().unwrap()
    }

    fn table(text: &str, fills: &[&str]) -> Table {
        Table {
            primary_key: Some(vec!["id".into()]),
            triggers: vec![Trigger {
                name: format!("t_{text}"),
                enabled: true,
                fills: fills.iter().map(|one| name(one)).collect(),
            }],
            ..Table::empty(name(text))
        }
    }

    /// Tables a and b, written together, and c, which fills a log; what is told, by table.
    fn decided(
        settings: &[(&str, Triggers)],
        hindered: &[&str],
    ) -> (Vec<String>, BTreeMap<String, Finding>) {
        let tables = [table("a", &[]), table("b", &[]), table("c", &["log"])];
        let settings = settings
            .iter()
            .map(|(table, setting)| (name(table), *setting));
        let anyway = hindered.iter().map(|table| FiresAnyway {
            table: name(table),
            why: "nobody may".into(),
            lines: vec!["grant it".into()],
        });
        let known = Known {
            tables: &tables,
            settings: &settings.collect(),
            anyway: &anyway.collect::<Vec<_>>(),
        };
        let order = [vec![name("a"), name("b")], vec![name("c")]];
        let (off, findings) = known.decide(&order);
        let off = off.into_iter().map(|one| one.table);
        let findings = findings.into_iter();
        let findings = findings.map(|one| (one.subject.replace("s.main.", ""), one));
        (off.collect(), findings.collect())
    }

    #[test]
    fn triggers_are_off_where_they_can_be_and_whatever_they_fill_is_told() {
        let (off, found) = decided(&[], &[]);
        assert_eq!(off, ["a", "b", "c"]);
        assert_eq!(found["a"].severity, Severity::Info);
        assert_eq!(found["c"].severity, Severity::Warning);
        assert!(
            found["c"].message.contains("s.main.log"),
            "{:?}",
            found["c"]
        );
        assert!(found["c"].lines[1].starts_with("triggers = \"fire\""));
    }

    #[test]
    fn where_one_table_of_a_statement_cannot_be_silent_all_of_them_fire_and_say_why() {
        let (off, found) = decided(&[], &["b"]);
        assert_eq!(off, ["c"]);
        assert!(found["a"].message.contains("because nobody may"));
        assert_eq!(found["a"].lines, ["grant it"]);
        let (off, found) = decided(&[("b", Triggers::Fire)], &[]);
        assert_eq!(off, ["c"]);
        assert!(found["a"].message.contains("those of s.main.b do"));
        assert!(found["b"].lines[1].starts_with("triggers = \"off\""));
    }

    #[test]
    fn what_the_configuration_switches_off_and_cannot_be_stops_the_plan() {
        let (off, found) = decided(&[("a", Triggers::Off)], &["b"]);
        assert_eq!(off, ["c"]);
        assert_eq!(found["a"].severity, Severity::Error);
        assert_eq!(found["a"].lines[0], "grant it");
        assert_eq!(found["b"].severity, Severity::Warning);
        let mixed = [("a", Triggers::Off), ("b", Triggers::Fire)];
        let (_, found) = decided(&mixed, &[]);
        assert!(
            found["a"]
                .message
                .contains("s.main.b is written in the same statement")
        );
    }

    #[test]
    fn without_a_key_or_without_triggers_nothing_is_switched_off() {
        let keyless = Table {
            primary_key: None,
            ..table("a", &[])
        };
        let bare = Table {
            triggers: Vec::new(),
            ..table("b", &[])
        };
        let known = Known {
            tables: &[keyless, bare],
            settings: &BTreeMap::new(),
            anyway: &[],
        };
        let (off, found) = known.decide(&[vec![name("a")], vec![name("b")]]);
        assert!(off.is_empty());
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("have no key"));
    }
}
