//! What the commands print about the estate, as an answer has it. Pure.

use redistrict_analyze::Analysis as Known;
use redistrict_mcp::{
    Analysis, Counted, Counts, Decisions, Item, ItemFailure, Key, Page, Plan, Prerequisites,
    Reference, Refusal, Schema, SchemaColumn, SchemaOf, SchemaTable, TableRole, Text,
};
use redistrict_model::Table;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What an answer has a place for.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value)
        .map_err(|_| Refusal::new(1, "read the answer of the command: it has another form"))
}

pub(super) fn analysis(value: Value, page: Page) -> Result<Analysis, Refusal> {
    #[derive(Deserialize)]
    struct Printed {
        tables: Vec<TableRole>,
        edges: u64,
    }
    let printed: Printed = read(value)?;
    let unknown = printed.tables.iter();
    let unknown = unknown.filter(|role| role.role.as_str() == "unknown");
    let undecided = unknown.map(|role| role.table.clone()).collect();
    let (tables, total) = page.of(printed.tables);
    Ok(Analysis {
        tables,
        total,
        references: printed.edges,
        undecided,
    })
}

pub(super) fn plan(value: Value) -> Result<Plan, Refusal> {
    let masks = value["masks"].as_array().map_or(&[][..], Vec::as_slice);
    let kept = masks.iter().filter(|mask| is_kept(mask)).count() as u64;
    let masked = masks.len() as u64 - kept;
    let mut plan: Plan = read(value)?;
    plan.kept_columns = kept;
    plan.masked_columns = masked;
    Ok(plan)
}

fn is_kept(decision: &Value) -> bool {
    decision["kind"] == "kept"
}

pub(super) fn decisions(value: Value, page: Page) -> Result<Decisions, Refusal> {
    let columns = value["columns"].as_array().map_or(&[][..], Vec::as_slice);
    let kept = columns.iter().filter(|column| is_kept(column)).count() as u64;
    let mut decisions: Decisions = read(value)?;
    let (columns, total) = page.of(decisions.columns);
    decisions.columns = columns;
    decisions.total = total;
    decisions.kept = kept;
    decisions.masked = total - kept;
    Ok(decisions)
}

pub(super) fn prerequisites(value: Value) -> Result<Prerequisites, Refusal> {
    #[derive(Deserialize)]
    struct Printed {
        place: Text,
        what: Text,
        version: Text,
        state: Option<Text>,
        error: Option<Text>,
        causes: Option<Vec<Text>>,
        hints: Option<Vec<Text>>,
        exit: u8,
    }
    #[derive(Deserialize)]
    struct All {
        items: Vec<Printed>,
        findings: Vec<redistrict_mcp::Finding>,
    }
    let all: All = read(value)?;
    let items = all.items.into_iter().map(|item| Item {
        place: item.place,
        what: item.what,
        version: item.version,
        state: item.state,
        failure: item.error.map(|error| ItemFailure {
            error,
            causes: item.causes.unwrap_or_default(),
            hints: item.hints.unwrap_or_default(),
            exit: item.exit,
        }),
    });
    Ok(Prerequisites {
        items: items.collect(),
        findings: all.findings,
    })
}

/// Tables, columns, keys, roles; no default, label or expression, which may hold values.
pub(super) fn schema(known: &Known, asked: &SchemaOf) -> Schema {
    let tables = known.catalogs.iter().flat_map(|catalog| &catalog.tables);
    let is_asked = |table: &&Table| {
        let is_store = |store: &String| table.name.store.as_str() == store;
        let is_table = |name: &String| table.name.to_string() == *name;
        asked.store.as_ref().is_none_or(is_store) && asked.table.as_ref().is_none_or(is_table)
    };
    let tables = tables
        .filter(is_asked)
        .map(|table| schema_table(known, table));
    let page = Page {
        offset: asked.offset,
        limit: asked.limit,
    };
    let (tables, total) = page.of(tables.collect());
    Schema { tables, total }
}

fn schema_table(known: &Known, table: &Table) -> SchemaTable {
    let role = known.ownership.table(&table.name);
    let columns = table.columns.iter().map(|column| SchemaColumn {
        name: (&column.name).into(),
        source_type: (&column.source_type).into(),
        nullable: column.nullable,
    });
    let uniques = table.uniques.iter().map(|unique| Key {
        name: (&unique.name).into(),
        columns: texts(&unique.columns),
    });
    let foreign_keys = table.foreign_keys.iter().map(|key| Reference {
        name: (&key.name).into(),
        columns: texts(&key.columns),
        parent: key.parent.to_string().into(),
        parent_columns: texts(&key.parent_columns),
    });
    SchemaTable {
        table: table.name.to_string().into(),
        role: role.map(|role| role.role.to_string().into()),
        columns: columns.collect(),
        primary_key: table.primary_key.as_deref().map(texts),
        uniques: uniques.collect(),
        foreign_keys: foreign_keys.collect(),
        estimated_rows: table.estimated_rows,
    }
}

fn texts(names: &[String]) -> Vec<Text> {
    names.iter().map(Into::into).collect()
}

/// The catalogs' estimates.
pub(super) fn estimates(known: &Known) -> Counts {
    let tables = known.catalogs.iter().flat_map(|catalog| &catalog.tables);
    let counted = |table: &Table| Counted {
        table: table.name.to_string().into(),
        estimated: table.estimated_rows,
        own: None,
        shared: None,
        stubs: None,
    };
    Counts {
        district: None,
        tables: tables.map(counted).collect(),
    }
}

/// The exact counts of a plan.
pub(super) fn counts(plan: Plan) -> Counts {
    let tables = plan.tables.into_iter().map(|table| Counted {
        table: table.table,
        estimated: None,
        own: table.own,
        shared: table.shared,
        stubs: table.stubs,
    });
    Counts {
        district: Some(plan.district),
        tables: tables.collect(),
    }
}
