//! For whom a run wrote, and with which key its ledger is hashed: what makes entries of ledgers comparable.
//! Pure. Must not show a district or a key.

use redistrict_artifact::RootKey;
use redistrict_model::{DistrictId, RunId};
use redistrict_skill::SkillError;
use redistrict_store::{RunOrigin, RunRecord};

use crate::error::config;

/// Of a run of this district with this key. Stands in targets: its purposes never change.
pub(crate) fn origin_of(key: &RootKey, district: &DistrictId) -> RunOrigin {
    RunOrigin {
        district: name(key, &["district of a run", district.as_str()]),
        key: name(key, &["key of a ledger"]),
    }
}

/// Whose run it is that wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    ThisDistrict,
    AnotherDistrict,
    /// Its hashes were made with another key, or an earlier version did not say with which.
    Unknown,
}

/// Whose run a record is of, seen from a run of this origin.
pub(crate) fn writer(record: &RunRecord, now: &RunOrigin) -> Writer {
    match &record.origin {
        Some(origin) if origin == now => Writer::ThisDistrict,
        Some(origin) if origin.key == now.key => Writer::AnotherDistrict,
        _ => Writer::Unknown,
    }
}

/// The hashes in a run's ledger can be compared with those made now. Of a run of an earlier version nobody knows;
/// there, the rows tell.
///
/// # Errors
/// Kind `Config` where they were made with another key.
pub(crate) fn require_same_key(record: &RunRecord, now: &RunOrigin) -> Result<(), SkillError> {
    match &record.origin {
        Some(origin) if origin.key != now.key => Err(other_key(&record.run)),
        _ => Ok(()),
    }
}

fn other_key(run: &RunId) -> SkillError {
    config(format!(
        "compare the rows of run {run} with what it wrote: its ledger was made with another key"
    ))
    .with_hint("give [masking] key the key that the run was made with, or keep the load; nothing was changed")
}

fn name(key: &RootKey, purpose: &[&str]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let bytes = key.derive(purpose);
    let digits = bytes[..16].iter();
    digits
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use redistrict_model::ErrorKind;
    use redistrict_store::RunState;

    use crate::fixtures;

    use super::*;

    fn origin(key: u8, district: &str) -> RunOrigin {
        let key = RootKey::new(&[key; 32]).unwrap();
        origin_of(&key, &DistrictId::new(district))
    }

    fn record(origin: Option<RunOrigin>) -> RunRecord {
        RunRecord {
            origin,
            ..fixtures::record("mig-1", None, RunState::Committed)
        }
    }

    #[test]
    fn runs_are_of_this_district_of_another_one_or_cannot_be_told() {
        let now = origin(1, "2");
        for (of, expected) in [
            (Some(origin(1, "2")), Writer::ThisDistrict),
            (Some(origin(1, "3")), Writer::AnotherDistrict),
            (Some(origin(2, "2")), Writer::Unknown),
            (None, Writer::Unknown),
        ] {
            assert_eq!(writer(&record(of), &now), expected);
        }
    }

    #[test]
    fn only_a_known_other_key_is_refused_and_named() {
        let now = origin(1, "2");
        for of in [None, Some(origin(1, "2")), Some(origin(1, "3"))] {
            require_same_key(&record(of), &now).unwrap();
        }
        let error = require_same_key(&record(Some(origin(2, "2"))), &now).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains("mig-1") && error.message.contains("another key"));
    }

    #[test]
    fn neither_the_district_nor_the_key_can_be_read_off() {
        let one = origin(1, "2");
        assert_eq!((one.district.len(), one.key.len()), (32, 32));
        assert_ne!(one.district, origin(2, "2").district);
        assert_ne!(one.key, origin(2, "2").key);
        assert_eq!(one.key, origin(1, "3").key);
    }
}
