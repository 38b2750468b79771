//! Composes the mask section of a plan.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::config::{ColumnSettings, Unknown};
use redistrict_model::{
    ColumnClass, ColumnDecision, ColumnRef, ColumnType, Edge, ExtractSection, Finding, Inside,
    KeepReason, MaskName, MaskScope, MaskSection, Provenance, TableRef, TargetTable, toml_key,
};

use super::constraints::{
    check, check_orders, name_of, shape, unique_documents, warn_of_exclusions,
};
use super::decide::{
    Holds, Proposal, is_foreign_class, kind_of, mask_for, personal_tables, propose,
};
use super::domains::{Domain, domains};
use super::fields::Fields;
use super::scalars::scalar_source_type;
use super::settings::{self, header, is_declared_public, named_domains, public_lines};
use super::switches::{self, Way};
use crate::error::MaskPlanError;
use crate::key::KEY_VERSION;
use crate::masks::{MaskRegistry, mask_of_types};

/// What the mask section follows from.
#[derive(Clone, Copy, Debug)]
pub struct MaskInputs<'a> {
    /// Catalogs, ownership, and the tables and columns that move.
    pub extract: &'a ExtractSection,
    /// CERT's side: the constraints of both sides must be kept.
    pub target_tables: &'a [TargetTable],
    /// `[column."…"]`.
    pub columns: &'a BTreeMap<ColumnRef, ColumnSettings>,
    /// Reference tables with columns about persons that the user confirmed.
    pub confirmed: &'a BTreeSet<TableRef>,
    /// Sampled source values as text, in memory only; columns may be missing.
    pub samples: &'a BTreeMap<ColumnRef, Vec<Option<Box<str>>>>,
    pub unknown: Unknown,
}

/// Decides about every column of every table that moves, in column order. Pure: the same inputs give
/// the same section; of the samples only what they look like is in it.
///
/// The findings are warnings.
///
/// # Errors
/// Everything that cannot be decided or satisfied, all at once, each with lines to paste.
pub fn plan(inputs: &MaskInputs<'_>) -> Result<(MaskSection, Vec<Finding>), MaskPlanError> {
    let planner = Planner::new(inputs);
    let mut findings = settings::impossible(inputs.columns, &planner.fields);
    findings.extend(planner.unconfirmed());
    let mut decisions: Vec<Option<ColumnDecision>> = vec![None; planner.fields.list.len()];
    for domain in &planner.domains {
        if planner.is_switch(domain) {
            continue;
        }
        match planner.decide(domain) {
            Ok(decided) => {
                for (at, decision) in domain.members.iter().zip(decided) {
                    decisions[*at] = Some(decision);
                }
            }
            Err(errors) => findings.extend(errors),
        }
    }
    planner.decide_switches(&mut decisions);
    let columns: Option<Vec<ColumnDecision>> = decisions.into_iter().collect();
    if let Some(columns) = &columns {
        let targets = inputs.target_tables;
        findings.extend(check_orders(
            &planner.fields,
            columns,
            inputs.extract,
            targets,
        ));
    }
    findings.extend(unreadable_documents(
        inputs.extract,
        columns.as_deref().unwrap_or_default(),
    ));
    match columns {
        Some(columns) if findings.is_empty() => {
            let warnings = warn_of_exclusions(inputs.extract, &columns);
            let section = MaskSection {
                key_version: KEY_VERSION,
                columns,
            };
            Ok((section, warnings))
        }
        _ => Err(MaskPlanError { findings }),
    }
}

/// Columns whose documents links lead from, and whose mask makes no documents of them: nobody could tell any
/// more what they refer to.
fn unreadable_documents(extract: &ExtractSection, columns: &[ColumnDecision]) -> Vec<Finding> {
    let is_document = |edge: &&Edge| matches!(edge.inside, Some(Inside::Members(_)));
    let linked: BTreeSet<ColumnRef> = (extract.ownership.edges.iter().filter(is_document))
        .flat_map(|edge| {
            edge.child_columns
                .iter()
                .map(|name| edge.child.column(name))
        })
        .collect();
    let is_unreadable = |one: &&ColumnDecision| {
        let keeps_form = matches!(one.mask, MaskName::Json | MaskName::Keep | MaskName::Null);
        !keeps_form && linked.contains(&one.column)
    };
    let unreadable = columns.iter().filter(is_unreadable);
    unreadable
        .map(|one| {
            if one.unique {
                return unique_documents(&one.column);
            }
            let message = format!(
                "links lead from members of its documents, and the mask {} leaves no documents",
                name_of(one.mask)
            );
            Finding::error("mask-linked-document", one.column.to_string(), message, 0)
                .with_lines([header(&one.column), "mask = \"json\"".to_owned()])
        })
        .collect()
}

struct Planner<'a> {
    inputs: &'a MaskInputs<'a>,
    fields: Fields<'a>,
    domains: Vec<Domain>,
    switches: BTreeMap<ColumnRef, Vec<Way>>,
    personal: BTreeMap<TableRef, Vec<String>>,
    personal_names: BTreeSet<TableRef>,
    registry: MaskRegistry,
}

impl<'a> Planner<'a> {
    fn new(inputs: &'a MaskInputs<'a>) -> Self {
        let fields = Fields::new(inputs.extract, inputs.target_tables);
        let named = named_domains(inputs.columns);
        let domains = domains(&fields, &inputs.extract.ownership.edges, &named);
        let is_public =
            |column: &ColumnRef| inputs.columns.get(column).is_some_and(is_declared_public);
        let personal = personal_tables(&fields.list, inputs.samples, is_public);
        Self {
            inputs,
            fields,
            domains,
            switches: switches::switches(&inputs.extract.ownership.edges),
            personal_names: personal.keys().cloned().collect(),
            personal,
            registry: MaskRegistry::default(),
        }
    }

    fn unconfirmed(&self) -> Vec<Finding> {
        let is_open = |table: &&TableRef| !self.inputs.confirmed.contains(*table);
        let open = self.personal.iter().filter(|(table, _)| is_open(table));
        open.map(|(table, columns)| {
            let message = format!(
                "it belongs to no district, its rows come where they are referred to, and columns are \
                 about persons and will be masked: {}",
                columns.join(", ")
            );
            let quoted = toml_key(&table.to_string());
            Finding::error("reference-with-persons", table.to_string(), message, 0).with_lines([
                format!("[table.{quoted}]"),
                "confirmed = \"why its persons belong to no district\"     # or shared = true: they come with those \
                 whose they are"
                    .to_owned(),
            ])
        })
        .collect()
    }

    /// The domain is one column that goes by what each of its rows refers to.
    fn is_switch(&self, domain: &Domain) -> bool {
        let [at] = domain.members.as_slice() else {
            return false;
        };
        let moves = |way: &Way| self.fields.by_column.contains_key(&way.parent);
        self.switches
            .get(&self.fields.list[*at].column)
            .is_some_and(|ways| ways.iter().any(moves))
    }

    fn decide_switches(&self, decisions: &mut [Option<ColumnDecision>]) {
        for (column, ways) in &self.switches {
            let Some(at) = self.fields.by_column.get(column).copied() else {
                continue;
            };
            if decisions[at].is_some() {
                continue;
            }
            let places = ways
                .iter()
                .filter_map(|way| self.fields.by_column.get(&way.parent));
            let parents: Vec<&ColumnDecision> = places
                .filter_map(|place| decisions[*place].as_ref())
                .collect();
            decisions[at] = switches::decide(column, &parents);
        }
    }

    fn decide(&self, domain: &Domain) -> Result<Vec<ColumnDecision>, Vec<Finding>> {
        let proposed = self.proposed(domain)?;
        let decided = settings::apply(domain, &self.fields, self.inputs.columns, proposed)?;
        self.stop_at_unknown(domain, &decided)?;
        let own = domain;
        let domain = &domain.with_guests();
        let members = || domain.members.iter().map(|at| &self.fields.list[*at]);
        let mut types: Vec<ColumnType> = Vec::new();
        for one in members().flat_map(|field| field.types()) {
            if !types.contains(&one) {
                types.push(one);
            }
        }
        let is_unique = members().any(|field| field.is_unique);
        let sources = members().flat_map(|field| field.sides());
        let source_types: Vec<String> = sources
            .map(|side| scalar_source_type(side).to_owned())
            .collect();
        let holds = Holds {
            types: &types,
            source_types: &source_types,
            all_nullable: members().all(|field| field.is_nullable()),
        };
        let Some(mask) = mask_for(&decided, holds, &self.registry) else {
            let message = decided.mask.map_or_else(
                || "no mask takes the types of all columns that hold the same values".to_owned(),
                |mask| format!("{} does not take its type", name_of(mask)),
            );
            let column = self.fields.list[domain.members[0]].column.to_string();
            return Err(vec![Finding::error("mask-type", column, message, 0)]);
        };
        if is_foreign_class(&decided, holds, mask) {
            let column = self.fields.list[domain.members[0]].column.to_string();
            let message = "values of that class do not fit its type";
            return Err(vec![Finding::error("mask-type", column, message, 0)]);
        }
        let (mask, decided) = self.roomy(domain, mask, decided, &types, is_unique);
        let kind = kind_of(mask, decided.class, is_unique, &types, &self.registry);
        let shape = shape(
            &self.fields,
            &domain.members,
            decided.class,
            kind,
            is_unique,
        );
        let extract = self.inputs.extract;
        let errors = check(domain, &self.fields, mask, &shape, extract, &self.registry);
        if !errors.is_empty() {
            return Err(errors);
        }
        let scope = self.scope(domain);
        let one = |at: &usize| self.decision(*at, domain, &decided, mask, kind, scope, is_unique);
        Ok(own.members.iter().map(one).collect())
    }

    /// Unique national ids: no range that was never issued has room for many different ones, so they
    /// are permuted within their format. What the user asks for stays.
    fn roomy(
        &self,
        domain: &Domain,
        mask: MaskName,
        decided: Proposal,
        types: &[ColumnType],
        is_unique: bool,
    ) -> (MaskName, Proposal) {
        let is_ours = mask == MaskName::NationalId && decided.mask.is_none();
        if !is_ours || !is_unique {
            return (mask, decided);
        }
        let Some(other) = mask_of_types(types) else {
            return (mask, decided);
        };
        let class = decided.class;
        let has_room = |mask: MaskName| {
            let kind = kind_of(mask, class, is_unique, types, &self.registry);
            let shape = shape(&self.fields, &domain.members, class, kind, is_unique);
            let errors = check(
                domain,
                &self.fields,
                mask,
                &shape,
                self.inputs.extract,
                &self.registry,
            );
            !errors.iter().any(|finding| finding.code == "mask-capacity")
        };
        if has_room(mask) || !has_room(other) {
            return (mask, decided);
        }
        let reason = format!("{}; unique: permuted within its format", decided.reason);
        (other, Proposal { reason, ..decided })
    }

    /// The proposals of the columns that refer to none, made one.
    fn proposed(&self, domain: &Domain) -> Result<Proposal, Vec<Finding>> {
        let propose = |at: &usize| {
            let field = &self.fields.list[*at];
            (
                field,
                propose(field, self.inputs.samples, &self.personal_names),
            )
        };
        let all: Vec<_> = domain.members.iter().map(propose).collect();
        let has_root = all.iter().any(|(field, _)| !field.is_child);
        let roots = all.iter().filter(|(field, _)| !has_root || !field.is_child);
        let is_said = |proposal: &Proposal| proposal.provenance != Provenance::Type;
        let mut best = None;
        for (field, proposal) in roots {
            best = match best {
                None => Some((field, proposal)),
                Some((other, own)) => Some(self.better((other, own), (field, proposal))?),
            };
        }
        let Some((_, best)) = best else {
            return Err(Vec::new());
        };
        if is_said(best) {
            return Ok(best.clone());
        }
        // Nothing recognises the column referred to: perhaps a column that refers to it is.
        let children = all.iter().map(|(_, proposal)| proposal);
        let recognised = children
            .filter(|proposal| is_said(proposal) && !proposal.is_kept())
            .find(|proposal| proposal.provenance == Provenance::Name);
        Ok(recognised.unwrap_or(best).clone())
    }

    fn better<'p, F>(
        &self,
        (field, own): (F, &'p Proposal),
        (other_field, other): (F, &'p Proposal),
    ) -> Result<(F, &'p Proposal), Vec<Finding>>
    where
        F: std::ops::Deref<Target = &'p super::fields::Field<'a>>,
        'a: 'p,
    {
        let is_said = |proposal: &Proposal| proposal.provenance != Provenance::Type;
        if own.class == ColumnClass::TenantKey {
            self.stop_at_kept_with_tenant(&other_field, other)?;
            return Ok((field, own));
        }
        if other.class == ColumnClass::TenantKey {
            self.stop_at_kept_with_tenant(&field, own)?;
            return Ok((other_field, other));
        }
        let is_alike =
            own.is_kept() == other.is_kept() && (own.is_kept() || own.class == other.class);
        if is_alike || !own.is_kept() && !other.is_kept() && !is_said(other) {
            return Ok((field, own));
        }
        if !own.is_kept() && !other.is_kept() && !is_said(own) {
            return Ok((other_field, other));
        }
        let columns = self.inputs.columns;
        let is_decided = |column: &ColumnRef| {
            columns
                .get(column)
                .is_some_and(|settings| settings.mask.is_some() || settings.class.is_some())
        };
        if is_decided(&field.column) || is_decided(&other_field.column) {
            return Ok((field, own));
        }
        let message = format!(
            "it holds the same values as {}, which would be masked differently",
            other_field.column
        );
        let subject = field.column.to_string();
        Err(vec![
            Finding::error("mask-domain-conflict", subject, message, 0).with_lines([
                header(&field.column),
                "mask = \"text\"  # for both".to_owned(),
            ]),
        ])
    }

    /// The district's key is kept, and with it whatever a reference that leads to several tables has in
    /// common with it: nothing sensitive passes that way unless the user says so.
    fn stop_at_kept_with_tenant(
        &self,
        field: &super::fields::Field<'_>,
        proposal: &Proposal,
    ) -> Result<(), Vec<Finding>> {
        let settings = self.inputs.columns.get(&field.column);
        let is_said = settings.is_some_and(|one| one.domain.is_some() || is_declared_public(one));
        let is_recognised = proposal.provenance != Provenance::Type;
        if proposal.is_kept() || is_said || !is_recognised {
            return Ok(());
        }
        let message = "it is sensitive, and one reference leads to it and to the district's own key, which is \
                       kept";
        let subject = field.column.to_string();
        Err(vec![
            Finding::error("mask-domain-conflict", subject, message, 0)
                .with_lines(public_lines(&field.column)),
        ])
    }

    fn stop_at_unknown(&self, domain: &Domain, decided: &Proposal) -> Result<(), Vec<Finding>> {
        let is_unknown =
            decided.class == ColumnClass::Unknown && decided.provenance == Provenance::Type;
        if self.inputs.unknown == Unknown::Mask || !is_unknown {
            return Ok(());
        }
        let column = &self.fields.list[domain.members[0]].column;
        let message = "nothing recognises it, and [masking] unknown is \"stop\"";
        Err(vec![
            Finding::error("mask-unknown", column.to_string(), message, 0).with_lines([
                header(column),
                "mask = \"text\"  # or class = \"…\", or keep it with public = true and a reason"
                    .to_owned(),
            ]),
        ])
    }

    /// What one row holds that several districts bring, in full or as a stub, is the same for all of them; and
    /// what is unique in PROD, whoever's it is, has to be so in CERT.
    fn scope(&self, domain: &Domain) -> MaskScope {
        let mut members = domain.members.iter().map(|at| &self.fields.list[*at]);
        if members.any(|field| field.is_common || field.is_unique) {
            MaskScope::Estate
        } else {
            MaskScope::District
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a decision has these parts")]
    fn decision(
        &self,
        at: usize,
        domain: &Domain,
        decided: &Proposal,
        mask: MaskName,
        kind: redistrict_model::MaskKind,
        scope: MaskScope,
        is_unique: bool,
    ) -> ColumnDecision {
        let field = &self.fields.list[at];
        let is_kept = mask == MaskName::Keep;
        let refers = field.is_child.then(|| format!("refers to {}", domain.name));
        let class = if field.is_child {
            ColumnClass::Reference
        } else {
            decided.class
        };
        let reason = refers.map_or_else(
            || decided.reason.clone(),
            |refers| format!("{refers}: {}", decided.reason),
        );
        ColumnDecision {
            column: field.column.clone(),
            class,
            mask,
            kind,
            provenance: if field.is_child && decided.provenance != Provenance::User {
                Provenance::Catalog
            } else {
                decided.provenance
            },
            sensitive: !is_kept,
            domain: domain.name.clone(),
            scope,
            unique: is_unique,
            keep_reason: is_kept.then(|| KeepReason(reason.clone())),
            reason,
        }
    }
}
