//! The closed set of statements that read. Their texts are constant or made of identifiers that came
//! from the catalog, quoted; values are only ever bound. Nothing here connects.

mod tally;

use std::borrow::Cow;

use redistrict_model::ColumnType;
use tokio_postgres::types::{ToSql, Type};

use crate::encoding::{is_text, is_utf8};
use crate::live::{LiveColumn, LiveTable};
use crate::locator::locator;
use crate::types::{is_native, is_printed};

pub(crate) use tally::{References, tally_text};

/// Bound values with their types.
pub(crate) type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// A statement that reads, and what it is for. Only this module makes one.
#[derive(Clone, Debug)]
pub(crate) struct ReadText {
    text: Cow<'static, str>,
    /// What people are shown, where a part of the text is the server's own.
    shown: Option<&'static str>,
    purpose: &'static str,
}

impl ReadText {
    fn new(text: String, purpose: &'static str) -> Self {
        Self {
            text: text.into(),
            shown: None,
            purpose,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The same for people: with a placeholder for a name that the server gave.
    pub(crate) fn shown(&self) -> &str {
        self.shown.unwrap_or(&self.text)
    }

    /// For people, without names.
    pub(crate) fn purpose(&self) -> &'static str {
        self.purpose
    }
}

macro_rules! fixed {
    ($($name:ident: $purpose:literal = $text:expr;)*) => {
        $(
            #[doc = $purpose]
            pub(crate) const $name: ReadText = ReadText {
                text: Cow::Borrowed($text),
                shown: None,
                purpose: $purpose,
            };
        )*
    };
}

fixed! {
    BEGIN_READING: "begins a view that stays the same and cannot write" =
        "begin isolation level repeatable read read only";
    ROLLBACK: "ends a view whose snapshot cannot be exported" = "rollback";
    SAVEPOINT: "before a character is tried that the encoding may lack" = "savepoint redistrict";
    ROLLBACK_TO_SAVEPOINT: "after a character was tried" = "rollback to savepoint redistrict";
    ECHO: "gives a text back: does the encoding have its characters?" = "select $1::text";
    CUT: "names the view's snapshot, for the manifest" = include_str!("../sql/cut.sql");
    CUT_UNEXPORTED: "names the view's snapshot where it cannot be exported" =
        include_str!("../sql/cut_unexported.sql");
    FINGERPRINT: "tells this database from every other one, and the version" =
        include_str!("../sql/fingerprint.sql");
    RIGHTS: "what the role may do beyond reading, for warnings" = include_str!("../sql/rights.sql");
    MISSING_SCHEMAS: "catalog: configured schemas that are not there" =
        include_str!("../sql/missing_schemas.sql");
    TABLES: "catalog: tables, row security, estimates" = include_str!("../sql/tables.sql");
    COLUMNS: "catalog: columns and their types" = include_str!("../sql/columns.sql");
    UNIQUE_KEYS: "catalog: primary and unique keys" = include_str!("../sql/unique_keys.sql");
    FOREIGN_KEYS: "catalog: foreign keys" = include_str!("../sql/foreign_keys.sql");
    CONSTRAINTS: "catalog: CHECK and exclusion constraints" = include_str!("../sql/constraints.sql");
    TRIGGERS: "catalog: triggers" = include_str!("../sql/triggers.sql");
    DOMAIN_CHECKS: "catalog: CHECK constraints of domains" =
        include_str!("../sql/domain_checks.sql");
    LARGE_VALUES: "whether a table can hold values too large to travel" =
        include_str!("../sql/large_values.sql");
    KEY_COLUMNS: "catalog: which columns are keys, where a type is no key" =
        include_str!("../sql/key_columns.sql");
    PARTITIONS: "partitions that can be read on their own" = include_str!("../sql/partitions.sql");
    DATABASE: "the database's name" = "select current_database()::text";
    GRANTED_TABLES: "catalog: what rights on tables depend on" =
        include_str!("../sql/granted_tables.sql");
    OWN_OBJECTS: "our tables that belong to another role" = include_str!("../sql/own_objects.sql");
    REFERRING_KEYS: "catalog: foreign keys that refer to tables" =
        include_str!("../sql/referring_keys.sql");
    REFERENCES: "catalog: what a table refers to" = include_str!("../sql/references.sql");
    UNIQUE_RULES: "catalog: how unique keys are checked" = include_str!("../sql/unique_rules.sql");
    SEQUENCES: "catalog: sequences that feed columns" = include_str!("../sql/sequences.sql");
    SESSION_SOURCE: "pins the settings of a session: read-only, no row filter, formats, time limits" =
        include_str!("../sql/session_source.sql");
    SESSION_TARGET: "pins the settings of a session: no row filter, formats, time limits" =
        include_str!("../sql/session_target.sql");
}

/// An identifier in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A column of the table called `alias`.
pub(crate) fn column_of(alias: &str, column: &LiveColumn) -> String {
    format!("{alias}.{}", quoted(&column.name))
}

/// A value's canonical text: see `redistrict_model::Key`.
pub(crate) fn canonical(value: &str, column_type: ColumnType) -> String {
    match column_type {
        ColumnType::Numeric => format!("trim_scale({value})::text"),
        // Minus zero equals zero.
        ColumnType::Float32 | ColumnType::Float64 => format!("({value} + 0)::text"),
        _ if is_printed(column_type) => printed(value),
        _ => format!("({value})::text"),
    }
}

/// A column as binary COPY carries it: itself, or its exact text.
pub(crate) fn carried(column: &LiveColumn) -> String {
    let value = column_of("t", column);
    if is_native(column.column_type) {
        return value;
    }
    // A cast cuts the spaces at the end; where a length puts them back, that is no loss.
    let has_own_spaces = column.column_type == ColumnType::Char && column.typmod < 0;
    if has_own_spaces || is_printed(column.column_type) {
        printed(&value)
    } else {
        format!("({value})::text")
    }
}

/// What the type's output function prints, whatever casts to text there are. `is distinct from null`
/// is true for a composite of NULLs, which is no NULL.
fn printed(value: &str) -> String {
    format!("case when {value} is distinct from null then pg_catalog.format('%s', {value}) end")
}

/// How one key column is compared in one statement.
pub(crate) struct KeyColumn<'a> {
    pub(crate) column: &'a LiveColumn,
    /// By casting the keys (an index can be used), else by comparing texts.
    pub(crate) is_cast: bool,
}

impl KeyColumn<'_> {
    fn left(&self, alias: &str) -> String {
        let value = column_of(alias, self.column);
        if self.is_cast {
            self.column.comparable(&value)
        } else {
            canonical(&value, self.column.column_type)
        }
    }

    /// A cast on the way to that type which keeps casts of other people out, see
    /// [`LiveColumn::read_back`].
    fn via(&self, dimension: &str) -> String {
        if self.is_cast && is_printed(self.column.column_type) {
            format!("::pg_catalog.bpchar{dimension}")
        } else {
            String::new()
        }
    }

    /// The condition that the column has one of the keys, for an index that begins with it.
    fn by_index(&self, alias: &str, source: KeySource) -> Option<String> {
        let (array, of_type, via) = (source.array(0), self.key_type(), self.via("[]"));
        let is_looked_up = self.column.is_leading && self.is_cast;
        is_looked_up.then(|| {
            format!(
                "{} = any ((select {array}{via}::{of_type}[])::{of_type}[])",
                self.left(alias)
            )
        })
    }

    /// The type that keys are cast to.
    fn key_type(&self) -> &str {
        if self.is_cast {
            &self.column.key_type
        } else {
            "text"
        }
    }
}

/// Where the statement finds the array of texts for the key column at a place (from 0).
#[derive(Clone, Copy)]
pub(crate) enum KeySource {
    /// Bound parameters, from this number on.
    Parameters(usize),
    /// Settings `redistrict.k1` and up: for COPY, which takes no parameters.
    Settings,
}

impl KeySource {
    fn array(self, place: usize) -> String {
        match self {
            Self::Parameters(first) => format!("${}::text[]", first + place),
            Self::Settings => format!("current_setting('redistrict.k{}')::text[]", place + 1),
        }
    }
}

/// The condition that a row of `alias` has one of the keys.
///
/// Where an index begins with the first column, that one is compared with an array, which a scalar
/// sub-select makes an init plan: cast once, index scan with array keys. Several columns: then the whole
/// key. Without an index each row would be compared with each key in turn: there the keys are a set that
/// the server hashes.
pub(crate) fn matches(alias: &str, columns: &[KeyColumn<'_>], source: KeySource) -> String {
    let Some(first) = columns.first() else {
        return "false".to_owned();
    };
    let by_index = first.by_index(alias, source);
    if let (Some(by_index), [_]) = (&by_index, columns) {
        return by_index.clone();
    }
    let list = |each: &dyn Fn(usize, &KeyColumn<'_>) -> String| {
        let texts: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| each(place, column))
            .collect();
        texts.join(", ")
    };
    let left = list(&|_, column| column.left(alias));
    let casts =
        list(&|place, column| format!("k.k{place}{}::{}", column.via(""), column.key_type()));
    let arrays = list(&|place, _| source.array(place));
    let names = list(&|place, _| format!("k{place}"));
    let is_one = format!("({left}) in (select {casts} from unnest({arrays}) as k ({names}))");
    match by_index {
        Some(by_index) => format!("{by_index} and {is_one}"),
        None => is_one,
    }
}

/// Canonical texts of columns, comma separated.
pub(crate) fn canonical_list(alias: &str, columns: &[&LiveColumn]) -> String {
    let texts: Vec<String> = columns
        .iter()
        .map(|column| canonical(&column_of(alias, column), column.column_type))
        .collect();
    texts.join(", ")
}

/// Ascending by key text, byte by byte: the same on every server.
pub(crate) fn key_order(alias: &str, identity: &[&LiveColumn]) -> String {
    let texts: Vec<String> = identity
        .iter()
        .map(|column| {
            let text = canonical(&column_of(alias, column), column.column_type);
            format!("({text}) collate \"C\"")
        })
        .collect();
    texts.join(", ")
}

/// Which rows a key statement means.
pub(crate) enum Rows<'a> {
    Matching(&'a [KeyColumn<'a>]),
    /// The first so many by identity; the limit is parameter 1.
    Sample,
    All,
}

/// Identity and columns of rows as canonical text; without identity columns the locator comes first.
/// Keys are the parameters from 1 on.
pub(crate) fn key_text(
    table: &LiveTable,
    identity: &[&LiveColumn],
    columns: &[&LiveColumn],
    rows: &Rows<'_>,
) -> ReadText {
    let mut selected = Vec::with_capacity(columns.len() + 1);
    if identity.is_empty() {
        selected.push(locator("t"));
    }
    let text = |column: &LiveColumn| canonical(&column_of("t", column), column.column_type);
    selected.extend(identity.iter().map(|column| text(column)));
    let is_guarded = table.holds_bytes && matches!(rows, Rows::Sample);
    selected.extend(columns.iter().map(|column| match text(column) {
        // What is measured by a sample is measured by what can be read.
        text if is_guarded && is_text(column) => {
            format!("case when {} then {text} end", is_utf8(&text))
        }
        text => text,
    }));
    let select = selected.join(", ");
    let from = table.relation();
    let rest = match rows {
        Rows::Matching(keys) => format!("where {}", matches("t", keys, KeySource::Parameters(1))),
        Rows::Sample => {
            let mut order: Vec<String> = identity.iter().map(|one| column_of("t", one)).collect();
            if order.is_empty() {
                order = vec!["t.tableoid".to_owned(), "t.ctid".to_owned()];
            }
            let texts = identity.iter().filter(|one| is_guarded && is_text(one));
            let mut readable: Vec<String> = texts
                .map(|one| format!("({})", is_utf8(&text(one))))
                .collect();
            readable.push("true".to_owned());
            format!(
                "where {} order by {} limit $1",
                readable.join(" and "),
                order.join(", ")
            )
        }
        Rows::All => String::new(),
    };
    let purpose = match rows {
        Rows::Matching(_) => "keys of the rows that have one of these keys ($1 and up)",
        Rows::Sample => "a sample of a table ($1 rows), to tell what its columns hold",
        Rows::All => "the keys of all rows of a table",
    };
    let text = format!("select {select} from {from} as t {rest}");
    ReadText::new(text.trim_end().to_owned(), purpose)
}

const COPY_PURPOSE: &str = "the rows of the district with these keys, whole";
const PASSING_PURPOSE: &str = "columns of the rows that refer to these keys: whole rows of the district, or what tells its rows apart";

/// Rows by these columns as binary COPY; the keys stand in settings. In the order of the keys if they are to
/// be ordered, else as they come: nothing is sorted on the server.
pub(crate) fn copy_text(
    table: &LiveTable,
    columns: &[&LiveColumn],
    by: &[KeyColumn<'_>],
    is_ordered: bool,
) -> ReadText {
    let select: Vec<String> = columns.iter().map(|column| carried(column)).collect();
    let order = if is_ordered {
        let by: Vec<&LiveColumn> = by.iter().map(|key| key.column).collect();
        format!(" order by {}", key_order("t", &by))
    } else {
        String::new()
    };
    ReadText::new(
        format!(
            "copy (select {} from {} as t where {}{order}) to stdout (format binary)",
            select.join(", "),
            table.relation(),
            matches("t", by, KeySource::Settings),
        ),
        if is_ordered {
            COPY_PURPOSE
        } else {
            PASSING_PURPOSE
        },
    )
}

/// Takes part in the view of an exported snapshot. A snapshot's name has digits, `A` to `F` and hyphens; no
/// text for any other.
pub(crate) fn snapshot_text(snapshot: &str) -> Option<ReadText> {
    let is_name = |one: char| one.is_ascii_digit() || matches!(one, 'A'..='F' | '-');
    let is_safe = !snapshot.is_empty() && snapshot.chars().all(is_name);
    is_safe.then(|| ReadText {
        text: format!("set transaction snapshot '{snapshot}'").into(),
        shown: Some("set transaction snapshot '…'"),
        purpose: "a further connection reads the same view, by the name that the server gave to its snapshot",
    })
}

/// Whole rows of one relation by their places in it, as binary COPY: the places stand in the first
/// setting, the oid in the second. It reads these places and no others.
pub(crate) fn located_copy_text(relation: &str, columns: &[&LiveColumn]) -> ReadText {
    let select: Vec<String> = columns.iter().map(|column| carried(column)).collect();
    let places = KeySource::Settings.array(0);
    ReadText::new(
        format!(
            "copy (select {} from {relation} as t \
             where t.ctid = any ((select {places}::tid[])::tid[]) \
             and t.tableoid = (select current_setting('redistrict.k2')::oid) \
             order by {} collate \"C\") to stdout (format binary)",
            select.join(", "),
            locator("t"),
        ),
        COPY_PURPOSE,
    )
}

/// Binds `count` texts to the settings that [`copy_text`] and [`located_copy_text`] read, for this
/// transaction.
pub(crate) fn settings_text(count: usize) -> ReadText {
    let each: Vec<String> = (1..=count)
        .map(|n| format!("set_config('redistrict.k{n}', ${n}, true)"))
        .collect();
    ReadText::new(
        format!("select {}", each.join(", ")),
        "binds the keys of the next COPY, which takes no parameters",
    )
}

/// How many rows with these keys (parameters from 1 on) each of the conditions on row `t` is true for.
pub(crate) fn matching_count_text(
    table: &LiveTable,
    conditions: &[&str],
    keys: &[KeyColumn<'_>],
) -> ReadText {
    let matching = matches("t", keys, KeySource::Parameters(1));
    counts_text(table, conditions, &matching)
}

/// The same for rows by their places: parameter 1 has the places, parameter 2 the oid.
pub(crate) fn located_count_text(table: &LiveTable, conditions: &[&str]) -> ReadText {
    let places = KeySource::Parameters(1).array(0);
    let matching = format!("t.ctid = any ((select {places}::tid[])::tid[]) and t.tableoid = $2");
    counts_text(table, conditions, &matching)
}

fn counts_text(table: &LiveTable, conditions: &[&str], matching: &str) -> ReadText {
    let counts: Vec<String> = conditions
        .iter()
        .map(|condition| format!("count(*) filter (where {condition})"))
        .collect();
    let relation = table.relation();
    let counts = counts.join(", ");
    ReadText::new(
        format!("select {counts} from {relation} as t where {matching}"),
        "counts the values that cannot travel, in the rows with these keys",
    )
}

/// The exact number of rows.
pub(crate) fn count_text(table: &LiveTable) -> ReadText {
    ReadText::new(
        format!("select count(*) from {} as t", table.relation()),
        "counts the rows of a table",
    )
}

/// The exact number of rows with these keys (parameters from 1 on).
pub(crate) fn count_matching_text(table: &LiveTable, keys: &[KeyColumn<'_>]) -> ReadText {
    let relation = table.relation();
    let matching = matches("t", keys, KeySource::Parameters(1));
    ReadText::new(
        format!("select count(*) from {relation} as t where {matching}"),
        "counts the rows that have one of these keys ($1 and up)",
    )
}

/// An array of texts as the server reads it.
pub(crate) fn array_literal<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let mut literal = String::from("{");
    for (place, text) in texts.enumerate() {
        if place > 0 {
            literal.push(',');
        }
        literal.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(c);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place is one page: no chunk of locators may cost a walk over the table.
    #[tokio::test]
    async fn rows_are_read_by_their_places_and_by_nothing_else() {
        let server = redistrict_testkit::postgres::TestServer::start();
        let url = server.create_database().await;
        let sql = "create table t (v text); insert into t select 'x' from generate_series(1, 5000); analyze t";
        server.psql(&url, sql).await;
        let copy = located_copy_text("only \"t\"", &[]);
        let query = copy.as_str().strip_prefix("copy (");
        let query = query.and_then(|text| text.strip_suffix(") to stdout (format binary)"));
        let explain = format!(
            "set redistrict.k1 = '{{\"(0,1)\",\"(3,7)\"}}'; set redistrict.k2 = '1'; explain {}",
            query.unwrap()
        );
        let plan = server.query(&url, &explain).await;
        let plan: Vec<String> = plan.into_iter().flatten().flatten().collect();
        let plan = plan.join("\n");
        assert!(plan.contains("Tid Scan on t"), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }

    #[test]
    fn identifiers_and_array_elements_cannot_end_early() {
        assert_eq!(
            quoted("a\"; drop table x; --"),
            "\"a\"\"; drop table x; --\""
        );
        assert_eq!(
            array_literal(["a\"},{", "b\\", ""].into_iter()),
            r#"{"a\"},{","b\\",""}"#
        );
    }
}
