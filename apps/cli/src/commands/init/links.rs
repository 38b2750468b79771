//! What the file says of references that no catalog declares: links that count, and comments about everything
//! that nobody can tell. Every one with its evidence.

use redistrict_analyze::{
    Evidence, NestedIn, NestedReference, OpenReference, ProposedLink, ProposedLinks, Rule,
    Suggestion, UncoveredKinds,
};
use redistrict_closure::link_side;
use redistrict_model::{shown, toml_key, toml_text};

use super::text::line;

/// All of it.
pub(super) fn write(out: &mut String, found: &ProposedLinks) {
    links(out, &found.links);
    kinds(out, &found.kinds);
    open(out, &found.open);
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
            "\n# ---- Links: references that no catalog declares, found by examples and names and confirmed by values.\n\
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
        let from = link_side(&one.child, &one.columns);
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
        [only] => Some(match only.rule {
            Some(_) if only.parent == one.child => {
                "it may lead to its own table, and the values alone do not prove it".to_owned()
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

fn nested(out: &mut String, nested: &[NestedReference]) {
    if !nested.is_empty() {
        line(
            out,
            "\n# ---- Found inside of values, and not followed: a link goes from columns. What they name comes only if\n\
             # something else brings it, and they are masked as what they are in:",
        );
    }
    for one in nested {
        let place = match &one.place {
            NestedIn::Elements => "each element".to_owned(),
            NestedIn::Member(path) => path.clone(),
        };
        let parent = format!("{}({})", one.parent, one.parent_column);
        let said = evidence(one.evidence, &parent);
        let text = format!("{} ({place}): {said}", one.column);
        line(out, &format!("# {}", shown(&text)));
    }
}
