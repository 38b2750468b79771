//! Students, their families and guardians, computed from their places.

use crate::generate::school::{School, Section, Staff};
use crate::generate::world::{COURSES_PER_SCHOOL, LEVELS, Place, World, days};
use crate::people::Name;
use crate::value::day;

/// One guardian in so many students is known in the neighbouring district as well.
const STUDENTS_PER_SHARED_GUARDIAN: usize = 500;
/// In one of so many families a parent teaches in the district.
const FAMILIES_PER_TEACHING_PARENT: usize = 29;
const COURSES_PER_STUDENT: usize = 3;

#[derive(Clone, Copy)]
pub(crate) struct Student<'w> {
    pub(crate) world: &'w World,
    pub(crate) place: Place,
}

/// In a district: one child, then a family of two, then one child again.
#[derive(Clone, Copy)]
pub(crate) struct Family<'w> {
    pub(crate) world: &'w World,
    pub(crate) place: Place,
}

/// The first or second guardian of a family.
#[derive(Clone, Copy)]
pub(crate) struct Guardian<'w> {
    pub(crate) family: Family<'w>,
    pub(crate) number: usize,
}

/// How a guardian is related to a student.
#[derive(Clone, Copy)]
pub(crate) struct Relation<'w> {
    pub(crate) guardian: Guardian<'w>,
    pub(crate) text: &'static str,
}

impl<'w> Student<'w> {
    pub(crate) fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let places = world.places(world.students_per_district());
        places.map(move |place| Student { world, place })
    }

    /// The student at a position among all.
    pub(crate) fn at(world: &'w World, index: usize) -> Self {
        let count = world.districts.len();
        let local = index / count;
        let district = (index % count + local) % count;
        let place = Place { district, local };
        Student { world, place }
    }

    pub(crate) fn index(&self) -> usize {
        self.world.index(self.place)
    }

    pub(crate) fn id(&self) -> i64 {
        self.world.id("students", self.index())
    }

    pub(crate) fn district_id(&self) -> u32 {
        self.world.district_id(self.place)
    }

    pub(crate) fn family(&self) -> Family<'w> {
        let local = self.place.local / 3 * 2 + (self.place.local % 3).min(1);
        Family::of(self.world, self.place.district, local)
    }

    /// 0 is kindergarten.
    pub(crate) fn grade(&self) -> i64 {
        self.world.rng("grade", self.index()).between(0, 12)
    }

    pub(crate) fn grade_code(&self) -> String {
        match self.grade() {
            0 => "KG".to_owned(),
            grade => format!("{grade:02}"),
        }
    }

    pub(crate) fn school(&self) -> School<'w> {
        let level = match self.grade() {
            0..=5 => 0,
            6..=8 => 1,
            _ => 2,
        };
        let sets = self.world.schools_per_district() / LEVELS;
        let set = self.world.rng("school", self.index()).index(sets);
        let district = self.place.district;
        let local = set * LEVELS + level;
        School {
            world: self.world,
            place: Place { district, local },
        }
    }

    /// Children of kindergarten in the year 2024/25 were born from September 2018 on.
    pub(crate) fn birth_day(&self) -> i32 {
        let year = 2018 - i16::try_from(self.grade()).expect("at most 12");
        day(year, 9, 1) + days(&mut self.world.rng("birth", self.index()), 365)
    }

    pub(crate) fn number(&self) -> String {
        self.world.registry.student_number(self.index())
    }

    pub(crate) fn name(&self) -> Name {
        // The second child of a family is the one at the places 2, 5, 8, …
        let child = if self.place.local % 3 == 2 { 3 } else { 2 };
        let family = self.family().index();
        self.world.registry.family_name(family, child)
    }

    pub(crate) fn email(&self) -> String {
        self.name().email(&self.world.district(self.place).domain)
    }

    pub(crate) fn national_id(&self) -> Option<String> {
        let is_known = !self.world.rng("national id", self.index()).one_in(4);
        is_known.then(|| self.world.registry.national_id(self.index()))
    }

    pub(crate) fn phone(&self) -> Option<String> {
        let area = self.world.district(self.place).place.area_code;
        (self.grade() >= 6).then(|| self.world.registry.phone(area, self.index()))
    }

    pub(crate) fn address(&self) -> Option<String> {
        let is_known = !self.world.rng("address", self.index()).one_in(12);
        is_known.then(|| self.family().address())
    }

    /// The family's; for a few also a parent of a child in the district before, as stepparent.
    pub(crate) fn guardians(&self) -> Vec<Relation<'w>> {
        let mut all = self.family().guardians();
        let Place { district, local } = self.place;
        if district > 0 && local % STUDENTS_PER_SHARED_GUARDIAN == 0 {
            let district = district - 1;
            let place = Place { district, local };
            let world = self.world;
            let family = Student { world, place }.family();
            let guardian = Guardian { family, number: 0 };
            let text = "stepparent";
            all.push(Relation { guardian, text });
        }
        all
    }

    pub(crate) fn guardian(&self) -> Guardian<'w> {
        let family = self.family();
        Guardian { family, number: 0 }
    }

    pub(crate) fn sections(&self) -> Vec<Section<'w>> {
        let mut rng = self.world.rng("enrollments", self.index());
        let school = self.school();
        let first = rng.index(COURSES_PER_SCHOOL);
        let rounds = (0..COURSES_PER_STUDENT).map(|offset| (first + offset) % COURSES_PER_SCHOOL);
        rounds
            .map(|round| {
                let course = school.course(round);
                let number = 1 + rng.index(course.section_count());
                Section { course, number }
            })
            .collect()
    }
}

impl<'w> Family<'w> {
    fn of(world: &'w World, district: usize, local: usize) -> Self {
        let place = Place { district, local };
        Self { world, place }
    }

    pub(crate) fn index(&self) -> usize {
        self.world.index(self.place)
    }

    pub(crate) fn address(&self) -> String {
        let place = &self.world.district(self.place).place;
        self.world.registry.address(place, self.index())
    }

    pub(crate) fn guardians(&self) -> Vec<Relation<'w>> {
        let relations: &[&'static str] = match self.world.rng("family", self.index()).below(4) {
            0 => &["mother"],
            1 => &["guardian"],
            _ => &["mother", "father"],
        };
        let family = *self;
        let numbered = relations.iter().enumerate();
        numbered
            .map(|(number, text)| Relation {
                guardian: Guardian { family, number },
                text,
            })
            .collect()
    }

    /// The places of its children.
    fn children(&self) -> std::ops::Range<usize> {
        let (pair, is_pair) = (self.place.local / 2, self.place.local % 2 == 1);
        let range = if is_pair {
            pair * 3 + 1..pair * 3 + 3
        } else {
            pair * 3..pair * 3 + 1
        };
        range.start..range.end.min(self.world.students_per_district())
    }
}

impl<'w> Guardian<'w> {
    /// All that exist but the one of nobody.
    pub(crate) fn all(world: &'w World) -> impl Iterator<Item = Self> {
        world
            .places(world.guardian_places())
            .filter_map(move |place| {
                let family = Family::of(world, place.district, place.local / 2);
                let number = place.local % 2;
                let exists = number < family.guardians().len();
                exists.then_some(Guardian { family, number })
            })
    }

    pub(crate) fn index(&self) -> usize {
        let Place { district, local } = self.family.place;
        let local = local * 2 + self.number;
        self.family.world.index(Place { district, local })
    }

    pub(crate) fn id(&self) -> i64 {
        self.family.world.id("guardians", self.index())
    }

    pub(crate) fn district_id(&self) -> u32 {
        self.family.world.district_id(self.family.place)
    }

    /// The districts that know the guardian: the family's, and the next one where a stepchild is.
    pub(crate) fn districts(&self) -> Vec<u32> {
        let mut all = vec![self.district_id()];
        let next = self.family.place.district + 1;
        if self.is_stepparent() {
            all.push(self.family.world.districts[next].id);
        }
        all
    }

    fn is_stepparent(&self) -> bool {
        self.number == 0
            && self.family.place.district + 1 < self.family.world.districts.len()
            && self
                .family
                .children()
                .any(|local| local % STUDENTS_PER_SHARED_GUARDIAN == 0)
    }

    /// The same person as a teacher of the district.
    pub(crate) fn staff(&self) -> Option<Staff<'w>> {
        let world = self.family.world;
        let Place { district, local } = self.family.place;
        let number = local / FAMILIES_PER_TEACHING_PARENT;
        let first_teacher = 1 + world.schools_per_district();
        let is_one = self.number == 0
            && local % FAMILIES_PER_TEACHING_PARENT == 7
            && first_teacher + number < world.staff_per_district()
            && !self.is_stepparent();
        is_one.then(|| Staff::of(world, district, first_teacher + number))
    }

    pub(crate) fn name(&self) -> Name {
        let world = self.family.world;
        if let Some(staff) = self.staff() {
            return staff.name();
        }
        let has_another_name = world.rng("guardian name", self.index()).one_in(4);
        if has_another_name {
            let number = world.staff_count() + 1 + self.index();
            return world.registry.lone_name(number);
        }
        let member = u64::from(self.number == 1);
        world.registry.family_name(self.family.index(), member)
    }

    pub(crate) fn email(&self) -> Option<String> {
        (self.id() % 5 != 0).then(|| self.name().private_email())
    }

    pub(crate) fn phone(&self) -> String {
        let world = self.family.world;
        let area = world.district(self.family.place).place.area_code;
        let number = world.student_count() + self.index();
        world.registry.phone(area, number)
    }
}

/// The teacher's side of [`Guardian::staff`].
pub(crate) fn guardian_of_staff(staff: Staff<'_>) -> Option<Guardian<'_>> {
    let world = staff.world;
    let number = staff
        .place
        .local
        .checked_sub(1 + world.schools_per_district())?;
    let local = number * FAMILIES_PER_TEACHING_PARENT + 7;
    if local >= world.families_per_district() {
        return None;
    }
    let family = Family::of(world, staff.place.district, local);
    let guardian = Guardian { family, number: 0 };
    guardian.staff().is_some().then_some(guardian)
}
