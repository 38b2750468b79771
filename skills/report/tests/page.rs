//! The HTML report as a browser reads it: nothing runs, nothing is loaded, and the numbers are those of the
//! JSON.

use std::collections::BTreeSet;

use redistrict_artifact::ArtifactKind;
use redistrict_report::{ReportData, render_html, render_markdown, render_sheet, thousands};
use scraper::{ElementRef, Html, Selector};

use crate::sample;
use crate::story::{Files, every_kind, success};

/// Everything that markup, attributes, style, a terminal or the direction of writing could be ended by.
const HOSTILE: &str = "x</td></title></style><script>alert(1)</script><img src=//e.test onerror=alert(2)>\
\" onmouseover=\"alert(3)\" style='x' `${7}` --> ]]> &lt;b&gt; &#x3c;i&#x3e; javascript:alert(4)\
\u{202e}\u{2066}\u{0}\u{1b}[2J\r\n\u{2028}{{7*7}}<%= 7 %>";

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

/// What a page of ours may be made of.
fn assert_inert(html: &str) {
    let page = Html::parse_document(html);
    let known: BTreeSet<&str> =
        "html head meta title style body header main footer nav section h1 h2 p \
        ul li dl dt dd div table caption thead tbody tr th td code pre span small b a svg rect"
            .split_whitespace()
            .collect();
    let attributes: BTreeSet<&str> = "lang charset name content http-equiv class id href role tabindex scope \
        aria-label aria-labelledby aria-hidden focusable viewBox preserveAspectRatio x y width height"
        .split_whitespace()
        .collect();
    for element in select(&page, "*") {
        let name = element.value().name();
        assert!(known.contains(name), "element {name}");
        for (attribute, value) in element.value().attrs() {
            assert!(
                attributes.contains(attribute),
                "attribute {attribute} of {name}"
            );
            if attribute == "href" {
                assert!(value.starts_with('#'), "a link to {value}");
            }
        }
    }
    for word in ["url(", "@import", "http://", "https://"] {
        assert!(!html.contains(word), "{word}");
    }
    let raw = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2066}\u{2028}".contains(c);
    assert!(!html.contains(raw), "a character that writes nothing");
    let ids: Vec<&str> = select(&page, "[id]")
        .iter()
        .filter_map(|element| element.value().attr("id"))
        .collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "{ids:?}"
    );
    for link in select(&page, "a, [aria-labelledby]") {
        let link = link.value();
        let target = link.attr("href").map(|href| &href[1..]);
        let target = target.or(link.attr("aria-labelledby")).unwrap();
        assert!(ids.contains(&target), "{target} is nowhere");
    }
}

#[test]
fn hostile_names_run_nothing_load_nothing_and_are_shown() {
    let mut data = sample::report(HOSTILE);
    for is_undo in [false, true] {
        data.is_undo = is_undo;
        let html = render_html(&data);
        assert_inert(&html);
        let page = Html::parse_document(&html);
        let title = text(select(&page, "h1")[0]);
        let shown = "x</td></title></style><script>alert(1)</script><img src=//e.test onerror=alert(2)>\" on";
        assert!(title.contains(shown), "{title}");
        assert!(
            title.contains("\\u{202e}\\u{2066}\\u{0}\\u{1b}[2J\\u{d}\\u{a}\\u{2028}"),
            "{title}"
        );
    }
    assert_inert(&render_sheet(&sample::sheet(HOSTILE)));
    let markdown = render_markdown(&sample::report(HOSTILE));
    let mut fence: Option<&str> = None;
    for line in markdown.lines() {
        match fence {
            Some(end) if line == end => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => {
                fence = Some(line.trim_end_matches(char::is_alphabetic));
            }
            None => {
                assert!(
                    !line.contains("<script") || line.contains("\\<script"),
                    "{line}"
                );
            }
        }
    }
    assert_eq!(fence, None, "a fence that is not closed");
}

#[test]
fn pages_of_every_kind_are_inert_and_have_one_heading_of_each_section() {
    let files = Files::new();
    files.seal(ArtifactKind::Raw);
    for (kind, story) in every_kind() {
        let data = files.data(&story);
        let html = render_html(&data);
        assert_inert(&html);
        let page = Html::parse_document(&html);
        assert_eq!(select(&page, "h1").len(), 1, "{kind}");
        for table in select(&page, "table") {
            let caption = Selector::parse("caption").unwrap();
            assert_eq!(table.select(&caption).count(), 1, "{kind}");
            let heads = Selector::parse("thead th[scope=col]").unwrap();
            let rows = Selector::parse("tbody tr").unwrap();
            let cells = Selector::parse("th, td").unwrap();
            for row in table.select(&rows) {
                assert_eq!(row.select(&cells).count(), table.select(&heads).count());
            }
        }
        // Markdown and HTML have the same sections.
        let headings: Vec<String> = select(&page, "main h2").into_iter().map(text).collect();
        let markdown = render_markdown(&data);
        let of_markdown = markdown.lines().filter_map(|line| line.strip_prefix("## "));
        assert_eq!(headings[1..], of_markdown.collect::<Vec<_>>(), "{kind}");
    }
}

/// The rows of the table of that caption, headings first.
fn rows(page: &Html, caption: &str) -> Vec<Vec<String>> {
    let tables = select(page, "table");
    let of_table = |selector: &str, element: ElementRef<'_>| -> Vec<String> {
        element
            .select(&Selector::parse(selector).unwrap())
            .map(text)
            .collect()
    };
    let table = tables
        .into_iter()
        .find(|table| of_table("caption", *table) == [caption]);
    let table = table.unwrap_or_else(|| panic!("no table {caption}"));
    let rows = table
        .select(&Selector::parse("tr").unwrap())
        .collect::<Vec<_>>();
    rows.into_iter()
        .map(|row| of_table("th, td", row))
        .collect()
}

/// What stands in a column, below its heading.
fn column(rows: &[Vec<String>], head: &str) -> Vec<String> {
    let at = rows[0].iter().position(|one| one == head);
    let at = at.unwrap_or_else(|| panic!("no column {head} in {:?}", rows[0]));
    rows[1..].iter().map(|row| row[at].clone()).collect()
}

fn numbers(numbers: impl IntoIterator<Item = Option<u64>>) -> Vec<String> {
    numbers
        .into_iter()
        .map(|one| thousands(one.unwrap()))
        .collect()
}

#[test]
fn every_section_has_the_numbers_of_the_json() {
    let files = Files::new();
    files.seal(ArtifactKind::Masked);
    let data = files.data(&success());
    let json = serde_json::to_value(&data).unwrap();
    let data: ReportData = serde_json::from_value(json).unwrap();
    let page = Html::parse_document(&render_html(&data));

    let figures: Vec<String> = select(&page, ".figures dd").into_iter().map(text).collect();
    let [extracted, fields, loaded] = [
        data.totals.extracted,
        data.totals.anonymized_fields,
        data.totals.loaded,
    ]
    .map(|number| thousands(number.unwrap()));
    assert_eq!(figures[0], format!("{extracted}records"));
    assert_eq!(figures[1], format!("{fields}PII fields"));
    assert_eq!(figures[2], format!("{loaded}records"));

    let phases = rows(&page, "The five phases");
    assert_eq!(phases.len(), 6);
    assert_eq!(column(&phases, "State"), ["✔ completed"; 5]);
    let tables = rows(&page, "Rows and masked fields of each table");
    for (head, of_data) in [
        (
            "Own",
            data.tables.iter().map(|one| one.own).collect::<Vec<_>>(),
        ),
        ("Shared", data.tables.iter().map(|one| one.shared).collect()),
        ("Stubs", data.tables.iter().map(|one| one.stubs).collect()),
        (
            "Masked fields",
            data.tables.iter().map(|one| one.masked).collect(),
        ),
        (
            "Inserted",
            data.tables.iter().map(|one| one.inserted).collect(),
        ),
        (
            "Updated",
            data.tables.iter().map(|one| one.updated).collect(),
        ),
        (
            "Unchanged",
            data.tables.iter().map(|one| one.unchanged).collect(),
        ),
        ("Left", data.tables.iter().map(|one| one.left).collect()),
    ] {
        assert_eq!(column(&tables, head), numbers(of_data), "{head}");
    }
    let stores = rows(&page, "Rows and masked fields of each store");
    assert_eq!(column(&stores, "Extracted rows"), [extracted]);
    let masks = rows(&page, "Masked fields of each class");
    assert_eq!(column(&masks, "Class"), ["email", "unknown"]);
    assert_eq!(column(&masks, "Fields"), ["1,200", "34"]);
    let checks = rows(&page, "Every check with its definition");
    assert_eq!(checks.len(), data.checks.len() + 1);
    assert_eq!(column(&checks, "It holds that"), ["each has its row"]);
    let boundaries = rows(&page, "References that lead out of the district");
    assert_eq!(column(&boundaries, "Rows"), ["3"]);
    let cuts = rows(&page, "When each store was read");
    assert_eq!(column(&cuts, "Snapshot"), ["s-1"]);
    let artifacts = rows(&page, "Sealed artifacts on disk");
    assert_eq!(column(&artifacts, "Seal"), [data.artifacts[0].seal.clone()]);
    let facts: Vec<String> = select(&page, ".facts dd").into_iter().map(text).collect();
    assert!(facts.contains(&data.plan_digest) && facts.contains(&data.decisions_digest));
    let summary = text(select(&page, "pre")[0]);
    assert_eq!(summary, redistrict_report::summary(&data));
}

#[test]
fn failures_waits_and_the_time_line_are_told() {
    let mut data = sample::report("unit");
    data.district_name = Some("North".into());
    let page = Html::parse_document(&render_html(&data));
    let retries = rows(&page, "Attempts that failed");
    assert_eq!(column(&retries, "Tried again"), ["after 512 ms"]);
    assert_eq!(column(&retries, "Reason"), ["transient: unit"]);
    let line = rows(&page, "Units of each phase on one scale of time worked");
    // The phase, and one row for all attempts of its unit; 400 ms of pause are not on the scale.
    assert_eq!(line[0][1], "From the start to 5.6 s");
    assert_eq!(line[1][0], "Loading");
    assert_eq!(column(&line, "Began after"), ["1.0 s", "1.0 s"]);
    assert_eq!(
        line[2][4],
        "failed, then cut short, then done, then in progress"
    );
    let drawn: Vec<&str> = select(&page, "tr:not(.group) td.time rect")
        .iter()
        .filter_map(|rect| rect.value().attr("class"))
        .collect();
    assert_eq!(
        drawn,
        ["track", "failed", "cut_short", "done", "in_progress"]
    );
    for badge in ["✘ FAILED", "✘ validation failed", "✘ 2,004 leaks"] {
        let badges: Vec<String> = select(&page, ".badges .mark")
            .into_iter()
            .map(text)
            .collect();
        assert!(
            badges.iter().any(|one| one == badge),
            "{badge} in {badges:?}"
        );
    }
}

#[test]
fn the_policy_allows_the_one_style_sheet_and_nothing_else() {
    let page = Html::parse_document(&render_html(&sample::report("x")));
    let policy = select(&page, "meta[http-equiv='Content-Security-Policy']")[0];
    let policy = policy.value().attr("content").unwrap();
    let hash = policy
        .strip_prefix("default-src 'none'; style-src 'sha256-")
        .and_then(|rest| rest.strip_suffix("'; base-uri 'none'; form-action 'none'"))
        .unwrap();
    let style = text(select(&page, "style")[0]);
    assert_eq!(
        hex_of_base64(hash),
        redistrict_artifact::sha256_hex(style.as_bytes())
    );
    assert_eq!(select(&page, "style, link").len(), 1);
}

fn hex_of_base64(text: &str) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| format!("{:06b}", digits.find(c).unwrap()))
        .collect();
    let bytes = bits.as_bytes().chunks_exact(8);
    bytes
        .map(|byte| {
            let byte = u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap();
            format!("{byte:02x}")
        })
        .collect()
}
