//! `prove neighbours`: the rows of Ed-Fi's district 255901 are the same set, key by key, whether its store holds
//! that district alone or a second one that shares people, an agency's program and natural keys with it. The
//! second district is made by SQL: copies of all rows, with other keys.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use redistrict_testkit::foreign_keys::broken_foreign_keys;
use redistrict_testkit::postgres::query;

use crate::edfi::sample::{DISTRICT, Sample, seconds};
use crate::edfi::{Planned, Wrong, number, tables};
use crate::{Options, Proof, say};

const OTHER: &str = "5000255901";
const FOREIGN_KEYS: usize = 1_214;

/// What will lie between the districts, made while there is one.
const ALONE: &str = include_str!("neighbours/alone.sql");
/// The second one.
const SECOND: &str = include_str!("neighbours/second_district.sql");
/// What both share.
const CONTACT: &str = include_str!("neighbours/contact.sql");
/// In CERT: every column with the number of keys of the second district in it.
const SEARCH: &str = include_str!("neighbours/search.sql");
/// The keys of every table that is not written by triggers, as one digest and a number. Values may differ: of
/// more rows more columns are seen to hold codes.
const DIGESTS: &str = "
    select format('select %L, count(*)::text,
                   md5(coalesce(string_agg(row(%s)::text, chr(10) order by row(%2$s)::text), '''')) from %3$s as t',
                  c.oid::regclass, coalesce(k.columns, 't.*'), c.oid::regclass)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      left join lateral (
        select string_agg(format('t.%I', a.attname), ', ' order by a.attnum) as columns
          from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
         where i.indrelid = c.oid and i.indisprimary
      ) k on true
     where c.relkind = 'r' and n.nspname in ('edfi', 'interop')
     order by c.oid::regclass::text";

/// What the rules say about each row that two districts touch: in words, counted in CERT, rows there with the
/// one district, rows with both.
const EXPECTED: &str = include_str!("neighbours/expected.sql");

pub(crate) fn prove(options: Options) -> Result<Proof> {
    let sample = Sample::new()?;
    sample.execute(&sample.prod, ALONE)?;
    sample.configure()?;
    let mut wrong = Wrong::default();
    let (first, alone_took) = sample.migrate(DISTRICT)?;
    let alone = digests(&sample)?;
    wrong.unless(
        number(&first["loaded"]) > 0,
        "nothing was loaded".to_owned(),
    );

    sample.execute(&sample.prod, SECOND)?;
    sample.execute(&sample.prod, CONTACT)?;
    valid(&sample, &sample.prod, "PROD", &mut wrong)?;
    // Measured anew: with a neighbour the numbers are others.
    sample.timed(&["analyze"])?;
    let (again, again_took) = sample.migrate(DISTRICT)?;
    wrong.equal(
        "rows extracted",
        number(&again["extracted"]),
        number(&first["extracted"]),
    );
    wrong.unless(
        counts(&again) == counts(&first),
        "a table has other counts".to_owned(),
    );
    for report in [&first, &again] {
        let (_, left_behind) = sample.left_behind(report)?;
        wrong.equal("rows left behind", left_behind, Vec::new());
    }
    let beside = digests(&sample)?;
    for (table, digest) in &alone {
        let message = format!("keys of {table} in CERT changed");
        wrong.unless(beside.get(table) == Some(digest), message);
    }
    let with_rows = alone.values().filter(|(rows, _)| rows != "0").count();
    wrong.unless(with_rows > 300, format!("{with_rows} tables were compared"));
    let searched = search(&sample, &mut wrong)?;
    contacts(&sample, 1, &mut wrong)?;

    let other = other(&sample, &mut wrong)?;
    if !options.quick {
        sample.migrate(OTHER)?;
        contacts(&sample, 2, &mut wrong)?;
        valid(&sample, &sample.cert, "CERT", &mut wrong)?;
    }
    wrong
        .0
        .iter()
        .for_each(|line| say(&format!("WRONG: {line}")));
    Ok(Proof {
        figures: format!(
            "{} rows of district {DISTRICT} alone, the same ones beside a second district ({} rows and {} stubs, \
             {} references decided as stub); 0 of its keys in {searched} columns of CERT; {} problems; migrations {} \
             and {}",
            number(&first["extracted"]),
            other.full,
            other.stubs,
            other.decided,
            wrong.0.len(),
            seconds(alone_took),
            seconds(again_took),
        ),
        passed: wrong.0.is_empty(),
    })
}

/// Every table of CERT: how many rows, and a digest of them.
fn digests(sample: &Sample) -> Result<BTreeMap<String, (String, String)>> {
    let mut all = BTreeMap::new();
    for statement in sample
        .wait(query(&sample.cert, DIGESTS))?
        .into_iter()
        .flatten()
        .flatten()
    {
        for row in sample.wait(query(&sample.cert, &statement))? {
            if let [Some(table), Some(rows), Some(digest)] = row.as_slice() {
                all.insert(table.clone(), (rows.clone(), digest.clone()));
            }
        }
    }
    Ok(all)
}

/// Own, shared and stub rows of each table of a report.
fn counts(report: &serde_json::Value) -> BTreeMap<String, [u64; 3]> {
    let tables = report["tables"].as_array();
    let entry = |table: &serde_json::Value| {
        let name = table["table"].as_str().unwrap_or_default().to_owned();
        (
            name,
            ["own", "shared", "stubs"].map(|kind| number(&table[kind])),
        )
    };
    tables.into_iter().flatten().map(entry).collect()
}

fn valid(sample: &Sample, url: &str, side: &str, wrong: &mut Wrong) -> Result<()> {
    let (keys, broken) = sample.wait(broken_foreign_keys(url))?;
    wrong.equal(&format!("foreign keys of {side}"), keys, FOREIGN_KEYS);
    wrong.unless(
        broken.is_empty(),
        format!("broken in {side}: {}", broken.join(", ")),
    );
    Ok(())
}

/// Looks for keys of the second district in every column; gives the number of columns.
fn search(sample: &Sample, wrong: &mut Wrong) -> Result<usize> {
    let mut columns = 0;
    for row in sample.wait(query(&sample.cert, SEARCH))? {
        let [Some(column), Some(found)] = row.as_slice() else {
            continue;
        };
        columns += 1;
        wrong.unless(
            found == "0",
            format!("{found} keys of the other district in {column}"),
        );
    }
    wrong.unless(columns > 0, "no column was searched".to_owned());
    Ok(columns)
}

/// What two districts share, in a CERT that holds one of them or both.
fn contacts(sample: &Sample, districts: usize, wrong: &mut Wrong) -> Result<()> {
    let cases = sample.wait(query(&sample.prod, EXPECTED))?;
    wrong.unless(cases.len() >= 8, "cases are missing".to_owned());
    for case in &cases {
        let [Some(words), Some(statement), Some(one), Some(both)] = case.as_slice() else {
            anyhow::bail!("a case is not whole");
        };
        let expected = if districts == 1 { one } else { both };
        let found = sample.count(&sample.cert, statement)?.to_string();
        wrong.equal(
            &format!("{words} with {districts} in CERT"),
            &found,
            expected,
        );
    }
    Ok(())
}

/// What the second district's plan says.
struct Other {
    full: u64,
    stubs: u64,
    decided: usize,
}

/// Its references to natural keys of ours are asked for; the lines to paste settle them, and its plan then has
/// its copies, what it shares with us, and stubs of ours.
fn other(sample: &Sample, wrong: &mut Wrong) -> Result<Other> {
    let (asked, is_decided, _) = sample.json(&["plan", OTHER, "--exact"])?;
    wrong.unless(
        !is_decided,
        "nobody was asked about keys of two districts".to_owned(),
    );
    let hints: Vec<&str> = asked["hints"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_str())
        .collect();
    let text = std::fs::read_to_string(&sample.config).context("read redistrict.toml")?;
    sample.write(&format!("{text}\n{}\n", hints.join("\n")))?;
    let (plan, is_decided, _) = sample.json(&["plan", OTHER, "--exact"])?;
    wrong.unless(
        is_decided,
        format!("the lines to paste did not settle it: {plan:#}"),
    );
    let planned = tables(&plan)?;
    let of = |name: &str| {
        let none = Planned {
            role: String::new(),
            full: 0,
            stubs: 0,
        };
        let table = planned
            .get(&format!("edfi.{name}"))
            .cloned()
            .unwrap_or(none);
        (table.full, table.stubs)
    };
    for (table, expected) in [
        ("localeducationagency", (1, 0)),
        ("school", (3, 0)),
        ("student", (961, 0)),
        ("staff", (69, 0)),
        ("staffeducationorganizationemploymentassociation", (69, 0)),
        ("gradebookentry", (0, 10)),
        ("survey", (0, 1)),
    ] {
        wrong.equal(
            &format!("{table} of the second district"),
            of(table),
            expected,
        );
    }
    Ok(Other {
        full: planned.values().map(|one| one.full).sum(),
        stubs: planned.values().map(|one| one.stubs).sum(),
        decided: hints
            .iter()
            .filter(|line| line.starts_with("boundary"))
            .count(),
    })
}
