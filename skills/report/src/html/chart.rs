//! Pictures as inline SVG: bars of a table, and the time line. They carry no text; what they show stands
//! beside them as text.

use std::collections::BTreeSet;

use redistrict_model::Phase;

use super::page::Html;
use crate::data::{SpanReport, SpanState, TimelineReport};
use crate::format::{counted, short};
use crate::gantt::longest;
use crate::sections::name;
use crate::timeline::Scale;

/// The length of a bar, in units of the picture.
const WIDTH: u64 = 1_000;
/// So that something can be seen of what took no time.
const THINNEST: u64 = 4;

/// A picture of bars: class, begin and length of each, in units of the picture.
fn picture(html: &mut Html, bars: &[(&'static str, u64, u64)]) {
    let frame = [
        ("viewBox", "0 0 1000 12"),
        ("preserveAspectRatio", "none"),
        ("aria-hidden", "true"),
        ("focusable", "false"),
    ];
    html.within("svg", &frame, |html| {
        rect(html, "track", (0, WIDTH), (11, 1));
        for (class, from, width) in bars {
            // What failed is half as high: it can be told without colours.
            let vertical = match *class {
                "failed" | "cut_short" => (5, 5),
                _ => (1, 9),
            };
            rect(html, class, (*from, *width), vertical);
        }
    });
}

fn rect(html: &mut Html, class: &str, horizontal: (u64, u64), vertical: (u64, u64)) {
    let [x, width, y, height] =
        [horizontal.0, horizontal.1, vertical.0, vertical.1].map(|number| number.to_string());
    let attributes = [
        ("class", class),
        ("x", x.as_str()),
        ("y", y.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
    ];
    html.within("rect", &attributes, |_| {});
}

/// A number as a bar against the largest one.
pub(super) fn bar(html: &mut Html, number: u64, largest: u64) {
    let width = part(number, largest);
    let bars = [("length", 0, width)];
    picture(html, if number > 0 { &bars } else { &[] });
}

fn part(number: u64, whole: u64) -> u64 {
    let part = u128::from(number.min(whole)) * u128::from(WIDTH) / u128::from(whole.max(1));
    u64::try_from(part).unwrap_or(WIDTH)
}

/// Attempts of one unit.
struct Row<'a> {
    unit: &'a str,
    spans: Vec<&'a SpanReport>,
}

/// Units by the order in which they began.
fn rows<'a>(spans: &[&'a SpanReport]) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for span in spans {
        match rows.iter_mut().find(|row| row.unit == span.unit) {
            Some(row) => row.spans.push(span),
            None => rows.push(Row {
                unit: &span.unit,
                spans: vec![span],
            }),
        }
    }
    rows
}

/// How many units the attempts are of.
fn units(spans: &[&SpanReport]) -> u64 {
    let units: BTreeSet<&str> = spans.iter().map(|span| span.unit.as_str()).collect();
    units.len() as u64
}

/// The time line as a table: who cannot see the bars reads begin, time and end.
pub(super) fn timeline(html: &mut Html, timeline: &TimelineReport) {
    let scale = Scale::of(timeline);
    html.within("thead", &[], |html| {
        html.within("tr", &[], |html| {
            let whole = format!("From the start to {}", short(scale.length));
            for (class, head) in [
                ("code", "Unit"),
                ("time", whole.as_str()),
                ("number", "Began after"),
                ("number", "Took"),
                ("text", "Ended"),
            ] {
                html.leaf("th", &[("scope", "col"), ("class", class)], head);
            }
        });
    });
    for phase in Phase::ALL {
        let (drawn, left_out) = longest(timeline, phase);
        let all: Vec<&SpanReport> = timeline
            .spans
            .iter()
            .filter(|span| span.phase == phase)
            .collect();
        if all.is_empty() {
            continue;
        }
        html.within("tbody", &[], |html| {
            let title = match left_out {
                0 => phase.to_string(),
                count => format!("{phase} ({count} shorter ones left out)"),
            };
            row(html, &scale, &title, &all, Line::Phase);
            for one in rows(&drawn) {
                row(html, &scale, one.unit, &one.spans, Line::Unit);
            }
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Phase,
    Unit,
}

fn row(html: &mut Html, scale: &Scale<'_>, title: &str, spans: &[&SpanReport], line: Line) {
    let begin = spans.iter().map(|span| scale.at(span.from_millis)).min();
    let end = spans.iter().map(|span| scale.at(span.to_millis)).max();
    let (begin, end) = (begin.unwrap_or(0), end.unwrap_or(0));
    let bars: Vec<(&'static str, u64, u64)> = match line {
        Line::Phase => vec![place(scale, "done", begin, end)],
        Line::Unit => spans.iter().map(|span| span_bar(scale, span)).collect(),
    };
    let class: &[(&'static str, &str)] = match line {
        Line::Phase => &[("class", "group")],
        Line::Unit => &[],
    };
    html.within("tr", class, |html| {
        let head_class = match line {
            Line::Phase => "text",
            Line::Unit => "code",
        };
        html.leaf("th", &[("scope", "row"), ("class", head_class)], title);
        html.within("td", &[("class", "time")], |html| picture(html, &bars));
        html.leaf("td", &[("class", "number")], &short(begin));
        html.leaf(
            "td",
            &[("class", "number")],
            &short(end.saturating_sub(begin)),
        );
        let ended = match line {
            Line::Phase => counted(units(spans), "unit"),
            Line::Unit => ended(spans),
        };
        html.leaf("td", &[("class", "text")], &ended);
    });
}

/// `done`, or of several attempts how each of them ended.
fn ended(spans: &[&SpanReport]) -> String {
    let states: Vec<String> = spans
        .iter()
        .map(|span| name(span.state).replace('_', " "))
        .collect();
    states.join(", then ")
}

fn span_bar(scale: &Scale<'_>, span: &SpanReport) -> (&'static str, u64, u64) {
    let class = match span.state {
        SpanState::Done => "done",
        SpanState::Failed => "failed",
        SpanState::CutShort => "cut_short",
        SpanState::InProgress => "in_progress",
    };
    place(
        scale,
        class,
        scale.at(span.from_millis),
        scale.at(span.to_millis),
    )
}

fn place(scale: &Scale<'_>, class: &'static str, from: u64, to: u64) -> (&'static str, u64, u64) {
    let begin = part(from, scale.length).min(WIDTH - THINNEST);
    let width = part(to, scale.length).saturating_sub(begin).max(THINNEST);
    (class, begin, width)
}
