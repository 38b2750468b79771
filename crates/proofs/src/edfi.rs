//! `prove edfi`: the sample of Ed-Fi (741 tables, 1,214 foreign keys) with all its rows: what `init` and one
//! person decide gives exactly the rows of district 255901 that docs/design/closure.md §8 lists; they go into
//! an empty CERT, where the server itself declares every foreign key anew. Each line of configuration is
//! printed with its explanation.

mod expected;
pub(crate) mod sample;

use std::collections::BTreeMap;

use anyhow::Result;
use redistrict_testkit::foreign_keys::broken_foreign_keys;
use serde_json::Value;

use self::expected::{DESCRIPTORS, FULL, ROLES, ROWS, STUBS, TABLES_WITH_ROWS};
pub(crate) use self::expected::{Planned, tables};
use self::sample::{DISTRICT, Sample, seconds};
use crate::{Options, Proof, say};

const FOREIGN_KEYS: usize = 1_214;
const MOST_LINES: usize = 40;
/// About tables: one that triggers fill is left out. Two columns that hold codes are kept by rules of their own.
const DECISIONS: usize = 1;

pub(crate) fn prove(_options: Options) -> Result<Proof> {
    let sample = Sample::new()?;
    let configured = sample.configure()?;
    say("every line of the configuration:");
    configured
        .lines
        .iter()
        .for_each(|line| say(&format!("    {line}")));
    let mut wrong = Wrong::default();
    let lines = configured.lines.len();
    wrong.unless(
        lines <= MOST_LINES,
        format!("{lines} lines of configuration"),
    );
    wrong.equal("decisions by a person", configured.decisions, DECISIONS);

    let analyze = sample.timed(&["analyze"])?;
    let (plan, is_decided, exact) = sample.json(&["plan", DISTRICT, "--exact"])?;
    wrong.unless(is_decided, format!("the plan asks more: {}", plan["hints"]));
    let planned = tables(&plan)?;
    as_listed(&planned, &mut wrong);
    let (report, migrate) = sample.migrate(DISTRICT)?;
    wrong.equal("rows extracted", number(&report["extracted"]), FULL + STUBS);
    let (looked_at, left_behind) = sample.left_behind(&report)?;
    wrong.equal("rows left behind", left_behind, Vec::new());
    arrived(&sample, &planned, &mut wrong)?;
    let (keys, broken) = sample.wait(broken_foreign_keys(&sample.cert))?;
    wrong.equal("foreign keys of CERT", keys, FOREIGN_KEYS);
    wrong.unless(
        broken.is_empty(),
        format!("broken in CERT: {}", broken.join(", ")),
    );

    wrong
        .0
        .iter()
        .for_each(|line| say(&format!("WRONG: {line}")));
    Ok(Proof {
        figures: format!(
            "{FULL} rows and {STUBS} stubs of district {DISTRICT} in {TABLES_WITH_ROWS} of 741 tables, {} of \
             {FOREIGN_KEYS} foreign keys hold in CERT, {looked_at} rows of PROD looked at for left ones, {lines} lines of configuration, {} of them a \
             person's decision about rows, {} problems; init {}, analyze {}, plan --exact {}, migrate {}",
            keys - broken.len(),
            configured.decisions,
            wrong.0.len(),
            seconds(configured.init),
            seconds(analyze),
            seconds(exact),
            seconds(migrate),
        ),
        passed: wrong.0.is_empty(),
    })
}

/// What is not as it should be, in words.
#[derive(Default)]
pub(crate) struct Wrong(pub(crate) Vec<String>);

impl Wrong {
    pub(crate) fn unless(&mut self, holds: bool, what: String) {
        if !holds {
            self.0.push(what);
        }
    }

    pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(
        &mut self,
        what: &str,
        found: T,
        expected: T,
    ) {
        let message = format!("{what}: {found:?}, not {expected:?}");
        self.unless(found == expected, message);
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Roles and counts as worked out elsewhere.
fn as_listed(planned: &BTreeMap<String, Planned>, wrong: &mut Wrong) {
    for (role, expected) in ROLES {
        let found = planned.values().filter(|table| table.role == role).count();
        wrong.equal(&format!("tables that are {role}"), found, expected);
    }
    let rows = |table: &Planned| table.full + table.stubs;
    wrong.equal(
        "full rows",
        planned.values().map(|one| one.full).sum(),
        FULL,
    );
    wrong.equal("stubs", planned.values().map(|one| one.stubs).sum(), STUBS);
    let with_rows = planned.values().filter(|table| rows(table) > 0).count();
    wrong.equal("tables with rows", with_rows, TABLES_WITH_ROWS);
    for (table, expected) in ROWS {
        let found = planned.get(&format!("edfi.{table}")).map_or(0, rows);
        wrong.equal(table, found, expected);
    }
    let subclasses = planned
        .iter()
        .filter(|(name, _)| name.ends_with("descriptor") && *name != "edfi.descriptor");
    wrong.equal(
        "subclasses of descriptor",
        subclasses.map(|(_, table)| rows(table)).sum(),
        DESCRIPTORS,
    );
}

/// CERT holds what was planned and nothing else, but for what its own triggers write.
fn arrived(sample: &Sample, planned: &BTreeMap<String, Planned>, wrong: &mut Wrong) -> Result<()> {
    for (table, expected) in planned {
        let (schema, name) = table.split_once('.').unwrap_or(("public", table));
        let sql = format!("select count(*) from \"{schema}\".\"{name}\"");
        let found = sample.count(&sample.cert, &sql)?;
        wrong.equal(
            &format!("{table} in CERT"),
            found,
            expected.full + expected.stubs,
        );
    }
    Ok(())
}
