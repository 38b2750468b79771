//! The effect points of an undisturbed run, and which of them are chosen for a kill.

pub(crate) const PHASES: [&str; 5] = [
    "Extraction",
    "Anonymization",
    "Validation",
    "Loading",
    "Reporting",
];

/// An effect point of the golden run.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) phase: &'static str,
    /// After the first effect on CERT and before the end of the last commit.
    pub(crate) is_between: bool,
}

impl Point {
    /// Before a reading of PROD: nothing is done there that a dead client could have done by half.
    pub(crate) fn is_reading(&self) -> bool {
        self.name.starts_with("before prod ")
    }
}

pub(crate) fn read_points(text: &str) -> Vec<Point> {
    let mut phase = PHASES[0];
    let mut is_between = false;
    let lines: Vec<&str> = text.lines().collect();
    let last_commit = lines
        .iter()
        .rposition(|line| line.contains("after cert commit"));
    text.lines()
        .enumerate()
        .filter_map(|(at, line)| {
            let (number, name) = line.split_once(' ')?;
            if name.starts_with("before journal phase-started") {
                phase = PHASES
                    .iter()
                    .copied()
                    .find(|one| name.contains(one))
                    .unwrap_or(phase);
            }
            is_between |= name.starts_with("after cert");
            let point = Point {
                number: number.parse().ok()?,
                name: name.to_owned(),
                phase,
                is_between: is_between && last_commit.is_some_and(|last| at <= last),
            };
            Some(point)
        })
        .collect()
}

/// Spreads the kills over all phases, with weight on what lies between the first write to CERT and the
/// end of the last commit, and on what lies between the commits of several groups.
pub(crate) fn choose(points: &[Point], kills: usize) -> Vec<Point> {
    if kills >= points.len() {
        return points.to_vec();
    }
    let mut chosen: Vec<u64> = Vec::new();
    let mut take = |candidates: Vec<&Point>, wanted: usize| {
        for number in spread(&candidates, wanted) {
            if !chosen.contains(&number) {
                chosen.push(number);
            }
        }
    };
    take(between_commits(points), kills.div_ceil(5));
    take(
        points.iter().filter(|point| point.is_between).collect(),
        kills.div_ceil(4),
    );
    for phase in PHASES {
        take(
            points.iter().filter(|point| point.phase == phase).collect(),
            kills.div_ceil(10),
        );
    }
    let missing = kills.saturating_sub(chosen.len());
    let rest: Vec<&Point> = points
        .iter()
        .filter(|point| !chosen.contains(&point.number))
        .collect();
    chosen.extend(spread(&rest, missing));
    points
        .iter()
        .filter(|point| chosen.contains(&point.number))
        .cloned()
        .collect()
}

/// Points after the first group's commit and before the last group's.
fn between_commits(points: &[Point]) -> Vec<&Point> {
    let commits: Vec<usize> = (0..points.len())
        .filter(|at| points[*at].name.starts_with("after cert commit"))
        .collect();
    match (commits.first(), commits.last()) {
        (Some(first), Some(last)) if first < last => points[*first..*last].iter().collect(),
        _ => Vec::new(),
    }
}

fn spread(candidates: &[&Point], wanted: usize) -> Vec<u64> {
    let count = wanted.min(candidates.len());
    (0..count)
        .map(|at| candidates[at * candidates.len() / count].number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_fall_into_every_phase_and_around_the_commits() {
        let mut lines: Vec<String> = Vec::new();
        let mut add = |name: &str| lines.push(format!("{} {name}", lines.len() + 1));
        for phase in PHASES {
            add(&format!("before journal phase-started {phase}"));
            for _ in 0..10 {
                add("after journal unit-done");
                if phase == "Loading" {
                    add("after cert stage ids");
                    add("after cert commit ids");
                }
            }
        }
        let points = read_points(&lines.join("\n"));
        for kills in [6, 16, 30] {
            let chosen = choose(&points, kills);
            assert!(chosen.len() >= kills);
            for phase in PHASES {
                assert!(chosen.iter().any(|point| point.phase == phase), "{phase}");
            }
            let between = chosen.iter().filter(|point| point.is_between).count();
            assert!(between >= kills / 4, "{between} of {kills}");
        }
    }
}
