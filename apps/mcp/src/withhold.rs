//! Keeps the digest of an approval from whoever must not approve. Pure.

/// What stands in its place.
const WITHHELD: &str = "(shown to the approver only)";
/// Fewer digits approve nothing.
const ENOUGH: usize = 12;
/// The option of the command that approves.
const OPTION: &str = "--digest";

/// The text without the digests that are given, nor any part of one from its beginning that would be
/// enough, nor whatever stands after `--digest`.
#[must_use]
pub fn withhold(text: &str, digests: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, found) = rest.split_at(start);
        out.push_str(before);
        let end = found
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(found.len());
        let (word, after) = found.split_at(end);
        let is_digest = word.len() >= ENOUGH && (follows_option(&out) || holds(word, digests));
        out.push_str(if is_digest { WITHHELD } else { word });
        rest = after;
    }
    out + rest
}

fn follows_option(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '=', '\'', '"', '\\', '\n', '\t']);
    before.ends_with(OPTION)
}

/// One of them begins in the word.
fn holds(word: &str, digests: &[String]) -> bool {
    let word = word.to_ascii_lowercase();
    digests.iter().any(|digest| {
        let beginning = digest.get(..ENOUGH).unwrap_or(digest);
        !beginning.is_empty() && word.contains(&beginning.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_does_not_pass_whole_nor_in_part_nor_after_the_option() {
        let digest = "0123456789abcdef".repeat(4);
        let given = [digest.clone()];
        for text in [
            digest.clone(),
            digest.to_uppercase(),
            format!("Digest: {digest}"),
            format!("{{\"digest\":\"{digest}\"}}"),
            digest[..12].to_owned(),
            format!("00{digest}"),
        ] {
            let said = withhold(&text, &given);
            assert!(!said.to_lowercase().contains(&digest[..12]), "{said}");
            assert!(said.contains(WITHHELD), "{said}");
        }
        for text in ["--digest ", "--digest=", "--digest '"] {
            let said = withhold(&format!("redistrict approve R {text}{digest}"), &[]);
            assert!(!said.contains(&digest[..12]), "{said}");
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        let other = "fedcba9876543210".repeat(4);
        for text in ["", "é 0123 fade", "mig-20260105T180000Z-001", &other] {
            assert_eq!(withhold(text, &["ab".repeat(32)]), text);
        }
    }
}
