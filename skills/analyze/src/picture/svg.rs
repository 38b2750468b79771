//! The picture as text. Letters are as wide as it says (`textLength`), so that none leaves its box whatever
//! fonts are there; names are escaped, and what cannot stand in XML is written by its number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redistrict_model::{Role, shown};

use super::boxes::{Graph, Line, TableBox};
use super::curve::{Curve, Taken};
use super::lanes::Lanes;

pub(super) const BOX_WIDTH: usize = 196;
pub(super) const BOX_HEIGHT: usize = 50;
/// Between two boxes of a column.
const GAP: usize = 16;
/// Between two columns: lines run there.
pub(super) const GUTTER: usize = 84;
const MARGIN: usize = 24;
/// Above the first box: title, figures, names of lanes.
const HEAD: usize = 104;
/// Below the last one: the legend.
const FOOT: usize = 74;
/// Width of a letter, in tenths.
const LETTER: usize = 66;
/// Letters in a line of a box.
const LETTERS: usize = 27;

const STYLE: &str = "
  svg { --back: #ffffff; --ink: #1b1f24; --faint: #57606a; --owner: #0b5cad; --line: #8c959f;
    --root: #cfe3fb; --owned: #eaf2fd; --shared: #dff3e4; --reference: #f2f2f4; --left: #fbf3e0; --edge: #c3cad2; }
  @media (prefers-color-scheme: dark) { svg { --back: #14171b; --ink: #e8ebee; --faint: #a2abb5; --owner: #6db3ff;
    --line: #7d8792; --root: #17406e; --owned: #1c2c40; --shared: #1b3a27; --reference: #26292e; --left: #3b311a;
    --edge: #454c55; } }
  text { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 11px; fill: var(--ink); }
  .title { font-size: 17px; font-weight: 600; } .small, .lane { fill: var(--faint); }
  .box { stroke: var(--edge); } .root { fill: var(--root); } .owned { fill: var(--owned); }
  .shared { fill: var(--shared); } .reference { fill: var(--reference); } .left { fill: var(--left); }
  path { fill: none; stroke: var(--line); stroke-width: 1; opacity: .38; }
  path.owns { stroke: var(--owner); stroke-width: 1.6; opacity: .95; } path.link { stroke-dasharray: 5 3; }
  .line:hover path { stroke-width: 3; opacity: 1; }
  .count { font-size: 10px; text-anchor: middle; paint-order: stroke; stroke: var(--back); stroke-width: 4px; }
  marker path { fill: var(--line); stroke: none; opacity: 1; } marker.owner path { fill: var(--owner); }
";

/// Left and top corner of each box.
pub(super) type Corners = BTreeMap<usize, (usize, usize)>;

/// Draws it.
pub(super) fn draw(graph: &Graph, lanes: &Lanes) -> String {
    let columns: usize = lanes.lanes.iter().map(|lane| lane.columns.len()).sum();
    let rows = lanes
        .lanes
        .iter()
        .flat_map(|lane| &lane.columns)
        .map(Vec::len);
    let tallest = rows.max().unwrap_or(0);
    let inner = columns.max(4) * (BOX_WIDTH + GUTTER) - GUTTER;
    let (width, height) = (
        inner + 2 * MARGIN,
        HEAD + tallest * (BOX_HEIGHT + GAP) + FOOT,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>Tables and references</title>\n<style>{STYLE}</style>\n{MARKERS}\
         <rect width=\"{width}\" height=\"{height}\" style=\"fill: var(--back)\"/>\n"
    );
    head(&mut out, graph);
    let corners = corners(&mut out, lanes, tallest);
    // Owners are drawn over the others.
    let mut counts = String::new();
    let mut taken = Taken::new(&corners);
    for owns in [false, true] {
        for line in graph.lines.iter().filter(|line| line.owns == owns) {
            draw_line(&mut out, &mut counts, line, &corners, &mut taken);
        }
    }
    for (number, one) in graph.boxes.iter().enumerate() {
        if let Some(corner) = corners.get(&number) {
            draw_box(&mut out, one, *corner, graph);
        }
    }
    out.push_str(&counts);
    legend(&mut out, height - FOOT + 26);
    out.push_str("</svg>\n");
    out
}

const MARKERS: &str = "<defs>\
<marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
<path d=\"M0 0 8 4 0 8z\"/></marker>\
<marker id=\"own\" class=\"owner\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"6\" markerHeight=\"6\" \
orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n";

fn head(out: &mut String, graph: &Graph) {
    let boxes = graph.boxes.len();
    let condensed = match boxes < graph.tables {
        true => format!(", drawn as {boxes} boxes"),
        false => String::new(),
    };
    line(
        out,
        &format!("<text class=\"title\" x=\"{MARGIN}\" y=\"36\">Tables and references</text>"),
    );
    line(
        out,
        &format!(
            "<text class=\"small\" x=\"{MARGIN}\" y=\"56\">{} tables, {} references{condensed}</text>",
            graph.tables, graph.references
        ),
    );
}

/// Names the lanes and says where each box stands; short columns stand in the middle.
fn corners(out: &mut String, lanes: &Lanes, tallest: usize) -> Corners {
    let mut corners = Corners::new();
    let mut x = MARGIN;
    for lane in &lanes.lanes {
        let title = fit(&lane.title, LETTERS + 4);
        text(out, "lane", (x, HEAD - 14), &title);
        for column in &lane.columns {
            let spare = (tallest - column.len()) * (BOX_HEIGHT + GAP) / 2;
            for (place, number) in column.iter().enumerate() {
                corners.insert(*number, (x, HEAD + spare + place * (BOX_HEIGHT + GAP)));
            }
            x += BOX_WIDTH + GUTTER;
        }
    }
    corners
}

fn draw_box(out: &mut String, one: &TableBox, (x, y): (usize, usize), graph: &Graph) {
    let class = match one.role {
        Role::Root => "root",
        Role::Owned => "owned",
        Role::Shared => "shared",
        Role::Reference => "reference",
        Role::Excluded | Role::Unknown => "left",
    };
    let names: Vec<String> = one.tables.iter().map(ToString::to_string).collect();
    line(
        out,
        &format!(
            "<g><title>{}</title><rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" \
             height=\"{BOX_HEIGHT}\" rx=\"5\"/>",
            escaped(&names.join("\n"))
        ),
    );
    let Some(first) = one.tables.first() else {
        return;
    };
    let [store, _, table] = first.parts();
    let left = matches!(one.role, Role::Excluded | Role::Unknown);
    let table = match left {
        true => format!("{} {}", one.tables.len(), one.role),
        false => shown(table),
    };
    let name = wrapped(&table);
    let foot = foot(one, shown(store), graph.has_stores);
    match name.as_slice() {
        [first, second] => {
            text(out, "", (x + 8, y + 15), first);
            text(out, "", (x + 8, y + 28), second);
        }
        names => {
            for one in names {
                text(out, "", (x + 8, y + 21), one);
            }
        }
    }
    text(out, "small", (x + 8, y + 42), &foot);
    line(out, "</g>");
}

/// What stands below the name: as much as there is room for.
fn foot(one: &TableBox, store: String, has_stores: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let left = matches!(one.role, Role::Excluded | Role::Unknown);
    match (left, one.tables.len()) {
        (true, _) => parts.push("tables".to_owned()),
        (false, 1) => {}
        (false, many) => parts.push(format!("and {} more", many - 1)),
    }
    if has_stores && !left {
        parts.insert(0, store);
    }
    if one.referred > 0 && matches!(one.role, Role::Reference | Role::Shared) {
        parts.push(format!("used by {}", one.referred));
    }
    if one.inside > 0 && !left {
        parts.push(format!("{} inside", one.inside));
    }
    let mut foot = String::new();
    for part in parts {
        let longer = match foot.is_empty() {
            true => fit(&part, LETTERS),
            false => format!("{foot} · {part}"),
        };
        if cells(&longer) <= LETTERS {
            foot = longer;
        }
    }
    foot
}

fn draw_line(
    out: &mut String,
    counts: &mut String,
    one: &Line,
    corners: &Corners,
    taken: &mut Taken,
) {
    let (Some(child), Some(parent)) = (corners.get(&one.child), corners.get(&one.parent)) else {
        return;
    };
    let curve = Curve::between(*child, *parent);
    let class = match (one.owns, one.is_link) {
        (true, true) => "owns link",
        (true, false) => "owns",
        (false, true) => "link",
        (false, false) => "",
    };
    let marker = if one.owns { "own" } else { "to" };
    let mut named = one.named.join("\n");
    if one.count > one.named.len() {
        write!(named, "\nand {} more", one.count - one.named.len())
            .expect("a String takes every write");
    }
    line(
        out,
        &format!(
            "<g class=\"line\"><title>{}</title><path class=\"{class}\" d=\"{}\" \
             marker-end=\"url(#{marker})\"/></g>",
            escaped(&named),
            curve.path(),
        ),
    );
    if one.count > 1 {
        let count = one.count.to_string();
        let (x, y) = taken.place(&curve, count.len());
        line(
            counts,
            &format!(
                "<text class=\"count\" x=\"{x:.0}\" y=\"{:.0}\">{count}</text>",
                y + 3.5
            ),
        );
    }
}

fn legend(out: &mut String, y: usize) {
    let roles = [
        ("root", "district"),
        ("owned", "owned: belongs to it"),
        ("shared", "shared: people and the like"),
        ("reference", "reference: looked up"),
        ("left", "excluded, unknown"),
    ];
    let mut x = MARGIN;
    for (class, words) in roles {
        line(
            out,
            &format!(
                "<rect class=\"box {class}\" x=\"{x}\" y=\"{}\" width=\"16\" height=\"12\" rx=\"2\"/>",
                y - 10
            ),
        );
        text(out, "small", (x + 22, y), words);
        x += 22 + (words.chars().count() + 3) * LETTER / 10;
    }
    let mut x = MARGIN;
    let lines = [
        ("owns", "owner"),
        ("", "other reference"),
        ("link", "declared as a link"),
    ];
    for (class, words) in lines {
        let y = y + 20;
        line(
            out,
            &format!(
                "<path class=\"{class}\" style=\"opacity: 1\" d=\"M{x} {} h26\"/>",
                y - 4
            ),
        );
        text(out, "small", (x + 32, y), words);
        x += 32 + (words.chars().count() + 3) * LETTER / 10;
    }
    text(
        out,
        "small",
        (x, y + 20),
        "a number: so many references, where there are several",
    );
}

/// A line of letters that is exactly as wide as it says.
fn text(out: &mut String, class: &str, (x, y): (usize, usize), words: &str) {
    if words.is_empty() {
        return;
    }
    let tenths = cells(words) * LETTER;
    line(
        out,
        &format!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" textLength=\"{}.{}\" \
             lengthAdjust=\"spacingAndGlyphs\">{}</text>",
            tenths / 10,
            tenths % 10,
            escaped(words)
        ),
    );
}

/// One or two lines of a name.
fn wrapped(name: &str) -> Vec<String> {
    if cells(name) <= LETTERS {
        return vec![name.to_owned()];
    }
    let mut first = String::new();
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next_if(|c| cells(&first) + cell(*c) <= LETTERS) {
        first.push(c);
    }
    let rest: String = rest.collect();
    // A name of words is broken between two of them.
    match first
        .rfind(['_', ' ', '.', '-'])
        .filter(|at| *at > LETTERS / 2)
    {
        Some(at) if cells(&name[at + 1..]) <= LETTERS => {
            vec![name[..=at].to_owned(), name[at + 1..].to_owned()]
        }
        _ => vec![first, fit(&rest, LETTERS)],
    }
}

/// The words, cut with a mark where they are too long.
fn fit(words: &str, most: usize) -> String {
    if cells(words) <= most {
        return words.to_owned();
    }
    let mut out = String::new();
    for c in words.chars() {
        if cells(&out) + cell(c) + 1 > most {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

fn cells(words: &str) -> usize {
    words.chars().map(cell).sum()
}

/// Letters of other scripts may be twice as wide.
fn cell(c: char) -> usize {
    if c.is_ascii() || c == '…' || c == '·' {
        1
    } else {
        2
    }
}

fn escaped(words: &str) -> String {
    let mut out = String::new();
    for (place, words) in words.split('\n').enumerate() {
        if place > 0 {
            out.push('\n');
        }
        for c in shown(words).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
    }
    out
}

fn line(out: &mut String, words: &str) {
    writeln!(out, "{words}").expect("a String takes every write");
}
