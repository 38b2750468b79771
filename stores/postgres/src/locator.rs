//! Locators: what a row of a keyless table is told by inside one transaction. Their one text is made and
//! taken apart here; nothing else knows what it looks like. They never leave the process.

use std::collections::BTreeMap;

use redistrict_model::Key;

/// The locator of the row of `alias`: the oid of the table (or partition) it lies in and its place there.
pub(crate) fn locator(alias: &str) -> String {
    format!("({alias}.tableoid::text || {alias}.ctid::text)")
}

/// Whether the row has a place: rows of foreign tables need not have one, and then share one locator.
pub(crate) fn is_somewhere(locator: &str) -> bool {
    !locator.ends_with(",0)")
}

/// Places by table: `ctid` texts by `tableoid`, each table's in the order given.
pub(crate) type Places<'k> = BTreeMap<u32, Vec<&'k str>>;

/// Takes locators apart. None if one of them is no locator.
pub(crate) fn places(locators: &[Key]) -> Option<Places<'_>> {
    let mut places = Places::new();
    for key in locators {
        let (table, place) = split(key)?;
        places.entry(table).or_default().push(place);
    }
    Some(places)
}

/// `tableoid` and `ctid` of one locator.
pub(crate) fn split(key: &Key) -> Option<(u32, &str)> {
    let [text] = key.parts() else { return None };
    let (table, place) = text.split_at(text.find('(')?);
    let (block, row) = place
        .strip_prefix('(')?
        .strip_suffix(')')?
        .split_once(',')?;
    block.parse::<u32>().ok()?;
    row.parse::<u16>().ok()?;
    Some((table.parse().ok()?, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locator_is_taken_apart_or_refused() {
        assert!(is_somewhere("16384(12,30)") && !is_somewhere("16384(4294967295,0)"));
        assert_eq!(split(&Key::of("16384(12,3)")), Some((16384, "(12,3)")));
        for text in [
            "",
            "(0,1)",
            "1(0,1",
            "1(0,1);",
            "x(0,1)",
            "1(0)",
            "1(0,70000)",
        ] {
            assert_eq!(split(&Key::of(text)), None, "{text}");
        }
        assert_eq!(split(&Key::new(["1(0,1)", "x"])), None);
        let keys = [Key::of("7(0,1)"), Key::of("9(0,1)"), Key::of("7(0,2)")];
        let expected = Places::from([(7, vec!["(0,1)", "(0,2)"]), (9, vec!["(0,1)"])]);
        assert_eq!(places(&keys), Some(expected));
    }
}
