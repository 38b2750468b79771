//! `redistrict plan --sql`: every statement that PROD sees in a migration of a district. Made by doing what
//! a migration does over sources that note what they send and read no rows.

use std::collections::BTreeSet;

use redistrict_extract::{ask_for_rows, district_key, open_cuts};
use redistrict_model::{DistrictId, StoreKind, StoreName, shown};
use redistrict_store::Told;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format, thousands};
use crate::planning;
use crate::session::Session;
use crate::wire::Listings;

/// When a migration sends what finding the analysis took.
const ANALYSIS: &str = "the analysis is missing or outdated: another schema, other decisions";

/// Prints the statements, store by store, in the order in which they are first sent.
pub(super) async fn run(session: &Session, district: &str) -> CommandResult<Exit> {
    let (workspace, listings) = session.workspace()?.telling();
    // Analyzed anew, so that what that takes is known; the migration will find the analysis.
    drop(planning::source(&workspace, true).await?);
    let analyzing = take(&listings);
    let mut source = planning::source(&workspace, false).await?;
    let target = planning::target(session, &workspace, &source.fingerprints(), false).await?;
    let plan = planning::plan(&workspace, &mut source, &target, &DistrictId::new(district)).await?;
    let district = &plan.district;
    let section = &plan.sections.extract;
    let telling = open_cuts(&source.stores, section).await?;
    let key = district_key(district.as_str(), &section.ownership.root_key);
    let cancel = &session.cancel;
    let plain = planning::source(&session.workspace()?, false).await?.cuts;
    ask_for_rows(section, &key, telling, plain, || cancel.check()).await?;
    let kinds = source.stores.iter().map(|store| store.kind());
    let lists: Vec<List> = take(&listings)
        .into_iter()
        .zip(analyzing)
        .zip(kinds)
        .map(|(((store, always), (_, analyzing)), kind)| List::new(store, kind, always, analyzing))
        .collect();
    if session.format() == Format::Text {
        let lists: Vec<String> = lists.iter().map(List::text).collect();
        output::data(format!("{}\n\n{}", head(district), lists.join("\n\n")));
    } else {
        let stores: Vec<_> = lists.iter().map(List::json).collect();
        output::json(&json!({ "district": district, "stores": stores }));
    }
    output::note("the keys of the district were read to find this out; its rows were not");
    Ok(Exit::Done)
}

fn head(district: &DistrictId) -> String {
    format!(
        "-- What PROD sees in a migration of district {}, as its data are now. Values are bound: where they\n\
         -- go, there is a placeholder. What a statement is sent for again and again is said once; how often\n\
         -- goes with the number of keys.",
        shown(district.as_str())
    )
}

fn take(listings: &Listings) -> Vec<(StoreName, Vec<Told>)> {
    let all = listings.iter();
    all.map(|(store, listing)| (store.clone(), listing.take()))
        .collect()
}

/// The statements of one store.
struct List {
    store: StoreName,
    kind: StoreKind,
    always: Vec<Told>,
    /// Those that only an analysis sends.
    analyzing: Vec<Told>,
}

impl List {
    fn new(store: StoreName, kind: StoreKind, always: Vec<Told>, analyzing: Vec<Told>) -> Self {
        let sent: BTreeSet<&str> = always.iter().map(|one| one.statement.as_str()).collect();
        let is_more = |one: &Told| !sent.contains(one.statement.as_str());
        let analyzing = analyzing.into_iter().filter(is_more).collect();
        Self {
            store,
            kind,
            analyzing,
            always,
        }
    }

    fn json(&self) -> serde_json::Value {
        let entry = |one: &Told, only_if: Option<&str>| {
            json!({
                "statement": one.statement, "purpose": one.purpose, "times": one.times,
                "only_if": only_if,
            })
        };
        let always = self.always.iter().map(|one| entry(one, None));
        let analyzing = self.analyzing.iter().map(|one| entry(one, Some(ANALYSIS)));
        json!({
            "store": self.store, "kind": self.kind,
            "statements": always.chain(analyzing).collect::<Vec<_>>(),
        })
    }

    fn text(&self) -> String {
        let comment = match self.kind {
            StoreKind::Neo4j => "//",
            _ => "--",
        };
        let (store, kind) = (shown(self.store.as_str()), self.kind);
        let mut parts = vec![format!("{comment} ==== store {store} ({kind}) ====")];
        parts.extend(self.always.iter().map(|one| statement(comment, one)));
        if !self.analyzing.is_empty() {
            parts.push(format!(
                "{comment} ==== store {store}, only if {ANALYSIS} ===="
            ));
            parts.extend(self.analyzing.iter().map(|one| statement(comment, one)));
        }
        parts.join("\n\n")
    }
}

fn statement(comment: &str, one: &Told) -> String {
    let times = match one.times {
        1 => String::new(),
        times => format!(" ({} times)", thousands(times)),
    };
    format!(
        "{comment} {}{times}\n{};",
        one.purpose,
        one.statement.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(statement: &str) -> Told {
        Told {
            statement: statement.to_owned(),
            purpose: "for this",
            times: 2,
        }
    }

    #[test]
    fn what_is_sent_in_any_case_is_not_said_again_for_the_analysis() {
        let (always, analyzing) = (vec![told("a")], vec![told("a"), told("b")]);
        let list = List::new(StoreName::new("s"), StoreKind::Postgres, always, analyzing);
        let json = list.json();
        let entries = json["statements"].as_array().unwrap();
        let of = |place: usize| {
            (
                &entries[place]["statement"],
                entries[place]["only_if"].is_null(),
            )
        };
        assert_eq!(entries.len(), 2);
        assert_eq!(of(0), (&"a".into(), true));
        assert_eq!(of(1), (&"b".into(), false));
        assert!(list.text().contains("-- for this (2 times)\na;"));
    }
}
