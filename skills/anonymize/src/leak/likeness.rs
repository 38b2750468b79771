//! What the name of a member has in common with members of V.

use std::collections::HashSet;

use super::normal::Normal;
use super::values::{Builder, Kind, LONGEST_WINDOW};

/// What a name says, as far as V knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// It is no value.
    Nothing,
    /// It is a value that does not identify by itself, or has one in it that belongs to one row.
    Word { is_personal: bool },
    /// It has a value in it that identifies by what it is.
    Somebody,
}

impl Likeness {
    /// `personal` are the numbers of the columns that say who somebody is.
    pub(crate) fn of(name: &str, builder: &Builder, personal: &HashSet<u16>) -> Self {
        let text = Normal::of(name);
        let mut found = Self::Nothing;
        for from in 0..text.len() {
            let windows = builder.digester.windows(&text, from).take(LONGEST_WINDOW);
            for (length, digest) in (1..).zip(windows) {
                let is_whole = length == text.len();
                match builder.known(digest) {
                    None => {}
                    Some((Kind::Strong | Kind::Unique, _)) => return Self::Somebody,
                    Some((Kind::Low, _)) if !is_whole => {}
                    Some((_, column)) => {
                        let is_personal = personal.contains(&column) || found.is_of_persons();
                        found = Self::Word { is_personal };
                    }
                }
            }
        }
        found
    }

    pub(crate) fn is_of_persons(self) -> bool {
        matches!(self, Self::Somebody | Self::Word { is_personal: true })
    }
}
