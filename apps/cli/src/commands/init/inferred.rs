//! What the file says of tables and columns that nobody has to decide: by role and by table, what is alike together,
//! so that seven hundred tables can be read.

use std::collections::BTreeMap;

use redistrict_model::{
    ColumnClass, ColumnDecision, MaskKind, Ownership, Role, TableRef, TableRole, shown,
};

use super::Found;
use super::text::{OPEN, line};

/// Names stand in lines of about so many letters.
const WIDTH: usize = 110;

/// `1 row`, `2 rows`.
pub(super) fn count<N: PartialEq + From<u8> + std::fmt::Display>(many: N, what: &str) -> String {
    let s = if many == N::from(1) { "" } else { "s" };
    format!("{many} {what}{s}")
}

/// The first lines: how much there is of everything, what is asked first.
pub(super) fn summary(out: &mut String, found: &Found) {
    let tables = &found.source.analysis.ownership.tables;
    let roles = ROLES.iter().filter_map(|(role, _)| {
        let many = tables.iter().filter(|one| one.role == *role).count();
        // Nothing is left out yet.
        let role = match role {
            Role::Excluded => "to be left out".to_owned(),
            role => role.to_string(),
        };
        (many > 0).then(|| format!("{many} {role}"))
    });
    let roles: Vec<String> = roles.collect();
    let (decisions, open) = (found.decisions.len(), found.links.open.len());
    let first = if decisions + open > 0 {
        ". They stand first."
    } else {
        "."
    };
    let masked = found
        .columns
        .iter()
        .filter(|one| one.kind != MaskKind::Kept);
    line(
        out,
        &format!(
            "#\n# To decide: {}, {} about columns that may refer to something{first}\n\
             # Found out: {} ({}); {} that no catalog declares; {}, {} of them masked.",
            count(decisions, "decision"),
            count(open, "question"),
            count(tables.len(), "table"),
            roles.join(", "),
            count(found.links.links.len(), "link"),
            count(found.columns.len(), "column"),
            masked.count(),
        ),
    );
}

/// The roles in the order in which they are told, and what each means.
const ROLES: [(Role, &str); 6] = [
    (Role::Root, "its rows are the districts"),
    (
        Role::Owned,
        "a row belongs to what it refers to by the first of these that leads to a district",
    ),
    (
        Role::Shared,
        "people and things of nobody; a row comes when one that comes refers to it, with what hangs on it",
    ),
    (
        Role::Reference,
        "looked up; a row comes when one that comes refers to it",
    ),
    (Role::Excluded, "left out, if that is decided"),
    (
        Role::Unknown,
        "nothing tells whose their rows are; empty ones are a question once they hold rows",
    ),
];

/// The tables by role. Those with owners stand alone, others together where the reason is the same.
pub(super) fn roles(out: &mut String, found: &Found) {
    line(out, "\n# ---- Inferred: which rows belong to a district");
    let ownership = &found.source.analysis.ownership;
    for (role, meaning) in &ROLES {
        let tables: Vec<&TableRole> = (ownership.tables.iter())
            .filter(|table| table.role == *role)
            .collect();
        if tables.is_empty() {
            continue;
        }
        line(out, &format!("#\n# {role} ({}): {meaning}", tables.len()));
        let mut alike: BTreeMap<String, Vec<&TableRef>> = BTreeMap::new();
        for table in tables {
            match (owners(table, ownership), whole_of(table, ownership)) {
                (Some(_), Some(whole)) if *role == Role::Reference => {
                    let why = format!("a detail of {whole}, by its key");
                    alike.entry(why).or_default().push(&table.table);
                }
                (Some(owners), _) => {
                    line(out, &shown(&format!("#   {} by {owners}", table.table)));
                }
                (None, _) => alike.entry(reason(table)).or_default().push(&table.table),
            }
        }
        for (reason, tables) in alike {
            match tables.as_slice() {
                [one] => line(out, &shown(&format!("#   {one}: {reason}"))),
                many => {
                    line(out, &shown(&format!("#   {reason}:")));
                    names(out, many);
                }
            }
        }
    }
}

/// The references that own a table, with the reason if it says more.
fn owners(table: &TableRole, ownership: &Ownership) -> Option<String> {
    let mut owners: Vec<String> = Vec::new();
    for owner in &table.owners {
        let edge = ownership.edge(owner.edge);
        let said = format!("({}) to {}", edge.child_columns.join(", "), edge.parent);
        // One reference may lead to an owner and hang on it too.
        if !owners.contains(&said) {
            owners.push(said);
        }
    }
    if owners.is_empty() || matches!(table.role, Role::Excluded | Role::Unknown) {
        return None;
    }
    let owners = owners.join(", then ");
    let reason = reason(table);
    // Who owns it has just been said.
    if reason.starts_with("belongs to ") {
        return Some(owners);
    }
    Some(format!("{owners}: {reason}"))
}

/// What a table of reference is a detail of, if that is all there is to say.
fn whole_of<'a>(table: &TableRole, ownership: &'a Ownership) -> Option<&'a TableRef> {
    match table.owners.as_slice() {
        [one] if reason(table).starts_with("belongs to ") => Some(&ownership.edge(one.edge).parent),
        _ => None,
    }
}

fn reason(table: &TableRole) -> String {
    const FILLED: &str = "; triggers of ";
    let twice = format!("{}: ", table.role);
    let reason = table.reason.strip_prefix(&twice).unwrap_or(&table.reason);
    // Which ones do is said where it is asked.
    if let (Role::Unknown, Some((reason, _))) = (table.role, reason.split_once(FILLED)) {
        return format!("{reason}; triggers of other tables fill it");
    }
    if table.role == Role::Excluded && reason.starts_with(OPEN) {
        return "to decide, see above".to_owned();
    }
    reason.to_owned()
}

/// Names of tables in as few lines as can be read, the store and schema once.
fn names(out: &mut String, tables: &[&TableRef]) {
    let mut places: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for table in tables {
        let whole = table.to_string();
        let place = whole.strip_suffix(&table.table).unwrap_or_default();
        let place = place.trim_end_matches(['.', '"']).to_owned();
        places.entry(place).or_default().push(&table.table);
    }
    for (place, tables) in places {
        let mut text = format!("#     {place}: ");
        for (at, table) in tables.iter().enumerate() {
            let comma = if at + 1 == tables.len() { "" } else { ", " };
            if text.len() + table.len() > WIDTH && !text.ends_with("#       ") {
                line(out, shown(text.trim_end()).as_ref());
                text = "#       ".to_owned();
            }
            text.push_str(table);
            text.push_str(comma);
        }
        line(out, &shown(&text));
    }
}

/// What is done with each column: a line for each table, those in which nothing is masked together.
pub(super) fn columns(out: &mut String, found: &Found) {
    if found.columns.is_empty() {
        return;
    }
    line(
        out,
        "\n# ---- Inferred: what is done with each column (redistrict classify says why)",
    );
    let mut tables: BTreeMap<&TableRef, Vec<&ColumnDecision>> = BTreeMap::new();
    for decision in &found.columns {
        let table = &decision.column.table;
        tables.entry(table).or_default().push(decision);
    }
    let mut plain: Vec<&TableRef> = Vec::new();
    for (table, columns) in tables {
        if columns.iter().all(|one| is_plain(one)) {
            plain.push(table);
            continue;
        }
        line(
            out,
            &shown(&format!("# {table}: {}", of_table(&columns).join("; "))),
        );
    }
    if !plain.is_empty() {
        line(
            out,
            "# Nothing is masked, all columns are keys and entries of catalogues that are about no person:",
        );
        names(out, &plain);
    }
}

/// Kept, and of a kind that is nobody's.
fn is_plain(decision: &ColumnDecision) -> bool {
    use ColumnClass::{Catalogue, Reference, SurrogateKey, TenantKey};
    decision.kind == MaskKind::Kept
        && matches!(
            decision.class,
            Catalogue | Reference | SurrogateKey | TenantKey
        )
}

/// What is masked and how, then what is kept and why.
fn of_table(columns: &[&ColumnDecision]) -> Vec<String> {
    let mut kept: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut masked: Vec<String> = Vec::new();
    for decision in columns {
        let name = &decision.column.column;
        if decision.kind == MaskKind::Kept {
            let class = name_of(&decision.class);
            kept.entry(class).or_default().push(name);
        } else {
            masked.push(format!("{name} as {}", name_of(&decision.mask)));
        }
    }
    let masked = match masked.is_empty() {
        true => "nothing masked".to_owned(),
        false => format!("masked {}", masked.join(", ")),
    };
    let kept = kept
        .into_iter()
        .map(|(class, names)| format!("kept ({class}) {}", names.join(", ")));
    std::iter::once(masked).chain(kept).collect()
}

fn name_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
