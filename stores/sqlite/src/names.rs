//! Names in statements: quoted identifiers and the file each store is attached as. Must not look at
//! values.

/// Where our own objects begin with.
pub(crate) const PREFIX: &str = "redistrict_";

/// The only schema name that tables of a SQLite store have.
pub(crate) const SCHEMA: &str = "main";

/// Our own objects except the staging tables.
pub(crate) const OWN: [&str; 6] = [
    "redistrict_environment",
    "redistrict_lease",
    "redistrict_run",
    "redistrict_part",
    "redistrict_staging",
    "redistrict_ledger",
];

/// An identifier in double quotes. SQLite's names cannot hold NUL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Identifiers in double quotes, with a prefix before each, joined by commas.
pub(crate) fn quote_list(prefix: &str, names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("{prefix}{}", quote(name)))
        .collect();
    quoted.join(", ")
}

/// A condition that joins rows to keys that stand in other columns without a type, storage class and
/// bytes being equal, whatever collation the rows' columns have.
///
/// Said twice, because an index can serve one direction each: that of the table only where its
/// collation is binary, that of the keys only where no affinity is applied to them.
pub(crate) fn joined(row: &str, columns: &[String], key: &str, names: &[String]) -> String {
    let pairs: Vec<String> = columns
        .iter()
        .map(|column| quote(column))
        .zip(names)
        .map(|(column, name)| {
            format!(
                "{row}.{column} collate binary = {key}.{name} and {key}.{name} = +{row}.{column}"
            )
        })
        .collect();
    pairs.join(" and ")
}

/// A table within the file that is attached under that alias.
pub(crate) fn table_in(alias: &str, table: &str) -> String {
    format!("{}.{}", quote(alias), quote(table))
}

/// The alias of the n-th file of a group.
pub(crate) fn alias_of(position: usize) -> String {
    if position == 0 {
        SCHEMA.to_owned()
    } else {
        format!("redistrict_file_{position}")
    }
}

/// The staging table of that number.
pub(crate) fn stage_table(number: i64) -> String {
    format!("{PREFIX}stage_{number}")
}

/// The table is one of ours, exactly: a user's table that merely begins like ours is not.
pub(crate) fn is_own(table: &str) -> bool {
    let is_stage = table
        .strip_prefix("redistrict_stage_")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    is_stage || OWN.contains(&table)
}

/// Two SQLite names that mean the same object: ASCII case does not count.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_objects_are_ours() {
        assert!(is_own("redistrict_lease"));
        assert!(is_own("redistrict_stage_12"));
        for foreign in [
            "redistrict_stage_",
            "redistrict_stage_1x",
            "redistricting",
            "redistrict_notes",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn quotes_in_names_are_doubled() {
        assert_eq!(
            table_in("main", "a\"; drop table b"),
            "\"main\".\"a\"\"; drop table b\""
        );
    }
}
