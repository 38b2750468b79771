//! What may be answered to a request, and when an answer counts.

use redistrict_journal::Approval;

use super::*;

fn approved(from: u64, to: u64) -> Approval {
    Approval {
        by: "somebody".to_owned(),
        given_wall_millis: from,
        expires_wall_millis: to,
    }
}

#[test]
fn an_approval_counts_from_when_it_was_given_until_it_expires() {
    let approval = approved(100, 200);
    let counts = [99, 100, 199, 200].map(|at| approval.counts_at(at));
    assert_eq!(counts, [false, true, true, false]);
}

#[test]
fn at_least_twelve_digits_of_the_digest_tell_what_is_approved() {
    let asked = "0123456789abcdef".repeat(4);
    assert!(is_prefix(&asked, &asked));
    assert!(is_prefix(" 0123456789AB ", &asked));
    for other in ["", "0123456789a", "1123456789ab", &format!("{asked}0")] {
        assert!(!is_prefix(other, &asked), "{other}");
    }
}
