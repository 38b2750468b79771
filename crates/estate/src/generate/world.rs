//! Who and what exists: districts, schools, staff, families, students, courses. Makes no rows and holds
//! nothing but the districts: everything else is computed from its place, again each time it is needed.
//!
//! Places are counted round by round over the districts, so that ids of one district are never a
//! contiguous range.

use crate::generate::EstateOptions;
use crate::people::{Registry, slug};
use crate::pools::{self, PlaceName, STATES};
use crate::rng::{Rng, fnv1a, mix};

/// The plan of an estate.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) options: EstateOptions,
    pub(crate) districts: Vec<District>,
    pub(crate) registry: Registry,
}

pub(crate) struct District {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) place: PlaceName,
    /// From 1, as the table's key.
    pub(crate) state_id: i64,
}

/// Something of a district: the how manyth of its kind there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index into the districts.
    pub(crate) district: usize,
    pub(crate) local: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Elementary,
    Middle,
    High,
}

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Elementary => "elementary",
            Self::Middle => "middle",
            Self::High => "high",
        }
    }
}

/// From so many guardians on, one more exists whom no student refers to.
const GUARDIANS_BEFORE_ONE_OF_NOBODY: usize = 20;
/// A set of schools, one of each level, for so many students.
const STUDENTS_PER_SET: usize = 1500;
pub(crate) const LEVELS: usize = 3;
pub(crate) const COURSES_PER_SCHOOL: usize = 5;
/// At most; a course has one or two.
pub(crate) const SECTIONS_PER_COURSE: usize = 2;

impl District {
    pub(crate) fn plan(index: usize) -> Self {
        let places = pools::places();
        let place = places[index % places.len()];
        let lap = index / places.len();
        let number = if lap == 0 {
            String::new()
        } else {
            (lap + 1).to_string()
        };
        let name = if lap == 0 {
            format!("{} Unified", place.name)
        } else {
            format!("{} Unified No. {number}", place.name)
        };
        let state = STATES.iter().position(|(code, _)| *code == place.state);
        Self {
            id: u32::try_from(index + 1).expect("districts are counted in u32"),
            name,
            domain: format!(
                "{}{number}.k12.{}.us",
                slug(place.name),
                place.state.to_lowercase()
            ),
            place,
            state_id: key_of_index(state.expect("every place lies in a state of the list")),
        }
    }
}

impl World {
    pub(crate) fn plan(options: &EstateOptions) -> Self {
        Self {
            seed: options.seed,
            options: *options,
            districts: (0..usize_of(options.districts))
                .map(District::plan)
                .collect(),
            registry: Registry::new(options.seed),
        }
    }

    /// All places of a kind of which each district has so many, in the order of their ids.
    pub(crate) fn places(&self, per_district: usize) -> impl Iterator<Item = Place> + use<> {
        let count = self.districts.len();
        (0..per_district).flat_map(move |local| {
            (0..count).map(move |turn| Place {
                district: (turn + local) % count,
                local,
            })
        })
    }

    /// The position of a place among all places of its kind.
    pub(crate) fn index(&self, place: Place) -> usize {
        let count = self.districts.len();
        let turn = (place.district + count - place.local % count) % count;
        place.local * count + turn
    }

    /// An id: grows with the index, with gaps.
    pub(crate) fn id(&self, table: &str, index: usize) -> i64 {
        let noise = mix(self.seed ^ fnv1a(table.as_bytes()) ^ mix(wide(index)));
        let base = i64::try_from(index).expect("an index fits i64") * 2;
        base + 1 + i64::from(noise.is_multiple_of(2))
    }

    /// Random numbers for one row.
    pub(crate) fn rng(&self, purpose: &str, index: usize) -> Rng {
        Rng::at(self.seed, purpose, index)
    }

    pub(crate) fn district(&self, place: Place) -> &District {
        &self.districts[place.district]
    }

    pub(crate) fn district_id(&self, place: Place) -> u32 {
        self.district(place).id
    }

    pub(crate) fn students_per_district(&self) -> usize {
        usize_of(self.options.students_per_district)
    }

    pub(crate) fn student_count(&self) -> usize {
        self.students_per_district() * self.districts.len()
    }

    pub(crate) fn schools_per_district(&self) -> usize {
        LEVELS * (self.students_per_district() / STUDENTS_PER_SET + 1)
    }

    pub(crate) fn teachers_per_school(&self) -> usize {
        2 + self.students_per_district() / (self.schools_per_district() * 18)
    }

    /// A superintendent, and a principal and teachers for each school.
    pub(crate) fn staff_per_district(&self) -> usize {
        1 + self.schools_per_district() * (1 + self.teachers_per_school())
    }

    pub(crate) fn staff_count(&self) -> usize {
        self.staff_per_district() * self.districts.len()
    }

    pub(crate) fn courses_per_district(&self) -> usize {
        self.schools_per_district() * COURSES_PER_SCHOOL
    }

    /// Of three students two are siblings.
    pub(crate) fn families_per_district(&self) -> usize {
        let students = self.students_per_district();
        students / 3 * 2 + students % 3
    }

    /// Places for guardians; a family has one or two.
    pub(crate) fn guardian_places(&self) -> usize {
        self.families_per_district() * 2
    }

    /// Students, guardians and staff are counted one after the other where each has a number.
    pub(crate) fn first_number_of_staff(&self) -> usize {
        self.student_count() + self.guardian_places() * self.districts.len() + 1
    }

    /// One guardian belongs to no student, where there are enough of them.
    pub(crate) fn has_guardian_of_nobody(&self) -> bool {
        let count = self.guardian_places() * self.districts.len();
        count >= GUARDIANS_BEFORE_ONE_OF_NOBODY
    }
}

/// Keys of lists count from 1.
pub(crate) fn key_of_index(index: usize) -> i64 {
    i64::try_from(index + 1).expect("a list is short")
}

pub(crate) fn days(rng: &mut Rng, bound: u64) -> i32 {
    i32::try_from(rng.below(bound)).expect("a span of days is short")
}

/// Version 4, variant 1; each index has another.
pub(crate) fn uuid(world: &World, purpose: &str, index: usize) -> u128 {
    let mut rng = world.rng(purpose, index);
    let bits = (u128::from(rng.next()) << 64) | u128::from(rng.next());
    (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).expect("a u32 fits usize")
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a usize fits u64")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_indexes_are_each_others_inverse() {
        for districts in [1, 2, 3, 7] {
            let world = World::plan(&EstateOptions {
                districts,
                ..EstateOptions::default()
            });
            let indexes = world.places(11).map(|place| world.index(place));
            assert!(indexes.eq(0..usize_of(districts) * 11));
        }
    }

    #[test]
    fn ids_grow_with_gaps() {
        let world = World::plan(&EstateOptions::default());
        let ids: Vec<i64> = (0..1_000).map(|index| world.id("t", index)).collect();
        let steps: Vec<i64> = ids.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| (1..=3).contains(step)));
        assert!(steps.contains(&1) && steps.contains(&3));
    }
}
