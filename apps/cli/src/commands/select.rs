//! `redistrict select`: ranks the districts and proposes pilots.

use std::collections::BTreeMap;

use redistrict_model::{ColumnClass, DistrictId, MaskKind, MaskSection, TableRef};
use redistrict_select::{
    CollectInput, DEFAULT_SAMPLE_ROWS, MeasuredRate, Measurement, Selection, collect, rank,
};

use crate::exit::Exit;
use crate::failure::CommandResult;
use crate::output::{self, Format, thousands};
use crate::planning;
use crate::rates::{Rates, about};
use crate::session::Session;

/// Measures every district and writes the manifest and the report.
pub(crate) async fn run(session: &Session) -> CommandResult<Exit> {
    let workspace = session.workspace()?;
    let mut source = planning::source(&workspace, false).await?;
    let section = source
        .extract_section()
        .map_err(|findings| planning::stop("decide what moves", &findings))?;
    // Without masks no name is printed; a ranking needs none.
    let masks = planning::source_masks(&workspace, &mut source).await?.ok();
    let name_column = source.settings.name_column.clone();
    let root = &section.ownership.root;
    let input = CollectInput {
        section: &section,
        name_column: name_column.as_deref(),
        is_name_public: is_kept(masks.as_ref(), root, name_column.as_deref()),
        not_activity: &masks.iter().flat_map(birth_dates).collect(),
        sample_rows: DEFAULT_SAMPLE_ROWS,
    };
    let measurement = collect(&mut source.cuts, &input).await?;
    let priorities: BTreeMap<DistrictId, u32> = workspace
        .config
        .select
        .priority
        .iter()
        .map(|(district, priority)| (source.district(district), *priority))
        .collect();
    let rate = rate(&Rates::read(&workspace)?, &measurement);
    let ranked = rank(measurement.districts.clone(), &priorities, rate);
    let selection = Selection::new(ranked, measurement);
    let files = redistrict_select::write(&workspace.layout, &selection)?;
    print(session, &selection);
    for file in files {
        output::note(format!("written to {}", file.display()));
    }
    Ok(Exit::Done)
}

/// The time that earlier migrations took, to the rows that were counted now of the districts that they moved.
fn rate(rates: &Rates, measurement: &Measurement) -> Option<MeasuredRate> {
    let mut rate = MeasuredRate {
        counted_rows: 0,
        millis: 0,
    };
    for run in &rates.runs {
        let mut districts = measurement.districts.iter();
        if let Some(facts) = districts.find(|one| one.district == run.district) {
            rate.counted_rows += facts.size();
            rate.millis += run.millis;
        }
    }
    (rate.counted_rows > 0).then_some(rate)
}

fn is_kept(masks: Option<&MaskSection>, root: &TableRef, name: Option<&str>) -> bool {
    let (Some(masks), Some(name)) = (masks, name) else {
        return false;
    };
    masks
        .of_table(root)
        .any(|decision| decision.column.column == name && decision.kind == MaskKind::Kept)
}

fn birth_dates(masks: &MaskSection) -> impl Iterator<Item = redistrict_model::ColumnRef> + use<'_> {
    masks
        .columns
        .iter()
        .filter(|decision| decision.class == ColumnClass::BirthDate)
        .map(|decision| decision.column.clone())
}

fn print(session: &Session, selection: &Selection) {
    if session.format() != Format::Text {
        if let Ok(value) = serde_json::to_value(selection) {
            output::json(&value);
        }
        return;
    }
    let rows: Vec<Vec<String>> = selection
        .districts
        .iter()
        .map(|ranked| {
            vec![
                ranked.rank.to_string(),
                ranked.facts.district.to_string(),
                ranked.facts.name.clone().unwrap_or_default(),
                format!("{:.1}", ranked.score),
                thousands(ranked.size),
                ranked.size_class.as_str().to_owned(),
                ranked.estimated_millis.map_or_else(String::new, about),
                if ranked.is_pilot {
                    "pilot".to_owned()
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    let header = [
        "rank", "district", "name", "score", "rows", "size", "time", "",
    ];
    output::data(output::table(&header, &rows));
    if selection
        .districts
        .iter()
        .all(|one| one.estimated_millis.is_none())
    {
        output::note(
            "note: no time is estimated: no migration of these districts was measured yet",
        );
    }
    for note in &selection.notes {
        output::note(format!("note: {note}"));
    }
}
