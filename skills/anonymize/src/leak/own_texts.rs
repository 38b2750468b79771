//! What we write ourselves beside the rows: its texts one by one, so that digits of one do not run into
//! digits of the next and look like a number of somebody.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::scan::{Hit, Scanner};
use super::values::Kind;

/// The names and texts of a document, paths by their parts. Counts are ours and are left out.
pub(crate) fn own_texts(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(text.split('/').map(str::to_owned)),
        Value::Array(list) => list.iter().for_each(|one| collect(one, found)),
        Value::Object(map) => {
            for (name, one) in map {
                found.push(name.clone());
                collect(one, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The strong members in a file of ours: in a report, a log, a journal. Words are searched for in the whole,
/// across cells and lines; digits within one text of a cell, an attribute or a line, because a report holds
/// thousands of counts, and those that stand beside each other would make every number there is.
pub(crate) fn strong_hits_of_file(scanner: &Scanner<'_>, content: &str) -> u64 {
    let mut digests = BTreeSet::new();
    let mut count = |hit: Hit| {
        if hit.kind == Kind::Strong {
            digests.insert(hit.digest);
        }
    };
    scanner.words(content, &mut count);
    // A report says the same of many tables: each text once.
    let mut seen = HashSet::new();
    for text in content.split(['<', '>', '"', '|', '\n', '\r', '\0']) {
        let can_hold = text.bytes().any(|byte| byte.is_ascii_alphanumeric()) || !text.is_ascii();
        if can_hold && seen.insert(text) {
            scanner.text(text, &mut count);
        }
    }
    digests.len() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{own_texts, strong_hits_of_file};
    use crate::leak::normal::Normal;
    use crate::leak::scan::Scanner;
    use crate::leak::values::Builder;

    #[test]
    fn counts_that_stand_beside_each_other_are_no_number_of_somebody_and_values_are_found() {
        let key = [7; 32];
        let mut builder = Builder::new(&key);
        builder.add_strong(&Normal::of("(425) 312-9876"), 1);
        builder.add_strong(&Normal::of("Sinéad O'Brien-Quxley"), 2);
        let values = builder.finish();
        let scanner = Scanner::new(&values, &key);
        for (content, is_found) in [
            ("<td>4,253</td><td>129,876</td>", false),
            ("| 4,253 | 129,876 |", false),
            ("{\"rows\":4253,\"bytes\":129876}", false),
            ("4253\n129876\n", false),
            ("<td>4253129876</td>", true),
            ("<td title=\"425.312.9876\">", true),
            ("phone +1 425 312 9876", true),
            ("<td>Sin&#233;ad O&#39;Brien&#45;Quxley</td>", true),
            ("{\"a\":\"Sin\\u00e9ad O'Brien-Quxley\"}", true),
            ("| Sinéad O'Brien | Quxley |", true),
        ] {
            let hits = strong_hits_of_file(&scanner, content);
            assert_eq!(hits > 0, is_found, "{content}");
        }
    }

    #[test]
    fn texts_stand_alone() {
        let document = json!({"parts": [{"path": "a24/part-00000", "rows": 306}]});
        assert_eq!(
            own_texts(&document),
            ["parts", "path", "a24", "part-00000", "rows"]
        );
    }
}
