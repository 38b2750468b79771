//! What went over both transports, searched as it is and with its texts decoded.

use std::path::Path;

use anyhow::{Context, Result};
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::search::Search;
use crate::world::World;

/// The districts of the estate: no value of any may pass.
const DISTRICTS: [u32; 3] = [1, 2, 3];

/// The answer key's high-entropy values.
pub(super) fn sensitive(world: &World) -> Search {
    let key = &world.estate.answer_key;
    let values = DISTRICTS.into_iter().flat_map(|district| {
        key.sensitive_of(district)
            .filter(|value| value.is_high_entropy())
            .map(|value| value.text.clone())
    });
    Search::new(values)
}

/// What was recorded.
pub(super) struct Recorded {
    pub(super) bytes: usize,
    /// How many values were found.
    pub(super) values: usize,
    /// Where.
    pub(super) places: Vec<String>,
    texts: Vec<Vec<u8>>,
}

impl Recorded {
    /// Whether a text, or the twelve digits of it that are enough to approve, was said by a server.
    pub(super) fn holds(&self, digest: &str) -> bool {
        let part = &digest.as_bytes()[..digest.len().min(12)];
        let mut texts = self.texts.iter();
        texts.any(|text| text.windows(part.len()).any(|window| window == part))
    }
}

/// Searches every record.
pub(super) fn recorded(records: &Path, sensitive: &Search) -> Result<Recorded> {
    let mut found = Recorded {
        bytes: 0,
        values: 0,
        places: Vec::new(),
        texts: Vec::new(),
    };
    for entry in std::fs::read_dir(records).context("read the records")? {
        let path = entry?.path();
        let is_record = ["asked", "said", "noted"]
            .iter()
            .any(|end| path.extension().is_some_and(|extension| extension == *end));
        if !is_record {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let decoded = decoded(&bytes);
        let values = sensitive.count(&bytes) + sensitive.count(decoded.as_bytes());
        if values > 0 {
            found.places.push(path.display().to_string());
        }
        found.values += values;
        found.bytes += bytes.len();
        found.texts.extend([bytes, decoded.into_bytes()]);
    }
    Ok(found)
}

/// Every text of the lines that are JSON, alone or as events, and of the JSON that stands in those texts.
fn decoded(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_prefix(b"data: ").unwrap_or(line);
        if let Ok(value) = serde_json::from_slice(line) {
            texts(&value, &mut out);
        }
    }
    out
}

fn texts(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(text);
            out.push('\n');
            if text.starts_with(['{', '['])
                && let Ok(inner) = serde_json::from_str(text)
            {
                texts(&inner, out);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, out)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            out.push_str(name);
            out.push('\n');
            texts(value, out);
        }),
        _ => {}
    }
}

/// How many values the same search finds in PROD: it has to find them where they are.
pub(super) fn in_prod(world: &World, sensitive: &Search) -> Result<usize> {
    let mut count = 0;
    for (_, _, url) in world.sources() {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let file = rusqlite::Connection::open(path).context("open a store of PROD")?;
        let mut tables = file.prepare("select name from sqlite_master where type = 'table'")?;
        let names = tables.query_map([], |row| row.get(0))?;
        let names: Vec<String> = names.collect::<Result<_, _>>()?;
        for name in names {
            let mut rows =
                file.prepare(&format!("select * from \"{}\"", name.replace('"', "\"\"")))?;
            let width = rows.column_count();
            let mut rows = rows.query([])?;
            let mut text = Vec::new();
            while let Some(row) = rows.next()? {
                for at in 0..width {
                    if let ValueRef::Text(cell) = row.get_ref(at)? {
                        text.extend_from_slice(cell);
                        text.push(b'\n');
                    }
                }
            }
            count += sensitive.count(&text);
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_lines_in_events_and_in_texts() {
        let bytes = br#"HTTP/1.1 200 OK
{"a":"one\u00e9"}
data: {"b":[{"c":"{\"d\":\"two\"}"}]}
"#;
        let text = decoded(bytes);
        assert!(
            text.contains("oneé\n") && text.contains("\ntwo\n"),
            "{text}"
        );
    }
}
