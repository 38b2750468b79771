//! Which key is derived for what. Nothing here is ever stored or printed.

use redistrict_artifact::RootKey;
use redistrict_model::{DistrictId, MaskScope, RunId};
use zeroize::Zeroizing;

/// The version of the key that new pseudonyms are made with; only `key rotate` raises it.
pub(crate) const KEY_VERSION: u32 = 1;

fn scope_parts(scope: MaskScope, district: &DistrictId) -> [&str; 2] {
    match scope {
        MaskScope::Estate => ["estate", ""],
        MaskScope::District => ["district", district.as_str()],
    }
}

pub(crate) fn pseudonym_key(
    root: &RootKey,
    scope: MaskScope,
    district: &DistrictId,
    domain: &str,
    key_version: u32,
) -> Zeroizing<[u8; 32]> {
    let [scope, district] = scope_parts(scope, district);
    let version = key_version.to_string();
    root.derive(&["pseudonym", scope, district, domain, &version])
}

/// One secret shift for all dates of a scope, so that intervals and orders stay.
pub(crate) fn shift_days(
    root: &RootKey,
    scope: MaskScope,
    district: &DistrictId,
    key_version: u32,
) -> i32 {
    let [scope, district] = scope_parts(scope, district);
    let key = root.derive(&["date shift", scope, district, &key_version.to_string()]);
    let mut number = [0; 8];
    number.copy_from_slice(&key[..8]);
    let drawn = i32::try_from(u64::from_le_bytes(number) % 120).unwrap_or(0);
    if drawn < 60 { drawn - 60 } else { drawn - 59 }
}

/// The key of the digests of V; V belongs to the raw artifact of that run.
pub(crate) fn leak_key(root: &RootKey, raw_run: &RunId) -> Zeroizing<[u8; 32]> {
    root.derive(&["leak values", raw_run.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shift_is_never_zero_and_at_most_sixty_days() {
        let root = RootKey::new(&[1; 32]).unwrap();
        for district in 0..400 {
            let district = DistrictId::new(district.to_string());
            let days = shift_days(&root, MaskScope::District, &district, 1);
            assert!(days != 0 && days.abs() <= 60);
        }
    }
}
