//! What runs have left in CERT, or are at: leases and staged rows, each with the line that resolves it.

use std::collections::BTreeMap;

use redistrict_journal::{Journal, RunStatus, fold};
use redistrict_model::{Finding, RunId, StoreName};
use redistrict_orchestrator::is_worked_on;
use redistrict_store::Traces;

use crate::failure::{CommandResult, Failure};
use crate::prerequisites::Item;
use crate::session::Session;
use crate::wire::Workspace;

/// Looks into every target; reads only.
pub(crate) async fn look(session: &Session, workspace: &Workspace) -> (Vec<Item>, Vec<Finding>) {
    let (mut items, mut findings) = (Vec::new(), Vec::new());
    let (targets, journal) = match opened(session, workspace) {
        Ok(opened) => opened,
        Err(failure) => return (vec![item("all".to_owned(), Err(failure))], findings),
    };
    for target in targets {
        let place = names(target.stores());
        let looked = match target.traces().await {
            Ok(traces) => known_runs(journal.as_deref(), workspace, &traces)
                .map(|known| (state(&traces), judged(&place, &traces, &known))),
            Err(error) => Err(error.into()),
        };
        items.push(item(
            place,
            looked.map(|(state, found)| {
                findings.extend(found);
                state
            }),
        ));
    }
    (items, findings)
}

type Opened = (
    Vec<std::sync::Arc<dyn redistrict_store::TargetStore>>,
    Option<std::sync::Arc<dyn Journal>>,
);

/// A journal that is not there is not made.
fn opened(session: &Session, workspace: &Workspace) -> CommandResult<Opened> {
    let journal = match workspace.layout.journal().exists() {
        true => Some(session.journal(workspace)?),
        false => None,
    };
    Ok((session.targets(workspace)?, journal))
}

fn item(place: String, state: CommandResult<String>) -> Item {
    Item {
        place,
        side: "what runs left in CERT",
        version: String::new(),
        state,
    }
}

fn names(stores: &[StoreName]) -> String {
    let names: Vec<&str> = stores.iter().map(StoreName::as_str).collect();
    names.join(", ")
}

/// What this machine knows of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// A process of this machine works on it.
    AtWork,
    Unfinished,
    /// Its rows stand.
    Loaded,
    Ended,
}

fn known_runs(
    journal: Option<&dyn Journal>,
    workspace: &Workspace,
    traces: &Traces,
) -> CommandResult<BTreeMap<RunId, Known>> {
    let mut known = BTreeMap::new();
    let Some(journal) = journal else {
        return Ok(known);
    };
    let prepared = traces.prepared.iter().map(|one| &one.run);
    for run in traces.holder.iter().chain(&traces.staged).chain(prepared) {
        let Some(state) = fold(&journal.read(run).map_err(Failure::from)?) else {
            continue;
        };
        let standing = match &state.status {
            _ if is_worked_on(&workspace.layout.state_dir, run) => Known::AtWork,
            _ if state.is_unfinished() => Known::Unfinished,
            RunStatus::Succeeded => Known::Loaded,
            _ => Known::Ended,
        };
        known.insert(run.clone(), standing);
    }
    Ok(known)
}

fn state(traces: &Traces) -> String {
    let lease = traces.holder.as_ref().map(|run| match traces.quiet {
        Some(quiet) => format!(
            "run {run} has the lease, heard of {} s ago",
            quiet.as_secs()
        ),
        None => format!("run {run} has the lease"),
    });
    let orphans = orphans(traces).map(|run| format!("staged rows of run {run}"));
    let prepared = traces.prepared.iter().map(|one| {
        let (run, decider) = (&one.run, &one.decider);
        format!("run {run} has prepared a commit, which {decider} decides")
    });
    let said: Vec<String> = lease.into_iter().chain(orphans).chain(prepared).collect();
    match said.is_empty() {
        true => "nothing".to_owned(),
        false => said.join("; "),
    }
}

/// Runs that have staged rows and no lease: nobody works on them.
fn orphans(traces: &Traces) -> impl Iterator<Item = &RunId> {
    let staged = traces.staged.iter();
    staged.filter(|run| traces.holder.as_ref() != Some(*run))
}

/// Whether somebody works on a run that has the lease, or keeps it by what it has prepared.
fn is_at_work(run: &RunId, traces: &Traces, known: &BTreeMap<RunId, Known>) -> bool {
    match known.get(run) {
        Some(Known::AtWork) => true,
        // Its process would hold the run's lock.
        Some(_) => false,
        None => traces.is_alive(),
    }
}

/// A warning for each thing that nobody works on, with what to do about it.
fn judged(place: &str, traces: &Traces, known: &BTreeMap<RunId, Known>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(run) = &traces.holder
        && !is_at_work(run, traces, known)
    {
        let message =
            format!("run {run} has the lease and nobody works on it: no other run can load");
        let found = Finding::warning("lease-left", place, message, 1);
        findings.push(found.with_lines(resolving(run, known.get(run).copied())));
    }
    for one in &traces.prepared {
        let (run, decider) = (&one.run, &one.decider);
        if !is_at_work(run, traces, known) {
            let message = format!(
                "run {run} has prepared a commit and nobody works on it: it holds its locks until it is ended; whether \
                 it is committed was decided in {decider}"
            );
            let found = Finding::warning("prepared-left", place, message, 1);
            findings.push(found.with_lines(resolving(run, known.get(run).copied())));
        }
    }
    for run in orphans(traces) {
        if known.get(run) == Some(&Known::AtWork) {
            continue;
        }
        let message = format!("run {run} has left staged rows, and has no lease");
        let found = Finding::warning("staging-left", place, message, 1);
        findings.push(found.with_lines(resolving(run, known.get(run).copied())));
    }
    findings
}

/// What a person types.
fn resolving(run: &RunId, known: Option<Known>) -> Vec<String> {
    match known {
        Some(Known::AtWork | Known::Unfinished) => vec![
            format!("redistrict resume {run}"),
            format!("redistrict cancel {run}     # takes back what it loaded"),
        ],
        // Its rows are not to be touched: only its undo would clear this away.
        Some(Known::Loaded) => {
            vec![format!(
                "redistrict rollback {run}     # takes its rows out, too"
            )]
        }
        Some(Known::Ended) => vec![format!("redistrict rollback {run}")],
        None => vec![format!(
            "redistrict rollback {run}     # where its journal is lost; else resume it on its machine"
        )],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use redistrict_store::{Epoch, PreparedId};

    use super::*;

    fn traces(holder: Option<&str>, quiet: u64, staged: &[&str]) -> Traces {
        Traces {
            holder: holder.map(RunId::new),
            quiet: Some(Duration::from_secs(quiet)),
            staged: staged.iter().map(|run| RunId::new(*run)).collect(),
            prepared: Vec::new(),
        }
    }

    fn lines(traces: &Traces, known: &[(&str, Known)]) -> Vec<String> {
        let known = known.iter().map(|(run, known)| (RunId::new(*run), *known));
        let found = judged("ids", traces, &known.collect());
        found
            .into_iter()
            .map(|one| format!("{}: {}", one.code, one.lines[0]))
            .collect()
    }

    #[test]
    fn what_nobody_works_on_is_told_with_the_line_that_resolves_it() {
        assert!(lines(&traces(None, 0, &[]), &[]).is_empty());
        let held = traces(Some("a"), 5, &["a"]);
        assert!(lines(&held, &[]).is_empty(), "another machine is at it");
        assert!(lines(&held, &[("a", Known::AtWork)]).is_empty());
        // The lock of a run tells more than a beat.
        let found = lines(&held, &[("a", Known::Unfinished)]);
        assert_eq!(found, ["lease-left: redistrict resume a"]);
        let found = lines(&traces(Some("a"), 61, &["a"]), &[]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("lease-left: redistrict rollback a "));
        let found = lines(
            &traces(Some("a"), 5, &["a", "b", "c"]),
            &[("c", Known::Ended)],
        );
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("staging-left: redistrict rollback b "));
        assert_eq!(found[1], "staging-left: redistrict rollback c");
    }

    #[test]
    fn a_prepared_commit_is_told_with_who_decides_it() {
        let mut left = traces(Some("a"), 61, &[]);
        left.prepared = vec![PreparedId {
            run: RunId::new("a"),
            epoch: Epoch(3),
            group: StoreName::new("ids"),
            decider: StoreName::new("graph"),
        }];
        assert!(state(&left).ends_with("; run a has prepared a commit, which graph decides"));
        let found = lines(&left, &[("a", Known::Unfinished)]);
        assert_eq!(
            found,
            [
                "lease-left: redistrict resume a",
                "prepared-left: redistrict resume a"
            ]
        );
        assert!(lines(&left, &[("a", Known::AtWork)]).is_empty());
    }

    #[test]
    fn the_state_names_whoever_has_something_there() {
        assert_eq!(state(&traces(None, 0, &[])), "nothing");
        let said = state(&traces(Some("a"), 5, &["a", "b"]));
        assert_eq!(
            said,
            "run a has the lease, heard of 5 s ago; staged rows of run b"
        );
    }
}
