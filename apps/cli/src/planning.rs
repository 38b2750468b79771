//! Everything that is decided before a row moves, put together: analysis, sections, prerequisites.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use redistrict_analyze::{Analysis, Cuts, Dangling, Settings, UncoveredKinds};
use redistrict_anonymize::MaskInputs;
use redistrict_closure::{Problem, column_heading};
use redistrict_load::{GroupInput, LoadInputs};
use redistrict_model::config::Triggers;
use redistrict_model::{
    Catalog, CheckSection, ColumnDecision, ColumnRef, DistrictId, ErrorKind, ExtractSection,
    Finding, LoadSection, MaskKind, MaskSection, Plan, PlanSections, Role, Severity, Table,
    TableRef, canonical,
};
use redistrict_orchestrator::compose;
use redistrict_store::{
    Fingerprint, KeyRequest, Preparing, Probe, Selector, SourceStore, TargetStore,
};

use crate::apart::Apart;
use crate::attempts::{Contact, attempts};
use crate::confirmed::confirmed;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::session::Session;
use crate::unreadable;
use crate::wire::Workspace;

/// PROD, looked at: probes, catalogs, the resolved configuration, the analysis.
pub(crate) struct Source {
    pub(crate) stores: Vec<Arc<dyn SourceStore>>,
    pub(crate) probes: Vec<Probe>,
    pub(crate) catalogs: Vec<Catalog>,
    pub(crate) settings: Settings,
    pub(crate) analysis: Analysis,
    pub(crate) cuts: Cuts,
}

/// Whether an analysis that is there already may be used, and whether a new one is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Known,
    Fresh,
    /// For a configuration that is not written yet.
    InMemory,
}

/// Connects to every source and analyzes it; an analysis of the same catalogs and decisions that is
/// there already is used, unless `fresh`.
pub(crate) async fn source(workspace: &Workspace, fresh: bool) -> CommandResult<Source> {
    let reuse = if fresh { Reuse::Fresh } else { Reuse::Known };
    attempts(Contact::None, async || look(workspace, reuse).await).await
}

/// As [`source`], without writing anything.
pub(crate) async fn source_in_memory(workspace: &Workspace) -> CommandResult<Source> {
    attempts(Contact::None, async || {
        look(workspace, Reuse::InMemory).await
    })
    .await
}

/// As [`source`], with an analysis that is there already, and one attempt.
pub(crate) async fn source_once(workspace: &Workspace) -> CommandResult<Source> {
    look(workspace, Reuse::Known).await
}

/// The configuration in terms of the catalogs.
pub(crate) fn settings(workspace: &Workspace, catalogs: &[Catalog]) -> CommandResult<Settings> {
    redistrict_analyze::resolve(&workspace.config, catalogs).map_err(configuration_failed)
}

async fn look(workspace: &Workspace, reuse: Reuse) -> CommandResult<Source> {
    let stores = workspace.sources()?;
    let mut probes = Vec::new();
    let mut catalogs = Vec::new();
    for store in &stores {
        let probe = store.probe().await;
        probes.push(probe.map_err(|error| Failure::from(error).of_first_contact())?);
        catalogs.push(store.catalog().await?);
    }
    let settings = settings(workspace, &catalogs)?;
    let refused = unreadable::tables(&probes, &catalogs, &settings);
    if !refused.is_empty() {
        return Err(stop("read PROD exactly", &refused));
    }
    let mut cuts = Cuts::new();
    for (store, catalog) in stores.iter().zip(&catalogs) {
        cuts.insert(store.name().clone(), store.open_cut(&catalog.tables).await?);
    }
    let decisions = format!(
        "{:?}{:?}{:?}{:?}",
        settings.root, settings.root_key, settings.links, settings.decisions
    );
    let digest = redistrict_analyze::input_digest(&catalogs, &decisions);
    let dir = workspace.layout.analysis();
    let known = match reuse {
        Reuse::Known => match Analysis::read(&dir, &digest) {
            Some(analysis)
                if is_settled(&analysis, &catalogs, &settings)
                    && !has_new_rows(&mut cuts, &catalogs, &analysis).await? =>
            {
                Some(analysis)
            }
            _ => None,
        },
        Reuse::Fresh | Reuse::InMemory => None,
    };
    let analysis = match known {
        Some(analysis) => analysis,
        None => {
            if reuse == Reuse::Known {
                output::note("schema analysis is missing or outdated: analyzing first");
            }
            let analysis = analyze(&mut cuts, &catalogs, &settings, digest).await?;
            if reuse != Reuse::InMemory {
                analysis.write(&dir)?;
            }
            analysis
        }
    };
    Ok(Source {
        stores,
        probes,
        catalogs,
        settings,
        analysis,
        cuts,
    })
}

async fn analyze(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    settings: &Settings,
    input_digest: String,
) -> CommandResult<Analysis> {
    let draft = redistrict_analyze::infer_ownership(cuts, catalogs, settings).await?;
    let none = BTreeSet::new();
    let with_rows =
        redistrict_analyze::tables_with_rows(cuts, catalogs, &draft.ownership, &none).await?;
    let tables: Vec<_> = draft
        .ownership
        .tables
        .iter()
        .map(|role| &role.table)
        .collect();
    let order = redistrict_analyze::table_order(tables, &draft.ownership.edges);
    Ok(Analysis {
        format_version: redistrict_analyze::ANALYSIS_FORMAT,
        input_digest,
        catalogs: catalogs.to_vec(),
        ownership: draft.ownership,
        order,
        with_rows: with_rows.into_iter().collect(),
        findings: draft.problems.iter().map(Problem::finding).collect(),
    })
}

fn section_of(
    analysis: &Analysis,
    catalogs: &[Catalog],
    settings: &Settings,
) -> Result<ExtractSection, Vec<Finding>> {
    let with_rows: BTreeSet<_> = analysis.with_rows.iter().cloned().collect();
    redistrict_analyze::extract_section(
        catalogs,
        &analysis.ownership,
        &analysis.order,
        settings,
        &with_rows,
        &analysis.findings,
    )
    .map_err(|findings| redistrict_analyze::ask_once(findings, catalogs))
}

/// Whether an analysis stops nothing. What stopped may be gone from PROD meanwhile: such an analysis
/// is made again.
fn is_settled(analysis: &Analysis, catalogs: &[Catalog], settings: &Settings) -> bool {
    section_of(analysis, catalogs, settings).is_ok()
}

/// Whether a table that was empty when it was analyzed holds rows now: what was measured, and what
/// was no question then, may be another one.
async fn has_new_rows(
    cuts: &mut Cuts,
    catalogs: &[Catalog],
    analysis: &Analysis,
) -> CommandResult<bool> {
    let known = analysis.with_rows.iter().cloned().collect();
    let ownership = &analysis.ownership;
    let new = redistrict_analyze::tables_with_rows(cuts, catalogs, ownership, &known).await?;
    Ok(!new.is_empty())
}

impl Source {
    /// The extract section, or everything that cannot move yet.
    pub(crate) fn extract_section(&self) -> Result<ExtractSection, Vec<Finding>> {
        section_of(&self.analysis, &self.catalogs, &self.settings)
    }

    /// Sampled values of the text columns of the tables that move.
    pub(crate) async fn samples(
        &mut self,
        section: &ExtractSection,
    ) -> CommandResult<BTreeMap<ColumnRef, Vec<Option<Box<str>>>>> {
        let tables: Vec<&Table> = section
            .tables
            .iter()
            .filter_map(|table| section.catalog_table(&table.table))
            .collect();
        Ok(redistrict_analyze::sample_columns(&mut self.cuts, &tables).await?)
    }

    /// Rows that stay behind though nobody decided it: those that refer to something by a kind that none of the
    /// links covers, those whose owners are all empty, and those whose owner's value leads to no row. A warning
    /// for each table and reference, with their number; an error where the row is there and is only written
    /// otherwise.
    pub(crate) async fn left_open(&mut self) -> CommandResult<Vec<Finding>> {
        let ownership = &self.analysis.ownership;
        let moves = |table: &TableRef| {
            let role = ownership.table(table);
            role.is_some_and(|role| role.role != Role::Excluded)
        };
        let edges: Vec<_> = (ownership.edges.iter())
            .filter(|edge| moves(&edge.child))
            .cloned()
            .collect();
        let found = redistrict_analyze::uncovered_kinds(&mut self.cuts, &edges).await?;
        let mut findings: Vec<Finding> = found.iter().map(UncoveredKinds::finding).collect();
        findings.extend(redistrict_analyze::unowned_rows(&mut self.cuts, ownership).await?);
        let catalogs = &self.catalogs;
        let dangling = redistrict_analyze::dangling_references(&mut self.cuts, catalogs, ownership);
        findings.extend(dangling.await?.iter().flat_map(Dangling::findings));
        Ok(findings)
    }

    pub(crate) fn fingerprints(&self) -> Vec<Fingerprint> {
        self.probes
            .iter()
            .map(|probe| probe.fingerprint.clone())
            .collect()
    }

    /// The district as its database writes it, however it was typed: `007` is district 7 where the key is a
    /// number, a UUID may have capitals. One district has one name everywhere: in runs, artifacts and CERT.
    pub(crate) fn district(&self, typed: &str) -> DistrictId {
        let Settings { root, root_key, .. } = &self.settings;
        let tables = self.catalogs.iter();
        let root = (root.as_ref()).and_then(|root| tables.clone().find_map(|one| one.table(root)));
        let key = redistrict_extract::district_key(typed, root_key);
        if key.parts().len() != root_key.len() {
            return DistrictId::new(typed);
        }
        let parts = key.parts().iter().zip(root_key).map(|(part, name)| {
            let column = root.and_then(|root| root.column(name));
            column.map_or(part.to_string(), |column| {
                canonical(part, column.column_type).into_owned()
            })
        });
        DistrictId::new(parts.collect::<Vec<_>>().join(","))
    }

    /// The district's row: whether it is there, and its name if the name column is kept.
    async fn district_name(
        &mut self,
        district: &DistrictId,
        plan: &PlanSections,
    ) -> CommandResult<Option<String>> {
        let ownership = &plan.extract.ownership;
        let key = redistrict_extract::district_key(district.as_str(), &ownership.root_key);
        if key.parts().len() != ownership.root_key.len() {
            return Err(Failure::usage(format!(
                "find district {district}: the key of {} has {} columns ({}), and {} values were given",
                ownership.root,
                ownership.root_key.len(),
                ownership.root_key.join(", "),
                key.parts().len()
            ))
            .with_hint("join them by commas; a value that holds a comma is not available yet"));
        }
        let column = self.settings.name_column.clone().filter(|column| {
            plan.anonymize.of_table(&ownership.root).any(|decision| {
                decision.column.column == *column && decision.kind == MaskKind::Kept
            })
        });
        let request = KeyRequest {
            table: ownership.root.clone(),
            columns: column.iter().cloned().collect(),
            selector: Selector::Matching {
                columns: ownership.root_key.clone(),
                keys: vec![key],
            },
        };
        let cut = self.cuts.get_mut(&ownership.root.store).ok_or_else(|| {
            Failure::new(
                Exit::Unexpected,
                "read the tenant root: its store has no cut",
            )
        })?;
        let rows = cut.keys(&request).await?;
        let Some(row) = rows.first() else {
            return Err(Failure::usage(format!(
                "find district {district}: {} has no row with that key",
                ownership.root
            ))
            .with_hint("`redistrict select` lists the districts"));
        };
        Ok(row.values.first().cloned().flatten().map(String::from))
    }
}

/// The masks as far as PROD alone tells, or everything that has to be settled first.
pub(crate) async fn source_masks(
    workspace: &Workspace,
    source: &mut Source,
) -> CommandResult<Result<MaskSection, Vec<Finding>>> {
    let extract = match source.extract_section() {
        Ok(extract) => extract,
        Err(findings) => return Ok(Err(findings)),
    };
    let samples = source.samples(&extract).await?;
    let confirmed = confirmed(&source.analysis, &source.settings);
    let inputs = MaskInputs {
        extract: &extract,
        target_tables: &[],
        columns: &source.settings.columns,
        confirmed: &confirmed,
        samples: &samples,
        unknown: workspace.config.masking.unknown,
    };
    let planned = redistrict_anonymize::plan(&inputs);
    Ok(planned
        .map(|(section, _)| section)
        .map_err(|error| redistrict_analyze::ask_once(error.findings, &extract.catalogs)))
}

/// CERT, looked at.
pub(crate) struct Target {
    pub(crate) groups: Vec<Arc<dyn TargetStore>>,
    /// Whether each group can prepare a commit.
    pub(crate) preparing: Vec<Preparing>,
    pub(crate) catalogs: Vec<Catalog>,
}

/// Connects to every target, refuses PROD and (if `enrolled`) what was never enrolled.
pub(crate) async fn target(
    session: &Session,
    workspace: &Workspace,
    sources: &[Fingerprint],
    must_be_enrolled: bool,
) -> CommandResult<Target> {
    let groups = session.targets(workspace)?;
    let mut catalogs = Vec::new();
    let mut preparing = Vec::new();
    let mut not_enrolled = Vec::new();
    let mut apart = Apart::new(sources, denied(workspace));
    for group in &groups {
        for store in group.stores() {
            let fingerprint = group.fingerprint(store).await;
            let fingerprint =
                fingerprint.map_err(|error| Failure::from(error).of_first_contact())?;
            apart.add(store, &fingerprint)?;
            if group.enrolment(store).await?.is_none() {
                not_enrolled.push(store.clone());
            }
            catalogs.push(group.catalog(store).await?);
        }
        preparing.push(group.preparing().await?);
    }
    if must_be_enrolled && !not_enrolled.is_empty() {
        let names: Vec<String> = not_enrolled.iter().map(ToString::to_string).collect();
        return Err(Failure::prerequisite(format!(
            "use the target of {}: nobody has enrolled it as a certification database",
            names.join(", ")
        ))
        .with_hints(
            names
                .iter()
                .map(|name| format!("redistrict enroll {name} --name \"…\"")),
        ));
    }
    Ok(Target {
        groups,
        preparing,
        catalogs,
    })
}

/// The fingerprints that are never a target.
pub(crate) fn denied(workspace: &Workspace) -> Vec<Fingerprint> {
    let stores = workspace.config.store.0.iter();
    stores
        .flat_map(|(_, store)| store.deny.iter().cloned().map(Fingerprint))
        .collect()
}

/// Composes the plan of a district, whose name in it is the database's.
pub(crate) async fn plan(
    workspace: &Workspace,
    source: &mut Source,
    target: &Target,
    district: &DistrictId,
) -> CommandResult<Plan> {
    let (sections, findings) = sections(workspace, source, target).await?;
    let district = source.district(district.as_str());
    let name = source.district_name(&district, &sections).await?;
    Ok(compose(district, name, sections, findings))
}

/// What is decided for every district alike.
pub(crate) async fn sections(
    workspace: &Workspace,
    source: &mut Source,
    target: &Target,
) -> CommandResult<(PlanSections, Vec<Finding>)> {
    let extract = (source.extract_section()).map_err(|findings| undecided(&findings))?;
    let samples = source.samples(&extract).await?;
    let triggers = &source.settings.triggers;
    let (load, mut findings) = plan_load(&extract, target, triggers).await?;
    findings.extend(obstacles(&load, target).await?);
    let stopping: Vec<&Finding> = errors_of(&findings).collect();
    if !stopping.is_empty() {
        return Err(stop("load into CERT as it is", stopping));
    }
    let confirmed = confirmed(&source.analysis, &source.settings);
    let inputs = MaskInputs {
        extract: &extract,
        target_tables: &load.tables,
        columns: &source.settings.columns,
        confirmed: &confirmed,
        samples: &samples,
        unknown: workspace.config.masking.unknown,
    };
    let (anonymize, more) = redistrict_anonymize::plan(&inputs).map_err(|error| {
        let open = redistrict_analyze::ask_once(error.findings, &extract.catalogs);
        stop("decide the mask of every column", &open)
    })?;
    let masked = masked_conditions(&extract, &anonymize);
    if !masked.is_empty() {
        return Err(stop("keep what links depend on", &masked));
    }
    findings.extend(more);
    let open = source.left_open().await?;
    let stopping: Vec<&Finding> = errors_of(&open).collect();
    if !stopping.is_empty() {
        return Err(stop("follow every reference", stopping));
    }
    findings.extend(open);
    findings.extend(
        source
            .probes
            .iter()
            .flat_map(|probe| probe.findings.clone()),
    );
    let sections = PlanSections {
        extract,
        anonymize,
        validate: CheckSection::default(),
        load,
    };
    let unprovable = redistrict_validate::checks_that_cannot_run(&sections);
    if !unprovable.is_empty() {
        return Err(stop("check beforehand what CERT demands", &unprovable));
    }
    Ok((sections, findings))
}

/// Columns that say for which rows a link counts and that would be masked: after that nobody could
/// tell what the row refers to, neither the checks nor CERT.
pub(crate) fn masked_conditions(extract: &ExtractSection, masks: &MaskSection) -> Vec<Finding> {
    let mut findings: BTreeMap<String, Finding> = BTreeMap::new();
    for edge in &extract.ownership.edges {
        for (column, _) in &edge.when {
            let is_masked = |decision: &&ColumnDecision| {
                decision.column.column == *column && decision.kind != MaskKind::Kept
            };
            let Some(decision) = masks.of_table(&edge.child).find(is_masked) else {
                continue;
            };
            let subject = decision.column.to_string();
            let message = format!("the link {} counts by its values", edge.describe());
            let finding = Finding::error("masked-condition", &subject, message, 0).with_lines([
                column_heading(&decision.column),
                "mask = \"keep\"".to_owned(),
                "public = true".to_owned(),
                "reason = \"it says what the row refers to\"".to_owned(),
            ]);
            findings.insert(subject, finding);
        }
    }
    findings.into_values().collect()
}

pub(crate) fn errors_of(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let findings = findings.iter();
    findings.filter(|finding| finding.severity == Severity::Error)
}

/// The tables that move, as PROD has them.
fn moving_tables(extract: &ExtractSection) -> impl Iterator<Item = &Table> {
    let moving = extract.tables.iter();
    moving.filter_map(|moving| extract.catalog_table(&moving.table))
}

/// What the targets say against the tables that are to be written.
async fn obstacles(load: &LoadSection, target: &Target) -> CommandResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for group in &target.groups {
        let tables = load.tables.iter().map(|one| &one.table.name);
        let tables: Vec<TableRef> = tables
            .filter(|table| group.stores().contains(&table.store))
            .cloned()
            .collect();
        findings.extend(group.obstacles(&tables).await?);
    }
    Ok(findings)
}

async fn plan_load(
    extract: &ExtractSection,
    target: &Target,
    triggers: &BTreeMap<TableRef, Triggers>,
) -> CommandResult<(LoadSection, Vec<Finding>)> {
    let mut groups: Vec<GroupInput> = Vec::new();
    for (group, preparing) in target.groups.iter().zip(&target.preparing) {
        let Some(name) = group.stores().first() else {
            continue;
        };
        let tables =
            || moving_tables(extract).filter(|table| group.stores().contains(&table.name.store));
        let names: Vec<TableRef> = tables().map(|table| table.name.clone()).collect();
        groups.push(GroupInput {
            name: name.clone(),
            stores: group.stores().to_vec(),
            capabilities: group.capabilities(),
            preparing: preparing.clone(),
            fires_anyway: group.fires_anyway(&names).await?,
            key_statements: tables()
                .filter_map(|table| Some((table.name.clone(), group.key_statement(table)?)))
                .collect(),
        });
    }
    let inputs = LoadInputs {
        extract,
        targets: &target.catalogs,
        groups: &groups,
        triggers,
    };
    redistrict_load::plan(&inputs)
        .map_err(|error| Failure::because(error.error_kind(), "plan the load", &error))
}

pub(crate) fn configuration_failed(findings: Vec<Finding>) -> Failure {
    stop("use the configuration", findings.iter())
        .with_hint("mend that, then `redistrict config check` looks at it again")
}

fn undecided(findings: &[Finding]) -> Failure {
    stop("decide what moves", findings)
}

/// A failure with everything that has to be settled, and the lines that settle it.
pub(crate) fn stop<'a>(what: &str, findings: impl IntoIterator<Item = &'a Finding>) -> Failure {
    let mut failure = Failure::from(redistrict_skill::SkillError::new(ErrorKind::Config, what));
    for finding in findings {
        failure
            .causes
            .push(format!("use {}: {}", finding.subject, finding.message));
        // One table, one section: lines that stand there already are not said again.
        if !finding
            .lines
            .iter()
            .all(|line| failure.hints.contains(line))
        {
            failure.hints.extend(finding.lines.iter().cloned());
        }
    }
    failure
}
