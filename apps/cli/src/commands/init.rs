//! `redistrict init`: writes redistrict.toml from the catalogs. What was inferred stands in it as
//! comments with its reason; what a person has to decide stands in it as lines to uncomment.

mod boundaries;
mod grants;
mod inferred;
mod links;
mod text;

use std::collections::BTreeSet;
use std::path::Path;

use redistrict_analyze::{AlwaysThere, OpenReference, ProposedLinks};
use redistrict_artifact::write_atomic;
use redistrict_model::config::ResolveError;
use redistrict_model::{
    Catalog, ColumnClass, ColumnDecision, ColumnRef, Finding, StoreKind, TableRef,
};

use crate::args;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::nearest;
use crate::output::{self, Format};
use crate::planning::{self, Source};
use crate::secrets;
use crate::session::Session;
use crate::unreadable;
use crate::wire::Workspace;

/// How often a provisional configuration is analyzed again with what was missing.
/// Each round adds at least one decision: an exclusion may ask for the exclusion of a child.
const MAX_ROUNDS: usize = 64;

/// A store as it was named on the command line or found in the environment.
pub(super) struct NewStore {
    pub(super) name: String,
    pub(super) kind: StoreKind,
    pub(super) source: String,
    pub(super) target: String,
}

/// What was found out for the file.
pub(super) struct Found {
    pub(super) root: TableRef,
    pub(super) key: Vec<String>,
    /// Columns of the root that may hold the district's name.
    pub(super) names: Vec<String>,
    /// References that every row has, and no catalog says so.
    pub(super) always: Vec<AlwaysThere>,
    /// References that no catalog declares.
    pub(super) links: ProposedLinks,
    /// What a person has to decide.
    pub(super) decisions: Vec<Finding>,
    pub(super) source: Source,
    pub(super) columns: Vec<ColumnDecision>,
}

/// Writes the configuration.
pub(crate) async fn run(session: &Session, arguments: &args::Init) -> CommandResult<Exit> {
    if arguments.grants {
        return grants::run(session, arguments).await;
    }
    let path = &session.arguments.config;
    if path.exists() && !arguments.force {
        return Err(
            Failure::usage(format!("write {}: it is there already", path.display()))
                .with_hint("redistrict init --force replaces it"),
        );
    }
    let stores = stores(&arguments.stores)?;
    let (root, key) = root(path, session, &stores, arguments.root.as_deref()).await?;
    let found = infer(path, session, &stores, root, key).await?;
    write_atomic(path, text::render(&stores, &found).as_bytes())?;
    let decisions = found.decisions.len();
    if session.format() != Format::Text {
        output::json(&serde_json::json!({
            "config": path.display().to_string(),
            "tables": found.source.analysis.ownership.tables.len(),
            "links": found.links.links.len(),
            "decisions": decisions,
        }));
    }
    let links = match found.links.links.len() {
        0 => String::new(),
        1 => ", 1 link".to_owned(),
        many => format!(", {many} links"),
    };
    let open = if decisions == 1 {
        "1 decision"
    } else {
        &format!("{decisions} decisions")
    };
    output::note(format!(
        "wrote {}: {} tables{links}, {open} to make",
        path.display(),
        found.source.analysis.ownership.tables.len(),
    ));
    let decide = if decisions > 0 {
        " and uncomment what is to be decided"
    } else {
        ""
    };
    output::note(format!(
        "next: read it{decide}, then: redistrict config check"
    ));
    Ok(Exit::Done)
}

/// `NAME=KIND:SOURCE_VARIABLE:TARGET_VARIABLE`, or every pair of variables `X_PROD_URL`, `X_CERT_URL`.
fn stores(given: &[String]) -> CommandResult<Vec<NewStore>> {
    let stores: Vec<NewStore> = if given.is_empty() {
        secrets::environment_stores()
            .into_iter()
            .filter_map(from_environment)
            .collect()
    } else {
        given
            .iter()
            .map(|text| parse_store(text))
            .collect::<CommandResult<_>>()?
    };
    if stores.is_empty() {
        return Err(Failure::usage("write a configuration: no store was named")
            .with_hint("redistrict init --store ids=postgres:IDS_PROD_URL:IDS_CERT_URL")
            .with_hint("or set pairs of variables like IDS_PROD_URL and IDS_CERT_URL"));
    }
    Ok(stores)
}

fn parse_store(text: &str) -> CommandResult<NewStore> {
    let wrong = || {
        // What was typed may hold a URL with its password.
        Failure::usage("read --store: it is not NAME=KIND:SOURCE_VARIABLE:TARGET_VARIABLE")
            .with_hint("redistrict init --store ids=postgres:IDS_PROD_URL:IDS_CERT_URL")
            .with_hint("KIND is postgres, sqlite or neo4j; the variables hold the URLs")
    };
    let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
    let parts: Vec<&str> = rest.split(':').collect();
    let [kind, source, target] = parts.as_slice() else {
        return Err(wrong());
    };
    if ![source, target]
        .into_iter()
        .all(|name| secrets::is_variable(name))
    {
        return Err(wrong());
    }
    let kind = match *kind {
        "postgres" => StoreKind::Postgres,
        "sqlite" => StoreKind::Sqlite,
        "neo4j" => StoreKind::Neo4j,
        "mysql" => return Err(Failure::not_available(&format!("kind {kind}"))),
        _ => return Err(wrong()),
    };
    Ok(NewStore {
        name: name.to_owned(),
        kind,
        source: (*source).to_owned(),
        target: (*target).to_owned(),
    })
}

fn from_environment(prefix: String) -> Option<NewStore> {
    let source = format!("{prefix}_PROD_URL");
    let url = secrets::environment(&source)?;
    let kind = match url.split(':').next() {
        Some("sqlite") => StoreKind::Sqlite,
        Some(scheme) if scheme.starts_with("bolt") || scheme.starts_with("neo4j") => {
            StoreKind::Neo4j
        }
        _ => StoreKind::Postgres,
    };
    Some(NewStore {
        name: prefix.to_lowercase(),
        kind,
        source,
        target: format!("{prefix}_CERT_URL"),
    })
}

/// The tenant root and its key: as named, or the one table that is called like one.
async fn root(
    path: &Path,
    session: &Session,
    stores: &[NewStore],
    named: Option<&str>,
) -> CommandResult<(TableRef, Vec<String>)> {
    let config = text::stores_only(stores, "x.x", &["x".to_owned()]);
    let workspace = Workspace::provisional(&config, path, &session.arguments.state_dir)?;
    let mut tables = Vec::new();
    for source in workspace.sources()? {
        tables.extend(source.catalog().await?.tables);
    }
    let names: Vec<TableRef> = tables.iter().map(|table| table.name.clone()).collect();
    let root = match named {
        Some(name) => redistrict_model::config::resolve_table(name, &names)
            .map_err(|error| unknown_root(name, &names, &error))?,
        None => likely_root(&names)?,
    };
    let key = tables
        .iter()
        .find(|table| table.name == root)
        .and_then(|table| table.identity())
        .map(<[String]>::to_vec)
        .ok_or_else(|| Failure::usage(format!("use {root} as the tenant root: it has no key")))?;
    Ok((root, key))
}

/// With the nearest table: whole names are compared, and names without their schema.
fn unknown_root(name: &str, names: &[TableRef], error: &ResolveError) -> Failure {
    let failure = Failure::usage(format!("use --root: could not {error}"));
    let short = |table: &TableRef| format!("{}.{}", table.store, table.table);
    let known: Vec<String> = match error {
        ResolveError::NotFound { .. } | ResolveError::Syntax(_) => names
            .iter()
            .map(short)
            .chain(names.iter().map(|table| table.table.clone()))
            .collect(),
        _ => Vec::new(),
    };
    let near = nearest::name(name, known.iter().map(String::as_str));
    let near = near.and_then(|near| {
        let is_it = |table: &&TableRef| near == short(table) || near == table.table;
        names.iter().find(is_it)
    });
    match near {
        Some(table) => failure.with_hint(format!("did you mean {table}?")),
        None => failure.with_hint("--root STORE.TABLE; left out, it is inferred"),
    }
}

fn likely_root(names: &[TableRef]) -> CommandResult<TableRef> {
    const LIKELY: [&str; 7] = [
        "district",
        "districts",
        "localeducationagency",
        "localeducationagencies",
        "tenant",
        "tenants",
        "school_districts",
    ];
    let found: Vec<&TableRef> = names
        .iter()
        .filter(|name| LIKELY.contains(&name.table.to_lowercase().as_str()))
        .collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(Failure::usage(
            "find the tenant root: name the table whose rows are the districts",
        )
        .with_hints(match found.as_slice() {
            [] => vec!["redistrict init --root STORE.TABLE".to_owned()],
            several => several
                .iter()
                .map(|name| format!("is it {name}? redistrict init --root {name}"))
                .collect(),
        })),
    }
}

/// Analyzes with ever more provisional decisions until everything else can be said.
async fn infer(
    path: &Path,
    session: &Session,
    stores: &[NewStore],
    root: TableRef,
    key: Vec<String>,
) -> CommandResult<Found> {
    let bare = text::provisional(stores, &root, &key, &[], &[], &[]);
    let workspace = Workspace::provisional(&bare, path, &session.arguments.state_dir)?;
    // A table that cannot be read exactly is a decision, and no reason to write nothing. The rest is looked at
    // without it.
    let mut decisions = unreadable::of(&workspace).await?;
    decisions.retain(|finding| !finding.lines.is_empty() && finding.subject != root.to_string());
    let bare = text::provisional(stores, &root, &key, &[], &[], &decisions);
    let workspace = Workspace::provisional(&bare, path, &session.arguments.state_dir)?;
    let mut source = planning::source_in_memory(&workspace).await?;
    let readable = readable(&source.catalogs, &decisions);
    let links = redistrict_analyze::propose_links(&mut source.cuts, &readable, &root).await?;
    let nested = links::nested_text(&links.nested);
    let linked = text::provisional(stores, &root, &key, &[], &links.links, &decisions) + &nested;
    let workspace = Workspace::provisional(&linked, path, &session.arguments.state_dir)?;
    let settings = planning::settings(&workspace, &source.catalogs)?;
    let (cuts, catalogs) = (&mut source.cuts, &source.catalogs);
    let always = redistrict_analyze::always_there(cuts, catalogs, &settings).await?;
    for _ in 0..MAX_ROUNDS {
        let provisional =
            text::provisional(stores, &root, &key, &always, &links.links, &decisions) + &nested;
        let workspace = Workspace::provisional(&provisional, path, &session.arguments.state_dir)?;
        let mut source = planning::source_in_memory(&workspace).await?;
        let (columns, missing) = match planning::source_masks(&workspace, &mut source).await? {
            Ok(section) => {
                let masked = match source.extract_section() {
                    Ok(extract) => planning::masked_conditions(&extract, &section),
                    Err(findings) => findings,
                };
                (section.columns, masked)
            }
            Err(findings) => (Vec::new(), findings),
        };
        let known: BTreeSet<String> = decisions
            .iter()
            .map(|finding| finding.lines.concat())
            .collect();
        let new: Vec<Finding> = missing
            .into_iter()
            .filter(|finding| !known.contains(&finding.lines.concat()))
            .collect();
        if new.is_empty() || new.iter().all(|finding| finding.lines.is_empty()) {
            decisions.extend(new);
            decisions.extend(boundaries::open(&mut source).await?);
            let ownership = source.analysis.ownership.clone();
            let trees = redistrict_analyze::unowned_rows(&mut source.cuts, &ownership).await?;
            decisions.extend(trees.into_iter().filter(|one| !one.lines.is_empty()));
            let names = name_columns(&columns, &root);
            let mut links = links;
            links
                .open
                .retain(|open| !open.suggestions.is_empty() || is_nothing_known(&columns, open));
            return Ok(Found {
                root,
                key,
                names,
                always,
                links,
                decisions,
                source,
                columns,
            });
        }
        decisions.extend(new);
    }
    Err(Failure::new(
        Exit::Unexpected,
        "infer a configuration: it does not come to an end",
    ))
}

/// Without the tables that nobody can read exactly, and the references to them.
fn readable(catalogs: &[Catalog], unreadable: &[Finding]) -> Vec<Catalog> {
    let is_left_out = |table: &TableRef| {
        let mut findings = unreadable.iter();
        findings.any(|finding| finding.subject == table.to_string())
    };
    let mut catalogs = catalogs.to_vec();
    for catalog in &mut catalogs {
        catalog.tables.retain(|table| !is_left_out(&table.name));
        for table in &mut catalog.tables {
            table.foreign_keys.retain(|key| !is_left_out(&key.parent));
        }
    }
    catalogs
}

/// Whether nothing recognises the columns: what is called a national id is no reference.
fn is_nothing_known(columns: &[ColumnDecision], open: &OpenReference) -> bool {
    let is_it =
        |column: &ColumnRef| column.table == open.child && open.columns.contains(&column.column);
    let mut decisions = columns.iter().filter(|decision| is_it(&decision.column));
    decisions.all(|decision| decision.class == ColumnClass::Unknown)
}

/// Columns of the root that may hold the district's name: called so, and about no person as far as can be
/// told.
fn name_columns(columns: &[ColumnDecision], root: &TableRef) -> Vec<String> {
    let is_name = |decision: &&ColumnDecision| {
        decision.column.table == *root
            && decision.class == ColumnClass::Unknown
            && decision.column.column.to_lowercase().contains("name")
    };
    let names = columns.iter().filter(is_name);
    names
        .map(|decision| decision.column.column.clone())
        .collect()
}
