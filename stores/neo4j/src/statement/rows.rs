//! The statements that find rows and give them.

use super::{ReadText, is_member, is_member_by_key, property, quoted, read_value, textual};
use crate::live::{Constraints, End, LiveColumn, LiveTable, Role, Shape};
use crate::types::Form;

/// What of a row a lookup finds by its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// The row, a node.
    Node,
    /// The row, a relationship.
    Relationship,
    /// The node at one end of the row.
    End(End),
}

/// How the anchor is found among all of its label.
pub(crate) enum Condition<'a> {
    /// All are wanted.
    All,
    /// Each key by the index of a uniqueness constraint over these properties.
    Seek(&'a [(&'a str, Option<Form>)]),
    /// Those whose properties are in the list of keys, in one pass.
    Pass(&'a [(&'a str, Option<Form>)]),
}

/// Rows whose anchor, of label or type `label`, meets the condition. Bound: `$keys` (single values, or
/// lists for several properties) and `$label`.
pub(crate) fn matching(
    (table, constraints): (&LiveTable, &Constraints),
    anchor: Anchor,
    label: &str,
    condition: &Condition<'_>,
    fields: &[String],
) -> ReadText {
    let (variable, pattern) = match anchor {
        Anchor::Node => ("n", format!("(n:{})", quoted(label))),
        Anchor::Relationship => ("n", format!("(a)-[n:{}]->(b)", quoted(label))),
        Anchor::End(End::Start) => ("a", format!("(a:{})", quoted(label))),
        Anchor::End(End::End) => ("b", format!("(b:{})", quoted(label))),
    };
    let mut conditions = Vec::new();
    let (mut first, mut hint) = (String::new(), String::new());
    match condition {
        Condition::All => {}
        Condition::Seek(properties) => {
            first.push_str("UNWIND $keys AS k ");
            let names: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
            let of_label = (anchor != Anchor::Relationship, label);
            hint = by_index(constraints, variable, of_label, &names);
            for (place, (name, _)) in properties.iter().enumerate() {
                let key = match properties.len() {
                    1 => "k".to_owned(),
                    _ => format!("k[{place}]"),
                };
                conditions.push(format!("{} = {key}", property(variable, name)));
            }
        }
        Condition::Pass(properties) => {
            let compared = |(name, form): &(&str, Option<Form>)| {
                let value = property(variable, name);
                match form {
                    Some(form) if textual(*form).is_some() => read_value(*form, &value),
                    _ => value,
                }
            };
            let all: Vec<String> = properties.iter().map(compared).collect();
            conditions.push(match all.as_slice() {
                [one] => format!("{one} IN $keys"),
                all => format!("[{}] IN $keys", all.join(", ")),
            });
        }
    }
    if anchor != Anchor::Relationship {
        let key: Vec<&str> = match condition {
            Condition::Seek(properties) => properties.iter().map(|(name, _)| *name).collect(),
            Condition::All | Condition::Pass(_) => Vec::new(),
        };
        conditions.extend(is_member_by_key(constraints, variable, label, &key));
    }
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let rest = match (&table.shape, anchor) {
        (Shape::Relationship { kind, .. }, Anchor::End(_)) => {
            format!(" MATCH (a)-[n:{}]->(b)", quoted(kind))
        }
        _ => String::new(),
    };
    let fields = returned(fields);
    ReadText::new(
        format!("{first}MATCH {pattern}{hint}{condition}{rest} RETURN {fields}"),
        "keys of the rows that have one of these keys, or of all",
    )
}

/// The first so many rows by these properties (or by element id without any). Bound: `$label`,
/// `$limit`.
pub(crate) fn sample(
    (table, constraints): (&LiveTable, &Constraints),
    by: &[&LiveColumn],
    fields: &[String],
) -> ReadText {
    let (pattern, variables) = all_rows((table, constraints));
    let mut order: Vec<String> = by
        .iter()
        .filter(|column| matches!(column.role, Role::Property(_)))
        .map(|column| property("n", &column.name))
        .collect();
    if order.is_empty() {
        order.push("elementId(n)".to_owned());
    }
    let (order, fields) = (order.join(", "), returned(fields));
    ReadText::new(
        format!("MATCH {pattern} WITH {variables} ORDER BY {order} LIMIT $limit RETURN {fields}"),
        "a sample of a table ($limit rows), to tell what its columns hold",
    )
}

/// The number of rows. Bound: `$label`.
pub(crate) fn count((table, constraints): (&LiveTable, &Constraints)) -> ReadText {
    let text = match &table.shape {
        Shape::Node { label } => {
            let member = is_member(constraints, "n", label);
            format!("MATCH (n:{}) WHERE {member} RETURN count(n)", quoted(label))
        }
        Shape::Relationship { kind, .. } => {
            format!("MATCH ()-[n:{}]->() RETURN count(n)", quoted(kind))
        }
    };
    ReadText::new(text, "counts the rows of a table")
}

/// The pattern of all rows of a table with its condition, and its variables.
fn all_rows((table, constraints): (&LiveTable, &Constraints)) -> (String, &'static str) {
    match &table.shape {
        Shape::Node { label } => {
            let member = is_member(constraints, "n", label);
            (format!("(n:{}) WHERE {member}", quoted(label)), "n")
        }
        Shape::Relationship { kind, .. } => (format!("(a)-[n:{}]->(b)", quoted(kind)), "n, a, b"),
    }
}

/// How rows are named one by one.
pub(crate) enum Naming<'a> {
    /// By the properties of a uniqueness constraint, compared as values.
    Key(&'a [&'a LiveColumn]),
    /// By element id.
    Locator,
}

/// The rows that are named, in the order of the numbers in front of their names. Bound: `$keys`, lists
/// of a number and the parts of a name; `$label`; `$known` where a field asks for it.
pub(crate) fn named(
    row: (&LiveTable, &Constraints),
    naming: &Naming<'_>,
    fields: &[String],
) -> ReadText {
    ReadText::new(
        format!("{} RETURN {}", named_rows(row, naming), returned(fields)),
        "the rows of the district with these names ($keys)",
    )
}

/// As `n`, `a` and `b`.
pub(super) fn named_rows(
    (table, constraints): (&LiveTable, &Constraints),
    naming: &Naming<'_>,
) -> String {
    let key: Vec<&str> = match naming {
        Naming::Key(columns) => columns.iter().map(|column| column.name.as_str()).collect(),
        Naming::Locator => Vec::new(),
    };
    let mut conditions: Vec<String> = match naming {
        Naming::Locator => vec!["elementId(n) = k[1]".to_owned()],
        Naming::Key(_) => {
            let equal = |(place, name): (usize, &&str)| {
                format!("{} = k[{}]", property("n", name), place + 1)
            };
            key.iter().enumerate().map(equal).collect()
        }
    };
    let (of_label, pattern, variables) = match &table.shape {
        Shape::Node { label } => {
            conditions.extend(is_member_by_key(constraints, "n", label, &key));
            ((true, label), format!("(n:{})", quoted(label)), "n")
        }
        Shape::Relationship { kind, .. } => (
            (false, kind),
            format!("(a)-[n:{}]->(b)", quoted(kind)),
            "n, a, b",
        ),
    };
    let hint = by_index(constraints, "n", (of_label.0, of_label.1), &key);
    let conditions = conditions.join(" AND ");
    format!(
        "UNWIND $keys AS k MATCH {pattern}{hint} WHERE {conditions} \
         WITH {variables}, k[0] AS i ORDER BY i"
    )
}

/// Makes the planner seek each key in the index of the constraint over these properties, where there is
/// one. Left alone it scans the index once per key where it knows it as nearly empty: its figures are
/// older than what was just written, and a plan is kept.
pub(crate) fn by_index(
    constraints: &Constraints,
    variable: &str,
    (is_node, label): (bool, &str),
    names: &[&str],
) -> String {
    let Some(index) = constraints.over(is_node, label, names) else {
        return String::new();
    };
    let names: Vec<String> = index.iter().map(|name| quoted(name)).collect();
    let (label, names) = (quoted(label), names.join(", "));
    format!(" USING INDEX SEEK {variable}:{label}({names})")
}

/// Numbers for the fields: names of the server's making would be the texts of the expressions.
fn returned(fields: &[String]) -> String {
    let field = |(place, text): (usize, &String)| format!("{text} AS f{place}");
    let all: Vec<String> = fields.iter().enumerate().map(field).collect();
    match all.is_empty() {
        true => "null".to_owned(),
        false => all.join(", "),
    }
}
