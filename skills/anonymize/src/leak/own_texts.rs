//! What we write ourselves beside the rows: its texts one by one, so that digits of one do not run into
//! digits of the next and look like a number of somebody.

use serde_json::Value;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::own_texts;

    #[test]
    fn texts_stand_alone() {
        let document = json!({"parts": [{"path": "a24/part-00000", "rows": 306}]});
        assert_eq!(
            own_texts(&document),
            ["parts", "path", "a24", "part-00000", "rows"]
        );
    }
}
