//! What holds after every fault. Reads CERT, the files and what the product says of itself; shares no code with it.

use std::path::Path;

use anyhow::{Context, Result};
use redistrict_estate::EstateKind;
use redistrict_testkit::neo4j::Graph;
use redistrict_testkit::postgres;

use super::site::{Golden, Job, Site, digests};
use crate::digest::{self, Place, Rows};
use crate::micro::{COUNTERS, MARK, STORES};
use crate::standing::{Standing, standing};

/// So often the server is asked whether a session has ended, each time a twentieth of a second later.
const ENDED_WITHIN: usize = 200;

const SESSIONS: &str = "select string_agg(application_name, ', ') from pg_stat_activity \
     where datname = current_database() and application_name like 'redistrict/%'";

const LEASES: &str = "select count(*) from redistrict_meta.lease where run_id is not null";

const PREPARED: &str = "select count(*) from pg_prepared_xacts where database = current_database()";

/// Judges what became of one job.
pub(crate) struct Judge<'a> {
    pub(crate) site: &'a Site<'a>,
    pub(crate) golden: &'a Golden,
    pub(crate) job: Job,
}

impl Judge<'_> {
    /// At any moment: each store is as before or as after; where they differ, the decision is taken and those that
    /// do not follow yet are prepared, or nothing is; and the product does not say that all is done when it is not.
    /// Gives what is wrong.
    pub(crate) fn at_once(&self) -> Result<Option<String>> {
        let standing = self.standing()?;
        let done = match &standing {
            Standing::Torn(stores) => {
                let stores = stores.join(", ");
                return Ok(Some(format!("neither before nor after: {stores}")));
            }
            Standing::AllBefore | Standing::AllAfter => None,
            Standing::Some(done) => Some(done),
        };
        if let (Some(done), Some(decider)) = (done, self.decider()) {
            if !done.contains(&decider) {
                return Ok(Some(format!("{done:?} are as after, the decider is not")));
            }
            for place in self.site.micro.targets() {
                if !done.contains(&place.name) && self.count(place, PREPARED)? != 1 {
                    let store = place.name;
                    return Ok(Some(format!(
                        "{store} is as before, and nothing is prepared"
                    )));
                }
            }
        }
        let (run, status) = self.site.newest()?;
        let is_told = status == "succeeded" && run.starts_with(self.prefix());
        Ok((is_told && standing != Standing::AllAfter)
            .then(|| format!("{run} is told as succeeded, and the stores are {standing:?}")))
    }

    /// In the end: CERT is as after an undisturbed run, the product says so, nothing is left behind and nothing of a
    /// person has leaked. Gives what is wrong.
    pub(crate) fn in_the_end(&self) -> Result<Option<String>> {
        if let Some(problem) = self.in_cert()? {
            return Ok(Some(problem));
        }
        let (run, status) = self.site.newest()?;
        if status != "succeeded" || !run.starts_with(self.prefix()) {
            return Ok(Some(format!("{run} is told as {status}")));
        }
        let files = digest::temporary_files(&self.site.micro.dir)?;
        if !files.is_empty() {
            return Ok(Some(format!("left behind: {}", files.join(", "))));
        }
        let file = leaked(&self.site.micro.dir)?;
        Ok(file.map(|path| format!("a value of a person is in {path}")))
    }

    /// The same, as far as CERT shows it.
    pub(crate) fn in_cert(&self) -> Result<Option<String>> {
        let targets = self.site.micro.targets();
        let rows = digest::rows_in(targets, self.site.runtime)?;
        let standing = self.standing_of(&rows);
        if standing != Standing::AllAfter {
            return Ok(Some(format!("the stores are {standing:?}")));
        }
        let left = self.left()?;
        if !left.is_empty() {
            return Ok(Some(format!("left behind: {}", left.join(", "))));
        }
        for (store, is_above) in COUNTERS {
            let place = targets.into_iter().find(|place| place.name == store);
            let place = place.context("a counter's store")?;
            if self.ask(place, is_above)? != "t" {
                return Ok(Some(format!(
                    "a counter of {store} is below the district's keys"
                )));
            }
        }
        let mut leaks = rows
            .iter()
            .filter(|(_, rows)| rows.iter().any(|row| has_mark(row.as_bytes())));
        Ok(leaks
            .next()
            .map(|(table, _)| format!("a value of a person is in {table}")))
    }

    /// What is left behind in CERT: staging, prepared commits, leases, sessions.
    pub(crate) fn left(&self) -> Result<Vec<String>> {
        let targets = self.site.micro.targets();
        let mut left = digest::leftovers_in(targets, self.site.runtime)?;
        for place in targets {
            left.extend(self.held(place)?);
        }
        Ok(left)
    }

    /// How the stores stand now.
    pub(crate) fn standing(&self) -> Result<Standing> {
        let rows = digest::rows_in(self.site.micro.targets(), self.site.runtime)?;
        Ok(self.standing_of(&rows))
    }

    fn standing_of(&self, rows: &Rows) -> Standing {
        let now = digests(rows);
        standing(&STORES, &self.golden.before, &self.golden.after, &now)
    }

    /// The job's run is called so.
    fn prefix(&self) -> &'static str {
        match self.job {
            Job::Load => "mig-",
            Job::Undo => "rb-",
        }
    }

    /// The one store that commits without being prepared, where there is one.
    fn decider(&self) -> Option<&'static str> {
        let effects = self.golden.effects.iter();
        let mut commits = effects.filter_map(|effect| effect.name.strip_prefix("cert commit "));
        let (first, second) = (commits.next()?, commits.next());
        let decider = STORES.into_iter().find(|store| *store == first);
        decider.filter(|_| second.is_none())
    }

    /// A lease that was not given back, a session that has not ended.
    fn held(&self, place: Place<'_>) -> Result<Vec<String>> {
        let lease = match place.kind {
            EstateKind::Postgres => self.count(place, LEASES)?,
            EstateKind::Sqlite => rusqlite::Connection::open(place.path())?.query_row(
                "select count(*) from redistrict_lease where run_id is not null",
                [],
                |row| row.get(0),
            )?,
            EstateKind::Neo4j => {
                let held = "match (l:RedistrictLease) where l.run is not null return count(l)";
                let graph = Graph::connect(place.url);
                self.site.runtime.block_on(graph.count(held))
            }
        };
        let mut found = Vec::new();
        if lease != 0 {
            found.push(format!("the lease of {}", place.name));
        }
        if place.kind == EstateKind::Postgres
            && let Some(sessions) = self.sessions(place)?
        {
            found.push(format!("sessions in {}: {sessions}", place.name));
        }
        Ok(found)
    }

    /// The labels of the sessions that do not end.
    fn sessions(&self, place: Place<'_>) -> Result<Option<String>> {
        let mut labels = String::new();
        for _ in 0..ENDED_WITHIN {
            labels = self.ask(place, SESSIONS)?;
            if labels.is_empty() {
                return Ok(None);
            }
            self.ask(place, "select pg_sleep(0.05)")?;
        }
        Ok(Some(labels))
    }

    fn count(&self, place: Place<'_>, sql: &str) -> Result<i64> {
        self.ask(place, sql)?.parse().context("read a number")
    }

    /// The first value that a PostgreSQL store answers.
    fn ask(&self, place: Place<'_>, sql: &str) -> Result<String> {
        let rows = self
            .site
            .runtime
            .block_on(postgres::query(place.url, sql))?;
        let value = rows.into_iter().flatten().next();
        Ok(value.flatten().unwrap_or_default())
    }
}

/// The first file below a directory that holds a value of a person.
fn leaked(dir: &Path) -> Result<Option<String>> {
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = leaked(&path)? {
                return Ok(Some(found));
            }
        } else if has_mark(&std::fs::read(&path).context("read a file")?) {
            return Ok(Some(path.display().to_string()));
        }
    }
    Ok(None)
}

fn has_mark(bytes: &[u8]) -> bool {
    let first = MARK.as_bytes()[0];
    let starts = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| byte.eq_ignore_ascii_case(&first));
    let mut starts = starts.filter_map(|(at, _)| bytes.get(at..at + MARK.len()));
    starts.any(|part| part.eq_ignore_ascii_case(MARK.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_value_is_found_in_any_case_and_at_the_end() {
        assert!(has_mark(b"\x00zAnn ZyZZyvak"));
        assert!(!has_mark(b"Ann Zyzzyva"));
    }
}
