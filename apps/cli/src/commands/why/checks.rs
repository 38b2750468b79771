//! Statements that a person can run in PROD to see that a step of a chain is true. They are printed, never
//! sent. Values that may not be said are left out of them: then at least one row is found instead of one.

use redistrict_model::{
    ColumnType, Edge, ExtractSection, Inside, StoreKind, StoreName, Table, TableRef,
};

/// A statement, the store it is for, and what it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) store: StoreName,
    pub(super) statement: String,
    pub(super) finds: Finds,
}

/// What a statement gives if the step is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finds {
    One,
    AtLeastOne,
    /// Rows to look at.
    Rows,
}

impl Finds {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::AtLeastOne => "at least 1",
            Self::Rows => "rows",
        }
    }
}

/// A row of a chain, as far as its values may be said.
pub(super) struct Side<'a> {
    pub(super) table: &'a TableRef,
    /// Columns with values, the key's first.
    pub(super) values: Vec<(String, String)>,
    /// All columns of its key are among them.
    pub(super) is_whole: bool,
}

/// Makes statements for the tables of a plan.
pub(super) struct Checks<'a> {
    pub(super) section: &'a ExtractSection,
}

impl Checks<'_> {
    fn kind(&self, store: &StoreName) -> StoreKind {
        let catalogs = self.section.catalogs.iter();
        let mut of_store = catalogs.filter(|catalog| catalog.store == *store);
        of_store.next().map_or(StoreKind::Postgres, |one| one.kind)
    }

    /// That the row is there.
    pub(super) fn row(&self, side: &Side<'_>) -> Vec<Check> {
        self.alone(side, None).into_iter().collect()
    }

    /// That one row refers to the other over an edge: one statement where both are in one SQL database,
    /// else one for each side.
    pub(super) fn reference(&self, child: &Side<'_>, parent: &Side<'_>, edge: &Edge) -> Vec<Check> {
        let kind = self.kind(&child.table.store);
        if child.table.store == parent.table.store && kind != StoreKind::Neo4j {
            return vec![self.join(child, parent, edge, kind)];
        }
        let sides = [self.alone(child, Some(edge)), self.alone(parent, None)];
        sides.into_iter().flatten().collect()
    }

    fn join(&self, child: &Side<'_>, parent: &Side<'_>, edge: &Edge, kind: StoreKind) -> Check {
        let mut conditions = self.conditions("c", child, kind);
        conditions.extend(self.conditions("p", parent, kind));
        conditions.extend(when(edge, "c", kind));
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" where {}", conditions.join(" and ")),
        };
        Check {
            store: child.table.store.clone(),
            statement: format!(
                "select count(*) from {} c join {} p on {}{condition};",
                name(child.table),
                name(parent.table),
                self.on(edge, ("c", "p"), kind),
            ),
            finds: if child.is_whole {
                Finds::One
            } else {
                Finds::AtLeastOne
            },
        }
    }

    /// Equality over the columns of an edge, between two aliases.
    fn on(&self, edge: &Edge, (child, parent): (&str, &str), kind: StoreKind) -> String {
        let column_type = |table: &TableRef, column: &str| {
            let table = self.section.catalog_table(table);
            table.and_then(|table| Some(table.column(column)?.column_type))
        };
        let equal = |(from, to): (&String, &String)| {
            let (left, right) = (column(child, from), column(parent, to));
            if let Some(inside) = &edge.inside {
                return stands_in(&right, &left, inside, kind);
            }
            let is_alike = column_type(&edge.child, from) == column_type(&edge.parent, to);
            match (is_alike, kind) {
                (true, _) => format!("{left} = {right}"),
                (false, StoreKind::Postgres) => format!("{left}::text = {right}::text"),
                (false, _) => format!("cast({left} as text) = cast({right} as text)"),
            }
        };
        let pairs = edge.child_columns.iter().zip(&edge.parent_columns);
        pairs.map(equal).collect::<Vec<_>>().join(" and ")
    }

    /// One row by what may be said of it; none if that is nothing.
    fn alone(&self, side: &Side<'_>, edge: Option<&Edge>) -> Option<Check> {
        let kind = self.kind(&side.table.store);
        if side.values.is_empty() {
            return None;
        }
        let statement = match kind {
            StoreKind::Neo4j => self.graph(side, edge),
            _ => {
                let mut conditions = self.conditions("c", side, kind);
                conditions.extend(edge.iter().flat_map(|edge| when(edge, "c", kind)));
                let name = name(side.table);
                let conditions = conditions.join(" and ");
                format!("select count(*) from {name} c where {conditions};")
            }
        };
        Some(Check {
            store: side.table.store.clone(),
            statement,
            finds: if side.is_whole {
                Finds::One
            } else {
                Finds::AtLeastOne
            },
        })
    }

    fn conditions(&self, alias: &str, side: &Side<'_>, kind: StoreKind) -> Vec<String> {
        let table = self.section.catalog_table(side.table);
        let condition = |(name, value): &(String, String)| {
            let value = self::value(table, name, value, kind);
            format!("{} = {value}", column(alias, name))
        };
        side.values.iter().map(condition).collect()
    }

    /// Along a branch of rows that do not come, from the values that were typed: what it leads to.
    pub(super) fn branch(
        &self,
        from: &Side<'_>,
        steps: &[(&Edge, bool)],
        select: &[String],
    ) -> Option<Check> {
        let kind = self.kind(&from.table.store);
        let is_here = |(edge, _): &&(&Edge, bool)| {
            edge.child.store == edge.parent.store && edge.child.store == from.table.store
        };
        let here: Vec<&(&Edge, bool)> = steps.iter().take_while(is_here).collect();
        if kind == StoreKind::Neo4j || here.is_empty() || from.values.is_empty() {
            return None;
        }
        let mut joins = String::new();
        let mut conditions = self.conditions("t0", from, kind);
        for (place, (edge, is_up)) in here.iter().enumerate() {
            let (at, next) = (format!("t{place}"), format!("t{}", place + 1));
            let (table, aliases) = match is_up {
                true => (&edge.parent, (at.as_str(), next.as_str())),
                false => (&edge.child, (next.as_str(), at.as_str())),
            };
            let on = self.on(edge, aliases, kind);
            joins.extend([" join ", &name(table), " ", &next, " on ", &on]);
            conditions.extend(when(edge, aliases.0, kind));
        }
        let last = format!("t{}", here.len());
        let is_whole = here.len() == steps.len();
        let select = match select.is_empty() || !is_whole {
            true => "count(*)".to_owned(),
            false => (select.iter().map(|one| column(&last, one)))
                .collect::<Vec<_>>()
                .join(", "),
        };
        Some(Check {
            store: from.table.store.clone(),
            statement: format!(
                "select {select} from {} t0{joins} where {};",
                name(from.table),
                conditions.join(" and ")
            ),
            finds: Finds::Rows,
        })
    }

    /// A node or a relationship; the ends of a relationship are told by the keys of their nodes.
    fn graph(&self, side: &Side<'_>, edge: Option<&Edge>) -> String {
        let table = self.section.catalog_table(side.table);
        let [_, kind, label] = side.table.parts();
        let mut conditions = Vec::new();
        for (column, value) in &side.values {
            let (of, property) = match column.strip_prefix(':') {
                None => ("x", column.as_str()),
                Some(end) => {
                    let of = if end.starts_with("start") { "s" } else { "e" };
                    let Some(property) = edge.and_then(|edge| referred(edge, column)) else {
                        continue;
                    };
                    (of, property)
                }
            };
            let value = self::value(table, column, value, StoreKind::Neo4j);
            conditions.push(format!("{of}.{} = {value}", backticked(property)));
        }
        let pattern = match kind {
            "rel" => format!("(s)-[x:{}]->(e)", backticked(label)),
            _ => format!("(x:{})", backticked(label)),
        };
        let condition = match conditions.is_empty() {
            true => String::new(),
            false => format!(" where {}", conditions.join(" and ")),
        };
        format!("match {pattern}{condition} return count(x);")
    }
}

/// The parent's column that a column of the child refers to.
fn referred<'e>(edge: &'e Edge, column: &str) -> Option<&'e str> {
    let place = edge.child_columns.iter().position(|one| one == column)?;
    edge.parent_columns.get(place).map(String::as_str)
}

/// That a key stands at that place inside of a value.
fn stands_in(key: &str, value: &str, inside: &Inside, kind: StoreKind) -> String {
    match (inside, kind) {
        (Inside::Elements, _) => format!("{key}::text = any({value}::text[])"),
        (Inside::Members(members), StoreKind::Postgres) => {
            let path = quoted(&server_path(members), kind);
            format!(
                "exists (select from jsonb_path_query({value}::jsonb, {path}) v where v #>> '{{}}' = {key}::text)"
            )
        }
        (Inside::Members(members), _) => {
            let path = quoted(&path_pattern(members), kind);
            format!(
                "exists (select 1 from json_tree({value}) v where v.fullkey like {path} \
                 and cast(v.atom as text) = cast({key} as text))"
            )
        }
    }
}

/// As PostgreSQL writes paths: a name in quotes has the escapes of JSON.
fn server_path(members: &[String]) -> String {
    let names = members
        .iter()
        .map(|one| format!(".{}", serde_json::Value::from(one.as_str())));
    format!("${}[*]", names.collect::<String>())
}

/// The paths that SQLite tells, as a pattern: lists may stand between the names, and a name with other signs than
/// letters and digits is quoted there and may be escaped.
fn path_pattern(members: &[String]) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '%' };
    let names = members
        .iter()
        .map(|one| format!("%.%{}", one.chars().map(plain).collect::<String>()));
    format!("${}%", names.collect::<String>())
}

fn when(edge: &Edge, alias: &str, kind: StoreKind) -> Vec<String> {
    let condition = |(name, texts): &(String, Vec<String>)| {
        let texts: Vec<String> = texts.iter().map(|one| quoted(one, kind)).collect();
        format!("{} in ({})", column(alias, name), texts.join(", "))
    };
    edge.when.iter().map(condition).collect()
}

fn name(table: &TableRef) -> String {
    let [_, schema, name] = table.parts();
    format!("{}.{}", identifier(schema), identifier(name))
}

fn column(alias: &str, name: &str) -> String {
    format!("{alias}.{}", identifier(name))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn backticked(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A value as a literal: bare where the column holds whole numbers.
fn value(table: Option<&Table>, column: &str, value: &str, kind: StoreKind) -> String {
    let column = table.and_then(|table| table.column(column));
    match column.map(|column| column.column_type) {
        Some(ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64)
            if value.parse::<i64>().is_ok() =>
        {
            value.to_owned()
        }
        Some(ColumnType::Bytes) if kind == StoreKind::Sqlite => {
            format!("x'{}'", value.strip_prefix("\\x").unwrap_or(value))
        }
        _ => quoted(value, kind),
    }
}

fn quoted(text: &str, kind: StoreKind) -> String {
    match kind {
        StoreKind::Neo4j => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        _ => format!("'{}'", text.replace('\'', "''")),
    }
}
