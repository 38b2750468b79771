//! The time line in Mermaid's language, which GitHub and GitLab draw. Pure.

use redistrict_model::Phase;

use crate::data::{SpanReport, SpanState, TimelineReport};
use crate::timeline::Scale;

/// So many units are drawn of a phase; the rest, the shortest, are said.
const DRAWN: usize = 30;

/// A Gantt chart of the time worked: it begins at 00:00, pauses are left out.
pub(crate) fn gantt(timeline: &TimelineReport) -> String {
    let scale = Scale::of(timeline);
    let mut lines = vec![
        "gantt".to_owned(),
        "    title Time worked, from the start of the run".to_owned(),
        "    dateFormat YYYY-MM-DD HH:mm:ss.SSS".to_owned(),
        "    axisFormat %H:%M:%S".to_owned(),
    ];
    for phase in Phase::ALL {
        let (drawn, left_out) = longest(timeline, phase);
        if drawn.is_empty() {
            continue;
        }
        lines.push(match left_out {
            0 => format!("    section {phase}"),
            count => format!("    section {phase} ({count} shorter ones left out)"),
        });
        lines.extend(drawn.into_iter().map(|span| task(span, &scale)));
    }
    lines.join("\n")
}

/// The longest spans of a phase in the order in which they began, and how many are left out.
pub(crate) fn longest(timeline: &TimelineReport, phase: Phase) -> (Vec<&SpanReport>, usize) {
    let of_phase = || timeline.spans.iter().filter(|span| span.phase == phase);
    let length = |span: &SpanReport| span.to_millis.saturating_sub(span.from_millis);
    let mut all: Vec<(usize, &SpanReport)> = of_phase().enumerate().collect();
    all.sort_by_key(|(at, span)| (std::cmp::Reverse(length(span)), *at));
    let left_out = all.len().saturating_sub(DRAWN);
    all.truncate(DRAWN);
    all.sort_by_key(|(at, _)| *at);
    (all.into_iter().map(|(_, span)| span).collect(), left_out)
}

fn task(span: &SpanReport, scale: &Scale<'_>) -> String {
    let tag = match span.state {
        SpanState::Done => "done, ",
        SpanState::Failed | SpanState::CutShort => "crit, ",
        SpanState::InProgress => "active, ",
    };
    let again = match span.attempt {
        0 | 1 => String::new(),
        attempt => format!(" attempt {attempt}"),
    };
    let name = word(&span.unit);
    let (from, to) = (scale.at(span.from_millis), scale.at(span.to_millis));
    // What takes no time is not drawn.
    let (from, to) = (moment(from), moment(to.max(from + 1)));
    format!("    {name}{again} :{tag}{from}, {to}")
}

/// Nothing in a name ends a task or begins a remark of the language.
fn word(name: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_alphanumeric() => c,
        '.' | '_' | '-' | '(' | ')' => c,
        _ => ' ',
    };
    let text: String = name.chars().map(plain).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

fn moment(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (days, hours) = (seconds / 86_400, seconds / 3_600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    // A run of more than four weeks ends at the edge of the picture.
    let day = days.min(27) + 1;
    format!(
        "2000-01-{day:02} {hours:02}:{minutes:02}:{rest:02}.{:03}",
        millis % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(unit: &str, attempt: u32, state: SpanState, from: u64, to: u64) -> SpanReport {
        SpanReport {
            phase: Phase::Extraction,
            unit: unit.to_owned(),
            attempt,
            state,
            from_millis: from,
            to_millis: to,
        }
    }

    #[test]
    fn a_name_ends_no_task_and_attempts_are_told_apart() {
        let timeline = TimelineReport {
            spans: vec![
                span("x: crit;\n%% #y", 1, SpanState::Failed, 0, 1_500),
                span("x", 2, SpanState::Done, 3_600_000, 3_600_000),
            ],
            pauses: Vec::new(),
        };
        let expected = "\
gantt
    title Time worked, from the start of the run
    dateFormat YYYY-MM-DD HH:mm:ss.SSS
    axisFormat %H:%M:%S
    section Extraction
    x crit y :crit, 2000-01-01 00:00:00.000, 2000-01-01 00:00:01.500
    x attempt 2 :done, 2000-01-01 01:00:00.000, 2000-01-01 01:00:00.001";
        assert_eq!(gantt(&timeline), expected);
    }

    #[test]
    fn of_many_units_the_longest_are_drawn_and_the_others_are_said() {
        let spans = (0..100).map(|at| span("u", 1, SpanState::Done, at, at * 2));
        let timeline = TimelineReport {
            spans: spans.collect(),
            pauses: Vec::new(),
        };
        let (drawn, left_out) = longest(&timeline, Phase::Extraction);
        assert_eq!((drawn.len(), left_out, drawn[0].from_millis), (30, 70, 70));
        assert!(gantt(&timeline).contains("section Extraction (70 shorter ones left out)"));
    }
}
