//! The text of redistrict.toml.

use std::fmt::Write as _;

use redistrict_analyze::ProposedLink;
use redistrict_model::{Finding, MaskKind, Role, TableRef, shown, toml_key, toml_text};

use super::links::{self, link_text};
use super::{Found, NewStore};

const HEAD: &str = "\
# Written by `redistrict init` from the catalogs. What was inferred stands below as comments, each
# with its reason; nothing of it has to be repeated here. The grammar: docs/configuration.md.
";

/// How a reason begins that nobody has written yet.
const OPEN: &str = "…";

/// Tenant and stores only.
pub(super) fn stores_only(stores: &[NewStore], root: &str, key: &[String]) -> String {
    tenant_text(root, key) + &stores_text(stores)
}

fn tenant_text(root: &str, key: &[String]) -> String {
    let key = match key {
        [one] => toml_text(one),
        many => {
            let many: Vec<String> = many.iter().map(|one| toml_text(one)).collect();
            format!("[{}]", many.join(", "))
        }
    };
    format!("[tenant]\nroot = {}\nkey = {key}\n", toml_text(root))
}

fn stores_text(stores: &[NewStore]) -> String {
    let mut out = String::new();
    for store in stores {
        line(
            &mut out,
            &format!(
                "\n[store.{}]\nkind = \"{}\"\nsource = {{ env = {} }}\ntarget = {{ env = {} }}",
                toml_key(&store.name),
                store.kind,
                toml_text(&store.source),
                toml_text(&store.target)
            ),
        );
    }
    out
}

/// With every decision taken, whatever it is: only to see what else there is.
pub(super) fn provisional(
    stores: &[NewStore],
    root: &TableRef,
    key: &[String],
    links: &[ProposedLink],
    decisions: &[Finding],
) -> String {
    let mut out = stores_only(stores, &root.to_string(), key);
    for link in links {
        line(&mut out, &link_text(link));
    }
    for (heading, entries) in sections(decisions) {
        line(&mut out, &heading);
        for entry in entries {
            line(&mut out, &entry);
        }
    }
    out
}

/// Lines that settle findings, each heading once and each key under it once: a configuration names
/// a table once. Lines that are comments already stand where they stood.
fn sections(findings: &[Finding]) -> Vec<(String, Vec<String>)> {
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for finding in findings {
        let mut at = None;
        for text in &finding.lines {
            if text.starts_with('[') {
                let known = sections.iter().position(|(heading, _)| heading == text);
                at = Some(known.unwrap_or_else(|| {
                    sections.push((text.clone(), Vec::new()));
                    sections.len() - 1
                }));
            } else if let Some((_, entries)) = at.and_then(|at: usize| sections.get_mut(at)) {
                let key = |text: &str| text.split_once(" =").map(|(key, _)| key.to_owned());
                let is_new = entries.iter().all(|entry| {
                    entry != text && (key(entry).is_none() || key(entry) != key(text))
                });
                if is_new {
                    entries.push(text.clone());
                }
            }
        }
    }
    sections
}

/// The file.
pub(super) fn render(stores: &[NewStore], found: &Found) -> String {
    let mut out = HEAD.to_owned();
    out.push('\n');
    out.push_str(&tenant_text(&found.root.to_string(), &found.key));
    names(&mut out, found);
    out.push_str(&stores_text(stores));
    links::write(&mut out, &found.links);
    decisions(&mut out, &found.decisions);
    roles(&mut out, found);
    columns(&mut out, found);
    out
}

/// The district's name is not needed: a column that may hold it stands there to be uncommented.
fn names(out: &mut String, found: &Found) {
    for name in &found.names {
        let name = toml_text(name);
        line(
            out,
            &format!("# name = {name}     # the district's name; printed if that column is kept"),
        );
    }
}

fn decisions(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    line(
        out,
        "\n# ---- To decide: uncomment what is right, and write the reason",
    );
    let mut open: Vec<&Finding> = findings.iter().collect();
    for (heading, entries) in sections(findings) {
        line(out, "");
        open.retain(|finding| {
            let is_here = finding.lines.contains(&heading);
            if is_here {
                reason(out, finding);
            }
            !is_here
        });
        for text in std::iter::once(&heading).chain(&entries) {
            line(out, &format!("# {text}"));
        }
    }
    for finding in open {
        line(out, "");
        reason(out, finding);
    }
}

fn reason(out: &mut String, finding: &Finding) {
    let text = format!("{}: {}", finding.subject, finding.message);
    line(out, &format!("# {}", shown(&text)));
}

fn roles(out: &mut String, found: &Found) {
    line(out, "\n# ---- Inferred: which rows belong to a district");
    let ownership = &found.source.analysis.ownership;
    for role in &ownership.tables {
        let mut owners: Vec<String> = Vec::new();
        for owner in &role.owners {
            let edge = ownership.edge(owner.edge);
            let said = format!("({}) to {}", edge.child_columns.join(", "), edge.parent);
            // One reference may lead to an owner and hang on it too.
            if !owners.contains(&said) {
                owners.push(said);
            }
        }
        let owners = match (role.role, owners.is_empty()) {
            (Role::Excluded | Role::Unknown, _) | (_, true) => String::new(),
            _ => format!(" by {}", owners.join(", then ")),
        };
        let twice = format!("{}: ", role.role);
        let reason = role.reason.strip_prefix(&twice).unwrap_or(&role.reason);
        if role.role == Role::Excluded && reason.starts_with(OPEN) {
            line(
                out,
                &shown(&format!("# {}: to decide, see above", role.table)),
            );
            continue;
        }
        // Who owns it has just been said.
        let reason = if !owners.is_empty() && reason.starts_with("belongs to ") {
            String::new()
        } else {
            format!(": {reason}")
        };
        line(
            out,
            &shown(&format!("# {} {}{owners}{reason}", role.table, role.role)),
        );
    }
}

fn columns(out: &mut String, found: &Found) {
    if found.columns.is_empty() {
        return;
    }
    line(out, "\n# ---- Inferred: what is done with each column");
    for decision in &found.columns {
        let done = if decision.kind == MaskKind::Kept {
            "kept".to_owned()
        } else {
            format!("masked as {}", name_of(&decision.mask))
        };
        line(
            out,
            &shown(&format!(
                "# {} is {}, {done}: {}",
                decision.column,
                name_of(&decision.class),
                decision.reason
            )),
        );
    }
}

fn name_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Adds a line.
pub(super) fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}
