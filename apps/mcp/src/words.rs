//! The words of questions and answers: what an assistant may name, checked before anything is done with it,
//! and texts that move no cursor where they are shown.

use std::borrow::Cow;
use std::fmt;

use redistrict_model::{DistrictId, RunId, shown_lines};
use rmcp::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// The longest district that is taken, in bytes.
pub(crate) const LONGEST_DISTRICT: usize = 1_024;

/// A text of an answer: data, never an instruction. Whatever would end its line, move a cursor or turn the
/// direction of what follows stands in it by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(redistrict_model::shown(text.as_ref()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?))
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A text of several lines, whose ends stay: a document.
#[must_use]
pub fn document_text(text: &str) -> String {
    shown_lines(text)
}

/// A district as an assistant names it: any text that a key can be, 1 to 1,024 bytes, without NUL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DistrictName(DistrictId);

impl DistrictName {
    /// The district.
    #[must_use]
    pub fn id(&self) -> &DistrictId {
        &self.0
    }
}

impl TryFrom<String> for DistrictName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text {
            text if text.is_empty() => Err("a district is not empty"),
            text if text.len() > LONGEST_DISTRICT => Err("a district has at most 1024 bytes"),
            text if text.contains('\0') => Err("a district holds no NUL"),
            text => Ok(Self(DistrictId::new(text))),
        }
    }
}

impl JsonSchema for DistrictName {
    fn schema_name() -> Cow<'static, str> {
        "District".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": LONGEST_DISTRICT,
            "description": "The district: the value of the tenant root's key, as `select` lists it.",
        })
    }
}

/// The name of a run, exactly as they are made: `mig-{YYYYMMDDTHHMMSSZ}-{seq}`, `rb-…` of an undo. Nothing
/// else is one, so that it is safe in a path and no option of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunName(RunId);

impl RunName {
    /// The name if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = (text.strip_prefix("mig-")).or_else(|| text.strip_prefix("rb-"))?;
        let (second, number) = rest.split_once('-')?;
        let (day, time) = second.strip_suffix('Z')?.split_once('T')?;
        let are_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_one = day.len() == 8
            && time.len() == 6
            && (3..=9).contains(&number.len())
            && [day, time, number].into_iter().all(are_digits);
        is_one.then(|| Self(RunId::new(text)))
    }

    /// The run.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl TryFrom<String> for RunName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a run is called like mig-20260105T180000Z-001; `runs` lists them")
    }
}

impl From<RunName> for String {
    fn from(run: RunName) -> Self {
        run.to_string()
    }
}

impl JsonSchema for RunName {
    fn schema_name() -> Cow<'static, str> {
        "Run".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^(mig|rb)-[0-9]{8}T[0-9]{6}Z-[0-9]{3,9}$",
            "description": "The id of a run, as `runs` lists it.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_as_a_run_is_one() {
        for run in ["mig-20260105T180000Z-001", "rb-20260105T180000Z-1234"] {
            assert_eq!(RunName::parse(run).unwrap().to_string(), run);
        }
        for other in [
            "",
            "mig",
            "--config",
            "../mig-20260105T180000Z-001",
            "mig-20260105T180000Z-001/..",
            "mig-20260105T180000Z-001\n",
            "mig-20260105T180000Z-01",
            "mig-20260105T180000Z-0000000001",
            "mig-2026010٥T180000Z-001",
            "MIG-20260105T180000Z-001",
            "mig-20260105T180000-001",
            "mig-20260105T180000Z-001; drop table x",
        ] {
            assert_eq!(RunName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_district_is_any_text_of_a_key() {
        let name = |text: &str| DistrictName::try_from(text.to_owned());
        for text in ["2", "--help", "'; drop table x; --", "О'Brien", " "] {
            assert_eq!(name(text).unwrap().id().as_str(), text);
        }
        for text in ["", "a\0b", &"x".repeat(1_025)] {
            assert!(name(text).is_err());
        }
    }

    #[test]
    fn a_text_moves_no_cursor() {
        let text: Text = serde_json::from_str(r#""a\u001b[2J\u202e\nb""#).unwrap();
        assert_eq!(text.as_str(), "a\\u{1b}[2J\\u{202e}\\u{a}b");
    }
}
