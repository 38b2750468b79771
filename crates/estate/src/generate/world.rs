//! Who and what exists: districts, schools, staff, families, students, courses. Makes no rows.
//!
//! Everything is created round by round over the districts, so that ids of one district are never a
//! contiguous range.

use crate::generate::EstateOptions;
use crate::people::{Name, Registry, slug};
use crate::pools::{self, PlaceName, STATES, SUBJECTS};
use crate::rng::Rng;
use crate::value::day;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) districts: Vec<District>,
    pub(crate) schools: Vec<School>,
    pub(crate) staff: Vec<Staff>,
    pub(crate) courses: Vec<Course>,
    pub(crate) students: Vec<Student>,
    pub(crate) guardians: Vec<Guardian>,
}

pub(crate) struct District {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) place: PlaceName,
    /// From 1, as the table's key.
    pub(crate) state_id: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Elementary,
    Middle,
    High,
}

pub(crate) struct School {
    pub(crate) id: i64,
    /// Indexes into the vectors of the world.
    pub(crate) district: usize,
    pub(crate) level: Level,
    pub(crate) principal: usize,
    pub(crate) teachers: Vec<usize>,
    pub(crate) courses: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Superintendent,
    Principal,
    Teacher,
}

pub(crate) struct Staff {
    pub(crate) id: i64,
    pub(crate) school: usize,
    pub(crate) manager: Option<usize>,
    pub(crate) position: Position,
    pub(crate) name: Name,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
}

pub(crate) struct Course {
    pub(crate) id: i64,
    pub(crate) school: usize,
    /// Index into `SUBJECTS`; the key is one more.
    pub(crate) subject: usize,
    /// The teacher of each section; section numbers are from 1.
    pub(crate) sections: Vec<usize>,
}

pub(crate) struct Student {
    pub(crate) id: i64,
    pub(crate) district: usize,
    pub(crate) school: usize,
    pub(crate) number: String,
    pub(crate) name: Name,
    /// 0 is kindergarten.
    pub(crate) grade: i16,
    pub(crate) birth_day: i32,
    pub(crate) national_id: Option<String>,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) address: Option<String>,
    /// Index into the guardians, and how they are related.
    pub(crate) guardians: Vec<(usize, &'static str)>,
}

pub(crate) struct Guardian {
    pub(crate) id: i64,
    pub(crate) name: Name,
    pub(crate) email: Option<String>,
    pub(crate) phone: String,
    pub(crate) address: Option<String>,
}

struct Family {
    surname: &'static str,
    address: String,
    guardians: Vec<(usize, &'static str)>,
}

/// Ids that grow with gaps.
struct Ids {
    rng: Rng,
    last: i64,
}

impl Ids {
    fn new(seed: u64, table: &str) -> Self {
        let rng = Rng::new(seed, table);
        Self { rng, last: 0 }
    }

    fn next(&mut self) -> i64 {
        self.last += self.rng.between(1, 2);
        self.last
    }
}

/// One guardian in so many students is known in the neighbouring district as well.
const STUDENTS_PER_SHARED_GUARDIAN: usize = 500;
/// From so many guardians on, one more exists whom no student refers to.
const GUARDIANS_BEFORE_ONE_OF_NOBODY: usize = 20;

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
        let mut world = Self {
            seed: options.seed,
            districts: (0..usize_of(options.districts))
                .map(District::plan)
                .collect(),
            schools: Vec::new(),
            staff: Vec::new(),
            courses: Vec::new(),
            students: Vec::new(),
            guardians: Vec::new(),
        };
        let per_district = usize_of(options.students_per_district);
        let mut registry = Registry::new(options.seed);
        world.plan_schools(per_district);
        world.plan_staff(per_district, &mut registry);
        world.plan_courses();
        world.plan_students(per_district, &mut registry);
        world.share_guardians(per_district);
        world
    }

    pub(crate) fn district_of_school(&self, school: usize) -> u32 {
        self.districts[self.schools[school].district].id
    }

    pub(crate) fn district_of(&self, student: &Student) -> u32 {
        self.districts[student.district].id
    }

    fn plan_schools(&mut self, per_district: usize) {
        let mut ids = Ids::new(self.seed, "schools");
        for _set in 0..=(per_district / 1500) {
            for level in [Level::Elementary, Level::Middle, Level::High] {
                for district in 0..self.districts.len() {
                    self.schools.push(School {
                        id: ids.next(),
                        district,
                        level,
                        principal: 0,
                        teachers: Vec::new(),
                        courses: Vec::new(),
                    });
                }
            }
        }
    }

    /// Superintendent, principals, teachers: each under the one before, all inside one district.
    fn plan_staff(&mut self, per_district: usize, registry: &mut Registry) {
        let mut ids = Ids::new(self.seed, "staff");
        let count = self.districts.len();
        // The first round of schools has one school of each district, in district order.
        for school in 0..count {
            self.hire(&mut ids, school, None, Position::Superintendent, registry);
        }
        for school in 0..self.schools.len() {
            let head = Some(self.schools[school].district);
            let index = self.hire(&mut ids, school, head, Position::Principal, registry);
            self.schools[school].principal = index;
        }
        let schools_per_district = self.schools.len().checked_div(count).unwrap_or(1);
        for _round in 0..2 + per_district / (schools_per_district * 18) {
            for school in 0..self.schools.len() {
                let head = Some(self.schools[school].principal);
                let index = self.hire(&mut ids, school, head, Position::Teacher, registry);
                self.schools[school].teachers.push(index);
            }
        }
    }

    fn hire(
        &mut self,
        ids: &mut Ids,
        school: usize,
        manager: Option<usize>,
        position: Position,
        registry: &mut Registry,
    ) -> usize {
        let district = &self.districts[self.schools[school].district];
        let name = registry.name(None);
        let id = ids.next();
        self.staff.push(Staff {
            id,
            school,
            manager,
            position,
            email: registry.email(&name, &district.domain),
            phone: (id % 4 != 0).then(|| registry.phone(district.place.area_code)),
            name,
        });
        self.staff.len() - 1
    }

    fn plan_courses(&mut self) {
        let mut ids = Ids::new(self.seed, "courses");
        let mut rng = Rng::new(self.seed, "sections");
        for round in 0..5 {
            for school in 0..self.schools.len() {
                let place = &self.schools[school];
                let first = match place.level {
                    Level::Elementary => 0,
                    Level::Middle => 5,
                    Level::High => 10,
                };
                let teacher = |rng: &mut Rng| place.teachers[rng.index(place.teachers.len())];
                let sections = (0..=rng.index(2)).map(|_| teacher(&mut rng)).collect();
                let course = Course {
                    id: ids.next(),
                    school,
                    subject: (first + round + place.district) % SUBJECTS.len(),
                    sections,
                };
                self.schools[school].courses.push(self.courses.len());
                self.courses.push(course);
            }
        }
    }

    fn plan_students(&mut self, per_district: usize, registry: &mut Registry) {
        let mut ids = Ids::new(self.seed, "students");
        let mut guardian_ids = Ids::new(self.seed, "guardians");
        let mut rng = Rng::new(self.seed, "families");
        let count = self.districts.len();
        let mut families: Vec<Option<Family>> = (0..count).map(|_| None).collect();
        for round in 0..per_district {
            for turn in 0..count {
                let district = (turn + round) % count;
                // Each third child is a sibling of the one before.
                if round % 3 != 2 || families[district].is_none() {
                    let family = self.found_family(district, &mut guardian_ids, &mut rng, registry);
                    families[district] = Some(family);
                }
                if let Some(family) = &families[district] {
                    let id = ids.next();
                    let student = self.enrol(id, district, family, &mut rng, registry);
                    self.students.push(student);
                }
            }
        }
        if self.guardians.len() >= GUARDIANS_BEFORE_ONE_OF_NOBODY {
            self.add_guardian(0, &mut guardian_ids, None, None, registry);
        }
    }

    fn found_family(
        &mut self,
        district: usize,
        ids: &mut Ids,
        rng: &mut Rng,
        registry: &mut Registry,
    ) -> Family {
        let surname = registry.surname();
        let address = registry.address(&self.districts[district].place);
        let mut family = Family {
            surname,
            guardians: Vec::new(),
            address,
        };
        let relations: &[&'static str] = match rng.below(4) {
            0 => &["mother"],
            1 => &["guardian"],
            _ => &["mother", "father"],
        };
        for relation in relations {
            let last = (!rng.one_in(4)).then_some(surname);
            let address = Some(family.address.clone());
            let index = self.add_guardian(district, ids, last, address, registry);
            family.guardians.push((index, relation));
        }
        family
    }

    fn add_guardian(
        &mut self,
        district: usize,
        ids: &mut Ids,
        last: Option<&'static str>,
        address: Option<String>,
        registry: &mut Registry,
    ) -> usize {
        let name = registry.name(last);
        let id = ids.next();
        self.guardians.push(Guardian {
            id,
            email: (id % 5 != 0).then(|| registry.private_email(&name)),
            phone: registry.phone(self.districts[district].place.area_code),
            address,
            name,
        });
        self.guardians.len() - 1
    }

    fn enrol(
        &self,
        id: i64,
        district: usize,
        family: &Family,
        rng: &mut Rng,
        registry: &mut Registry,
    ) -> Student {
        let place = &self.districts[district];
        let grade = rng.between(0, 12);
        // Schools stand in the order set, level, district.
        let level = match grade {
            0..=5 => 0,
            6..=8 => 1,
            _ => 2,
        };
        let count = self.districts.len();
        let set = rng.index(self.schools.len() / (3 * count));
        let grade = i16::try_from(grade).expect("at most 12");
        // Children of kindergarten in the year 2024/25 were born from September 2018 on.
        let born = day(2018 - grade, 9, 1) + i32::try_from(rng.below(365)).expect("at most 364");
        let name = registry.name(Some(family.surname));
        Student {
            id,
            district,
            school: (set * 3 + level) * count + district,
            number: registry.student_number(),
            grade,
            birth_day: born,
            national_id: (!rng.one_in(4)).then(|| registry.national_id()),
            email: registry.email(&name, &place.domain),
            phone: (grade >= 6).then(|| registry.phone(place.place.area_code)),
            address: (!rng.one_in(12)).then(|| family.address.clone()),
            guardians: family.guardians.clone(),
            name,
        }
    }

    /// A parent of a child in one district is the stepparent of a child in the next one.
    fn share_guardians(&mut self, per_district: usize) {
        let count = self.districts.len();
        for round in (0..per_district).step_by(STUDENTS_PER_SHARED_GUARDIAN) {
            let at = |district: usize| round * count + (district + count - round % count) % count;
            for district in 1..count {
                let (guardian, _) = self.students[at(district - 1)].guardians[0];
                let other = &mut self.students[at(district)];
                if other.guardians.iter().all(|(index, _)| *index != guardian) {
                    other.guardians.push((guardian, "stepparent"));
                }
            }
        }
    }
}

/// Keys of lists count from 1.
pub(crate) fn key_of_index(index: usize) -> i64 {
    i64::try_from(index + 1).expect("a list is short")
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).expect("a u32 fits usize")
}
