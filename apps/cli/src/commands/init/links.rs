//! What the file says of references that no catalog declares: links that count, and comments about everything
//! that nobody can tell. Every one with its evidence.

use redistrict_analyze::{
    Evidence, NestedReference, OpenReference, ProposedLink, ProposedLinks, Rule, Suggestion,
    UncoveredKinds,
};
use redistrict_closure::{link_side, nested_link_side};
use redistrict_model::{shown, toml_key, toml_text};

use super::text::line;

/// What nobody can tell but a person.
pub(super) fn questions(out: &mut String, found: &ProposedLinks) {
    open(out, &found.open);
    kinds(out, &found.kinds);
}

/// What counts.
pub(super) fn write(out: &mut String, found: &ProposedLinks) {
    links(out, &found.links);
    nested(out, &found.nested);
}

/// A link as the configuration writes it. `owns`: whether it does is inferred as for foreign keys; a reference
/// to the same table never does.
pub(super) fn link_text(link: &ProposedLink) -> String {
    let mut lines = vec![
        "[[link]]".to_owned(),
        format!("from = {}", link_side(&link.child, &link.child_columns)),
        format!("to = {}", link_side(&link.parent, &link.parent_columns)),
    ];
    if link.owns {
        lines.push("owns = true".to_owned());
    } else if let Rule::Districts { .. } = link.rule {
        lines.push("owns = false     # what else its rows refer to says whose they are".to_owned());
    } else if link.child != link.parent {
        lines.push(
            "owns = false     # true if it says whose a row is: see the open column of this table"
                .to_owned(),
        );
    }
    if let Some((column, text)) = &link.when {
        let (column, text) = (toml_key(column), toml_text(text));
        lines.push(format!("when = {{ {column} = [{text}] }}"));
    }
    lines.join("\n")
}

fn links(out: &mut String, links: &[ProposedLink]) {
    if !links.is_empty() {
        line(
            out,
            "\n# ---- Inferred: links, which no catalog declares, found by examples and names and confirmed by values.\n\
             # They count as they stand here: take out what is wrong, add what is missing.",
        );
    }
    for link in links {
        let said = evidence(link.evidence, &link.parent.to_string());
        let why = why(link.rule).map_or(said.clone(), |why| format!("{why}; {said}"));
        line(out, &format!("\n# {}", shown(&why)));
        line(out, &link_text(link));
    }
}

/// Why this table; nothing where the name says it.
fn why(rule: Rule) -> Option<String> {
    Some(match rule {
        Rule::Example { agreed, of } => {
            format!("{agreed} of {of} foreign keys on columns of this name lead there")
        }
        Rule::Name | Rule::Kind => return None,
        Rule::Key => "called exactly like the key".to_owned(),
        Rule::Itself => "called after its own table".to_owned(),
        Rule::Qualified => "called after the table, with words before".to_owned(),
        Rule::Short => "called after the table, in short".to_owned(),
        Rule::Bare => "called like the table".to_owned(),
        Rule::Guess => "it may be a reference".to_owned(),
        Rule::Districts { rows } => format!(
            "its name does not say it; in all {rows} rows that were compared it leads to the district that the \
             rows' other references lead to, and no other table's keys do"
        ),
        Rule::Values => {
            "its name does not say it; such values are keys of this table and of no other"
                .to_owned()
        }
    })
}

fn evidence(evidence: Evidence, parent: &str) -> String {
    match (evidence.seen, evidence.is_whole()) {
        (1, true) => format!("the one value there is is a key of {parent}"),
        (seen, true) => format!("all {seen} different values looked at are keys of {parent}"),
        (seen, false) => {
            let found = evidence.found;
            format!("{found} of {seen} different values looked at are keys of {parent}")
        }
    }
}

/// Texts beside references that no link covers. Nothing of them is a decision that stops a run: they are told
/// here, by `plan` and in the report.
fn kinds(out: &mut String, kinds: &[UncoveredKinds]) {
    if !kinds.is_empty() {
        line(
            out,
            "\n# ---- Kinds that no link covers: a column beside says which table a row refers to, and these rows say\n\
             # one that was not found. A [[link]] with the text in `when` covers them:",
        );
    }
    for one in kinds {
        let text = format!("{}: {}", one.child, one.message());
        line(out, &format!("\n# {}", shown(&text)));
        let from = link_side(&one.child, &one.columns);
        let texts: Vec<&[String]> = one
            .named
            .iter()
            .map(|(texts, _)| texts.as_slice())
            .collect();
        let none = vec!["…".to_owned(); one.kind_columns.len()];
        for texts in if texts.is_empty() {
            vec![none.as_slice()]
        } else {
            texts
        } {
            let when = one.kind_columns.iter().zip(texts);
            let when =
                when.map(|(column, text)| format!("{} = [{}]", toml_key(column), toml_text(text)));
            let when: Vec<String> = when.collect();
            line(
                out,
                &format!(
                    "# [[link]]\n# from = {from}\n# to = \"…\"\n# when = {{ {} }}",
                    when.join(", ")
                ),
            );
        }
    }
}

fn open(out: &mut String, open: &[OpenReference]) {
    if !open.is_empty() {
        line(
            out,
            "\n# ---- To decide: these columns are called like references, and nobody can tell to what. Without a [[link]]\n\
             # they are masked like other numbers and texts, and nothing follows them; with one they stay joined:",
        );
    }
    for one in open {
        line(out, "");
        if let Some(said) = suggested(one) {
            line(out, &format!("# {}", shown(&said)));
        }
        let from = match (&one.inside, one.columns.as_slice()) {
            (Some(inside), [column]) => nested_link_side(&one.child.column(column), inside),
            _ => link_side(&one.child, &one.columns),
        };
        line(out, &format!("# [[link]]\n# from = {from}"));
        for suggestion in named(one) {
            let to = link_side(&suggestion.parent, &suggestion.parent_columns);
            let mut said = evidence(suggestion.evidence, &suggestion.parent.to_string());
            if let Some(agreement) = suggestion.agreement {
                let (same, compared) = (agreement.same, agreement.compared);
                said = format!("{said}; {same} of {compared} rows are of its row's district");
            }
            line(out, &format!("# to = {to}     # {}", shown(&said)));
        }
        if named(one).is_empty() {
            line(out, "# to = \"…\"");
        }
    }
}

/// Tables worth naming: values that many tables hold say nothing.
fn named(one: &OpenReference) -> &[Suggestion] {
    if one.is_of_many {
        &[]
    } else {
        &one.suggestions
    }
}

fn suggested(one: &OpenReference) -> Option<String> {
    match named(one) {
        [] if one.is_of_many => {
            Some("its values are keys of many tables, which says nothing".to_owned())
        }
        [] => None,
        [_] if one.is_mutual => Some(
            "both tables have the same keys, and nothing tells which refers to the other: uncomment this link or \
             its reverse, not both"
                .to_owned(),
        ),
        [only] => Some(match only.rule {
            Some(_) if only.parent == one.child => {
                "it may lead to its own table, and the values alone do not prove it".to_owned()
            }
            Some(_) if only.contradicted_in > 0 => {
                let (tables, leads) = match only.contradicted_in {
                    1 => ("another table".to_owned(), "leads"),
                    many => (format!("{many} other tables"), "lead"),
                };
                format!(
                    "called after the table, but in {tables} a column of this name {leads} to other districts \
                     than the references beside it"
                )
            }
            Some(_) if only.agreement.is_some() => {
                "called after the table, but it leads to other districts than the other references of its \
                 rows"
                    .to_owned()
            }
            Some(rule) => format!(
                "{}, and the values alone do not prove it",
                why(rule).unwrap_or_else(|| "called after the table".to_owned())
            ),
            None if only.agreement.is_some_and(|one| one.same == one.compared) => {
                "its name says nothing; of the tables that have keys like its values, one only has rows of the \
                 same district throughout"
                    .to_owned()
            }
            None => {
                "one table only has keys like its values; its name says nothing of it".to_owned()
            }
        }),
        several => {
            let count = several.len();
            Some(format!(
                "its values are keys of {count} tables that it may mean: keep one line"
            ))
        }
    }
}

/// The links that lead from inside of values, as far as they are sure.
pub(super) fn nested_text(nested: &[NestedReference]) -> String {
    let sure = nested.iter().filter(|one| one.is_sure());
    sure.map(|one| format!("\n{}\n", nested_lines(one).join("\n")))
        .collect()
}

fn nested_lines(one: &NestedReference) -> [String; 3] {
    let parent = std::slice::from_ref(&one.parent_column);
    [
        "[[link]]".to_owned(),
        format!("from = {}", nested_link_side(&one.column, &one.inside)),
        format!("to = {}", link_side(&one.parent, parent)),
    ]
}

fn nested(out: &mut String, nested: &[NestedReference]) {
    if !nested.is_empty() {
        line(
            out,
            "\n# ---- Found inside of values: elements of arrays and members of documents that refer to rows. As links\n\
             # they bring these rows, are masked as their keys, and what must not come becomes NULL where it stands,\n\
             # or whatever `boundary` says.",
        );
    }
    for one in nested {
        let parent = format!("{}({})", one.parent, one.parent_column);
        let said = evidence(one.evidence, &parent);
        let mut said = match why(one.rule).filter(|_| one.is_sure()) {
            Some(why) => format!("{why}; {said}"),
            None => said,
        };
        if let Some(obstacle) = &one.obstacle {
            said = format!("{said}; not followed: {obstacle}");
        } else if !one.is_sure() {
            said = format!(
                "{said}; its name says more than that: take the signs in front away if it is right"
            );
        }
        line(
            out,
            &format!(
                "\n# {}{}: {}",
                shown(&one.column.to_string()),
                shown(&one.inside.to_string()),
                shown(&said)
            ),
        );
        let mark = if one.is_sure() { "" } else { "# " };
        for text in nested_lines(one).iter().filter(|_| one.obstacle.is_none()) {
            line(out, &format!("{mark}{text}"));
        }
    }
}
