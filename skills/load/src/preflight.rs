//! Looks at CERT before anything is written: enrolment, fingerprints, drift, and row by row what would
//! be inserted, updated, left, or stands in the way. Reads only.

use redistrict_artifact::{Artifact, RowHasher};
use redistrict_model::{Finding, LoadGroup, Plan, Table, TableRef};
use redistrict_skill::{Progress, SkillError, UnitContext, UnitOutcome};
use redistrict_store::{Enrolment, Fingerprint, StoreError, TableSize, TargetStore};
use serde_json::json;

use crate::classify::{Scope, classify};
use crate::collisions::Collisions;
use crate::conflicts::Conflicts;
use crate::error::{artifact_failed, config, store_failed};
use crate::forecast::{FORECAST, Line};
use crate::held::Rows;
use crate::keyless::Keyless;
use crate::open_schema::has_key;
use crate::origin::origin_of;
use crate::our_writes::OurWrites;
use crate::readers::{Readers, Views, live_tables};
use crate::report::{TableCounts, TableReport};
use crate::room::{check_obstacles, check_room};
use crate::rows::Locators;
use crate::session::{ABILITIES, LoadSetup, Session, preflight_unit};
use crate::shape::{Shape, target_hasher};
use crate::triggers::check_silence;

/// The unit.
pub(crate) async fn run(
    session: &Session,
    context: &UnitContext,
) -> Result<UnitOutcome, SkillError> {
    let plan = &context.plan;
    let artifact = session.artifact(context)?;
    artifact
        .verify()
        .map_err(|error| artifact_failed("verify the masked artifact", &error))?;
    check_covered(plan, &artifact)?;
    let mut targets = Vec::new();
    for group in &plan.sections.load.groups {
        let target = session.target(group)?;
        targets.extend(check_marks(&session.setup, group, target).await?);
        check_obstacles(group, target).await?;
        check_silence(target, plan, group).await?;
    }
    let forecast = Forecast {
        session,
        context,
        artifact: &artifact,
        hasher: target_hasher(&session.setup.key),
        locators: Locators::new(&session.setup.key),
    };
    let (tables, findings) = forecast.make().await?;
    for group in &plan.sections.load.groups {
        check_room(
            session.target(group)?,
            group,
            &load_sizes(&artifact, group, &tables),
        )
        .await?;
    }
    let rows = tables.iter().map(|table| table.counts.staged).sum();
    let lines: Vec<Line> = tables.iter().map(Line::of).collect();
    Ok(UnitOutcome {
        rows,
        bytes: 0,
        facts: json!({
            "artifact": artifact.run(),
            "seal": artifact.seal(),
            "targets": targets,
            FORECAST: lines,
            ABILITIES: session.abilities(&context.plan).await?,
        }),
        findings,
    })
}

/// What would be written, per table of a group: the bytes of a table are shared out over its rows.
fn load_sizes(artifact: &Artifact, group: &LoadGroup, tables: &[TableReport]) -> Vec<TableSize> {
    let order = group.order.iter().flatten();
    let sizes = order.filter_map(|name| {
        let entry = artifact.manifest().table(name)?;
        let counts = &tables.iter().find(|one| one.table == *name)?.counts;
        let rows = counts.inserted + counts.updated;
        let bytes: u64 = entry.parts.iter().map(|part| part.bytes).sum();
        let bytes = u128::from(bytes) * u128::from(rows) / u128::from(entry.rows.max(1));
        (rows > 0).then(|| TableSize {
            table: name.clone(),
            rows,
            columns: entry.columns.len(),
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        })
    });
    sizes.collect()
}

/// Every table of the artifact that has rows is written by exactly one group.
fn check_covered(plan: &Plan, artifact: &Artifact) -> Result<(), SkillError> {
    let groups = &plan.sections.load.groups;
    let is_covered = |table: &TableRef| {
        groups
            .iter()
            .any(|group| group.order.iter().flatten().any(|one| one == table))
    };
    let tables = &artifact.manifest().tables;
    match tables
        .iter()
        .find(|entry| entry.rows > 0 && !is_covered(&entry.table))
    {
        None => Ok(()),
        Some(entry) => Err(config(format!(
            "load {}: the artifact has rows of it, the plan writes none",
            entry.table
        ))),
    }
}

/// The target of each store is enrolled, is the database that was enrolled, and is not PROD; its
/// catalog is the one of the plan.
pub(crate) async fn check_marks(
    setup: &LoadSetup,
    group: &LoadGroup,
    target: &dyn TargetStore,
) -> Result<Vec<serde_json::Value>, SkillError> {
    let mut facts = Vec::new();
    for store in &group.stores {
        let failed =
            |error: StoreError| store_failed(format!("look at the target of {store}"), &error);
        let fingerprint = target.fingerprint(store).await.map_err(failed)?;
        refuse_prod(setup, store.as_str(), &fingerprint)?;
        let enrolment = target.enrolment(store).await.map_err(failed)?;
        let enrolment = check_enrolment(store.as_str(), enrolment, &fingerprint)?;
        facts.push(json!({ "store": store, "name": enrolment.name, "uuid": enrolment.uuid }));
    }
    Ok(facts)
}

fn refuse_prod(
    setup: &LoadSetup,
    store: &str,
    fingerprint: &Fingerprint,
) -> Result<(), SkillError> {
    if setup.source_fingerprints.contains(fingerprint) {
        return Err(config(format!(
            "use the target of {store}: PROD and CERT are the same database"
        ))
        .with_hint("give [store] target the URL of the CERT database"));
    }
    if setup.denied_fingerprints.contains(fingerprint) {
        return Err(config(format!(
            "use the target of {store}: `deny` in the configuration names this database"
        )));
    }
    Ok(())
}

fn check_enrolment(
    store: &str,
    enrolment: Option<Enrolment>,
    fingerprint: &Fingerprint,
) -> Result<Enrolment, SkillError> {
    let hint = format!("redistrict enroll {store} --name …");
    match enrolment {
        None => Err(
            config(format!("use the target of {store}: it is not enrolled as CERT"))
                .with_hint(hint),
        ),
        Some(mark) if mark.fingerprint != *fingerprint => Err(config(format!(
            "use the target of {store}: it is not the database that was enrolled, it was restored from a copy: enroll again"
        ))
        .with_hint(hint)),
        Some(mark) => Ok(mark),
    }
}

/// The planned tables as they are now have to be as they were when the plan was made.
pub(crate) fn check_drift(
    plan: &Plan,
    group: &LoadGroup,
    target: &dyn TargetStore,
    live: &[Table],
) -> Result<(), SkillError> {
    if target.capabilities().open_schema {
        // Tables and columns come and go with the rows; `live` has what the plan took for granted.
        return check_keys(plan, group, target, live);
    }
    let bare = |table: &Table| Table {
        estimated_rows: None,
        ..table.clone()
    };
    let drifted: Vec<String> = group
        .order
        .iter()
        .flatten()
        .filter(|name| {
            let planned = plan.sections.load.table(name).map(|one| bare(&one.table));
            let now = live.iter().find(|table| table.name == **name).map(bare);
            now.is_none() || now != planned
        })
        .map(ToString::to_string)
        .collect();
    refuse_drift(&drifted)
}

/// The keys of the planned tables are still there.
fn check_keys(
    plan: &Plan,
    group: &LoadGroup,
    target: &dyn TargetStore,
    live: &[Table],
) -> Result<(), SkillError> {
    let planned = group.order.iter().flatten();
    let planned = planned.filter_map(|name| plan.sections.load.table(name));
    let without = planned.map(|one| &one.table).filter(|planned| {
        let now = live.iter().find(|table| table.name == planned.name);
        let identity = planned.identity().unwrap_or_default();
        !identity.is_empty() && now.is_none_or(|now| !has_key(now, identity))
    });
    let without: Vec<&Table> = without.collect();
    let names: Vec<String> = without.iter().map(|one| one.name.to_string()).collect();
    let statements = without
        .iter()
        .filter_map(|table| target.key_statement(table));
    refuse_drift(&names).map_err(|error| statements.fold(error, SkillError::with_hint))
}

fn refuse_drift(drifted: &[String]) -> Result<(), SkillError> {
    if drifted.is_empty() {
        return Ok(());
    }
    Err(config(format!(
        "use the plan: CERT's tables changed since it was made: {}",
        drifted.join(", ")
    ))
    .with_hint("run the command again: it makes a new plan"))
}

struct Forecast<'a> {
    session: &'a Session,
    context: &'a UnitContext,
    artifact: &'a Artifact,
    hasher: RowHasher,
    locators: Locators,
}

impl Forecast<'_> {
    async fn make(&self) -> Result<(Vec<TableReport>, Vec<Finding>), SkillError> {
        let plan = &self.context.plan;
        let catalogs = &plan.sections.extract.catalogs;
        let mut views = Views::default().with_source(catalogs);
        let mut ours = Vec::new();
        let origin = origin_of(&self.session.setup.key, &plan.district);
        for group in &plan.sections.load.groups {
            let target = self.session.target(group)?;
            let failed =
                |error: StoreError| store_failed(format!("read the target {}", group.name), &error);
            let live = live_tables(target, plan).await.map_err(failed)?;
            check_drift(plan, group, target, &live)?;
            let writes = OurWrites::read(target, &live, &origin).await;
            ours.push(writes.map_err(failed)?);
            views.open(target, &live).await.map_err(failed)?;
        }
        let mut conflicts = Conflicts::default();
        let (mut tables, mut findings) = (Vec::new(), Vec::new());
        for (group, writes) in plan.sections.load.groups.iter().zip(&ours) {
            for name in group.order.iter().flatten() {
                let shape = Shape::of(plan, name)?;
                let counts = if shape.is_keyless() {
                    self.copies(&mut views, group, &shape, &mut conflicts)
                        .await?
                } else {
                    self.table(&mut views, group, writes, &shape, &mut conflicts)
                        .await?
                };
                findings.extend(differing(name, &counts));
                tables.push(TableReport {
                    table: name.clone(),
                    counts,
                    written: None,
                });
            }
        }
        if conflicts.is_empty() {
            Ok((tables, findings))
        } else {
            Err(conflicts.into_load_error())
        }
    }

    async fn table(
        &self,
        views: &mut Views,
        group: &LoadGroup,
        writes: &OurWrites,
        shape: &Shape,
        conflicts: &mut Conflicts,
    ) -> Result<TableCounts, SkillError> {
        let name = shape.name();
        let scope = Scope {
            plan: &self.context.plan,
            shape,
            writes,
            hasher: &self.hasher,
            locators: &self.locators,
        };
        let expected = self.artifact.manifest().table(name).map(|entry| entry.rows);
        let mut counts = TableCounts::default();
        let mut collisions = Collisions::default();
        for batch in self.rows(group, shape)?.each() {
            self.context.cancel.check()?;
            let (batch, membership) = batch?;
            let mut readers = Readers::of_views(views);
            let mut compared =
                classify(&mut readers, &scope, &batch, &membership, conflicts).await?;
            counts.staged += batch.num_rows() as u64;
            compared.count(&mut counts);
            collisions.add(&scope, &mut compared);
            self.tell(name, counts.staged, expected);
        }
        collisions.settle(&scope, &mut counts, conflicts);
        Ok(counts)
    }

    /// A keyless table: the copies that CERT lacks.
    async fn copies(
        &self,
        views: &mut Views,
        group: &LoadGroup,
        shape: &Shape,
        conflicts: &mut Conflicts,
    ) -> Result<TableCounts, SkillError> {
        let keyless = Keyless {
            shape,
            rows: self.rows(group, shape)?,
            hasher: &self.hasher,
            locators: &self.locators,
            cancel: &self.context.cancel,
        };
        let mut readers = Readers::of_views(views);
        let (_, counts) = keyless.decide(&mut readers, conflicts).await?;
        self.tell(shape.name(), counts.staged, Some(counts.staged));
        Ok(counts)
    }

    fn rows<'s>(&'s self, group: &LoadGroup, shape: &'s Shape) -> Result<Rows<'s>, SkillError> {
        Ok(Rows {
            artifact: self.artifact,
            shape,
            target: self.session.target(group)?,
        })
    }

    fn tell(&self, table: &TableRef, done: u64, expected: Option<u64>) {
        self.context.progress.progress(Progress {
            unit: preflight_unit(),
            subject: table.to_string(),
            rows_done: done,
            rows_expected: expected,
        });
    }
}

/// Shared rows that differ are left as they are, and told.
pub(crate) fn differing(table: &TableRef, counts: &TableCounts) -> Option<Finding> {
    (counts.differing > 0).then(|| {
        Finding::warning(
            "shared-row-differs",
            table.to_string(),
            "shared rows are in CERT with other content; they are never updated",
            counts.differing,
        )
    })
}
