//! Rows of HCP2: a catalogue of products, licences of districts, devices, and usage events that no key
//! tells from each other: some are equal to the last column.

use crate::generate::Uses;
use crate::generate::accounts::address;
use crate::generate::school::{School, Staff};
use crate::generate::student::Student;
use crate::generate::world::{Place, World, days, key_of_index, uuid};
use crate::people::slug;
use crate::permutation::Permutation;
use crate::row::{Row, SensitiveKind as Kind, Visitor};
use crate::schema::{DEVICES, LICENCES, LinkName, PRODUCTS, USAGE_EVENTS};
use crate::value::{Value, day, moment};

/// Title and maker; nobody licenses the last ones.
const CATALOGUE: [(&str, &str); 8] = [
    ("Number Trails", "Larkfield Learning"),
    ("Reading Harbor", "Larkfield Learning"),
    ("Lab Bench", "Quillstone Software"),
    ("Score Sheet", "Quillstone Software"),
    ("Atlas Live", "Meridian Maps"),
    ("Code Garden", "Fernway Systems"),
    ("Choir Room", "Fernway Systems"),
    ("Debate Hall", "Meridian Maps"),
];
const USED_PRODUCTS: usize = 6;
const LICENCES_PER_DISTRICT: usize = 3;
const EVENTS_PER_DEVICE: usize = 2;
const HEARTBEATS: u32 = 3;

pub(crate) fn products(world: &World, visitor: &mut dyn Visitor) {
    for (index, (title, vendor)) in CATALOGUE.iter().enumerate() {
        let mut rng = world.rng("products", index);
        let price = (index % 4 != 3).then(|| rng.between(8, 400));
        let values = vec![
            Value::Int(key_of_index(index)),
            Value::Text(format!("SKU-{:04}", 1_000 + index * 37)),
            Value::text_of(*title),
            Value::text_of(*vendor),
            price.map_or(Value::Null, Value::quarters),
        ];
        visitor.row(Row::new(&PRODUCTS, None, values));
    }
}

#[derive(Clone, Copy)]
struct Licence<'w> {
    world: &'w World,
    place: Place,
}

impl<'w> Licence<'w> {
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let places = world.places(LICENCES_PER_DISTRICT);
        places.map(move |place| Licence { world, place })
    }

    fn of(world: &'w World, district: usize, number: usize) -> Self {
        let local = number % LICENCES_PER_DISTRICT;
        let place = Place { district, local };
        Licence { world, place }
    }

    fn index(&self) -> usize {
        self.world.index(self.place)
    }

    fn id(&self) -> u128 {
        uuid(self.world, "licence", self.index())
    }

    fn product(&self) -> usize {
        (self.place.district + self.place.local * 2) % USED_PRODUCTS
    }
}

pub(crate) fn licences(world: &World, visitor: &mut dyn Visitor) {
    let mut uses = Uses::new(world);
    for licence in Licence::all(world) {
        let row = licence_row(licence);
        let district = world.district_id(licence.place);
        let join = row.join(LinkName::LicenceDistrict, vec![district.to_string()]);
        visitor.row(row);
        visitor.join(join);
        let product = licence.product();
        if uses.is_first(licence.place.district, product) {
            let key = vec![key_of_index(product).to_string()];
            visitor.used(&PRODUCTS, key, district);
        }
    }
}

fn licence_row(licence: Licence<'_>) -> Row {
    let world = licence.world;
    let mut rng = world.rng("licence rows", licence.index());
    let district = world.district_id(licence.place);
    let year = 2023 + i16::try_from(rng.below(2)).expect("0 or 1");
    let contact = Staff::of(world, licence.place.district, 0).email();
    let values = vec![
        Value::Uuid(licence.id()),
        Value::Int(i64::from(district)),
        Value::Int(key_of_index(licence.product())),
        Value::Text(format!("K-{year}-{:06}", 100 + licence.index())),
        Value::Int(rng.between(1, 40) * 25),
        Value::Text(format!("[{year}-07-01,{}-07-01)", year + 1)),
        Value::optional_text((licence.place.local != 2).then_some(contact)),
    ];
    Row::new(&LICENCES, Some(district), values).mark("contact_email", Kind::Email)
}

/// Of each second student, and one in each school.
#[derive(Clone, Copy)]
enum Device<'w> {
    Student(Student<'w>),
    School(School<'w>),
}

impl<'w> Device<'w> {
    fn all(world: &'w World) -> impl Iterator<Item = Self> {
        let students = Student::all(world).filter(|student| student.place.local % 2 == 0);
        let schools = School::all(world).map(Self::School);
        students.map(Self::Student).chain(schools)
    }

    fn world(&self) -> &'w World {
        match self {
            Self::Student(student) => student.world,
            Self::School(school) => school.world,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Student(student) => student.place,
            Self::School(school) => school.place,
        }
    }

    fn index(&self) -> usize {
        match self {
            Self::Student(student) => student.index(),
            Self::School(school) => school.world.student_count() + school.index(),
        }
    }

    fn id(&self) -> u128 {
        uuid(self.world(), "device", self.index())
    }

    fn address(&self) -> String {
        // Behind those of all sessions.
        let accounts = self.world().staff_count() + self.world().student_count();
        address(accounts * 2 + self.index())
    }
}

pub(crate) fn devices(world: &World, visitor: &mut dyn Visitor) {
    for device in Device::all(world) {
        let row = device_row(device);
        let district = world.district_id(device.place()).to_string();
        let mut joins = vec![row.join(LinkName::DeviceDistrict, vec![district])];
        if let Device::Student(student) = device {
            let student = vec![student.id().to_string()];
            joins.push(row.join(LinkName::DeviceStudent, student));
        }
        visitor.row(row);
        joins.into_iter().for_each(|join| visitor.join(join));
    }
}

fn device_row(device: Device<'_>) -> Row {
    let world = device.world();
    let mut rng = world.rng("device rows", device.index());
    let district = world.district_id(device.place());
    let number = u64::try_from(device.index()).expect("an index fits u64");
    let size = 0x0100_0000;
    let mac = Permutation::new(size, world.seed ^ 0x3ac).at(number % size);
    let maker = 0x3c_5a_b4 + number / size;
    let [_, _, a, b, c, d, e, f] = ((maker << 24) | mac).to_be_bytes();
    let seen = moment(
        day(2025, 2, 1) + days(&mut rng, 28),
        rng.between(25_000, 80_000),
    );
    let (student, host) = match device {
        Device::Student(student) => {
            let (name, id) = (student.name(), student.id());
            let host = format!("{}-{}-{id}", slug(name.first), slug(name.last));
            (Value::Int(id), host)
        }
        Device::School(school) => (Value::Null, format!("cart-{:05}", school.id())),
    };
    let values = vec![
        Value::Uuid(device.id()),
        Value::Int(i64::from(district)),
        student,
        Value::Text(format!("AT{:08}", 10_000_000 + device.index())),
        Value::Text(format!("5CD{:09X}", mac * 7_919 + 0x0400_0000)),
        Value::Text(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")),
        Value::optional_text((!rng.one_in(7)).then(|| device.address())),
        Value::Text(host),
        Value::Timestamp(seen),
    ];
    let row = Row::new(&DEVICES, Some(district), values)
        .mark("serial_number", Kind::DeviceId)
        .mark("mac_address", Kind::DeviceId)
        .mark("last_ip", Kind::NetworkAddress);
    match device {
        Device::Student(_) => row.mark("host_name", Kind::DeviceId),
        Device::School(_) => row,
    }
}

pub(crate) fn usage_events(world: &World, visitor: &mut dyn Visitor) {
    for licence in Licence::all(world) {
        let row = heartbeat(licence);
        for copy in 1..=HEARTBEATS {
            visitor.row(row.as_copy(copy));
        }
    }
    for round in 0..EVENTS_PER_DEVICE {
        for device in Device::all(world) {
            let row = event_row(device, round);
            let copies = match world.rng("copies", device.index()).below(6) {
                0 => 3,
                1 => 2,
                _ => 1,
            };
            for copy in 1..=copies {
                visitor.row(row.as_copy(copy));
            }
        }
    }
}

/// Of no device and nobody.
fn heartbeat(licence: Licence<'_>) -> Row {
    let values = vec![
        Value::Timestamp(moment(day(2025, 1, 6), 21_600)),
        Value::Uuid(licence.id()),
        Value::Null,
        Value::Null,
        Value::text_of("heartbeat"),
        Value::Null,
        Value::Null,
    ];
    let district = licence.world.district_id(licence.place);
    Row::new(&USAGE_EVENTS, Some(district), values)
}

fn event_row(device: Device<'_>, round: usize) -> Row {
    const EVENTS: [&str; 4] = ["open", "close", "search", "print"];
    let world = device.world();
    let index = device.index() * EVENTS_PER_DEVICE + round;
    let mut rng = world.rng("usage events", index);
    let place = device.place();
    let licence = Licence::of(world, place.district, rng.index(LICENCES_PER_DISTRICT));
    // Each round has days of its own: rows of a device are equal on purpose only.
    let first = day(2025, 1, 8) + i32::try_from(round).expect("few rounds") * 20;
    let at = moment(first + days(&mut rng, 20), rng.between(25_000, 80_000));
    let user = match device {
        Device::Student(student) => Some(student.email()),
        Device::School(_) => None,
    };
    let seconds = (!rng.one_in(4)).then(|| rng.between(5, 3_000));
    let values = vec![
        Value::Timestamp(at),
        Value::Uuid(licence.id()),
        Value::Uuid(device.id()),
        Value::optional_text(user),
        Value::text_of(rng.pick(&EVENTS)),
        seconds.map_or(Value::Null, Value::Int),
        Value::Text(device.address()),
    ];
    Row::new(&USAGE_EVENTS, Some(world.district_id(place)), values)
        .mark("user_email", Kind::Email)
        .mark("ip_address", Kind::NetworkAddress)
}
