//! Where each box stands: lanes from the district on the left to what is only looked up on the right, boxes
//! near to those that they have lines to.

use std::collections::BTreeMap;

use redistrict_model::Role;

use super::boxes::Graph;

/// Boxes in one column at most; a lane with more has several columns.
const IN_COLUMN: usize = 14;
/// Times the boxes of a column are moved towards those they have lines to.
const SWEEPS: usize = 6;

/// Columns from left to right, each with its boxes from top to bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    pub(super) lanes: Vec<Lane>,
}

/// Columns that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) title: String,
    pub(super) columns: Vec<Vec<usize>>,
}

/// Where a lane stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Root,
    /// So many owners away from it.
    Below(usize),
    Shared,
    /// Of rows that hang on what is shared.
    Hanging(usize),
    Reference,
    /// Details of reference rows.
    Detail(usize),
    Left,
}

/// A place so many owners below another one.
type Below = fn(usize) -> Place;

impl Place {
    fn title(self) -> String {
        match self {
            Self::Root => "the district".to_owned(),
            Self::Below(1) => "belongs to it".to_owned(),
            Self::Below(steps) => format!("belongs to it over {steps}"),
            Self::Shared => "shared".to_owned(),
            Self::Hanging(_) => "hangs on shared rows".to_owned(),
            Self::Reference => "looked up".to_owned(),
            Self::Detail(_) => "details of what is looked up".to_owned(),
            Self::Left => "does not move".to_owned(),
        }
    }
}

/// Gives every box one place.
pub(super) fn place(graph: &Graph) -> Lanes {
    let mut lanes: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (number, place) in places(graph).into_iter().enumerate() {
        lanes.entry(place).or_default().push(number);
    }
    let mut columns: Vec<Vec<usize>> = Vec::new();
    let mut titles: Vec<(String, usize)> = Vec::new();
    for (place, boxes) in lanes {
        let needed = boxes.len().div_ceil(IN_COLUMN).max(1);
        let per_column = boxes.len().div_ceil(needed).max(1);
        titles.push((place.title(), needed));
        columns.extend(boxes.chunks(per_column).map(<[usize]>::to_vec));
    }
    arrange(graph, &mut columns);
    let mut columns = columns.into_iter();
    let lanes = titles
        .into_iter()
        .map(|(title, needed)| Lane {
            title,
            columns: columns.by_ref().take(needed).collect(),
        })
        .collect();
    Lanes { lanes }
}

fn places(graph: &Graph) -> Vec<Place> {
    let mut places: Vec<Option<Place>> = (graph.boxes.iter())
        .map(|one| match one.role {
            Role::Root => Some(Place::Root),
            Role::Shared => Some(Place::Shared),
            Role::Reference => Some(Place::Reference),
            Role::Excluded | Role::Unknown => Some(Place::Left),
            Role::Owned => None,
        })
        .collect();
    let starts: [(Place, Below); 3] = [
        (Place::Root, Place::Below),
        (Place::Shared, Place::Hanging),
        (Place::Reference, Place::Detail),
    ];
    for (start, below) in starts {
        let is_start = |place: &Option<Place>| *place == Some(start);
        let mut level: Vec<usize> = (0..places.len())
            .filter(|one| is_start(&places[*one]))
            .collect();
        let mut steps = 1;
        while !level.is_empty() {
            let owned = graph.lines.iter().filter(|line| line.owns);
            let next: Vec<usize> = owned
                .filter(|line| level.contains(&line.parent) && places[line.child].is_none())
                .map(|line| line.child)
                .collect();
            for one in &next {
                places[*one] = Some(below(steps));
            }
            steps += 1;
            level = next;
        }
    }
    let place = |place: Option<Place>| place.unwrap_or(Place::Below(1));
    places.into_iter().map(place).collect()
}

/// Moves the boxes of each column towards the mean height of those they have lines to.
fn arrange(graph: &Graph, columns: &mut [Vec<usize>]) {
    for sweep in 0..SWEEPS {
        let heights = heights(columns);
        let order: Vec<usize> = match sweep % 2 {
            0 => (0..columns.len()).collect(),
            _ => (0..columns.len()).rev().collect(),
        };
        for column in order {
            let inside: Vec<usize> = columns[column].clone();
            let mut ranked: Vec<(u64, usize)> = inside
                .iter()
                .map(|one| (mean(graph, *one, &inside, &heights), *one))
                .collect();
            ranked.sort_unstable();
            columns[column] = ranked.into_iter().map(|(_, one)| one).collect();
        }
    }
}

/// The height of each box, of 10,000.
fn heights(columns: &[Vec<usize>]) -> BTreeMap<usize, u64> {
    let mut heights = BTreeMap::new();
    for column in columns {
        let step = 10_000 / (column.len() as u64 + 1);
        for (place, one) in (1..).zip(column) {
            heights.insert(*one, place * step);
        }
    }
    heights
}

fn mean(graph: &Graph, one: usize, column: &[usize], heights: &BTreeMap<usize, u64>) -> u64 {
    let mut sum = 0;
    let mut count = 0;
    for line in &graph.lines {
        let other = match (line.child == one, line.parent == one) {
            (true, _) => line.parent,
            (_, true) => line.child,
            _ => continue,
        };
        if column.contains(&other) {
            continue;
        }
        let weight = if line.owns { 4 } else { 1 };
        sum += weight * heights.get(&other).copied().unwrap_or_default();
        count += weight;
    }
    match count {
        0 => heights.get(&one).copied().unwrap_or_default(),
        _ => sum / count,
    }
}
