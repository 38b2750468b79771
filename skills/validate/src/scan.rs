//! Reads the artifact and gives its rows to the checks. Tables that others refer to are read twice
//! (their keys, then their references), all others once; the bulk of a district is in the others.

use redistrict_artifact::{Artifact, ArtifactError, Manifest};
use redistrict_model::{CheckResult, ErrorKind, Membership, Plan};
use redistrict_skill::SkillError;

use crate::cells::TableBatch;
use crate::checks::check_constraints::CheckConstraints;
use crate::checks::counts::{self, RowCounts};
use crate::checks::enums::Enums;
use crate::checks::foreign_keys::References;
use crate::checks::isolation::{self, Isolation};
use crate::checks::keys::UniqueKeys;
use crate::checks::lengths::Lengths;
use crate::checks::not_null::NotNull;
use crate::checks::privacy::{self, ReservedRanges};
use crate::checks::{RowCheck, TableView};

/// What a scan needs beside the artifact.
pub(crate) struct Scan<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) artifact: &'a Artifact,
    /// The manifest of the raw artifact, or why it is not there.
    pub(crate) raw: Result<&'a Manifest, String>,
    /// Bytes that the unique keys of one table may use at a time.
    pub(crate) key_memory: u64,
    /// Called before each batch with the table's name and the rows read so far.
    pub(crate) step: &'a dyn Fn(&str, u64) -> Result<(), SkillError>,
}

impl Scan<'_> {
    /// Runs all checks.
    ///
    /// # Errors
    /// A part that cannot be read, or an interruption. What a check finds is no error.
    pub(crate) fn run(self) -> Result<Vec<CheckResult>, SkillError> {
        let manifest = self.artifact.manifest();
        let mut results = counts::of_manifest(manifest, self.plan);
        results.push(counts::against_raw(manifest, self.raw.clone()));
        results.push(privacy::proof(manifest));
        let mut references = References::of(self.plan, manifest);
        let root = &self.plan.sections.extract.ownership.root;
        let views = manifest
            .tables
            .iter()
            .filter_map(|entry| TableView::of(self.plan, entry));
        // What a row shares its key with is reached through the row, whoever refers to it.
        let (parents, leaves): (Vec<_>, Vec<_>) = views.partition(|view| {
            let name = view.name();
            references.is_parent(name) || name == root || isolation::has_base(self.plan, name)
        });
        let mut isolation = Isolation::of(self.plan, manifest, &parents);
        for view in &parents {
            let table_results = self.table(view, |batch| {
                references.index(view, batch);
                isolation.take(view, batch);
            })?;
            results.extend(table_results);
        }
        for view in &parents {
            self.each(view, |batch| {
                references.look(view, batch, |edge, child, parent| {
                    isolation.step(edge, child, parent);
                });
            })?;
        }
        isolation.solve();
        for view in &leaves {
            let mut bits = Vec::new();
            let table_results = self.table(view, |batch| {
                bits.extend(
                    batch
                        .membership
                        .iter()
                        .map(|one| isolation::of_membership(*one)),
                );
                references.look(view, batch, |edge, child, parent| {
                    if let Some(bits) = usize::try_from(child).ok().and_then(|at| bits.get_mut(at))
                    {
                        *bits |= isolation.through(edge, parent);
                    }
                });
            })?;
            isolation.judge_rows(view, &bits);
            results.extend(table_results);
        }
        for view in &parents {
            isolation.judge(view);
        }
        results.extend(references.finish(manifest));
        results.extend(isolation.finish());
        Ok(results)
    }

    /// The checks of one table by itself; `also` sees the same rows.
    fn table(
        &self,
        view: &TableView<'_>,
        mut also: impl FnMut(&TableBatch<'_>),
    ) -> Result<Vec<CheckResult>, SkillError> {
        let mut rows = RowCounts::default();
        let mut keys = UniqueKeys::of(view, self.key_memory);
        let mut checks: Vec<Box<dyn RowCheck>> = Vec::new();
        add(&mut checks, NotNull::of(view));
        add(&mut checks, Lengths::of(view));
        add(&mut checks, Enums::of(view));
        add(&mut checks, CheckConstraints::of(view));
        add(&mut checks, ReservedRanges::of(view));
        self.each(view, |batch| {
            rows.look(batch);
            keys.look(batch);
            for check in &mut checks {
                check.look(batch);
            }
            also(batch);
        })?;
        while keys.has_more() {
            self.each(view, |batch| keys.look(batch))?;
        }
        let mut results = vec![rows.finish(view)];
        results.extend(counts::target_catalog(view));
        results.extend(keys.finish());
        results.extend(checks.into_iter().flat_map(RowCheck::finish));
        Ok(results)
    }

    fn each(
        &self,
        view: &TableView<'_>,
        mut look: impl FnMut(&TableBatch<'_>),
    ) -> Result<(), SkillError> {
        let mut first = 0;
        for item in self.artifact.rows(view.name()) {
            let (rows, membership): (_, Vec<Membership>) = item.map_err(|e| unreadable(&e))?;
            (self.step)(&view.name().to_string(), first)?;
            if !view
                .entry
                .columns
                .iter()
                .all(|(name, _)| rows.column_by_name(name).is_some())
            {
                return Err(SkillError::new(
                    ErrorKind::Corrupt,
                    format!(
                        "read {}: a part lacks a column of the manifest",
                        view.name()
                    ),
                ));
            }
            look(&TableBatch {
                rows: &rows,
                membership: &membership,
                first,
            });
            first += rows.num_rows() as u64;
        }
        Ok(())
    }
}

fn add(checks: &mut Vec<Box<dyn RowCheck>>, check: Option<impl RowCheck + 'static>) {
    if let Some(check) = check {
        checks.push(Box::new(check));
    }
}

/// An error of the artifact as the skill's.
pub(crate) fn unreadable(error: &ArtifactError) -> SkillError {
    SkillError::because(error.error_kind(), "read the masked artifact", error)
}
