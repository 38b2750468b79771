//! What a picture holds: at most so many boxes, every table once, names that end no element.

use std::collections::BTreeSet;

use redistrict_model::{
    Edge, EdgeId, EdgeOrigin, Owner, OwnerKind, Ownership, Role, StoreName, TableRef, TableRole,
};

use super::boxes::condense;
use super::{MOST_BOXES, picture};

fn name(table: &str) -> TableRef {
    TableRef::new(&StoreName::new("s"), "main", table)
}

/// A schema as `child role parents…`; the first parent owns.
fn schema(tables: &[(String, Role, Vec<String>)]) -> Ownership {
    let mut ownership = Ownership {
        root: name("root"),
        root_key: vec!["id".to_owned()],
        tables: Vec::new(),
        edges: Vec::new(),
    };
    for (table, role, parents) in tables {
        let mut owners = Vec::new();
        for (place, parent) in parents.iter().enumerate() {
            let id = EdgeId(u32::try_from(ownership.edges.len()).unwrap());
            if place == 0 && *role == Role::Owned {
                owners.push(Owner {
                    edge: id,
                    kind: OwnerKind::Path,
                    reason: String::new(),
                });
            }
            ownership.edges.push(Edge {
                id,
                name: "e".to_owned(),
                origin: EdgeOrigin::ForeignKey,
                child: name(table),
                child_columns: vec![format!("{parent}_id")],
                parent: name(parent),
                parent_columns: vec!["id".to_owned()],
                mandatory: true,
                nullable_columns: Vec::new(),
                on_delete_cascade: false,
                when: Vec::new(),
                inside: None,
                always: false,
                policy: None,
            });
        }
        ownership.tables.push(TableRole {
            table: name(table),
            role: *role,
            owners,
            org: None,
            tier: None,
            decided: false,
            pair: false,
            in_doubt: false,
            whole: false,
            measured: None,
            reason: String::new(),
        });
    }
    ownership
}

fn table(called: impl Into<String>, role: Role, parents: &[&str]) -> (String, Role, Vec<String>) {
    let parents = parents.iter().map(|one| (*one).to_owned()).collect();
    (called.into(), role, parents)
}

/// Hundreds of tables at different places, as real schemas have them.
fn large(tables: usize) -> Ownership {
    let mut all = vec![
        table("root", Role::Root, &[]),
        table("person", Role::Shared, &[]),
        table("left", Role::Excluded, &["root"]),
    ];
    for number in 0..tables {
        let before = format!("t{}", number / 3);
        let code = format!("c{}", number % 40);
        all.push(match number % 4 {
            0 if number == 0 => table("t0", Role::Owned, &["root"]),
            3 => table(format!("c{}", number / 4), Role::Reference, &[]),
            _ if before == "t0" => table(format!("t{number}"), Role::Owned, &["root", &code]),
            _ => table(
                format!("t{number}"),
                Role::Owned,
                &[&before, "person", &code],
            ),
        });
    }
    schema(&all)
}

#[test]
fn a_small_schema_has_a_box_for_each_table_and_a_line_for_each_pair() {
    let ownership = schema(&[
        table("root", Role::Root, &[]),
        table("school", Role::Owned, &["root", "kind", "kind"]),
        table("kind", Role::Reference, &[]),
    ]);
    let graph = condense(&ownership, &[], MOST_BOXES);
    assert_eq!(graph.boxes.len(), 3);
    let lines: Vec<(usize, bool)> = graph
        .lines
        .iter()
        .map(|line| (line.count, line.owns))
        .collect();
    assert_eq!(lines, [(1, true), (2, false)]);
    let text = picture(&ownership, &[]);
    assert!(text.contains("3 tables, 3 references<"), "{text}");
    assert_eq!(
        text.matches("class=\"box ").count(),
        3 + 5,
        "with the legend's"
    );
    assert_eq!(text, picture(&ownership, &[]));
}

#[test]
fn whatever_the_schema_there_are_at_most_60_boxes_and_every_table_is_in_one() {
    for tables in [0, 57, 58, 61, 300, 1500] {
        let ownership = large(tables);
        let graph = condense(&ownership, &[], MOST_BOXES);
        assert!(
            graph.boxes.len() <= MOST_BOXES,
            "{tables}: {}",
            graph.boxes.len()
        );
        // What could be drawn is not thrown together.
        assert!(
            graph.boxes.len() >= tables.min(20),
            "{tables}: {}",
            graph.boxes.len()
        );
        let drawn: Vec<&TableRef> = graph.boxes.iter().flat_map(|one| &one.tables).collect();
        let distinct: BTreeSet<&TableRef> = drawn.iter().copied().collect();
        assert_eq!(
            (drawn.len(), distinct.len()),
            (ownership.tables.len(), drawn.len())
        );
        let lines: usize = graph.lines.iter().map(|line| line.count).sum();
        let inside: usize = graph.boxes.iter().map(|one| one.inside).sum();
        let known = |edge: &&Edge| ownership.table(&edge.parent).is_some();
        assert_eq!(lines + inside, ownership.edges.iter().filter(known).count());
        let root = graph.root.unwrap();
        assert_eq!(graph.boxes[root].tables, [name("root")]);
        for one in &graph.boxes {
            let roles: BTreeSet<Role> = (one.tables.iter())
                .map(|table| ownership.table(table).unwrap().role)
                .collect();
            let is_left = roles.contains(&Role::Excluded);
            assert!(!is_left || roles.len() == 1, "{roles:?}");
        }
    }
}

#[test]
fn a_ring_is_drawn_together_only_where_there_is_no_room() {
    let ring = |ownership: &Ownership, names: &[&str]| {
        let order = [names.iter().map(|one| name(one)).collect()];
        let graph = condense(ownership, &order, MOST_BOXES);
        let mut boxes = graph.boxes.iter();
        let first = boxes
            .find(|one| one.tables.contains(&name(names[0])))
            .unwrap();
        first.tables.contains(&name(names[1]))
    };
    assert!(!ring(&large(20), &["t9", "t13"]));
    assert!(ring(&large(400), &["t201", "t205"]));
}

#[test]
fn hostile_names_end_no_element_and_no_line_of_a_box_is_wider_than_it() {
    let names = [
        "</title><script>alert(1)</script>",
        "\"&'<>",
        "a\nb\u{202e}\u{0}\u{1b}[2J",
        "studenteducationorganizationassociationwithaverylongnamethatgoesonandon",
        "表表表表表表表表表表表表表表表表表表表表表表表",
        "]]>",
        "",
    ];
    let mut all = vec![table("root", Role::Root, &[])];
    all.extend(names.map(|one| table(one, Role::Owned, &["root"])));
    let text = picture(&schema(&all), &[]);
    assert!(!text.contains("<script") && !text.contains('\u{202e}') && !text.contains('\u{0}'));
    check_well_formed(&text);
    let mut seen = 0;
    for part in text.split("textLength=\"").skip(1) {
        let width: f64 = part.split('"').next().unwrap().parse().unwrap();
        let is_in_box = !part.split('>').nth(1).unwrap().contains("several");
        assert!(!is_in_box || width <= 205.0, "{part}");
        seen += 1;
    }
    assert!(seen > 10);
}

/// Elements are closed in order, and `&` begins one of five names.
fn check_well_formed(text: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a closed tag");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "{tag}");
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap().to_owned()),
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?}");
    for part in text.split('&').skip(1) {
        let name = part.split(';').next().unwrap();
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "{name}");
    }
}
