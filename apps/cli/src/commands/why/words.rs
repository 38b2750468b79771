//! The rules by which rows come, and those by which they stay, in words.

use redistrict_closure::{How, Leads, Reason, Tie, WhyNot};
use redistrict_extract::leads;
use redistrict_model::{
    BoundaryPolicy, Edge, EdgeId, ExtractSection, OwnerKind, Role, Table, TableRef, shown,
};

use crate::output::thousands;

/// The rule that a reference acts by, for programs and for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Rule {
    Root,
    Whole,
    BelongsTo,
    HangsOn,
    PartOf,
    DetailOf,
    BaseOf,
    ReferredTo,
    StubFor,
}

impl Rule {
    /// In JSON.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Whole => "copied_whole",
            Self::BelongsTo => "belongs_to",
            Self::HangsOn => "hangs_on",
            Self::PartOf => "part_of",
            Self::DetailOf => "detail_of",
            Self::BaseOf => "base_of",
            Self::ReferredTo => "referred_to_by",
            Self::StubFor => "stub_for",
        }
    }

    /// Between a row and the next one of its chain.
    pub(in crate::commands) fn words(self) -> &'static str {
        match self {
            Self::Root => "is the district itself",
            Self::Whole => "comes with every row of its table, which is copied whole by decision",
            Self::BelongsTo => "belongs to",
            Self::HangsOn => "hangs on",
            Self::PartOf => "is part of",
            Self::DetailOf => "is a detail of",
            Self::BaseOf => "is the base row of",
            Self::ReferredTo => "is referred to by",
            Self::StubFor => "comes as a stub, because it is referred to by",
        }
    }
}

/// The rule of a step.
pub(super) fn rule(how: How, section: &ExtractSection) -> Rule {
    match how {
        How::Root => Rule::Root,
        How::Whole => Rule::Whole,
        How::BaseOf(_) => Rule::BaseOf,
        How::ReferredTo(_) => Rule::ReferredTo,
        How::StubFor(_) => Rule::StubFor,
        How::BelongsTo(edge) => ownership_rule(edge, section),
    }
}

/// What an owner edge is called: docs/design/closure.md §2 and §4.
pub(in crate::commands) fn ownership_rule(edge: EdgeId, section: &ExtractSection) -> Rule {
    let edge = section.ownership.edge(edge);
    if is_part(edge, section) {
        return Rule::PartOf;
    }
    let owners = section.ownership.table(&edge.child);
    let mut owners = owners.iter().flat_map(|role| &role.owners);
    if owners.any(|owner| owner.edge == edge.id && owner.kind == OwnerKind::Path) {
        return Rule::BelongsTo;
    }
    let parent = section.ownership.table(&edge.parent);
    match parent.map(|role| role.role) {
        Some(Role::Reference) => Rule::DetailOf,
        _ => Rule::HangsOn,
    }
}

/// The child's only cascading edge that is identity or identifying, else its only identity edge.
fn is_part(edge: &Edge, section: &ExtractSection) -> bool {
    let Some(child) = section.catalog_table(&edge.child) else {
        return false;
    };
    let of_child = || {
        let edges = section.ownership.edges.iter();
        edges.filter(|one| one.child == edge.child && one.when.is_empty())
    };
    let cascading: Vec<&Edge> = of_child()
        .filter(|one| one.on_delete_cascade && is_within_key(one, child))
        .collect();
    if let [only] = cascading.as_slice() {
        return only.id == edge.id;
    }
    let identities: Vec<&Edge> = of_child()
        .filter(|one| is_identity(one, child, section))
        .collect();
    matches!(identities.as_slice(), [only] if only.id == edge.id)
}

fn is_within_key(edge: &Edge, child: &Table) -> bool {
    let key = child.primary_key.as_deref().unwrap_or_default();
    edge.child_columns.iter().all(|column| key.contains(column))
}

fn is_identity(edge: &Edge, child: &Table, section: &ExtractSection) -> bool {
    let is_same = |key: Option<&Vec<String>>, columns: &[String]| {
        key.is_some_and(|key| {
            key.len() == columns.len() && columns.iter().all(|column| key.contains(column))
        })
    };
    let parent = section.catalog_table(&edge.parent);
    is_same(child.primary_key.as_ref(), &edge.child_columns)
        && is_same(
            parent.and_then(|table| table.primary_key.as_ref()),
            &edge.parent_columns,
        )
}

/// Between a row that does not come and the next one of its branch.
pub(super) fn tie(tie: Tie, section: &ExtractSection) -> &'static str {
    match tie {
        Tie::BaseOf(_) => Rule::BaseOf.words(),
        Tie::MustReferTo(_) => "was taken out, because it must refer to",
        Tie::GoesWith(_) => "has no district of its own, and must refer to",
        Tie::BelongsTo(edge) | Tie::HangsOn(edge) => ownership_rule(edge, section).words(),
    }
}

/// The reason's name for programs.
pub(super) fn code(reason: &Reason) -> &'static str {
    match reason {
        Reason::ExcludedTable => "excluded_table",
        Reason::NoSuchRow => "no_such_row",
        Reason::AnotherDistrict(_) => "another_district",
        Reason::UsedElsewhere(_) => "used_elsewhere",
        Reason::AboveAllDistricts => "above_all_districts",
        Reason::NobodyRefers => "nobody_refers",
        Reason::OtherSideMissing(_) => "other_side_missing",
        Reason::TakenOut(_) => "taken_out",
        Reason::LostItsReferrers => "lost_its_referrers",
    }
}

/// The reason as the end of a sentence about the last row of the branch: `it …`.
pub(super) fn reason(why: &WhyNot, section: &ExtractSection) -> String {
    let ownership = &section.ownership;
    let columns = |edge: &EdgeId| shown(&ownership.edge(*edge).child_columns.join(", "));
    match &why.reason {
        Reason::ExcludedTable => {
            let said = ownership.table(&why.table).map(|role| role.reason.as_str());
            format!(
                "is of a table that is left out ({})",
                shown(said.unwrap_or("excluded"))
            )
        }
        Reason::NoSuchRow => "is not there".to_owned(),
        Reason::AnotherDistrict(district) => {
            format!(
                "is of another district: {}",
                shown(&district.parts().join(","))
            )
        }
        Reason::UsedElsewhere(users) => {
            format!(
                "is shared, and used in other districts only{}",
                used_by(users, section)
            )
        }
        Reason::AboveAllDistricts => {
            "stands above all districts, and no row that comes brings a stub of it".to_owned()
        }
        Reason::NobodyRefers => format!(
            "has no district of its own, and no row that comes refers to it{}",
            references_into(&why.table, section)
        ),
        Reason::OtherSideMissing(edge) => format!(
            "hangs on two rows at once, and the one that it refers to over ({}) does not come",
            columns(edge)
        ),
        Reason::TakenOut(edge) => format!(
            "refers over ({}) to a row that does not belong here, or to none, and its `boundary` is `exclude`",
            columns(edge)
        ),
        Reason::LostItsReferrers => {
            "came only with rows that a `boundary` of `exclude` takes out".to_owned()
        }
    }
}

/// Rows of other districts that refer to a shared row.
fn used_by(users: &[(EdgeId, u64)], section: &ExtractSection) -> String {
    if users.is_empty() {
        return ", by rows that hang on other shared rows".to_owned();
    }
    let by = |(edge, rows): &(EdgeId, u64)| {
        let rows = match rows {
            1 => "1 row".to_owned(),
            many => format!("{} rows", thousands(*many)),
        };
        let edge = section.ownership.edge(*edge);
        format!("{rows} over {}", shown(&edge.describe()))
    };
    let users: Vec<String> = users.iter().map(by).collect();
    format!(", by {}", users.join(", "))
}

/// The references that could bring a row of a table: the first few.
fn references_into(table: &TableRef, section: &ExtractSection) -> String {
    let is_excluded = |table: &TableRef| {
        let role = section.ownership.table(table);
        role.is_some_and(|role| role.role == Role::Excluded)
    };
    let mut names: Vec<String> = (section.ownership.edges.iter())
        .filter(|edge| edge.parent == *table && !is_excluded(&edge.child))
        .map(|edge| shown(&edge.describe()))
        .collect();
    names.dedup();
    match names.as_slice() {
        [] => "; no table that moves could".to_owned(),
        [.., _] if names.len() <= 3 => format!("; only {} could bring it", names.join(", ")),
        [first, second, third, rest @ ..] => format!(
            "; {first}, {second}, {third} and {} more references could bring it",
            rest.len()
        ),
        _ => String::new(),
    }
}

/// What becomes of references of rows that come to a row that does not.
pub(super) fn policy(policy: BoundaryPolicy, to: Leads) -> String {
    let lead = leads(to);
    match policy {
        BoundaryPolicy::Stop => format!("they lead {lead}; `boundary` is not decided"),
        BoundaryPolicy::Null => format!("they lead {lead} and become NULL"),
        BoundaryPolicy::Stub => format!("they lead {lead} and bring a stub"),
        BoundaryPolicy::Exclude => format!("they lead {lead}; the rows that refer stay"),
    }
}
