//! The user's word about columns: the classes, masks and domains of `[column."…"]`, and what of them
//! cannot be done.

use std::collections::BTreeMap;

use redistrict_model::config::{ColumnSettings, MaskSetting};
use redistrict_model::{ColumnClass, ColumnRef, Finding, MaskName, Provenance, toml_key};

use super::decide::{Proposal, is_kept_class};
use super::domains::Domain;
use super::fields::Fields;

/// `[column."…"]` of a column, as a line to paste.
pub(crate) fn header(column: &ColumnRef) -> String {
    format!("[column.{}]", toml_key(&column.to_string()))
}

/// The lines that keep a sensitive column.
pub(crate) fn public_lines(column: &ColumnRef) -> [String; 4] {
    [
        header(column),
        "mask = \"keep\"".to_owned(),
        "public = true".to_owned(),
        "reason = \"why everybody may see it\"".to_owned(),
    ]
}

/// The domains' names that the user gave.
pub(crate) fn named_domains(
    columns: &BTreeMap<ColumnRef, ColumnSettings>,
) -> BTreeMap<ColumnRef, String> {
    columns
        .iter()
        .filter_map(|(column, settings)| Some((column.clone(), settings.domain.clone()?)))
        .collect()
}

/// The column is declared as about no person.
pub(crate) fn is_declared_public(settings: &ColumnSettings) -> bool {
    settings.public && has_reason(settings)
}

fn has_reason(settings: &ColumnSettings) -> bool {
    settings
        .reason
        .as_deref()
        .is_some_and(|reason| !reason.trim().is_empty())
}

/// What is asked for but does not exist: columns, and masks of later versions.
pub(crate) fn impossible(
    columns: &BTreeMap<ColumnRef, ColumnSettings>,
    fields: &Fields<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (column, settings) in columns {
        let mut error = |code, message: &str| {
            findings.push(Finding::error(code, column.to_string(), message, 0));
        };
        let field = fields.by_column.get(column).map(|at| &fields.list[*at]);
        if field.is_none() {
            error("mask-column-unknown", "no such column moves");
        }
        let is_said = settings.mask.is_some() || settings.class.is_some() || settings.public;
        if is_said && field.is_some_and(|field| field.is_graph_column) {
            error(
                "mask-graph-column",
                "labels of a graph are kept, the ends of its relationships are masked as what they refer \
                 to: there is nothing to decide",
            );
        }
        if matches!(settings.mask, Some(MaskSetting::Table(_))) {
            error(
                "mask-not-available",
                "masks with parameters are not available yet: give the mask's name only",
            );
        }
        if !settings.paths.is_empty() {
            error(
                "mask-not-available",
                "masks of JSON paths are not available yet: every leaf is masked by its key or type",
            );
        }
        if settings.mask == Some(MaskSetting::Name(MaskName::Boolean)) {
            error(
                "mask-not-available",
                "booleans are kept; mask = \"null\" clears them where NULL is allowed",
            );
        }
    }
    findings
}

/// What the user says about a domain, given what is proposed without the user.
///
/// Settings of several columns of the domain must agree. A column that would be masked is kept only
/// with `public = true` and a reason.
pub(crate) fn apply(
    domain: &Domain,
    fields: &Fields<'_>,
    columns: &BTreeMap<ColumnRef, ColumnSettings>,
    proposed: Proposal,
) -> Result<Proposal, Vec<Finding>> {
    let said: Vec<(&ColumnRef, &ColumnSettings)> = domain
        .members
        .iter()
        .filter_map(|at| columns.get_key_value(&fields.list[*at].column))
        .filter(|(_, settings)| {
            settings.class.is_some() || settings.mask.is_some() || settings.public
        })
        .collect();
    let Some((column, _)) = said.first() else {
        return Ok(proposed);
    };
    let class = agreed(&said, |settings| settings.class, "class")?;
    let mask = agreed(&said, mask_name, "mask")?;
    let is_public = said.iter().any(|(_, settings)| settings.public);
    let asks_to_keep = mask == Some(MaskName::Keep)
        || mask.is_none() && (is_public || class.is_some_and(is_kept_class));
    if proposed.class == ColumnClass::TenantKey {
        return if asks_to_keep {
            Ok(proposed)
        } else {
            let message = "it is the district's own key, which is kept";
            Err(vec![error("mask-tenant-key", column, message)])
        };
    }
    if asks_to_keep {
        return keep(&said, class, proposed);
    }
    let base = if proposed.is_kept() {
        ColumnClass::Unknown
    } else {
        proposed.class
    };
    Ok(Proposal {
        class: class.filter(|class| !is_kept_class(*class)).unwrap_or(base),
        provenance: Provenance::User,
        reason: format!("said at {column}"),
        mask: mask.or(proposed.mask.filter(|_| class.is_none())),
    })
}

fn mask_name(settings: &ColumnSettings) -> Option<MaskName> {
    match settings.mask {
        Some(MaskSetting::Name(name)) => Some(name),
        _ => None,
    }
}

fn keep(
    said: &[(&ColumnRef, &ColumnSettings)],
    class: Option<ColumnClass>,
    proposed: Proposal,
) -> Result<Proposal, Vec<Finding>> {
    let (column, _) = said[0];
    let reason = said
        .iter()
        .find(|(_, settings)| is_declared_public(settings))
        .and_then(|(_, settings)| settings.reason.clone());
    // Columns of these classes are looked at over all rows, unless everybody may see them.
    let is_looked_at = matches!(proposed.class, ColumnClass::Code | ColumnClass::Enumeration);
    if proposed.is_kept() && !(is_looked_at && reason.is_some()) {
        let class = class.filter(|class| is_kept_class(*class));
        return Ok(Proposal {
            class: class.unwrap_or(proposed.class),
            provenance: Provenance::User,
            ..proposed
        });
    }
    let Some(reason) = reason else {
        let message = "it is sensitive: keeping it needs public = true and a reason";
        return Err(vec![
            error("keep-sensitive", column, message).with_lines(public_lines(column)),
        ]);
    };
    Ok(Proposal {
        class: ColumnClass::Public,
        provenance: Provenance::User,
        reason,
        mask: Some(MaskName::Keep),
    })
}

fn agreed<T: PartialEq + Copy>(
    said: &[(&ColumnRef, &ColumnSettings)],
    get: impl Fn(&ColumnSettings) -> Option<T>,
    what: &str,
) -> Result<Option<T>, Vec<Finding>> {
    let mut given = said
        .iter()
        .filter_map(|(column, settings)| Some((*column, get(settings)?)));
    let Some((first_column, first)) = given.next() else {
        return Ok(None);
    };
    match given.find(|(_, other)| *other != first) {
        None => Ok(Some(first)),
        Some((column, _)) => {
            let message = format!(
                "it holds the same values as {first_column}, for which another {what} is given"
            );
            Err(vec![error("mask-domain-conflict", column, &message)])
        }
    }
}

fn error(code: &str, column: &ColumnRef, message: &str) -> Finding {
    Finding::error(code, column.to_string(), message, 0)
}
