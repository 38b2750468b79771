//! What can be told of the checks before there is an artifact: constraints of CERT that could never be checked,
//! so that the verdict would be FAILED whatever the rows are, and rows that CERT would refuse. Pure.

use redistrict_model::{
    Check, Edge, EdgeId, EdgeOrigin, ExtractTable, Finding, PlanSections, StoreKind, StoreName,
    Table, TableRef, VerdictReport, toml_key,
};

use crate::checks::foreign_keys::{DANGLING_KEY, is_enforced, subject};
use crate::checks::keys::holds_without_its_columns;
use crate::expression::{Unsupported, parse};

/// CHECKs of CERT that neither are evaluated here nor hold because PROD has them as well, and unique keys
/// over columns that do not travel: ERROR findings for the plan, one per constraint, in the order of the
/// tables that move.
#[must_use]
pub fn checks_that_cannot_run(sections: &PlanSections) -> Vec<Finding> {
    let mut findings = Vec::new();
    for moving in &sections.extract.tables {
        let source = sections.extract.catalog_table(&moving.table);
        let target = sections.load.table(&moving.table);
        let (Some(source), Some(target)) = (source, target) else {
            continue;
        };
        let moves: Vec<&str> = moving.columns.iter().map(String::as_str).collect();
        for unique in &target.table.uniques {
            let columns = &unique.columns;
            let masks = &sections.anonymize;
            let is_told = columns.iter().all(|name| moves.contains(&name.as_str()))
                || holds_without_its_columns(masks, source, &target.table, &moves, columns);
            if !is_told {
                findings.push(untold(&moving.table, columns));
            }
        }
        let kind = kind_of(sections, &moving.table.store);
        for check in &target.table.checks {
            if source.checks.iter().any(|known| is_same(known, check)) {
                continue;
            }
            if let Some(why) = trouble(check, source, moving, kind) {
                findings.push(refusal(&moving.table, check, &why));
            }
        }
    }
    findings
}

/// The same constraint, however its text is laid out.
pub(crate) fn is_same(one: &Check, other: &Check) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    squeezed(&one.expression) == squeezed(&other.expression)
}

/// References of rows that come to rows that PROD does not have, over keys that CERT declares: it would refuse
/// them, also over a key that was never validated there. `dangling` says how many rows of which references dangle.
/// An ERROR finding for each, in the order given, with the lines that let the rest come.
#[must_use]
pub fn refused_by_target(sections: &PlanSections, dangling: &[(EdgeId, u64)]) -> Vec<Finding> {
    let edges = &sections.extract.ownership;
    let refused = dangling.iter().filter_map(|(id, rows)| {
        let edge = edges.edges.get(id.index())?;
        let may_dangle = edge.origin != EdgeOrigin::ForeignKey;
        (*rows > 0 && may_dangle && is_enforced(sections, edge)).then(|| dangles(edge, *rows))
    });
    refused.collect()
}

/// The same of the references whose checks failed, for what a person can do about them.
pub(crate) fn ways_out(sections: &PlanSections, report: &VerdictReport) -> Vec<String> {
    let is_failed = |edge: &&Edge| {
        let mut checks = report.checks.iter();
        checks.any(|check| {
            check.check == DANGLING_KEY && !check.is_passed() && check.subject == subject(edge)
        })
    };
    let edges = sections.extract.ownership.edges.iter();
    let failed = edges.filter(is_failed);
    failed.flat_map(|edge| dangles(edge, 1).lines).collect()
}

fn dangles(edge: &Edge, rows: u64) -> Finding {
    let columns = format!("({})", edge.child_columns.join(", "));
    let loose = match edge.origin {
        EdgeOrigin::NotValid => "a foreign key that PROD does not hold for all rows (NOT VALID)",
        EdgeOrigin::Link | EdgeOrigin::ForeignKey => "a link, which PROD does not enforce",
    };
    let message = format!(
        "{rows} rows that come refer by {columns}, {loose}, to rows of {} that PROD does not have: CERT declares \
         that key and would refuse them",
        edge.parent
    );
    let name = edge.child.to_string();
    let heading = format!("[table.{}]", toml_key(&name));
    let reference = toml_key(&columns);
    let line = match (edge.origin, edge.nullable_columns.is_empty()) {
        (EdgeOrigin::NotValid, false) => format!(
            "boundary = {{ {reference} = \"null\" }}     # or \"exclude\": without these rows and what belongs to them"
        ),
        (EdgeOrigin::NotValid, true) => format!(
            "boundary = {{ {reference} = \"exclude\" }}     # without these rows and what belongs to them; or mend \
             them in PROD"
        ),
        (EdgeOrigin::Link | EdgeOrigin::ForeignKey, _) => format!(
            "excluded = \"…the reason…\"     # or mend the rows in PROD, or drop the key {columns} in CERT"
        ),
    };
    Finding::error("dangling-key", name, message, rows).with_lines([heading, line])
}

fn kind_of(sections: &PlanSections, store: &StoreName) -> Option<StoreKind> {
    let mut catalogs = sections.extract.catalogs.iter();
    catalogs.find(|one| one.store == *store).map(|one| one.kind)
}

/// Why the constraint cannot be evaluated on the rows that move.
fn trouble(
    check: &Check,
    source: &Table,
    moving: &ExtractTable,
    kind: Option<StoreKind>,
) -> Option<String> {
    let has = |name: &str| {
        let mut columns = source.columns.iter();
        columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let is_text = |name: &str| kind == Some(StoreKind::Sqlite) && !has(name);
    match parse(&check.expression, &is_text) {
        Err(Unsupported(why)) => Some(format!("it has {why}")),
        Ok(expression) => {
            let moves = |name: &str| {
                let mut columns = moving.columns.iter();
                columns.any(|column| column.eq_ignore_ascii_case(name))
            };
            let mut columns = expression.columns().into_iter();
            let unknown = columns.find(|name| !moves(name))?;
            Some(format!("{unknown} does not move"))
        }
    }
}

fn untold(table: &TableRef, columns: &[String]) -> Finding {
    let columns = columns.join(", ");
    let message = format!(
        "the unique key ({columns}) of CERT cannot be checked before the load: not all of its columns travel, \
         and what CERT fills in comes from columns that are masked, or PROD lacks the key"
    );
    let name = table.to_string();
    Finding::error("key-cannot-run", &name, message, 1).with_lines([
        format!("[table.{}]", toml_key(&name)),
        format!("excluded = \"…the reason…\"     # or drop the key ({columns}) in CERT"),
    ])
}

fn refusal(table: &TableRef, check: &Check, why: &str) -> Finding {
    let message = format!(
        "CHECK {} of CERT, which PROD lacks, cannot be checked before the load: {why}",
        check.name
    );
    let name = table.to_string();
    Finding::error("check-cannot-run", &name, message, 1).with_lines([
        format!("[table.{}]", toml_key(&name)),
        format!(
            "excluded = \"…the reason…\"     # or drop {} in CERT, or add it to PROD",
            check.name
        ),
    ])
}
