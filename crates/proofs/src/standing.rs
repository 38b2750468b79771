//! How several stores of CERT stand together, by their digests before and after an undisturbed run.

/// Each store is as before or as after, or it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    AllBefore,
    AllAfter,
    /// Each is one of the two; these are after.
    Some(Vec<&'static str>),
    /// These are neither.
    Torn(Vec<&'static str>),
}

/// One digest a store, before, after and now, in the order of the names. A store that the run does not change
/// counts as after.
pub(crate) fn standing(
    names: &[&'static str],
    before: &[String],
    after: &[String],
    now: &[String],
) -> Standing {
    let (mut done, mut torn) = (Vec::new(), Vec::new());
    let known = before.iter().zip(after);
    for (name, (now, (was, will))) in names.iter().zip(now.iter().zip(known)) {
        if now == will {
            done.push(*name);
        } else if now != was {
            torn.push(*name);
        }
    }
    match (done.len(), torn.is_empty()) {
        (_, false) => Standing::Torn(torn),
        (0, true) => Standing::AllBefore,
        (count, true) if count == names.len() => Standing::AllAfter,
        _ => Standing::Some(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_as_before_or_as_after_or_torn() {
        let texts = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let now = |now: &str| standing(&["a", "b"], &texts("00"), &texts("11"), &texts(now));
        assert_eq!(now("00"), Standing::AllBefore);
        assert_eq!(now("11"), Standing::AllAfter);
        assert_eq!(now("01"), Standing::Some(vec!["b"]));
        assert_eq!(now("21"), Standing::Torn(vec!["a"]));
    }
}
