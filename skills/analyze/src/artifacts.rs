//! What `analyze` writes to `data/analysis`: for people and for the next command.

use std::fmt::Write as _;
use std::path::Path;

use redistrict_artifact::{ArtifactError, sha256_hex, write_atomic};
use redistrict_model::{
    Catalog, Edge, Finding, Ownership, Role, TableRef, in_markdown, shown_lines,
};
use serde::{Deserialize, Serialize};

use crate::picture::picture;

/// The version of `schema-analysis.json`. An analysis of another one is made anew: 1 had no tables in doubt.
pub const FORMAT: u32 = 2;

/// `schema-analysis.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`FORMAT`].
    pub format_version: u32,
    /// Of the catalogs and decisions it was made from; another digest means another analysis.
    pub input_digest: String,
    pub catalogs: Vec<Catalog>,
    pub ownership: Ownership,
    /// Sets of tables, parents first; a set of more than one refers to itself in a cycle.
    pub order: Vec<Vec<TableRef>>,
    /// Tables that hold at least one row.
    pub with_rows: Vec<TableRef>,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// The digest of what an analysis is made from: catalogs without estimates, and the configuration's
/// decisions in any form that prints the same for the same decisions.
#[must_use]
pub fn input_digest(catalogs: &[Catalog], decisions: &str) -> String {
    let mut catalogs = catalogs.to_vec();
    for table in catalogs.iter_mut().flat_map(|catalog| &mut catalog.tables) {
        table.estimated_rows = None;
    }
    let mut bytes = serde_json::to_vec(&catalogs).expect("catalogs are plain data");
    bytes.extend(decisions.as_bytes());
    sha256_hex(&bytes)
}

impl Analysis {
    /// Reads an analysis that was made from the same input.
    #[must_use]
    pub fn read(dir: &Path, input_digest: &str) -> Option<Self> {
        let bytes = std::fs::read(dir.join("schema-analysis.json")).ok()?;
        let analysis: Self = serde_json::from_slice(&bytes).ok()?;
        (analysis.format_version == FORMAT && analysis.input_digest == input_digest)
            .then_some(analysis)
    }

    /// Writes the five files.
    ///
    /// # Errors
    /// A failing disk.
    pub fn write(&self, dir: &Path) -> Result<(), ArtifactError> {
        let json = |value: &serde_json::Value| {
            serde_json::to_vec_pretty(value).expect("an analysis is plain data")
        };
        let whole = serde_json::to_value(self).expect("an analysis is plain data");
        write_atomic(&dir.join("schema-analysis.json"), &json(&whole))?;
        let order = serde_json::json!({ "format_version": 1, "order": self.order });
        write_atomic(&dir.join("extraction-order.json"), &json(&order))?;
        write_atomic(&dir.join("dependency-graph.dot"), self.dot().as_bytes())?;
        let picture = picture(&self.ownership, &self.order);
        write_atomic(&dir.join("dependency-graph.svg"), picture.as_bytes())?;
        write_atomic(&dir.join("README.md"), self.readme().as_bytes())
    }

    /// The tables that move and their references, for Graphviz; owners are bold.
    fn dot(&self) -> String {
        let mut out = String::from("digraph district {\n  rankdir=BT;\n  node [shape=box];\n");
        let moves = |table: &TableRef| {
            self.ownership
                .table(table)
                .is_some_and(|role| !matches!(role.role, Role::Excluded | Role::Unknown))
        };
        for role in self
            .ownership
            .tables
            .iter()
            .filter(|role| moves(&role.table))
        {
            let style = match role.role {
                Role::Root => "style=filled, fillcolor=lightblue",
                Role::Owned => "style=solid",
                Role::Shared => "style=rounded",
                _ => "style=dashed",
            };
            line(
                &mut out,
                &format!("  {} [{style}];", quoted(&role.table.to_string())),
            );
        }
        for edge in &self.ownership.edges {
            if !moves(&edge.child) || !moves(&edge.parent) {
                continue;
            }
            let is_owner = self
                .ownership
                .table(&edge.child)
                .is_some_and(|role| role.owners.iter().any(|owner| owner.edge == edge.id));
            let style = if is_owner {
                "style=bold"
            } else {
                "style=dotted"
            };
            line(
                &mut out,
                &format!(
                    "  {} -> {} [label={}, {style}];",
                    quoted(&edge.child.to_string()),
                    quoted(&edge.parent.to_string()),
                    quoted(&label(edge))
                ),
            );
        }
        out.push_str("}\n");
        out
    }

    fn readme(&self) -> String {
        let mut out = String::from("# Schema analysis\n\n");
        line(
            &mut out,
            "Roles are derived from references; decisions are written on references.\n",
        );
        line(
            &mut out,
            "| table | role | owners | measured | why |\n|---|---|---|---|---|",
        );
        for role in &self.ownership.tables {
            let owners: Vec<String> = role
                .owners
                .iter()
                .map(|owner| {
                    let edge = self.ownership.edge(owner.edge);
                    format!("({}) → {}", edge.child_columns.join(", "), edge.parent)
                })
                .collect();
            let measured = role.measured.as_ref().map_or(String::new(), |measured| {
                format!(
                    "{} rows, spread {:.2}, cover {:.2}",
                    measured.rows, measured.spread, measured.cover
                )
            });
            let cells = [
                role.table.to_string(),
                role.role.to_string(),
                owners.join("; "),
                measured,
                role.reason.clone(),
            ];
            line(
                &mut out,
                &format!("| {} |", cells.map(|cell| in_markdown(&cell)).join(" | ")),
            );
        }
        for finding in &self.findings {
            line(
                &mut out,
                &format!(
                    "\n- {}: {}",
                    in_markdown(&finding.subject),
                    in_markdown(&finding.message)
                ),
            );
        }
        out
    }
}

/// What stands beside an arrow: the columns, and when they count.
fn label(edge: &Edge) -> String {
    let mut text = edge.child_columns.join(", ");
    for (column, texts) in &edge.when {
        write!(text, "\nwhere {column} is {}", texts.join(" or "))
            .expect("a String takes every write");
    }
    text
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}

fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        shown_lines(text)
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}
