//! The plan check: whether the masks can keep the constraints of both sides. Lengths, types, NOT
//! NULL, CHECKs, uniqueness. What cannot be kept stops; no mask is ever skipped.

use std::collections::BTreeMap;

use redistrict_model::{
    ColumnClass, ColumnDecision, ColumnRef, ColumnType, ExtractSection, Finding, MaskKind,
    MaskName, TargetTable,
};

use super::checks::{self, Demand, demand};
use super::domains::Domain;
use super::fields::{Field, Fields};
use super::scalars::{scalar_length, scalar_source_type, scalar_type};
use super::settings::{header, public_lines};
use super::switches::switches;
use crate::masks::{Bounds, FieldShape, MaskRegistry, neutral, segments_are_enough};

/// A domain without a row estimate is taken to have so many values.
const ASSUMED_VALUES: u64 = 1_000_000;

/// The bits that keep so many values apart: n²/2^(b+1) ≤ 10⁻⁹.
pub(crate) fn required_bits(values: u64) -> f64 {
    let values = f64::from(u32::try_from(values.max(1)).unwrap_or(u32::MAX));
    2.0 * values.log2() + 1e9_f64.log2() - 1.0
}

/// What the columns of one domain demand together.
pub(crate) fn shape(
    fields: &Fields<'_>,
    members: &[usize],
    class: ColumnClass,
    kind: MaskKind,
    unique: bool,
) -> FieldShape {
    let mut shape = FieldShape {
        class,
        kind,
        unique,
        max_length: None,
        types: Vec::new(),
        source_types: Vec::new(),
        bounds: Bounds::default(),
    };
    for field in members.iter().map(|at| &fields.list[*at]) {
        for side in field.sides() {
            if let Some(length) = scalar_length(side) {
                shape.max_length = Some(shape.max_length.map_or(length, |own| own.min(length)));
            }
            let (one, source_type) = (scalar_type(side), scalar_source_type(side));
            if !shape.types.contains(&one) {
                shape.types.push(one);
            }
            if !shape.source_types.iter().any(|own| own == source_type) {
                shape.source_types.push(source_type.to_owned());
            }
        }
        for check in &field.checks {
            match demand(&check.expression) {
                Demand::Within(bounds) => narrow(&mut shape.bounds, bounds),
                Demand::MaxLength(length) => {
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    shape.max_length = Some(shape.max_length.map_or(length, |own| own.min(length)));
                }
                _ => {}
            }
        }
    }
    shape
}

fn narrow(own: &mut Bounds, other: Bounds) {
    if let Some(low) = other.low
        && own.low.is_none_or(|own| low >= own)
    {
        own.low_open = other.low_open || own.low == Some(low) && own.low_open;
        own.low = Some(low);
    }
    if let Some(high) = other.high
        && own.high.is_none_or(|own| high <= own)
    {
        own.high_open = other.high_open || own.high == Some(high) && own.high_open;
        own.high = Some(high);
    }
}

/// The shapes of all masked domains of a plan, by domain.
pub(crate) fn shapes(
    extract: &ExtractSection,
    targets: &[TargetTable],
    decisions: &[ColumnDecision],
) -> BTreeMap<String, FieldShape> {
    let fields = Fields::new(extract, targets);
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut first: BTreeMap<&str, &ColumnDecision> = BTreeMap::new();
    for decision in decisions.iter().filter(|one| one.mask != MaskName::Keep) {
        if let Some(at) = fields.by_column.get(&decision.column) {
            members.entry(&decision.domain).or_default().push(*at);
        }
        // References carry the class of what they refer to.
        let is_better = first
            .get(decision.domain.as_str())
            .is_none_or(|own| own.class == ColumnClass::Reference);
        if is_better {
            first.insert(&decision.domain, decision);
        }
    }
    add_guests(extract, &fields, decisions, &mut members);
    members
        .into_iter()
        .filter_map(|(domain, members)| {
            let decision = first.get(domain)?;
            let (class, kind) = (decision.class, decision.kind);
            let shape = shape(&fields, &members, class, kind, decision.unique);
            Some((domain.to_owned(), shape))
        })
        .collect()
}

/// Switches have values of each domain that they lead to.
fn add_guests<'a>(
    extract: &ExtractSection,
    fields: &Fields<'_>,
    decisions: &'a [ColumnDecision],
    members: &mut BTreeMap<&'a str, Vec<usize>>,
) {
    let domains: BTreeMap<&ColumnRef, &str> = decisions
        .iter()
        .map(|one| (&one.column, one.domain.as_str()))
        .collect();
    for (column, ways) in switches(&extract.ownership.edges) {
        let Some(at) = fields.by_column.get(&column) else {
            continue;
        };
        for domain in ways.iter().filter_map(|way| domains.get(&way.parent)) {
            if let Some(members) = members.get_mut(domain).filter(|own| !own.contains(at)) {
                members.push(*at);
            }
        }
    }
}

/// What of a domain's mask cannot be: its length, NOT NULL, uniqueness, CHECKs of single columns.
pub(crate) fn check(
    domain: &Domain,
    fields: &Fields<'_>,
    mask: MaskName,
    shape: &FieldShape,
    extract: &ExtractSection,
    registry: &MaskRegistry,
) -> Vec<Finding> {
    let Some(known) = registry.get(mask, &shape.types) else {
        return Vec::new();
    };
    let members = || domain.members.iter().map(|at| &fields.list[*at]);
    let definition = known.definition();
    let mut findings = Vec::new();
    if shape
        .max_length
        .is_some_and(|length| length < definition.min_length)
    {
        let short = members().min_by_key(|field| shortest(field));
        findings.extend(short.map(|field| {
            let message = format!(
                "{} needs {} characters, it has room for {}",
                name_of(mask),
                definition.min_length,
                shape.max_length.unwrap_or(0)
            );
            stop("mask-length", &field.column, &message)
        }));
    }
    if mask == MaskName::Null {
        let mandatory = members().filter(|field| !field.is_nullable());
        findings.extend(mandatory.map(|field| {
            stop(
                "mask-not-null",
                &field.column,
                "it is NOT NULL and its mask gives NULL",
            )
        }));
    }
    let is_opaque = mask == MaskName::Text && shape.types.contains(&ColumnType::Verbatim);
    if is_opaque && neutral(shape).is_none() {
        let field = &fields.list[domain.members[0]];
        let message = format!(
            "nothing is known of its type {}, it is NOT NULL, and no neutral value of the type is known",
            field.source.source_type
        );
        findings.push(stop("mask-verbatim", &field.column, &message));
    }
    if shape.unique {
        let values = estimated_values(domain, fields, extract);
        let (has, needs) = (known.capacity_bits(shape), required_bits(values));
        if has < needs {
            let message = format!(
                "it must be unique: {values} values need {needs:.0} bits, {} has {has:.0}",
                name_of(mask)
            );
            let first = &fields.list[domain.members[0]];
            let is_linked = members().any(|field| field.has_linked_members);
            findings.push(match mask {
                MaskName::Json if is_linked => unique_documents(&first.column),
                _ if !shape.types.iter().all(is_text) && mask == MaskName::Json => {
                    stop_openly("mask-capacity", &first.column, &message)
                }
                _ => stop("mask-capacity", &first.column, &message),
            });
        }
    }
    for field in members() {
        findings.extend(single_checks(field, mask, shape));
    }
    findings
}

fn shortest(field: &Field<'_>) -> usize {
    field
        .sides()
        .filter_map(scalar_length)
        .min()
        .unwrap_or(usize::MAX)
}

fn estimated_values(domain: &Domain, fields: &Fields<'_>, extract: &ExtractSection) -> u64 {
    domain
        .members
        .iter()
        .filter_map(|at| extract.catalog_table(&fields.list[*at].column.table))
        .filter_map(|table| table.estimated_rows)
        .max()
        .unwrap_or(ASSUMED_VALUES)
}

fn single_checks(field: &Field<'_>, mask: MaskName, shape: &FieldShape) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let is_bits = field.column_type() == ColumnType::Bits;
    let is_sized = field.is_array() || is_bits || field.column_type() == ColumnType::Range;
    for check in &field.checks {
        let is_size = is_sized && checks::asks_for_size(&check.expression, is_bits);
        if is_size && mask != MaskName::Null && !shape.types.contains(&ColumnType::Verbatim) {
            continue;
        }
        let why = match demand(&check.expression) {
            // Looked at when all decisions are there.
            Demand::Order => continue,
            Demand::Present if mask != MaskName::Null => continue,
            Demand::Within(_) | Demand::MaxLength(_) if mask == MaskName::Null => continue,
            Demand::MaxLength(_) if shape.types.iter().all(is_text) => continue,
            Demand::Within(_)
                if mask == MaskName::Number && !shape.types.contains(&ColumnType::Range) =>
            {
                if segments_are_enough(shape.bounds) {
                    continue;
                }
                "leaves no other value"
            }
            Demand::List => "allows listed values only",
            _ => "cannot be shown to hold for masked values",
        };
        let message = format!("CHECK {} {why}", check.name);
        let finding = if shape.types.iter().all(is_text) {
            stop("mask-check", &field.column, &message)
        } else {
            stop_openly("mask-check", &field.column, &message)
        };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

fn is_text(column_type: &ColumnType) -> bool {
    matches!(column_type, ColumnType::Text | ColumnType::Char)
}

/// CHECKs that compare columns hold only where all of them are shifted alike.
pub(crate) fn check_orders(
    fields: &Fields<'_>,
    decisions: &[ColumnDecision],
    extract: &ExtractSection,
    targets: &[TargetTable],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let decision_of = |column: &ColumnRef| {
        let at = fields.by_column.get(column)?;
        decisions.get(*at)
    };
    for moved in &extract.tables {
        let sides = extract.catalog_table(&moved.table).into_iter().chain(
            targets
                .iter()
                .map(|target| &target.table)
                .filter(|table| table.name == moved.table),
        );
        for (table, check) in sides.flat_map(|table| table.checks.iter().map(move |c| (table, c))) {
            if demand(&check.expression) != Demand::Order {
                continue;
            }
            let named: Vec<&ColumnDecision> = checks::named_columns(check, table)
                .into_iter()
                .filter_map(|column| decision_of(&table.name.column(column)))
                .collect();
            let masked = named.iter().find(|one| one.mask != MaskName::Keep);
            let Some(masked) = masked.filter(|_| !are_shifted_alike(&named)) else {
                continue;
            };
            let message = format!(
                "CHECK {} compares columns that are not masked alike",
                check.name
            );
            let finding = stop("mask-check", &masked.column, &message);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn are_shifted_alike(named: &[&ColumnDecision]) -> bool {
    let is_shifted = |one: &&ColumnDecision| {
        matches!(one.mask, MaskName::Date | MaskName::Timestamp)
            && one.class != ColumnClass::BirthDate
            && one.scope == named[0].scope
    };
    named.iter().all(is_shifted)
}

/// Exclusion constraints are known by name only.
pub(crate) fn warn_of_exclusions(
    extract: &ExtractSection,
    decisions: &[ColumnDecision],
) -> Vec<Finding> {
    let is_masked = |table: &redistrict_model::Table| {
        decisions
            .iter()
            .any(|one| one.column.table == table.name && one.mask != MaskName::Keep)
    };
    let tables = extract
        .tables
        .iter()
        .filter_map(|moved| extract.catalog_table(&moved.table));
    tables
        .filter(|table| !table.exclusions.is_empty() && is_masked(table))
        .map(|table| {
            let message = format!(
                "its exclusion constraint {} cannot be checked before loading",
                table.exclusions.join(", ")
            );
            Finding::warning("mask-exclusion", table.name.to_string(), message, 0)
        })
        .collect()
}

/// The configuration's name of a mask.
pub(crate) fn name_of(mask: MaskName) -> String {
    match serde_json::to_value(mask) {
        Ok(serde_json::Value::String(name)) => format!("mask \"{name}\""),
        _ => "its mask".to_owned(),
    }
}

/// As [`stop`], where the type may take no other mask: to keep it openly is the way out that there is.
/// Documents that links lead from, in a column that has to be unique: one says a mask that keeps documents, the
/// other one that does not.
pub(crate) fn unique_documents(column: &ColumnRef) -> Finding {
    let message = "links lead from members of its documents, and its values have to be unique: no mask keeps both; \
                   keep it openly, or take the links out of the configuration";
    Finding::error("mask-linked-document", column.to_string(), message, 0)
        .with_lines(public_lines(column))
}

fn stop_openly(code: &str, column: &ColumnRef, message: &str) -> Finding {
    Finding::error(code, column.to_string(), message, 0).with_lines(public_lines(column))
}

/// An error with the ways out: another mask, or to keep it openly.
fn stop(code: &str, column: &ColumnRef, message: &str) -> Finding {
    let other = [
        header(column),
        "mask = \"text\"  # or another mask that its constraints allow".to_owned(),
        "# or keep it openly:".to_owned(),
    ];
    let keep = public_lines(column).into_iter().skip(1);
    Finding::error(code, column.to_string(), message, 0).with_lines(
        other
            .into_iter()
            .chain(keep.map(|line| format!("# {line}"))),
    )
}
