//! `redistrict why`: the chain of references that brings a row, or the first step that is missing. Reads
//! only; a fresh cut and the plan of a migration as it would be now.

mod ask;
mod checks;
mod report;
mod values;
pub(super) mod words;

use redistrict_extract::district_key;
use redistrict_model::config::{ResolveError, resolve_table};
use redistrict_model::{ExtractSection, Key, Role, TableRef, canonical};

use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output::{self, Format};
use crate::planning;
use crate::session::Session;

use ask::{Asked, Found};
use report::Report;
use values::Visible;

/// Answers for one row.
pub(crate) async fn run(session: &Session, arguments: &args::Why) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let mut source = planning::source(&workspace, false).await?;
    let section = source
        .extract_section()
        .map_err(|findings| planning::stop("decide what moves", &findings))?;
    let table = table_meant(&arguments.table, &section)?;
    let asked = asked(arguments, &table, &section)?;
    let district = source.district(&arguments.district);
    let district = district_key(district.as_str(), &section.ownership.root_key);
    let found = ask::ask(session, &mut source.cuts, &section, &district, &asked).await?;
    if arguments.not && matches!(found, Found::Comes { .. }) {
        return Err(Failure::usage(format!(
            "say why the row of {table} does not come with the district: it does come"
        ))
        .with_hint("the same command without --not prints the chain"));
    }
    let masks = match arguments.show_keys {
        true => None,
        false => planning::source_masks(&workspace, &mut source).await?.ok(),
    };
    let visible = Visible {
        shows_all: arguments.show_keys,
        masks: masks.as_ref(),
    };
    let report = Report::new(&section, &district, &asked, &found, &visible);
    if session.format() == Format::Text {
        output::data(report.text());
        report.notes().iter().for_each(output::note);
    } else {
        output::json(&report.json());
    }
    Ok(Exit::Done)
}

/// The table that was typed: as in the configuration, or only the end of its name.
fn table_meant(typed: &str, section: &ExtractSection) -> CommandResult<TableRef> {
    let roles = section.ownership.tables.iter();
    let tables: Vec<TableRef> = roles.map(|role| role.table.clone()).collect();
    let refused = match resolve_table(typed, &tables) {
        Ok(table) => return Ok(table),
        Err(refused) => refused,
    };
    let is_end = |table: &&TableRef| {
        let [_, schema, name] = table.parts();
        typed == name || typed == format!("{schema}.{name}")
    };
    let meant: Vec<&TableRef> = tables.iter().filter(is_end).collect();
    match (meant.as_slice(), refused) {
        ([one], _) => Ok((*one).clone()),
        ([], ResolveError::Ambiguous { .. }) | ([_, _, ..], _) => Err(Failure::usage(format!(
            "find table {typed}: there are several tables of that name"
        ))
        .with_hint(format!("write one of {}", some(&meant, &tables, typed)))),
        ([], _) => {
            let failure = Failure::usage(format!("find table {typed} in the catalogs of PROD"));
            let names: Vec<String> = tables
                .iter()
                .flat_map(|table| {
                    let [store, _, name] = table.parts();
                    [
                        table.to_string(),
                        format!("{store}.{name}"),
                        name.to_owned(),
                    ]
                })
                .collect();
            let failure = match nearest::name(typed, names.iter().map(String::as_str)) {
                Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
                None => failure,
            };
            Err(failure.with_hint("`redistrict analyze` lists the tables"))
        }
    }
}

/// At most three names that were meant.
fn some(meant: &[&TableRef], tables: &[TableRef], typed: &str) -> String {
    let of_store = |table: &&TableRef| {
        let [store, _, name] = table.parts();
        format!("{store}.{name}") == typed
    };
    let all: Vec<&TableRef> = match meant.is_empty() {
        true => tables.iter().filter(of_store).collect(),
        false => meant.to_vec(),
    };
    let names: Vec<String> = all.iter().take(3).map(ToString::to_string).collect();
    names.join(", ")
}

/// The columns and values that were typed.
fn asked(
    arguments: &args::Why,
    table: &TableRef,
    section: &ExtractSection,
) -> CommandResult<Asked> {
    let role = section.ownership.table(table).map(|role| role.role);
    let Some(catalog) = section.catalog_table(table) else {
        return Err(Failure::usage(format!(
            "find table {table} in the catalogs"
        )));
    };
    let by: Vec<String> = match (&arguments.by, catalog.identity()) {
        (Some(columns), _) => columns
            .split(',')
            .map(|one| one.trim().to_owned())
            .collect(),
        (None, Some(key)) => key.to_vec(),
        (None, None) if role == Some(Role::Excluded) => Vec::new(),
        (None, None) => {
            return Err(Failure::usage(format!(
                "name a row of {table}: it has no key, its rows are told by their places, which cannot be typed"
            ))
            .with_hint("name the columns that KEY gives: --by COLUMN,COLUMN"));
        }
    };
    if let Some(unknown) = by.iter().find(|name| catalog.column(name).is_none()) {
        let failure = Failure::usage(format!("find column {unknown} of {table}"));
        let names = catalog.columns.iter().map(|column| column.name.as_str());
        return Err(match nearest::name(unknown, names) {
            Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
            None => failure.with_hint("--by COLUMN,COLUMN names columns of that table"),
        });
    }
    let values: Vec<&str> = match arguments.key.as_slice() {
        [one] if by.len() > 1 => one.split(',').map(str::trim).collect(),
        words => words.iter().map(String::as_str).collect(),
    };
    if values.len() != by.len() && role != Some(Role::Excluded) {
        return Err(Failure::usage(format!(
            "name a row of {table}: its key has {} ({}), and {} given",
            plural(by.len(), "column", "columns"),
            by.join(", "),
            plural(values.len(), "value was", "values were"),
        ))
        .with_hint(
            "join them by commas, or write each as a word of its own if one of them holds a comma",
        ));
    }
    let values = values.into_iter().enumerate().map(|(at, value)| {
        let column = by.get(at).and_then(|name| catalog.column(name));
        column.map_or(value.into(), |column| canonical(value, column.column_type))
    });
    Ok(Asked {
        table: table.clone(),
        values: Key::new(values.collect::<Vec<_>>()),
        by,
        is_excluded: role == Some(Role::Excluded),
    })
}

fn plural(many: usize, one: &str, more: &str) -> String {
    format!("{many} {}", if many == 1 { one } else { more })
}
