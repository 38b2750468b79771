//! Properties that every mask keeps.

use std::collections::BTreeSet;

use proptest::prelude::*;
use redistrict_anonymize::{Bounds, Field, FieldShape, MaskRegistry, Masked, Pseudonymizer, Value};
use redistrict_model::{ColumnClass, ColumnType, DistrictId, MaskKind, MaskName, MaskScope};

use crate::support::root_key;

fn field(class: ColumnClass, types: &[ColumnType]) -> Field {
    let district = DistrictId::new("2");
    Field {
        key: Pseudonymizer::new(&root_key(), MaskScope::District, &district, "d", 1),
        shape: FieldShape {
            class,
            kind: MaskKind::Synthetic,
            unique: false,
            max_length: None,
            types: types.to_vec(),
            source_types: Vec::new(),
            bounds: Bounds::default(),
        },
    }
}

fn text_field() -> Field {
    field(ColumnClass::Unknown, &[ColumnType::Text])
}

fn in_format(mut field: Field) -> Field {
    field.shape.kind = MaskKind::InFormat;
    field.shape.unique = true;
    field
}

fn unique(mut field: Field) -> Field {
    field.shape.unique = true;
    field
}

fn short(mut field: Field, length: usize) -> Field {
    field.shape.max_length = Some(length);
    field
}

fn masked(name: MaskName, text: &str, field: &Field) -> String {
    let registry = MaskRegistry::default();
    let mask = registry.get(name, &field.shape.types).unwrap();
    let masked = mask.mask(Value::Text(text), field);
    match masked {
        Ok(Masked::Text(made)) => {
            let again = mask.mask(Value::Text(text), field);
            assert_eq!(again, Ok(Masked::Text(made.clone())), "not deterministic");
            assert!(
                mask.is_output(&made, &field.shape),
                "{name:?} {text} -> {made}"
            );
            made
        }
        other => panic!("{name:?}: {other:?}"),
    }
}

const TEXT_MASKS: [(MaskName, usize); 8] = [
    (MaskName::FirstName, 2),
    (MaskName::Surname, 3),
    (MaskName::FullName, 7),
    (MaskName::Email, 11),
    (MaskName::Phone, 8),
    (MaskName::NationalId, 9),
    (MaskName::Address, 5),
    (MaskName::Text, 1),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn text_masks_never_give_the_own_value_and_fit(text in "\\PC{1,40}", more in 0_usize..30) {
        for (name, least) in TEXT_MASKS {
            // A column is never shorter than its values, but for phones and the like that grow.
            let room = (least + more).max(text.chars().count());
            let made = masked(name, &text, &short(text_field(), room));
            prop_assert!(made.chars().count() <= room, "{name:?} {room} {made}");
            prop_assert_ne!(&made, &text);
            prop_assert!(!made.is_empty());
        }
    }

    #[test]
    fn texts_within_their_format_stay_apart_and_keep_it(a in "[A-Za-z0-9 .@äöÄ日本-]{1,30}", b in "[0-9A-Za-z-]{1,12}") {
        let field = in_format(text_field());
        let (x, y) = (masked(MaskName::Text, &a, &field), masked(MaskName::Text, &b, &field));
        prop_assert_eq!(a == b, x == y);
        prop_assert_eq!(x.chars().count(), a.chars().count());
        prop_assert_eq!(a.chars().any(char::is_alphanumeric), x != a);
        // Case-insensitive keys stay apart too.
        let other = masked(MaskName::Text, &b.to_ascii_uppercase(), &field);
        prop_assert_eq!(other.to_ascii_lowercase(), y.to_ascii_lowercase());
    }

    #[test]
    fn whole_numbers_keep_sign_digits_and_type(a in any::<i64>(), b in any::<i32>(), c in any::<i16>()) {
        let wide = field(ColumnClass::Unknown, &[ColumnType::Int64]);
        let narrow = field(ColumnClass::Unknown, &[ColumnType::Int32, ColumnType::Int64]);
        let small = field(ColumnClass::Unknown, &[ColumnType::Int16]);
        for (number, field) in [(a, &wide), (b.into(), &narrow), (c.into(), &small)] {
            let made = masked(MaskName::Number, &number.to_string(), field);
            let value: i64 = made.parse().unwrap();
            prop_assert_ne!(value, number);
            prop_assert_eq!(value < 0, number < 0);
            prop_assert_eq!(made.len(), number.to_string().len());
        }
        let made: i32 = masked(MaskName::Number, &b.to_string(), &narrow).parse().unwrap();
        prop_assert_ne!(made, b);
        masked(MaskName::Number, &c.to_string(), &small).parse::<i16>().unwrap();
    }

    #[test]
    fn numerics_keep_their_scale(text in "-?(0|[1-9][0-9]{0,34})(\\.[0-9]{1,8})?") {
        let field = field(ColumnClass::Unknown, &[ColumnType::Numeric]);
        let made = masked(MaskName::Number, &text, &field);
        let scale = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        prop_assert_eq!(scale(&made), scale(&text));
        let is_minus_zero = text.starts_with('-') && text.bytes().all(|b| b"-0.".contains(&b));
        prop_assert!(is_minus_zero || made.len() == text.len(), "{} {}", text, made);
        prop_assert_ne!(&made, &text);
    }

    #[test]
    fn dates_are_never_the_own_day(days in -20_000_i32..40_000) {
        let registry = MaskRegistry::default();
        let mask = registry.get(MaskName::Date, &[ColumnType::Date]).unwrap();
        let birth = field(ColumnClass::BirthDate, &[ColumnType::Date]);
        let event = field(ColumnClass::Date, &[ColumnType::Date]);
        let Ok(Masked::Days(born)) = mask.mask(Value::Days(days), &birth) else { panic!() };
        prop_assert!(born != days && (born - days).abs() <= 366);
        let Ok(Masked::Days(moved)) = mask.mask(Value::Days(days), &event) else { panic!() };
        prop_assert_eq!(moved - days, event.key.shift_days());
        let micros = i64::from(days) * 86_400_000_000 + 3_600_000_000;
        let timestamp = registry.get(MaskName::Timestamp, &[ColumnType::Timestamp]).unwrap();
        let Ok(Masked::Micros(made)) = timestamp.mask(Value::Micros(micros), &event) else { panic!() };
        prop_assert_eq!(made - micros, i64::from(event.key.shift_days()) * 86_400_000_000);
    }

    #[test]
    fn files_change_and_stay_short(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        let registry = MaskRegistry::default();
        let mask = registry.get(MaskName::Bytes, &[ColumnType::Bytes]).unwrap();
        let field = field(ColumnClass::Unknown, &[ColumnType::Bytes]);
        let Ok(Masked::Bytes(made)) = mask.mask(Value::Bytes(&bytes), &field) else { panic!() };
        prop_assert_eq!(made.len(), bytes.len().min(64));
        prop_assert_ne!(made, bytes);
    }
}

#[test]
fn one_number_is_one_value_whatever_its_type() {
    let types = [ColumnType::Int32, ColumnType::Text, ColumnType::Numeric];
    let field = field(ColumnClass::Unknown, &types);
    let made = masked(MaskName::Number, "123", &field);
    assert_eq!(
        masked(MaskName::Number, "123.00", &field),
        format!("{made}.00")
    );
    // Texts with leading zeros are other values and never become a number's text.
    let all: BTreeSet<String> = ["123", "0123", "00123", "1230", "x12"]
        .iter()
        .map(|text| masked(MaskName::Number, text, &field))
        .collect();
    assert_eq!(all.len(), 5);
}

#[test]
fn every_small_number_has_its_own_pseudonym() {
    let field = field(ColumnClass::Unknown, &[ColumnType::Int16]);
    let all: BTreeSet<String> = (i16::MIN..=i16::MAX)
        .map(|number| masked(MaskName::Number, &number.to_string(), &field))
        .collect();
    assert_eq!(all.len(), 65_536);
    assert!(all.iter().all(|made| made.parse::<i16>().is_ok()));
}

#[test]
fn numbers_stay_within_the_bounds_of_their_checks() {
    let mut bounded = field(ColumnClass::Unknown, &[ColumnType::Int32]);
    bounded.shape.bounds = Bounds {
        low: Some(1),
        high: Some(10),
        ..Bounds::default()
    };
    for number in 1..=10 {
        let made: i32 = masked(MaskName::Number, &number.to_string(), &bounded)
            .parse()
            .unwrap();
        assert!((1..=10).contains(&made) && made != number);
    }
    let mut positive = field(ColumnClass::Unknown, &[ColumnType::Numeric]);
    positive.shape.bounds = Bounds {
        low: Some(0),
        low_open: true,
        high: None,
        high_open: false,
    };
    for text in ["0.01", "0.5", "1", "9", "10.00", "99999.99"] {
        let made: f64 = masked(MaskName::Number, text, &positive).parse().unwrap();
        assert!(made > 0.0, "{text}");
    }
}

#[test]
fn what_must_be_unique_is() {
    for (name, make) in [
        (
            MaskName::Email,
            (|n| format!("p{n}@district.k12.wa.us")) as fn(u32) -> String,
        ),
        (MaskName::Surname, |n| format!("Name{n}")),
        (MaskName::FirstName, |n| format!("Name{n}")),
        (MaskName::FullName, |n| format!("First Name{n}")),
        (MaskName::Address, |n| format!("{n} Main Street")),
        (MaskName::Phone, |n| {
            format!("(425) 31{}-{:04}", n / 10_000, n % 10_000)
        }),
        (MaskName::Uuid, |n| {
            format!("00000000-0000-0000-0000-0000{n:08}")
        }),
    ] {
        let field = unique(field(ColumnClass::Unknown, &[ColumnType::Text]));
        let all: BTreeSet<String> = (0..3000).map(|n| masked(name, &make(n), &field)).collect();
        assert_eq!(all.len(), 3000, "{name:?}");
    }
}

#[test]
fn reserved_outputs_are_nobodys() {
    let field = text_field();
    let email = masked(MaskName::Email, "maria.lopez@cascademail.net", &field);
    assert!(email.ends_with("@example.org"));
    for phone in [
        "(425) 312-9876",
        "425-312-9876",
        "+1 425 312 9876",
        "4253129876",
        "312-9876",
    ] {
        let made = masked(MaskName::Phone, phone, &field);
        assert_eq!(made.len(), phone.len());
        let digits: String = made.chars().filter(char::is_ascii_digit).collect();
        assert!(digits[digits.len() - 7..].starts_with("55501"), "{made}");
    }
    for id in ["123-45-6789", "123456789", "123 45 6789"] {
        let made = masked(MaskName::NationalId, id, &field);
        assert_eq!(made.len(), id.len());
        assert!(made.starts_with('9'));
        let digits: String = made.chars().filter(char::is_ascii_digit).collect();
        let group: u32 = digits[3..5].parse().unwrap();
        assert!(matches!(group, 0..=49 | 66..=69 | 89 | 93), "{made}");
    }
    let network = self::field(ColumnClass::Unknown, &[ColumnType::Inet]);
    assert!(masked(MaskName::Text, "10.1.2.3", &network).starts_with(['1', '2']));
    assert!(masked(MaskName::Text, "fe80::1", &network).starts_with("2001:db8:"));
}

#[test]
fn real_values_lie_in_no_reserved_range() {
    let registry = MaskRegistry::default();
    let field = text_field();
    for (name, text) in [
        (MaskName::Email, "maria@school.org"),
        (MaskName::Email, "maria@example.org.evil.com"),
        (MaskName::Email, "maria.lopez@exam"),
        (MaskName::Phone, "(425) 312-9876"),
        (MaskName::NationalId, "123-45-6789"),
        (MaskName::NationalId, "912-70-6789"),
        (MaskName::Surname, "Lopez"),
        (MaskName::FirstName, "Mari"),
        (MaskName::FullName, "Maria Lopez"),
        (MaskName::Address, "12 Main Street"),
        (MaskName::Text, "Has asthma, see nurse"),
    ] {
        let mask = registry.get(name, &field.shape.types).unwrap();
        assert!(!mask.is_output(text, &field.shape), "{name:?} {text}");
    }
}

#[test]
fn documents_keep_their_structure_and_nothing_else() {
    let field = field(ColumnClass::Unknown, &[ColumnType::Json]);
    let document = r#"{"email": "maria@x.net", "n": [12, true, null], "contact": {"phone": "425-312-9876"}, "note": "likes chess", "joined": "2011-03-05", "": ""}"#;
    let made = masked(MaskName::Json, document, &field);
    let value: serde_json::Value = serde_json::from_str(&made).unwrap();
    assert!(value["email"].as_str().unwrap().ends_with("@example.org"));
    assert!(
        value["contact"]["phone"]
            .as_str()
            .unwrap()
            .contains("555-01")
    );
    assert_eq!(value["n"][1], true);
    assert!(value["n"][0].as_i64().unwrap() != 12);
    for gone in ["maria", "312", "chess", "2011-03-05"] {
        assert!(!made.contains(gone), "{made}");
    }
    serde_json::from_str::<serde_json::Value>(&masked(MaskName::Json, "{broken", &field)).unwrap();
}

#[test]
fn infinities_and_sentinels_stay() {
    let registry = MaskRegistry::default();
    let event = field(ColumnClass::Date, &[ColumnType::Date]);
    let date = registry.get(MaskName::Date, &[ColumnType::Date]).unwrap();
    for days in [i32::MAX, i32::MIN, 2_932_896] {
        assert_eq!(date.mask(Value::Days(days), &event), Ok(Masked::Days(days)));
    }
    let timestamp = registry
        .get(MaskName::Timestamp, &[ColumnType::Timestamp])
        .unwrap();
    for micros in [i64::MAX, i64::MIN] {
        assert_eq!(
            timestamp.mask(Value::Micros(micros), &event),
            Ok(Masked::Micros(micros))
        );
    }
}

#[test]
fn times_and_intervals_stay_readable() {
    let time = field(ColumnClass::Unknown, &[ColumnType::Time]);
    let made = masked(MaskName::Timestamp, "08:30:00.25+02", &time);
    assert!(
        made.ends_with(".25+02")
            && made[..2].parse::<u32>().unwrap() < 24
            && made != "08:30:00.25+02"
    );
    let interval = field(ColumnClass::Unknown, &[ColumnType::Interval]);
    let made = masked(MaskName::Timestamp, "1 year 2 mons -04:05:06", &interval);
    assert!(made.contains(" year") && made.contains(" mon") && made.contains(" -"));
    let minutes: u32 = made.rsplit(':').nth(1).unwrap().parse().unwrap();
    assert!(minutes < 60);
}
