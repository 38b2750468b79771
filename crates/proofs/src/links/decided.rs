//! What a person does with the file that `init` wrote, by its text alone.

/// Without the quotes of names and texts: no name of these schemas has one.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !"'\"\\".contains(*c)).collect()
}

/// The tables that the file proposes to exclude because nobody knows whose they are.
pub(super) fn excluded(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut heading = None;
    for line in text.lines() {
        let line = line.trim_start_matches("# ");
        if line.starts_with("[table.") {
            heading = Some(plain(line));
        } else if line.starts_with("excluded = ") {
            found.extend(heading.take());
        }
    }
    found
}

/// Every question about a table answered by the line that stands there.
pub(super) fn uncommented(text: &str) -> String {
    let answers = [
        "[table.",
        "[column.",
        "excluded = ",
        "confirmed = ",
        "boundary = ",
        "owner = ",
        "mask = ",
        "public = ",
        "reason = ",
    ];
    let lines = text.lines().map(|line| match line.strip_prefix("# ") {
        Some(rest) if answers.iter().any(|answer| rest.starts_with(answer)) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Without the links from these columns.
pub(super) fn without_link(text: &str, from: &str) -> String {
    let head = "[[link]]\n";
    let mut parts = text.split(head);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    let is_it = format!("from = {from}");
    for part in parts {
        let first = part.lines().next().map(plain);
        if first.is_some_and(|line| line == is_it) {
            // What follows the link's own lines belongs to the next one.
            let rest = part.split_once("\n\n").map(|(_, rest)| rest);
            kept.push_str(rest.unwrap_or_default());
        } else {
            kept.push_str(head);
            kept.push_str(part);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_uncommented_and_links_taken_out() {
        let text = "# why\n[[link]]\nfrom = \"a(x)\"\nto = \"b(id)\"\n\n# why\n[[link]]\nfrom = \"c(x)\"\n\n\
                    # [table.\"t\"]\n# excluded = \"…\"\n";
        assert_eq!(excluded(text), ["[table.t]"]);
        let changed = without_link(&uncommented(text), "a(x)");
        assert!(
            !changed.contains("a(x)") && changed.contains("from = \"c(x)\""),
            "{changed}"
        );
        assert!(
            changed.contains("\n[table.\"t\"]\nexcluded = "),
            "{changed}"
        );
    }
}
