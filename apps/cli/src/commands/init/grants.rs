//! `redistrict init --grants`: what the administrators of PROD and of CERT run so that redistrict may do its
//! work and no more. Reads catalogs and grants nothing.

use std::collections::BTreeSet;
use std::path::Path;

use redistrict_artifact::write_atomic;
use redistrict_model::{Catalog, StoreName, TableRef, shown};
use redistrict_store::{LeastRights, Need, Right, Rights, RightsRequest};
use serde_json::json;

use super::{stores, text};
use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::planning;
use crate::session::Session;
use crate::wire::{Side, Workspace};

/// So wide comments are.
const WIDTH: usize = 100;

/// Prints the statements of every store: PROD's side, then CERT's.
pub(super) async fn run(session: &Session, arguments: &args::Init) -> CommandResult<Exit> {
    let (workspace, known) = workspace(session, arguments)?;
    let tables = Tables::find(&workspace, known).await?;
    let mut parts = Vec::new();
    for side in workspace.rights()? {
        parts.push(
            Part::of(
                &side.store,
                side.side,
                side.rights.as_ref(),
                &tables,
                arguments,
            )
            .await?,
        );
    }
    let files = match &arguments.dir {
        Some(dir) => write(dir, &parts)?,
        None => Vec::new(),
    };
    if session.format() != Format::Text {
        output::json(&json!({
            "stores": parts.iter().map(Part::json).collect::<Vec<_>>(),
            "files": files,
        }));
    } else if arguments.dir.is_some() {
        let rows: Vec<Vec<String>> = files
            .iter()
            .zip(&parts)
            .map(|(file, part)| {
                vec![
                    file.clone(),
                    part.side.as_str().to_owned(),
                    part.rights.place.clone(),
                ]
            })
            .collect();
        output::data(output::table(&["file", "side", "to be run in"], &rows));
    } else {
        output::data(script(&parts));
    }
    let what = if files.is_empty() {
        "it"
    } else {
        "each file in its database"
    };
    let then = if session.arguments.config.exists() {
        "doctor"
    } else {
        "init"
    };
    output::note(format!(
        "next: the administrators run {what}, then: redistrict {then}"
    ));
    Ok(Exit::Done)
}

/// One file for each database; gives their paths, in the order of the parts.
fn write(dir: &Path, parts: &[Part]) -> CommandResult<Vec<String>> {
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::prerequisite(format!("make {}: {}", dir.display(), error.kind()))
    })?;
    let mut files = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let path = dir.join(part.file_name(number));
        let text = format!("{}\n", part.script());
        write_atomic(&path, output::typed(&text).as_bytes())?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

/// The configuration if there is one, else the stores that were named or found in the environment.
fn workspace(session: &Session, arguments: &args::Init) -> CommandResult<(Workspace, Known)> {
    let path: &Path = &session.arguments.config;
    if path.exists() && arguments.stores.is_empty() {
        return Ok((session.workspace()?, Known::Configuration));
    }
    let stores = stores(&arguments.stores)?;
    let config = text::stores_only(&stores, "x.x", &["x".to_owned()]);
    let workspace = Workspace::provisional(&config, path, &session.arguments.state_dir)?;
    Ok((workspace, Known::StoresOnly))
}

/// What is known beside the catalogs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Configuration,
    StoresOnly,
}

/// The tables of PROD, by what happens to them.
struct Tables {
    read: Vec<TableRef>,
    written: Vec<TableRef>,
    /// With the reason.
    left_out: Vec<(TableRef, String)>,
}

impl Tables {
    async fn find(workspace: &Workspace, known: Known) -> CommandResult<Self> {
        let mut catalogs = Vec::new();
        for source in workspace.sources()? {
            let catalog = source.catalog().await.map_err(|error| {
                Failure::from(error).with_hint(
                    "to print the grants, any role that may log in is enough: the catalogs are open to all",
                )
            })?;
            catalogs.push(catalog);
        }
        let mut left_out = Vec::new();
        if known == Known::Configuration {
            let settings = redistrict_analyze::resolve(&workspace.config, &catalogs)
                .map_err(|findings| planning::stop("use the configuration", &findings))?;
            left_out.extend(settings.decisions.excluded);
        }
        let read: Vec<TableRef> = tables(&catalogs)
            .filter(|table| left_out.iter().all(|(excluded, _)| excluded != *table))
            .cloned()
            .collect();
        let written = match known {
            Known::Configuration => moving(workspace).await,
            Known::StoresOnly => None,
        };
        Ok(Self {
            written: written.unwrap_or_else(|| read.clone()),
            read,
            left_out,
        })
    }

    /// Those of one store that one side gets no rights on, with the reason.
    fn left_out(&self, store: &StoreName, side: Side) -> Vec<(&TableRef, String)> {
        let of_store = |table: &TableRef| table.store == *store;
        let mut left_out: Vec<(&TableRef, String)> = self
            .left_out
            .iter()
            .filter(|(table, _)| of_store(table))
            .map(|(table, reason)| (table, format!("excluded: {reason}")))
            .collect();
        if side == Side::Cert {
            let written: BTreeSet<&TableRef> = self.written.iter().collect();
            let more = self
                .read
                .iter()
                .filter(|table| of_store(table) && !written.contains(table));
            left_out.extend(more.map(|table| {
                let reason = "it is empty in PROD, and nothing decides what it belongs to";
                (table, reason.to_owned())
            }));
        }
        left_out
    }
}

fn tables(catalogs: &[Catalog]) -> impl Iterator<Item = &TableRef> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    tables.map(|table| &table.name)
}

/// The tables that move, if that can be told already: it takes the reader's rights.
async fn moving(workspace: &Workspace) -> Option<Vec<TableRef>> {
    let told = match planning::source_in_memory(workspace).await {
        Ok(source) => source.extract_section().map_err(|_| String::new()),
        Err(failure) => Err(failure.message),
    };
    match told {
        Ok(section) => Some(section.tables.into_iter().map(|one| one.table).collect()),
        Err(why) => {
            let because = if why.is_empty() {
                why
            } else {
                format!(" (could not {why})")
            };
            output::note(format!(
                "which tables move cannot be told yet{because}: the loader gets rights on all that are not excluded; print it again later, it may be less"
            ));
            None
        }
    }
}

/// One side of one store.
struct Part {
    store: StoreName,
    side: Side,
    role: String,
    rights: Rights,
    left_out: Vec<String>,
}

impl Part {
    async fn of(
        store: &StoreName,
        side: Side,
        rights: &dyn LeastRights,
        tables: &Tables,
        arguments: &args::Init,
    ) -> CommandResult<Self> {
        let (role, of_side) = match side {
            Side::Prod => (&arguments.reader, &tables.read),
            Side::Cert => (&arguments.loader, &tables.written),
        };
        let request = RightsRequest {
            role: role.clone(),
            tables: of_side
                .iter()
                .filter(|table| table.store == *store)
                .cloned()
                .collect(),
        };
        let left_out = tables.left_out(store, side).into_iter();
        Ok(Self {
            store: store.clone(),
            side,
            role: role.clone(),
            rights: rights.least_rights(&request).await?,
            left_out: left_out
                .map(|(table, reason)| format!("no rights on {table}: {reason}"))
                .collect(),
        })
    }

    /// `prod-ids.sql`; a store whose name is no file's name is told by its number.
    fn file_name(&self, number: usize) -> String {
        let name = self.store.as_str();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let name = if !name.is_empty() && name.chars().all(is_plain) {
            name.to_owned()
        } else {
            format!("-{number}")
        };
        let ending = if self.rights.comment == "--" {
            "sql"
        } else {
            "cypher"
        };
        format!("{}-{name}.{ending}", self.side.as_str().to_lowercase())
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "store": self.store, "side": self.side.as_str(), "role": self.role,
            "place": self.rights.place, "remarks": self.rights.remarks,
            "left_out": self.left_out, "statements": self.rights.statements,
        })
    }

    fn script(&self) -> String {
        let comment = self.rights.comment;
        let mut lines = vec![format!(
            "{comment} ==== {} of store {}: {} ====",
            self.side.as_str(),
            shown(self.store.as_str()),
            shown(&self.rights.place)
        )];
        for text in self.rights.remarks.iter().chain(&self.left_out) {
            lines.extend(commented(comment, text));
        }
        let mut reason = "";
        for right in &self.rights.statements {
            if right.reason != reason {
                reason = &right.reason;
                lines.push(String::new());
                lines.extend(commented(comment, reason));
            }
            lines.push(statement(comment, right));
        }
        lines.join("\n")
    }
}

/// What is not always needed is there to be uncommented.
fn statement(comment: &str, right: &Right) -> String {
    match right.need {
        Need::Always => format!("{};", right.statement),
        Need::Sometimes => format!("{comment}     {};", right.statement),
    }
}

fn script(parts: &[Part]) -> String {
    let parts: Vec<String> = parts.iter().map(Part::script).collect();
    parts.join("\n\n")
}

/// A text as lines of comments. Names in it cannot end one.
fn commented(comment: &str, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::from(comment);
    for word in shown(&output::typed(text)).split(' ') {
        let is_full = line.chars().count() + 1 + word.chars().count() > WIDTH;
        if is_full && line != comment {
            lines.push(std::mem::replace(&mut line, comment.to_owned()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_comment_stays_a_comment() {
        let text = format!("for x\n; drop table y; {}", "long ".repeat(40));
        let lines = commented("--", &text);
        assert!(lines.len() > 1);
        assert!(
            lines.iter().all(|line| line.starts_with("-- ")),
            "{lines:?}"
        );
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
    }

    #[test]
    fn what_is_needed_only_sometimes_is_not_run() {
        let right = Right::sometimes("grant a to b", "only where c");
        assert_eq!(statement("--", &right), "--     grant a to b;");
    }
}
