//! Lines of the configuration that settle something: headings, names and column lists, quoted so
//! that a pasted line parses whatever a name holds.

use std::collections::BTreeSet;

use redistrict_model::config::{resolve_table, split_columns};
use redistrict_model::{ColumnRef, Edge, Inside, TableRef, toml_key, toml_text};

/// The heading of a table's section: `[table."ids.public.logs"]`.
#[must_use]
pub fn table_heading(table: &TableRef) -> String {
    format!("[table.{}]", toml_key(&table.to_string()))
}

/// The heading of a column's section: `[column."ids.public.logs.kind"]`.
#[must_use]
pub fn column_heading(column: &ColumnRef) -> String {
    format!("[column.{}]", toml_key(&column.to_string()))
}

/// The references of a table that a text of the configuration means, among `edges`: the constraint's name,
/// the columns in parentheses, or these and where they lead: `(a, b)`, `(a, b) -> ids.students`.
///
/// One is found where the text is unambiguous; more where columns refer to different tables under
/// different conditions.
#[must_use]
pub fn references_meant<'e>(table: &TableRef, text: &str, edges: &'e [Edge]) -> Vec<&'e Edge> {
    let of_table: Vec<&Edge> = edges.iter().filter(|edge| edge.child == *table).collect();
    let is_over = |edge: &Edge, text: &str| {
        let inside = text.trim().strip_prefix('(');
        let inside = inside.and_then(|text| text.strip_suffix(')'));
        let inside = inside.and_then(|text| Inside::split(text.trim()).ok());
        let (text, inside) = match inside {
            Some((column, Some(inside))) => (format!("x({column})"), Some(inside)),
            _ => (format!("x{}", text.trim()), None),
        };
        let list = split_columns(&text);
        list.is_ok_and(|(_, columns)| columns == edge.child_columns) && inside == edge.inside
    };
    let plain: Vec<&Edge> = (of_table.iter().copied())
        .filter(|edge| edge.name == text || is_over(edge, text))
        .collect();
    if !plain.is_empty() {
        return plain;
    }
    let parents: BTreeSet<&TableRef> = of_table.iter().map(|edge| &edge.parent).collect();
    let parents: Vec<TableRef> = parents.into_iter().cloned().collect();
    let leads = |edge: &&Edge| {
        text.match_indices("->").any(|(at, arrow)| {
            let parent = resolve_table(text[at + arrow.len()..].trim(), &parents);
            parent.is_ok_and(|parent| parent == edge.parent) && is_over(edge, &text[..at])
        })
    };
    of_table.into_iter().filter(leads).collect()
}

/// The shortest text of the configuration that means this reference and no other, as a TOML string.
#[must_use]
pub fn reference(edge: &Edge, edges: &[Edge]) -> String {
    let columns = place_list(&edge.child_columns, edge.inside.as_ref());
    let texts = [
        columns.clone(),
        format!("{columns} -> {}", edge.parent),
        edge.name.clone(),
    ];
    let is_it = |text: &&String| {
        let meant = references_meant(&edge.child, text, edges);
        matches!(meant.as_slice(), [one] if one.id == edge.id)
    };
    toml_text(texts.iter().find(is_it).unwrap_or(&columns))
}

/// One side of a `[[link]]`, as a TOML string: `"ids.public.students(id)"`.
#[must_use]
pub fn link_side(table: &TableRef, columns: &[String]) -> String {
    toml_text(&table_columns(table, columns))
}

/// A table with a list of its columns: `ids.public.students(id)`.
#[must_use]
pub fn table_columns(table: &TableRef, columns: &[String]) -> String {
    format!("{table}{}", place_list(columns, None))
}

/// The side of a `[[link]]` whose keys stand inside of the values of a column, as a TOML string:
/// `"ids.public.sections(teacher_ids[])"`, `"ids.public.events(detail$.student.id)"`.
#[must_use]
pub fn nested_link_side(column: &ColumnRef, inside: &Inside) -> String {
    let columns = std::slice::from_ref(&column.column);
    toml_text(&format!(
        "{}{}",
        column.table,
        place_list(columns, Some(inside))
    ))
}

fn place_list(columns: &[String], inside: Option<&Inside>) -> String {
    let columns: Vec<String> = columns.iter().map(|one| column_name(one)).collect();
    let inside = inside.map(ToString::to_string).unwrap_or_default();
    format!("({}{inside})", columns.join(", "))
}

fn column_name(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The line that says who owns the rows of a table: all that may, because a reference that leads nowhere
/// passes the question to the next one.
#[must_use]
pub fn owner_line(references: &[String]) -> String {
    format!(
        "owner = [{}] # the first that leads somewhere says whose a row is: put the right one in front",
        references.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use redistrict_model::{EdgeId, EdgeOrigin, StoreName};

    use super::*;

    #[test]
    fn names_stay_on_their_line_and_inside_their_quotes() {
        let odd = edge(0, "x", &["a", "b, \"c\""], "p");
        let text = reference(&odd, std::slice::from_ref(&odd));
        assert_eq!(text, "'(a, \"b, \"\"c\"\"\")'");
        let side = link_side(&odd.child, &odd.child_columns);
        assert_eq!(side, "'s.main.t(a, \"b, \"\"c\"\"\")'");
    }

    fn edge(id: u32, name: &str, columns: &[&str], parent: &str) -> Edge {
        Edge {
            id: EdgeId(id),
            name: name.to_owned(),
            origin: EdgeOrigin::ForeignKey,
            child: TableRef::new(&StoreName::new("s"), "main", "t"),
            child_columns: columns.iter().map(|one| (*one).to_owned()).collect(),
            parent: TableRef::new(&StoreName::new("s"), "main", parent),
            parent_columns: vec!["id".to_owned(); columns.len()],
            mandatory: true,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        }
    }

    #[test]
    fn every_reference_can_be_named_and_its_name_means_no_other() {
        let edges = [
            edge(0, "start->p", &[":start"], "p"),
            edge(1, "start->q", &[":start"], "q"),
            edge(2, "same", &["a"], "p"),
            edge(3, "again", &["a"], "p"),
            edge(4, "(b)", &["b"], "odd -> name"),
            edge(5, "(b)", &["b"], "q"),
            edge(6, "c", &["c"], "p"),
        ];
        let texts: Vec<String> = edges.iter().map(|one| reference(one, &edges)).collect();
        assert_eq!(
            texts,
            [
                "'(\":start\") -> s.main.p'",
                "'(\":start\") -> s.main.q'",
                "\"same\"",
                "\"again\"",
                "'(b) -> s.main.\"odd -> name\"'",
                "\"(b) -> s.main.q\"",
                "\"(c)\"",
            ]
        );
        for (edge, text) in edges.iter().zip(&texts) {
            let text = text.trim_matches(|c| c == '\'' || c == '"' && !text.starts_with('\''));
            let meant = references_meant(&edge.child, text, &edges);
            assert_eq!(meant, [edge], "{text}");
        }
        let child = &edges[0].child;
        assert_eq!(references_meant(child, "(b)", &edges).len(), 2);
        assert_eq!(
            references_meant(child, "(\":start\") -> s.p", &edges).len(),
            1
        );
        assert!(references_meant(child, "(c) -> s.q", &edges).is_empty());
        assert!(references_meant(&edges[0].parent, "(c)", &edges).is_empty());
    }
}
