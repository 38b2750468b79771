//! `redistrict plan --sql`: every statement that PROD sees in a migration of a district. Made by doing what
//! a migration does over sources that note what they send and read no rows.

use std::collections::BTreeSet;

use redistrict_extract::{ask_closer, ask_for_rows, ask_to_settle, district_key, open_cuts};
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

/// When a migration looks closer at rows that were not extracted.
const LEFT: &str = "more rows refer to the district's than came";

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
    let mut telling = ask_for_rows(section, &key, telling, plain, || cancel.check()).await?;
    let mut always = take(&listings);
    ask_closer(section, &mut telling).await?;
    let closer = take(&listings);
    ask_to_settle(telling).await?;
    for ((_, told), (_, last)) in always.iter_mut().zip(take(&listings)) {
        told.extend(last);
    }
    let told = always.into_iter().zip(analyzing).zip(closer);
    let lists: Vec<List> = (told.zip(source.stores.iter()))
        .map(|((((store, always), analyzing), closer), one)| {
            List::new(
                store,
                one.kind(),
                always,
                vec![(ANALYSIS, analyzing.1), (LEFT, closer.1)],
            )
        })
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
    /// Those that are sent only if something is so, each once.
    only_if: Vec<(&'static str, Vec<Told>)>,
}

impl List {
    fn new(
        store: StoreName,
        kind: StoreKind,
        always: Vec<Told>,
        mut only_if: Vec<(&'static str, Vec<Told>)>,
    ) -> Self {
        let mut sent: BTreeSet<String> = always.iter().map(|one| one.statement.clone()).collect();
        for (_, told) in &mut only_if {
            told.retain(|one| !sent.contains(&one.statement));
            sent.extend(told.iter().map(|one| one.statement.clone()));
        }
        Self {
            store,
            kind,
            always,
            only_if,
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
        let more = self
            .only_if
            .iter()
            .flat_map(|(why, told)| told.iter().map(move |one| entry(one, Some(why))));
        json!({
            "store": self.store, "kind": self.kind,
            "statements": always.chain(more).collect::<Vec<_>>(),
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
        for (why, told) in self.only_if.iter().filter(|(_, told)| !told.is_empty()) {
            parts.push(format!("{comment} ==== store {store}, only if {why} ===="));
            parts.extend(told.iter().map(|one| statement(comment, one)));
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
        let only_if = vec![(ANALYSIS, analyzing)];
        let list = List::new(StoreName::new("s"), StoreKind::Postgres, always, only_if);
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
