//! The closed set of statements that read. Their texts are constant or made of names that came from
//! the catalog, quoted; values are only ever bound. No procedures but those in `PROCEDURES`.

mod rows;
mod survey;
mod suspicious;

use std::borrow::Cow;

use crate::live::{Constraints, End, LiveTable};
use crate::moments::{LOCAL, OFFSET, ZONE, ZONED};
use crate::types::{Element, Form};
pub(crate) use rows::{Anchor, Condition, Naming, by_index, count, matching, named, sample};
pub(crate) use survey::{
    end_sets, label_sets, node_properties, own_label_sets, relationship_properties,
};
pub(crate) use suspicious::{MAYBE_TOO_LARGE, OUT_OF_RANGE, TOO_LARGE, suspicious};

/// A statement that reads, and what it is for. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadText {
    text: Cow<'static, str>,
    purpose: &'static str,
}

impl ReadText {
    fn new(text: String, purpose: &'static str) -> Self {
        Self {
            text: text.into(),
            purpose,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// For people, without names.
    pub(crate) fn purpose(&self) -> &'static str {
        self.purpose
    }
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $purpose:literal = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: ReadText = ReadText {
            text: Cow::Borrowed($text),
            purpose: $purpose,
        };)*
    };
}

/// The procedures that statements may call: they only tell. The last two tell byte arrays from lists of
/// integers, which no expression of the language does.
#[cfg(test)]
pub(crate) const PROCEDURES: [&str; 4] = [
    "db.info",
    "dbms.components",
    "db.schema.nodeTypeProperties",
    "db.schema.relTypeProperties",
];

fixed! {
    /// Name, type, labels or types, properties.
    CONSTRAINTS: "catalog: uniqueness constraints are the keys" = "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties \
                   RETURN name, type, labelsOrTypes, properties";
    /// The id of the open database and its name.
    DATABASE: "tells this database from every other one" = "CALL db.info() YIELD id, name RETURN id, name";
    COMPONENTS: "the server's version and edition" = "CALL dbms.components() YIELD name, versions, edition \
                  RETURN versions[0], edition ORDER BY name LIMIT 1";
    /// Null without roles. It is no read of the database: it needs a transaction of its own.
    ROLES: "the roles of the user, for warnings" = "SHOW CURRENT USER YIELD roles RETURN roles";
    CLOCK: "when the cut was taken, for the manifest" = "RETURN toString(datetime.realtime('Z'))";
    /// Byte arrays are `ByteArray` here.
    NODE_PROPERTY_TYPES: "catalog: types of properties of nodes" = "CALL db.schema.nodeTypeProperties() \
                           YIELD nodeLabels, propertyName, propertyTypes \
                           RETURN nodeLabels, propertyName, propertyTypes";
    RELATIONSHIP_PROPERTY_TYPES: "catalog: types of properties of relationships" = "CALL db.schema.relTypeProperties() \
                                   YIELD relType, propertyName, propertyTypes \
                                   RETURN relType, propertyName, propertyTypes";
}

/// A name in backticks. Unicode escapes are understood inside of them, so that the backslash is
/// written as one.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\u005C").replace('`', "``"))
}

/// What makes the key of a table, for a person to run; none for a keyless table. A statement in text is
/// one line of names in backticks: they are the catalog's.
pub(crate) fn key_statement(schema: &str, table: &str, key: &[String]) -> Option<String> {
    let first = key.first()?;
    let (pattern, variable) = if schema == "node" {
        (format!("(n:{})", quoted(table)), "n")
    } else {
        (format!("()-[r:{}]-()", quoted(table)), "r")
    };
    let properties: Vec<String> = key.iter().map(|name| property(variable, name)).collect();
    let required = match properties.as_slice() {
        [_] => property(variable, first),
        several => format!("({})", several.join(", ")),
    };
    Some(format!(
        "CREATE CONSTRAINT FOR {pattern} REQUIRE {required} IS UNIQUE"
    ))
}

/// A property of a variable.
pub(crate) fn property(variable: &str, name: &str) -> String {
    format!("{variable}.{}", quoted(name))
}

/// The types whose values travel as text.
const TEXTUAL: &str = "DATE NOT NULL | LOCAL TIME NOT NULL | ZONED TIME NOT NULL | \
                       LOCAL DATETIME NOT NULL | ZONED DATETIME NOT NULL | DURATION NOT NULL";

/// The types of a form that travels as text.
fn textual(form: Form) -> Option<&'static str> {
    Some(match form {
        Form::Date => "DATE NOT NULL",
        Form::Time => "LOCAL TIME NOT NULL | ZONED TIME NOT NULL",
        Form::DateTime => "LOCAL DATETIME NOT NULL | ZONED DATETIME NOT NULL",
        Form::Interval => "DURATION NOT NULL",
        _ => return None,
    })
}

/// An expression that gives a property as `values::text_of` wants it; a map, which no property can
/// be, where a value that should travel as text is of another type.
pub(crate) fn read_value(form: Form, value: &str) -> String {
    if form == Form::Tagged {
        let payload = payload(value);
        return format!(
            "CASE WHEN {value} IS NULL THEN null ELSE [valueType({value}), {payload}] END"
        );
    }
    if let Some(types) = textual(form) {
        return format!(
            "CASE WHEN {value} IS NULL THEN null WHEN {value} IS :: {types} THEN toString({value}) ELSE {{}} END"
        );
    }
    match form {
        Form::List(element) => match textual(element.form()) {
            Some(types) => format!(
                "CASE WHEN {value} IS NULL THEN null WHEN {value} IS :: {} \
                 THEN [y IN {value} | toString(y)] ELSE {{}} END",
                lists_of(types)
            ),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// A value of any type, with what the driver cannot hold as text. An empty list is left as it is: it may
/// be an empty byte array.
pub(crate) fn payload(value: &str) -> String {
    let lists = lists_of(TEXTUAL);
    format!(
        "CASE WHEN {value} IS :: {TEXTUAL} THEN toString({value}) \
         WHEN {value} IS :: {lists} AND size({value}) > 0 \
         THEN [y IN {value} | toString(y)] ELSE {value} END"
    )
}

/// The types of lists of one of the types. A stored list is none of `LIST<A | B>` to the server.
fn lists_of(types: &str) -> String {
    let lists: Vec<String> = types
        .split(" | ")
        .map(|one| format!("LIST<{one}> NOT NULL"))
        .collect();
    lists.join(" | ")
}

/// The types of values that are made of what is bound for them.
const MADE: [&str; 6] = [
    "DATE",
    "DURATION",
    "LOCAL TIME",
    "ZONED TIME",
    "LOCAL DATETIME",
    "ZONED DATETIME",
];

/// An expression that makes a property's value of what `values::bound` gives; null of null. A single value
/// of any type is made as a list of one: the planner takes seconds for long texts, so each kind stands
/// there once.
pub(crate) fn made_value(form: Form, value: &str) -> String {
    match form {
        Form::Date => format!("date({value})"),
        Form::Interval => format!("duration({value})"),
        Form::Time => format!(
            "CASE {value}[0] WHEN {LOCAL} THEN localtime({value}[1]) \
             WHEN {ZONED} THEN time({value}[1]) \
             WHEN {OFFSET} THEN time({{time: localtime({value}[1]), timezone: {value}[2]}}) END"
        ),
        // The server's zones may give an instant another offset than its text has: then the text is
        // read, which the server refuses.
        Form::DateTime => format!(
            "CASE {value}[0] WHEN {LOCAL} THEN localdatetime({value}[1]) \
             WHEN {ZONED} THEN datetime({value}[1]) \
             WHEN {OFFSET} THEN datetime({{datetime: localdatetime({value}[1]), timezone: {value}[2]}}) \
             WHEN {ZONE} THEN head([d IN [datetime({{datetime: datetime({value}[2]), timezone: {value}[3]}})] | \
             CASE toString(d) WHEN {value}[1] THEN d ELSE datetime({value}[1]) END]) END"
        ),
        Form::List(element) => made_list(element, value),
        Form::Tagged => {
            let tags: Vec<String> = MADE
                .iter()
                .map(|name| format!("'{name}', 'LIST<{name}>'"))
                .collect();
            let (tags, is_list) = (tags.join(", "), format!("{value}[0] STARTS WITH 'LIST<'"));
            let made = |element: Element| made_value(element.form(), "y");
            let [date, time, date_time, interval] = [
                made(Element::Date),
                made(Element::Time),
                made(Element::DateTime),
                made(Element::Interval),
            ];
            format!(
                "CASE WHEN {value}[0] IN [{tags}] THEN \
                 head([m IN [[y IN CASE WHEN {is_list} THEN {value}[1] ELSE [{value}[1]] END | \
                 CASE WHEN {value}[0] CONTAINS 'DATETIME' THEN {date_time} \
                 WHEN {value}[0] CONTAINS 'TIME' THEN {time} \
                 WHEN {value}[0] CONTAINS 'DATE' THEN {date} ELSE {interval} END]] | \
                 CASE WHEN {is_list} THEN m ELSE head(m) END]) ELSE {value}[1] END"
            )
        }
        Form::Bool | Form::Int | Form::Float | Form::Text | Form::Bytes => value.to_owned(),
    }
}

fn made_list(element: Element, value: &str) -> String {
    match element.form() {
        form @ (Form::Date | Form::Time | Form::DateTime | Form::Interval) => {
            format!("[y IN {value} | {}]", made_value(form, "y"))
        }
        _ => value.to_owned(),
    }
}

/// The condition that a node has a label and all properties of one of its uniqueness constraints.
fn carries(constraints: &Constraints, variable: &str, label: &str) -> Option<String> {
    let keys: Vec<String> = constraints
        .nodes
        .get(label)?
        .iter()
        .map(|one| {
            let is_there = |name: &String| format!("{} IS NOT NULL", property(variable, name));
            let all: Vec<String> = one.properties.iter().map(is_there).collect();
            all.join(" AND ")
        })
        .collect();
    Some(format!(
        "{variable}:{} AND ({})",
        quoted(label),
        keys.join(" OR ")
    ))
}

/// The condition that a node with this label stands in the table of the label. Written as CASE: the
/// planner would take AND and OR apart and look up every key twice.
pub(crate) fn is_member(constraints: &Constraints, variable: &str, label: &str) -> String {
    let mut cases = String::from("CASE");
    for other in constraints.nodes.keys() {
        if let Some(condition) = carries(constraints, variable, other) {
            let is_mine = if other == label { "true" } else { "false" };
            cases.push_str(&[" WHEN ", &condition, " THEN ", is_mine].concat());
        }
    }
    let is_first = format!("none(l IN labels({variable}) WHERE l < $label)");
    if cases == "CASE" {
        return is_first;
    }
    format!("{cases} ELSE {is_first} END")
}

/// The same for a node that was found by all properties of one of the label's constraints: only labels
/// before it can be its table's. None where there is nothing to ask.
pub(crate) fn is_member_by_key(
    constraints: &Constraints,
    variable: &str,
    label: &str,
    key: &[&str],
) -> Option<String> {
    if constraints.over(true, label, key).is_none() {
        return Some(is_member(constraints, variable, label));
    }
    let labels = constraints.nodes.keys();
    let cases: Vec<String> = labels
        .take_while(|other| other.as_str() < label)
        .filter_map(|other| carries(constraints, variable, other))
        .map(|condition| format!("WHEN {condition} THEN false "))
        .collect();
    (!cases.is_empty()).then(|| format!("CASE {}ELSE true END", cases.concat()))
}

/// The table of a node: the place of its table label among those with constraints, else the first of
/// its labels by name, null without any.
pub(crate) fn table_of(constraints: &Constraints, variable: &str) -> String {
    let first = format!(
        "reduce(first = null, l IN labels({variable}) | \
         CASE WHEN first IS NULL OR l < first THEN l ELSE first END)"
    );
    let mut cases = String::from("CASE");
    for (place, label) in constraints.nodes.keys().enumerate() {
        if let Some(condition) = carries(constraints, variable, label) {
            cases.push_str(&[" WHEN ", &condition, " THEN ", &place.to_string()].concat());
        }
    }
    if cases == "CASE" {
        return first;
    }
    format!("{cases} ELSE {first} END")
}

/// The table and the key of an end: its place in the list of tables, then the parts of the key. -1 for
/// a node of another table.
pub(crate) fn end_value(
    (table, constraints): (&LiveTable, &Constraints),
    variable: &str,
    end: End,
) -> String {
    let tables = table.shape.end_tables(end);
    let place = |label: &String| tables.iter().position(|table| table.label == *label);
    // What follows the last one is of no table of ours, whatever it is.
    let last = constraints
        .nodes
        .keys()
        .rposition(|label| place(label).is_some());
    let mut cases = String::from("CASE");
    for label in constraints
        .nodes
        .keys()
        .take(last.map_or(0, |last| last + 1))
    {
        let Some(condition) = carries(constraints, variable, label) else {
            continue;
        };
        let found = match place(label) {
            Some(place) => {
                let mut parts = vec![place.to_string()];
                for (name, form) in &tables[place].key {
                    let value = property(variable, name);
                    parts.push(
                        form.map_or_else(|| payload(&value), |form| read_value(form, &value)),
                    );
                }
                parts.join(", ")
            }
            None => "-1".to_owned(),
        };
        cases.push_str(&[" WHEN ", &condition, " THEN [", &found, "]"].concat());
    }
    if cases == "CASE" {
        return "[-1]".to_owned();
    }
    format!("{cases} ELSE [-1] END")
}

/// The properties that stand in no column, with their values. Bound: `$known`.
pub(crate) fn other() -> String {
    let value = read_value(Form::Tagged, "n[p]");
    format!("[p IN keys(n) WHERE NOT p IN $known | [p, {value}]]")
}

/// The names of the properties that stand in no column. Bound: `$known`.
pub(crate) fn unknown() -> String {
    "[p IN keys(n) WHERE NOT p IN $known]".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Constraint;

    #[test]
    fn a_key_is_made_by_a_constraint_of_its_names() {
        let statement = |schema, key: &[&str]| {
            let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
            key_statement(schema, "T", &key)
        };
        assert_eq!(
            statement("node", &["a`"]).unwrap(),
            "CREATE CONSTRAINT FOR (n:`T`) REQUIRE n.`a``` IS UNIQUE"
        );
        assert_eq!(
            statement("rel", &["a", "b"]).unwrap(),
            "CREATE CONSTRAINT FOR ()-[r:`T`]-() REQUIRE (r.`a`, r.`b`) IS UNIQUE"
        );
        assert_eq!(statement("node", &[]), None);
    }

    #[test]
    fn names_cannot_end_early() {
        assert_eq!(quoted("a`b"), "`a``b`");
        assert_eq!(quoted("\\u0060"), "`\\u005Cu0060`");
        assert_eq!(quoted("\\`"), "`\\u005C```");
    }

    #[test]
    fn a_hint_names_the_parts_of_a_key_as_the_index_has_them() {
        let over = |properties: &[&str]| Constraint {
            name: "c".to_owned(),
            properties: properties.iter().map(|one| (*one).to_owned()).collect(),
        };
        let mut constraints = Constraints::default();
        constraints
            .nodes
            .insert("A".to_owned(), vec![over(&["x"]), over(&["b", "a"])]);
        let hint = |of_label, names: &[&str]| by_index(&constraints, "n", of_label, names);
        assert_eq!(
            hint((true, "A"), &["a", "b"]),
            " USING INDEX SEEK n:`A`(`b`, `a`)"
        );
        assert_eq!(hint((true, "A"), &["a"]), "");
        assert_eq!(hint((false, "A"), &["x"]), "");
    }

    #[test]
    fn a_node_stands_in_the_table_of_its_first_label_with_a_whole_key() {
        let constraint = |properties: &[&str]| Constraint {
            name: "c".to_owned(),
            properties: properties.iter().map(|one| (*one).to_owned()).collect(),
        };
        let mut constraints = Constraints::default();
        let is_first = "none(l IN labels(n) WHERE l < $label)";
        assert_eq!(is_member(&constraints, "n", "B"), is_first);
        let nodes = &mut constraints.nodes;
        nodes.insert("A".to_owned(), vec![constraint(&["x", "y"])]);
        nodes.insert("B".to_owned(), vec![constraint(&["x"]), constraint(&["z"])]);
        assert_eq!(
            is_member(&constraints, "n", "B"),
            format!(
                "CASE WHEN n:`A` AND (n.`x` IS NOT NULL AND n.`y` IS NOT NULL) THEN false \
                 WHEN n:`B` AND (n.`x` IS NOT NULL OR n.`z` IS NOT NULL) THEN true \
                 ELSE {is_first} END"
            )
        );
        let by_key = |label, key: &[&str]| is_member_by_key(&constraints, "n", label, key);
        assert_eq!(by_key("A", &["y", "x"]), None);
        assert_eq!(
            by_key("B", &["z"]).unwrap(),
            "CASE WHEN n:`A` AND (n.`x` IS NOT NULL AND n.`y` IS NOT NULL) THEN false ELSE true END"
        );
        assert_eq!(
            by_key("B", &["y"]).unwrap(),
            is_member(&constraints, "n", "B")
        );
    }
}
