//! Lines between boxes, and where a number can stand beside them.

use std::cmp::Ordering;

use super::svg::{BOX_HEIGHT, BOX_WIDTH, Corners, GUTTER};

/// A curve from a child to its parent: its ends and what it is drawn to.
pub(super) struct Curve([(f64, f64); 4]);

impl Curve {
    /// From the side that looks at the parent; within a column around the right side.
    pub(super) fn between(child: (usize, usize), parent: (usize, usize)) -> Self {
        let middle = |corner: (usize, usize)| pixels(corner.1 + BOX_HEIGHT / 2);
        let (left, right) = (pixels(child.0), pixels(child.0 + BOX_WIDTH));
        let (other_left, other_right) = (pixels(parent.0), pixels(parent.0 + BOX_WIDTH));
        let (from, to) = (middle(child), middle(parent));
        let bend = pixels(GUTTER / 2 + 8);
        Self(match child.0.cmp(&parent.0) {
            Ordering::Equal => [
                (right, from),
                (right + bend, from),
                (right + bend, to),
                (right, to),
            ],
            Ordering::Greater => [
                (left, from),
                (left - bend, from),
                (other_right + bend, to),
                (other_right, to),
            ],
            Ordering::Less => [
                (right, from),
                (right + bend, from),
                (other_left - bend, to),
                (other_left, to),
            ],
        })
    }

    pub(super) fn path(&self) -> String {
        let [a, b, c, d] = self.0.map(|(x, y)| format!("{x:.0} {y:.0}"));
        format!("M{a} C{b} {c} {d}")
    }

    /// A point of it: 0 is the child, 1 the parent.
    fn at(&self, t: f64) -> (f64, f64) {
        let s = 1.0 - t;
        let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
        let sum = |axis: fn(&(f64, f64)) -> f64| {
            let points = self.0.iter().map(axis);
            points
                .zip(weights)
                .map(|(value, weight)| value * weight)
                .sum()
        };
        (sum(|point| point.0), sum(|point| point.1))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a picture is a few thousand pixels wide"
)]
fn pixels(length: usize) -> f64 {
    length as f64
}

/// Where numbers stand already, and the boxes.
pub(super) struct Taken(Vec<(f64, f64, f64, f64)>);

impl Taken {
    pub(super) fn new(corners: &Corners) -> Self {
        let (width, height) = (pixels(BOX_WIDTH), pixels(BOX_HEIGHT));
        let corners = corners.values().map(|(x, y)| (pixels(*x), pixels(*y)));
        Self(
            corners
                .map(|(x, y)| (x, y, x + width, y + height))
                .collect(),
        )
    }

    /// The first place along a curve where a number can be read; the first one of all if there is none.
    pub(super) fn place(&mut self, curve: &Curve, digits: usize) -> (f64, f64) {
        let half = pixels(digits) * 3.5 + 2.0;
        let around = |(x, y): (f64, f64)| (x - half, y - 6.0, x + half, y + 6.0);
        let is_free = |at: (f64, f64, f64, f64)| {
            let hits = |one: &(f64, f64, f64, f64)| {
                at.0 < one.2 && one.0 < at.2 && at.1 < one.3 && one.1 < at.3
            };
            !self.0.iter().any(hits)
        };
        let places = PLACES.map(|t| curve.at(t));
        let free = places.into_iter().find(|place| is_free(around(*place)));
        let place = free.unwrap_or(places[0]);
        self.0.push(around(place));
        place
    }
}

/// Where along its line a number may stand, from the child: the best first.
const PLACES: [f64; 11] = [
    0.3, 0.38, 0.22, 0.46, 0.54, 0.62, 0.16, 0.7, 0.78, 0.84, 0.12,
];
