//! The text of redistrict.toml.

use std::fmt::Write as _;

use redistrict_analyze::{AlwaysThere, ProposedLink};
use redistrict_model::{Finding, TableRef, shown, toml_key, toml_text};

use super::inferred::{self, count};
use super::links::{self, link_text};
use super::{Found, NewStore};

const HEAD: &str = "\
# Written by `redistrict init` from the catalogs. What was inferred stands below as comments, each
# with its reason; nothing of it has to be repeated here. The grammar: docs/configuration.md.
";

/// What stands above the references that every row has.
const ALWAYS: &str = "\
# Found out: every row has these references, though the catalog does not say so. They count as if it did: take out
# those that may be empty one day.";

/// How a reason begins that nobody has written yet.
pub(super) const OPEN: &str = "…";

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

/// References that every row has, each with the rows that were counted.
fn always_text(out: &mut String, always: &[AlwaysThere]) {
    if always.is_empty() {
        return;
    }
    line(out, "always = [");
    for one in always {
        let reference = toml_text(&one.reference);
        let rows = count(one.rows, "row");
        line(out, &format!("    {reference},     # {rows}"));
    }
    line(out, "]");
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
    always: &[AlwaysThere],
    links: &[ProposedLink],
    decisions: &[Finding],
) -> String {
    let mut out = tenant_text(&root.to_string(), key);
    always_text(&mut out, always);
    out.push_str(&stores_text(stores));
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
    inferred::summary(&mut out, found);
    out.push('\n');
    out.push_str(&tenant_text(&found.root.to_string(), &found.key));
    names(&mut out, found);
    if !found.always.is_empty() {
        line(&mut out, ALWAYS);
    }
    always_text(&mut out, &found.always);
    out.push_str(&stores_text(stores));
    decisions(&mut out, &found.decisions);
    links::questions(&mut out, &found.links);
    links::write(&mut out, &found.links);
    inferred::roles(&mut out, found);
    inferred::columns(&mut out, found);
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

/// Adds a line.
pub(super) fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}
