//! Mistakes that look right (docs/design/closure.md §9), to be made on purpose: the comparison has to see them.

/// A rule read wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mistake {
    /// Stubs are followed like full rows, over every reference.
    StubsFollowed,
    /// What hangs on a stub comes.
    HangOnStubs,
    /// A shared row comes although it is known in other districts only.
    UsersIgnored,
    /// A row of another district comes where a member refers to it.
    OthersFollowed,
    /// An organisation above all districts comes whole, with what is below it.
    DownFromAbove,
    /// The first owner of the list is the only one.
    FirstOwnerOnly,
    /// The first owner that is not NULL decides, wherever it leads.
    FirstValueDecides,
    /// Base tables of the root have no label of their own.
    NoLabelOfBases,
    /// Shared is what is called like people.
    SharedByName,
    /// `exclude` takes rows out of a set that has grown over them.
    ExcludeWhileGrowing,
    /// Reference tables come whole.
    ReferenceWhole,
    /// One column of an optional composite reference becomes NULL.
    OneColumnNulled,
    /// Several owners in the catalog are a question, whatever the rows say.
    CatalogAsks,
    /// Labels that were found over optional edges show where a shared row is known.
    LooseEvidence,
    /// What hangs comes, whoever looks it up.
    ClaimsIgnored,
    /// A row of nobody comes in full though what it must refer to is another district's.
    StrangersDetails,
}

impl Mistake {
    /// All of them, with the number of the list in docs/design/closure.md §9. The 11th, to check foreign keys and
    /// labels only, is made with `UsersIgnored` by the comparison itself.
    pub(crate) const ALL: [(&'static str, Self); 16] = [
        ("1", Self::StubsFollowed),
        ("2a", Self::HangOnStubs),
        ("2b", Self::UsersIgnored),
        ("3a", Self::OthersFollowed),
        ("3b", Self::DownFromAbove),
        ("4a", Self::FirstOwnerOnly),
        ("4b", Self::FirstValueDecides),
        ("5", Self::NoLabelOfBases),
        ("6", Self::SharedByName),
        ("7", Self::ExcludeWhileGrowing),
        ("8", Self::ReferenceWhole),
        ("9", Self::OneColumnNulled),
        ("10", Self::CatalogAsks),
        ("2c", Self::LooseEvidence),
        ("2d", Self::ClaimsIgnored),
        ("2e", Self::StrangersDetails),
    ];
}
