//! Schools, staff and courses, computed from their places.

use crate::generate::world::{
    COURSES_PER_SCHOOL, LEVELS, Level, Place, SECTIONS_PER_COURSE, World, key_of_index,
};
use crate::people::Name;
use crate::pools::SUBJECTS;

#[derive(Clone, Copy)]
pub(crate) struct School<'w> {
    pub(crate) world: &'w World,
    pub(crate) place: Place,
}

impl<'w> School<'w> {
    pub(crate) fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let places = world.places(world.schools_per_district());
        places.map(move |place| School { world, place })
    }

    pub(crate) fn index(&self) -> usize {
        self.world.index(self.place)
    }

    pub(crate) fn id(&self) -> i64 {
        self.world.id("schools", self.index())
    }

    pub(crate) fn district_id(&self) -> u32 {
        self.world.district_id(self.place)
    }

    pub(crate) fn level(&self) -> Level {
        [Level::Elementary, Level::Middle, Level::High][self.place.local % LEVELS]
    }

    pub(crate) fn name(&self) -> String {
        let streets = crate::pools::streets();
        let level = self.level().as_str();
        let title = format!("{}{}", level[..1].to_uppercase(), &level[1..]);
        let mut rng = self.world.rng("school name", self.index());
        format!("{} {title} School", rng.pick(&streets))
    }

    pub(crate) fn principal(&self) -> Staff<'w> {
        self.staff(1 + self.place.local)
    }

    pub(crate) fn teacher(&self, number: usize) -> Staff<'w> {
        let schools = self.world.schools_per_district();
        let number = number % self.world.teachers_per_school();
        self.staff(1 + schools * (1 + number) + self.place.local)
    }

    fn staff(&self, local: usize) -> Staff<'w> {
        Staff::of(self.world, self.place.district, local)
    }

    pub(crate) fn course(&self, round: usize) -> Course<'w> {
        let local = round * self.world.schools_per_district() + self.place.local;
        let district = self.place.district;
        Course {
            world: self.world,
            place: Place { district, local },
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Superintendent,
    Principal,
    Teacher,
}

impl Position {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Superintendent => "superintendent",
            Self::Principal => "principal",
            Self::Teacher => "teacher",
        }
    }
}

/// In a district: the superintendent, then a principal for each school, then teachers round by round.
#[derive(Clone, Copy)]
pub(crate) struct Staff<'w> {
    pub(crate) world: &'w World,
    pub(crate) place: Place,
}

impl<'w> Staff<'w> {
    pub(crate) fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let places = world.places(world.staff_per_district());
        places.map(move |place| Staff { world, place })
    }

    pub(crate) fn of(world: &'w World, district: usize, local: usize) -> Self {
        let place = Place { district, local };
        Self { world, place }
    }

    pub(crate) fn index(&self) -> usize {
        self.world.index(self.place)
    }

    pub(crate) fn id(&self) -> i64 {
        self.world.id("staff", self.index())
    }

    pub(crate) fn district_id(&self) -> u32 {
        self.world.district_id(self.place)
    }

    pub(crate) fn position(&self) -> Position {
        match self.place.local {
            0 => Position::Superintendent,
            local if local <= self.world.schools_per_district() => Position::Principal,
            _ => Position::Teacher,
        }
    }

    pub(crate) fn school(&self) -> School<'w> {
        let schools = self.world.schools_per_district();
        let local = self.place.local.saturating_sub(1) % schools;
        let district = self.place.district;
        School {
            world: self.world,
            place: Place { district, local },
        }
    }

    /// Each under the one before, all inside one district.
    pub(crate) fn manager(&self) -> Option<Self> {
        match self.position() {
            Position::Superintendent => None,
            Position::Principal => Some(Self::of(self.world, self.place.district, 0)),
            Position::Teacher => Some(self.school().principal()),
        }
    }

    pub(crate) fn name(&self) -> Name {
        self.world.registry.lone_name(self.index())
    }

    pub(crate) fn email(&self) -> String {
        self.name().email(&self.world.district(self.place).domain)
    }

    pub(crate) fn phone(&self) -> Option<String> {
        let area = self.world.district(self.place).place.area_code;
        let number = self.world.first_number_of_staff() + self.index();
        (self.id() % 4 != 0).then(|| self.world.registry.phone(area, number))
    }

    pub(crate) fn hired(&self) -> i32 {
        let mut rng = self.world.rng("hired", self.index());
        crate::value::day(1998, 8, 15) + crate::generate::world::days(&mut rng, 9_000)
    }
}

/// In a district round by round over the schools.
#[derive(Clone, Copy)]
pub(crate) struct Course<'w> {
    pub(crate) world: &'w World,
    pub(crate) place: Place,
}

/// A section of a course, from 1.
#[derive(Clone, Copy)]
pub(crate) struct Section<'w> {
    pub(crate) course: Course<'w>,
    pub(crate) number: usize,
}

impl<'w> Course<'w> {
    pub(crate) fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let places = world.places(world.courses_per_district());
        places.map(move |place| Course { world, place })
    }

    pub(crate) fn index(&self) -> usize {
        self.world.index(self.place)
    }

    pub(crate) fn id(&self) -> i64 {
        self.world.id("courses", self.index())
    }

    pub(crate) fn district_id(&self) -> u32 {
        self.world.district_id(self.place)
    }

    pub(crate) fn school(&self) -> School<'w> {
        let local = self.place.local % self.world.schools_per_district();
        let district = self.place.district;
        School {
            world: self.world,
            place: Place { district, local },
        }
    }

    /// Index into `SUBJECTS`; the key is one more.
    pub(crate) fn subject(&self) -> usize {
        let round = self.place.local / self.world.schools_per_district();
        let first = COURSES_PER_SCHOOL * (self.place.local % LEVELS);
        (first + round + self.place.district) % SUBJECTS.len()
    }

    pub(crate) fn section_count(&self) -> usize {
        let mut rng = self.world.rng("sections", self.index());
        1 + rng.index(SECTIONS_PER_COURSE)
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = Section<'w>> + use<'w> {
        let course = *self;
        (1..=self.section_count()).map(move |number| Section { course, number })
    }
}

impl<'w> Section<'w> {
    pub(crate) fn number_value(&self) -> i64 {
        key_of_index(self.number - 1)
    }

    /// Among the places for sections of all courses.
    pub(crate) fn index(&self) -> usize {
        self.course.index() * SECTIONS_PER_COURSE + self.number - 1
    }

    pub(crate) fn teacher(&self) -> Staff<'w> {
        let mut rng = self.course.world.rng("teachers", self.index());
        let school = self.course.school();
        school.teacher(rng.index(self.course.world.teachers_per_school()))
    }
}
