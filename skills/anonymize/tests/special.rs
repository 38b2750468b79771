//! Arrays, ranges, rows, bits, XML, money and what is not understood: what is decided about them, what
//! their masks give, and that nothing hides in their notation.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use redistrict_anonymize::{
    Bounds, Field, FieldShape, Mask, MaskDefinition, MaskRegistry, Masked, Pseudonymizer,
    Unmaskable, Value,
};
use redistrict_model::{
    ColumnClass, ColumnType, DistrictId, ErrorKind, MaskKind, MaskName, MaskScope, Provenance,
    Role, StoreKind, array_text,
};
use serde_json::json;

use crate::support::{
    Estate, cells, check, column_ref, masked, root_key, run_all, table, unique, write_raw,
};

fn field(column_type: ColumnType, source_type: &str) -> Field {
    let district = DistrictId::new("2");
    Field {
        key: Pseudonymizer::new(&root_key(), MaskScope::District, &district, "d", 1),
        shape: FieldShape {
            class: ColumnClass::Unknown,
            kind: MaskKind::Synthetic,
            unique: false,
            max_length: None,
            types: vec![column_type],
            source_types: vec![source_type.to_owned()],
            bounds: Bounds::default(),
        },
    }
}

fn made(name: MaskName, field: &Field, text: &str) -> String {
    let registry = MaskRegistry::default();
    let mask = registry.get(name, &field.shape.types).unwrap();
    let made = mask.mask(Value::Text(text), field);
    assert_eq!(made, mask.mask(Value::Text(text), field));
    match made {
        Ok(Masked::Text(made)) => made,
        other => panic!("{name:?} {text}: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn bits_keep_their_length_and_stay_apart(a in "[01]{2,150}", b in "[01]{2,150}") {
        let field = field(ColumnType::Bits, "bit varying");
        let (x, y) = (made(MaskName::Bytes, &field, &a), made(MaskName::Bytes, &field, &b));
        prop_assert_eq!(x.len(), a.len());
        prop_assert_ne!(&x, &a);
        prop_assert_eq!(a == b, x == y);
    }

    #[test]
    fn amounts_are_other_amounts_of_the_same_form(cents in any::<i64>(), sign in any::<bool>()) {
        let number = if sign { cents } else { cents % 100_000 };
        let (whole, cents) = (number / 100, (number % 100).abs());
        let digits = whole.unsigned_abs().to_string();
        let mut grouped = String::new();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place) % 3 == 0 { grouped.push(','); }
            grouped.push(digit);
        }
        let own = format!("{}${grouped}.{cents:02}", if number < 0 { "-" } else { "" });
        let other = made(MaskName::Number, &field(ColumnType::Money, "money"), &own);
        prop_assert_ne!(&other, &own);
        prop_assert_eq!(other.len(), own.len());
        prop_assert_eq!(other.starts_with('-'), number < 0);
        let cents: i128 = other.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap();
        prop_assert!(cents <= i128::from(i64::MAX));
    }

    #[test]
    fn bounds_of_numbers_stay_in_order(a in any::<i32>(), b in any::<i32>()) {
        prop_assume!(a != b);
        let own = format!("[{},{})", a.min(b), a.max(b));
        let other = made(MaskName::Number, &field(ColumnType::Range, "int4range"), &own);
        prop_assert_ne!(&other, &own);
        let (low, high) = other[1..other.len() - 1].split_once(',').unwrap();
        prop_assert!(low.parse::<i32>().unwrap() < high.parse::<i32>().unwrap(), "{}", other);
    }

    #[test]
    fn rows_keep_their_number_of_fields(fields in prop::collection::vec("[ -~äö]{0,12}", 1..5)) {
        let quoted: Vec<String> = fields
            .iter()
            .map(|one| format!("\"{}\"", one.replace('\\', "\\\\").replace('"', "\"\"")))
            .collect();
        let other = made(MaskName::Text, &field(ColumnType::Composite, "place"), &format!("({})", quoted.join(",")));
        prop_assert!(other.matches(',').count() >= fields.len() - 1);
        // No word of a text passes.
        for word in fields.iter().flat_map(|one| one.split(|c: char| !c.is_alphabetic())) {
            prop_assert!(word.len() < 6 || !other.contains(word), "{:?} {}", fields, other);
        }
    }

    #[test]
    fn every_text_of_a_document_is_replaced(texts in prop::collection::vec("[A-Za-zäö@.<&' ]{8,20}", 1..4)) {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
        let inner: String = texts.iter().map(|one| format!("<n a='{0}'>{0}</n>", escape(one))).collect();
        let other = made(MaskName::Text, &field(ColumnType::Xml, "xml"), &format!("<r>{inner}<!-- {} --></r>", escape(&texts[0])));
        prop_assert_eq!(other.matches("<n a=").count(), texts.len());
        for text in texts.iter().filter(|text| text.trim().len() > 7 && text.chars().any(char::is_alphabetic)) {
            prop_assert!(!other.contains(escape(text).trim()), "{}", other);
        }
    }
}

#[test]
fn ranges_of_dates_move_as_a_whole() {
    let mut field = field(ColumnType::Range, "daterange");
    field.shape.class = ColumnClass::Date;
    let shift = |text: &str| made(MaskName::Date, &field, text);
    for same in [
        "empty",
        "(,)",
        "[-infinity,infinity)",
        "[\"0044-03-15 BC\",9999-12-31)",
    ] {
        assert_eq!(shift(same), same);
    }
    let date = |text: &str| text.parse::<jiff::civil::Date>().unwrap();
    let days = |from: &str, to: &str| (date(to) - date(from)).get_days();
    let moved = shift("[2011-03-05,2011-06-30)");
    let (low, high) = moved[1..moved.len() - 1].split_once(',').unwrap();
    assert!(moved.starts_with('[') && moved.ends_with(')'));
    assert_eq!(days(low, high), days("2011-03-05", "2011-06-30"));
    assert_eq!(days("2011-03-05", low), field.key.shift_days());
    assert_eq!(shift("(2011-03-05,]"), format!("({low},]"));
    assert_eq!(
        shift(r#"["2011-03-05 10:00:00+00",)"#),
        format!(r#"["{low} 10:00:00+00",)"#)
    );
    // What is between the bounds is not understood.
    let texts = self::field(ColumnType::Range, "public.textrange");
    assert_eq!(made(MaskName::Text, &texts, "[Lopez,Miller)"), "empty");
    assert_eq!(made(MaskName::Text, &texts, "{[Lopez,Miller)}"), "{}");
}

#[test]
fn points_in_time_keep_their_form() {
    let mut field = field(ColumnType::DateTimeText, "datetime");
    field.shape.class = ColumnClass::Date;
    let moved = made(
        MaskName::Timestamp,
        &field,
        "2011-03-05T10:00:00.123456789+01:00[Europe/Paris]",
    );
    assert!(
        moved.ends_with("T10:00:00.123456789+01:00[Europe/Paris]")
            && !moved.starts_with("2011-03-05")
    );
    assert_eq!(
        made(MaskName::Timestamp, &field, "+12345-01-01T00:00Z"),
        "+12345-01-01T00:00Z"
    );
    let registry = MaskRegistry::default();
    let mask = registry
        .get(MaskName::Timestamp, &field.shape.types)
        .unwrap();
    assert!(mask.mask(Value::Text("Maria Lopez"), &field).is_err());
}

fn people() -> Estate {
    let people = table(
        "people",
        &["id"],
        &[
            "id:int8!",
            "email:varchar(80)!",
            "emails:varchar(80)[]",
            "first_names:text[]",
            "born:date",
            "milestones:date[]",
            "scores:int2[]",
            "moods:enum[]",
            "flags:bool[]",
            "languages:text[]",
            "home:row",
            "card:xml",
            "fee:money",
            "enrolled:daterange",
            "seats:int4range",
            "mask:bit(12)",
            "active:bit(1)",
            "seen:moment",
            "words:tsvector",
            "place:point!",
            "odd_one:odd",
        ],
    );
    let districts = table("districts", &["id"], &["id:int8!", "name:text"]);
    let languages: Vec<String> = (0..40)
        .map(|n| format!("{{en,{}}}", ["es", "so"][n % 2]))
        .collect();
    let languages: Vec<&str> = languages.iter().map(String::as_str).collect();
    Estate::new(vec![(Role::Root, districts), (Role::Owned, people)])
        .with("people", |table| {
            table.uniques.push(unique("e", &["email"]));
        })
        .setting("people.emails", json!({"domain": "mail"}))
        .setting("people.email", json!({"domain": "mail"}))
        .sample("people.languages", &languages)
}

fn decided(estate: &Estate, name: &str) -> (ColumnClass, MaskName, MaskKind, Provenance) {
    let (section, _) = estate.plan().unwrap();
    let one = section
        .columns
        .iter()
        .find(|one| one.column == column_ref(name))
        .unwrap();
    (one.class, one.mask, one.kind, one.provenance)
}

#[test]
fn every_special_column_is_decided() {
    use {ColumnClass as C, MaskKind as K, MaskName as M, Provenance as P};
    let estate = people();
    for (name, expected) in [
        ("people.emails", (C::Email, M::Email, K::Reserved, P::Name)),
        (
            "people.first_names",
            (C::FirstName, M::FirstName, K::Synthetic, P::Name),
        ),
        (
            "people.milestones",
            (C::Date, M::Date, K::Synthetic, P::Type),
        ),
        (
            "people.scores",
            (C::Unknown, M::Number, K::InFormat, P::Type),
        ),
        (
            "people.moods",
            (C::Enumeration, M::Keep, K::Kept, P::Catalog),
        ),
        ("people.flags", (C::Boolean, M::Keep, K::Kept, P::Catalog)),
        ("people.languages", (C::Code, M::Keep, K::Kept, P::Content)),
        ("people.home", (C::Unknown, M::Text, K::Synthetic, P::Type)),
        ("people.card", (C::Unknown, M::Text, K::Synthetic, P::Type)),
        ("people.fee", (C::Unknown, M::Number, K::InFormat, P::Type)),
        ("people.enrolled", (C::Date, M::Date, K::Synthetic, P::Type)),
        (
            "people.seats",
            (C::Unknown, M::Number, K::InFormat, P::Type),
        ),
        ("people.mask", (C::Unknown, M::Bytes, K::Synthetic, P::Type)),
        ("people.active", (C::Boolean, M::Keep, K::Kept, P::Catalog)),
        (
            "people.seen",
            (C::Date, M::Timestamp, K::Synthetic, P::Type),
        ),
        ("people.words", (C::Unknown, M::Null, K::Synthetic, P::Type)),
        ("people.place", (C::Unknown, M::Text, K::Synthetic, P::Type)),
        (
            "people.odd_one",
            (C::Unknown, M::Null, K::Synthetic, P::Type),
        ),
    ] {
        assert_eq!(decided(&estate, name), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_masked_stops_by_name_and_says_what_settles_it() {
    let stops = |columns: &[&str], change: &dyn Fn(Estate) -> Estate| {
        let districts = table("districts", &["id"], &["id:int8!"]);
        let estate = Estate::new(vec![
            (Role::Root, districts),
            (Role::Owned, table("t", &["id"], columns)),
        ]);
        let error = change(estate).plan().err();
        error.map(|error| error.findings[0].clone())
    };
    let same = |estate: Estate| estate;
    let finding = stops(&["id:int8!", "c:odd!"], &same).unwrap();
    assert_eq!(
        (finding.code.as_str(), finding.subject.as_str()),
        ("mask-verbatim", "ids.main.t.c")
    );
    assert!(
        finding.message.contains("odd")
            && finding
                .lines
                .iter()
                .any(|line| line.contains("public = true"))
    );
    for (column, settings, code) in [
        ("c:daterange", json!({"mask": "number"}), Some("mask-type")),
        ("c:int4range", json!({"mask": "date"}), Some("mask-type")),
        ("c:daterange", json!({"class": "email"}), Some("mask-type")),
        ("c:row", json!({"mask": "email"}), Some("mask-type")),
        ("c:money", json!({"class": "surname"}), Some("mask-type")),
        ("c:daterange", json!({"class": "date"}), None),
        ("c:row", json!({"mask": "null"}), None),
        ("c:text[]", json!({"class": "surname"}), None),
        ("c:text[]", json!({"mask": "null"}), None),
        ("c:text[]!", json!({"mask": "null"}), Some("mask-not-null")),
        (
            "c:varchar(6)[]",
            json!({"class": "email"}),
            Some("mask-length"),
        ),
        ("c:hstore", json!({"mask": "email"}), Some("mask-type")),
        (
            "c:hstore",
            json!({"mask": "keep", "public": true, "reason": "settings"}),
            None,
        ),
        ("c:int8[]", json!({"mask": "email"}), Some("mask-type")),
    ] {
        let set = |estate: Estate| estate.setting("t.c", settings.clone());
        let found = stops(&["id:int8!", column], &set).map(|finding| finding.code);
        assert_eq!(found.as_deref(), code, "{column} {settings}");
    }
    // A value that stands for all cannot be unique.
    let key = |estate: Estate| estate.with("t", |table| table.uniques.push(unique("u", &["c"])));
    assert_eq!(
        stops(&["id:int8!", "c:point!"], &key).unwrap().code,
        "mask-capacity"
    );
    assert_eq!(stops(&["id:int8!", "c:daterange!"], &key), None);
    for (column, expression, is_fine) in [
        ("c:text[]", "(cardinality(c) <= 5)", true),
        ("c:text[]", "('a'::text = ANY (c))", false),
        ("c:daterange", "(NOT isempty(c))", true),
        ("c:daterange", "(lower(c) > '2000-01-01'::date)", false),
        ("c:bit(8)", "(length(c) = 8)", true),
        ("c:money", "(c >= '$0.00'::money)", true),
        ("c:hstore", "(c ? 'a'::text)", false),
    ] {
        let with =
            |estate: Estate| estate.with("t", |table| table.checks.push(check("k", expression)));
        let found = stops(&["id:int8!", column], &with);
        assert_eq!(found.is_none(), is_fine, "{column} {expression}: {found:?}");
    }
}

#[test]
fn columns_of_a_graph_are_its_schema_or_follow_what_they_refer_to() {
    let relation = table(
        "rel",
        &["since"],
        &[
            "since:int8!",
            ":start_label:text",
            ":start:text",
            ":end_label:text",
            ":end:text",
            ":other:text",
        ],
    );
    let people = table(
        "node",
        &["number"],
        &["number:varchar(20)!", ":labels:text[]", "name:text"],
    );
    let districts = table("districts", &["id"], &["id:int8!"]);
    let mut estate = Estate::new(vec![
        (Role::Root, districts),
        (Role::Owned, people),
        (Role::Owned, relation),
    ])
    .reference("rel.:start", "node.number");
    estate.extract.catalogs[0].kind = StoreKind::Neo4j;
    let (section, _) = estate.plan().unwrap();
    let of = |name: &str| {
        section
            .columns
            .iter()
            .find(|one| one.column == column_ref(name))
            .unwrap()
    };
    for name in ["node.:labels", "rel.:start_label", "rel.:end_label"] {
        assert_eq!(
            (of(name).class, of(name).mask),
            (ColumnClass::Enumeration, MaskName::Keep)
        );
        assert!(
            of(name)
                .keep_reason
                .as_ref()
                .unwrap()
                .0
                .contains("labels of the graph")
        );
    }
    assert_eq!(of("rel.:other").mask, MaskName::Null);
    assert_eq!(of("rel.:start").domain, of("node.number").domain);
    assert_eq!(of("rel.:start").mask, of("node.number").mask);
    let estate = estate.setting("rel.:other", json!({"mask": "text"}));
    assert_eq!(
        estate.stops(),
        [(
            "mask-graph-column".to_owned(),
            "ids.main.rel.\":other\"".to_owned()
        )]
    );
}

fn person(n: usize) -> Vec<String> {
    let text = |text: &str| text.to_owned();
    vec![
        n.to_string(),
        format!("person.{n}@cascademail.net"),
        format!("{{person.{n}@cascademail.net,NULL,\"second {n}@cascademail.net\"}}"),
        format!("[0:1]={{Priscilla,\"Wan\\\"jiru {n}\"}}"),
        (14_000 + n).to_string(),
        text(["{2008-05-01,infinity}", "{{2011-01-05},{1999-12-31}}", "∅"][n % 3]),
        format!("{{{},-{},0}}", n % 30_000, n % 90),
        text("{happy,sad}"),
        text("{t,f,NULL}"),
        text(["{en,es}", "{en,so}"][n % 2]),
        format!(
            r#"("12{n} ""Huckleberry"" Road","x,{n}",{n},2010-02-03,t,"(person.{n}@cascademail.net,7)")"#
        ),
        format!(
            "<card mail=\"person.{n}&#64;cascademail.net\"><name>Priscilla Featherstone {n}</name><n>{n}</n></card>"
        ),
        format!("$1,{:03}.50", n % 1000),
        text(["[2011-03-05,2011-06-30)", "empty", "(,2012-01-01)"][n % 3]),
        format!("[{},{})", n, n + 10),
        format!("{:012b}", n % 4096),
        (n % 2).to_string(),
        text("2011-03-05T10:00:00.5Z"),
        format!("'cascademail':2 'person.{n}':1"),
        text("(47.1,-122.3)"),
        format!("secret of row {n}"),
    ]
}

fn rows() -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let district = vec!["2".to_owned(), "Maple Valley".to_owned()];
    BTreeMap::from([
        ("districts", vec![district]),
        ("people", (1..=120).map(person).collect()),
    ])
}

#[tokio::test]
async fn arrays_are_masked_element_by_element_as_columns_are() {
    let dir = tempfile::tempdir().unwrap();
    let plan = people().whole_plan();
    write_raw(dir.path(), &plan, &rows());
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    let column = |name| cells(&artifact, "people", name);
    for ((email, emails), n) in column("email").iter().zip(column("emails")).zip(1..) {
        let elements = array_text::elements(&emails.unwrap()).unwrap();
        assert_eq!((&elements[0], &elements[1]), (email, &None), "row {n}");
        assert!(elements[2].as_ref().unwrap().ends_with(".org"));
    }
    for (names, n) in column("first_names").iter().zip(1..) {
        let names = names.as_ref().unwrap();
        assert!(
            names.starts_with("[0:1]={") && !names.contains("jiru"),
            "row {n}"
        );
    }
    let born = column("born");
    let milestones = column("milestones");
    assert!(milestones[0].as_ref().unwrap().starts_with("{{") && milestones[1].is_none());
    assert!(milestones[2].as_ref().unwrap().ends_with(",infinity}"));
    assert_eq!(born.len(), 120);
    for scores in column("scores") {
        let scores = array_text::elements(&scores.unwrap()).unwrap();
        assert!(
            scores
                .iter()
                .all(|score| score.as_ref().unwrap().parse::<i16>().is_ok())
        );
    }
    assert_eq!(column("languages")[0].as_deref(), Some("{en,so}"));
    assert!(column("words").iter().all(Option::is_none));
    assert!(
        column("place")
            .iter()
            .all(|place| place.as_deref() == Some("(0,0)"))
    );
    assert_eq!(column("enrolled")[0].as_deref(), Some("empty"));
    let text: String = plan.sections.extract.catalogs[0].tables[1]
        .columns
        .iter()
        .flat_map(|one| column(&one.name))
        .flatten()
        .collect();
    for gone in [
        "cascademail",
        "Huckleberry",
        "Featherstone",
        "secret",
        "2011-03-05",
        "47.1",
    ] {
        assert!(!text.contains(gone), "{gone}");
    }
}

/// Passes on what it gets, and says that this is what it makes.
struct Passing(MaskName, &'static [ColumnType]);

impl Mask for Passing {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: self.0,
            kind: MaskKind::Synthetic,
            output: "",
            types: self.1,
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        f64::INFINITY
    }

    fn mask(&self, value: Value<'_>, _field: &Field) -> Result<Masked, Unmaskable> {
        Ok(match value {
            Value::Text(text) => Masked::Text(text.to_owned()),
            Value::Days(days) => Masked::Days(days),
            Value::Micros(micros) => Masked::Micros(micros),
            Value::Bytes(bytes) => Masked::Bytes(bytes.to_vec()),
        })
    }

    fn is_output(&self, _output: &str, _shape: &FieldShape) -> bool {
        true
    }
}

#[tokio::test]
async fn a_mask_of_a_special_type_that_passes_values_on_is_caught() {
    for (mask, column) in [
        (Passing(MaskName::Email, &[]), "people.email"),
        (Passing(MaskName::FirstName, &[]), "people.first_names"),
        (Passing(MaskName::Date, &[]), "people.milestones"),
        (Passing(MaskName::Number, &[]), "people.scores"),
        (
            Passing(MaskName::Text, &[ColumnType::Composite]),
            "people.home",
        ),
        (Passing(MaskName::Text, &[ColumnType::Xml]), "people.card"),
        (
            Passing(MaskName::Date, &[ColumnType::Range]),
            "people.enrolled",
        ),
        (
            Passing(MaskName::Number, &[ColumnType::Range]),
            "people.seats",
        ),
        (Passing(MaskName::Bytes, &[ColumnType::Bits]), "people.mask"),
        (Passing(MaskName::Timestamp, &[]), "people.seen"),
        (
            Passing(MaskName::Text, &[ColumnType::Verbatim]),
            "people.place",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let plan = people().whole_plan();
        write_raw(dir.path(), &plan, &rows());
        let registry = MaskRegistry::default().with(Arc::new(mask));
        let error = run_all(dir.path(), &plan, registry).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Leak, "{column}: {}", error.chain());
        assert!(
            error.message.contains(column),
            "{column}: {}",
            error.message
        );
        assert!(!format!("{error:?}").contains("cascademail"));
    }
}

/// A kept column holds, in its own notation, an address that another column of another row has.
#[tokio::test]
async fn no_notation_hides_a_value() {
    for (column, value) in [
        ("note:text[]", r#"{"\p\e\r\s\o\n.7@cascademail.net"}"#),
        ("note:text[]", r#"[3:3]={"a \"person.7@cascademail.net\""}"#),
        ("note:row", r#"(1,"say ""p"erson.7@"cascademail.net""")"#),
        ("note:row", r#"("(""\\p\\erson.7@cascademail.net"")")"#),
        (
            "note:xml",
            "<a>per<![CDATA[]]>x</a><b>person.7&#x40;cascademail&#46;net</b>",
        ),
        ("note:xml", "<a><!-- person.7@cascademail.net --></a>"),
        ("note:hstore", r#""k"=>"\person.7@cascademail\.net""#),
        ("note:tsvector", "'person.7@cascademail.net':1"),
        ("note:odd", "String(person.7@cascademail.net)"),
        ("note:textrange", r#"["\person.7@cascademail.net",z)"#),
        (
            "note:json[]",
            r#"{"{\"k\": \"person.7\\u0040cascademail.net\"}"}"#,
        ),
    ] {
        let keep = json!({"mask": "keep", "public": true, "reason": "about nobody"});
        let notes = table("notes", &["id"], &["id:int8!", column]);
        let people = table("people", &["id"], &["id:int8!", "email:varchar(80)"]);
        let districts = table("districts", &["id"], &["id:int8!"]);
        let plan = Estate::new(vec![
            (Role::Root, districts),
            (Role::Owned, notes),
            (Role::Owned, people),
        ])
        .setting("notes.note", keep)
        .whole_plan();
        let dir = tempfile::tempdir().unwrap();
        let person = |n: usize| vec![n.to_string(), format!("person.{n}@cascademail.net")];
        let rows = BTreeMap::from([
            ("notes", vec![vec!["1".to_owned(), value.to_owned()]]),
            ("people", (1..20).map(person).collect()),
        ]);
        write_raw(dir.path(), &plan, &rows);
        let error = run_all(dir.path(), &plan, MaskRegistry::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Leak, "{value}");
        assert!(
            error.message.contains("notes.note"),
            "{value}: {}",
            error.message
        );
    }
}

/// The other way round: the address stands in the notation of a masked column, and plainly in a kept one.
#[tokio::test]
async fn values_are_collected_without_their_notation() {
    for (column, value) in [
        ("note:text[]", r#"{"\p\e\r\s\o\n.7@cascademail.net"}"#),
        ("note:row", r#"(1,"""","person.7@cascademail.net")"#),
        ("note:row", r#"("{NULL,""person.7@cascademail.net""}")"#),
        ("note:xml", "<a b='person.7&#64;cascademail.net'/>"),
        ("note:hstore", r#""k"=>"person.7@cascademail.net""#),
        ("note:textrange", r#"["person.7@cascademail.net",z)"#),
    ] {
        let keep = json!({"mask": "keep", "public": true, "reason": "about nobody"});
        let notes = table("notes", &["id"], &["id:int8!", column, "plain:text"]);
        let districts = table("districts", &["id"], &["id:int8!"]);
        let plan = Estate::new(vec![(Role::Root, districts), (Role::Owned, notes)])
            .setting("notes.plain", keep)
            .whole_plan();
        let dir = tempfile::tempdir().unwrap();
        let row = |n: &str, note: &str, plain: &str| [n, note, plain].map(str::to_owned).to_vec();
        let rows = BTreeMap::from([(
            "notes",
            vec![
                row("1", value, "x"),
                row("2", "∅", "write to Person.7@Cascademail.net"),
            ],
        )]);
        write_raw(dir.path(), &plan, &rows);
        let error = run_all(dir.path(), &plan, MaskRegistry::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Leak, "{value}: {}", error.chain());
        assert!(
            error.message.contains("notes.plain"),
            "{value}: {}",
            error.message
        );
    }
}

#[tokio::test]
async fn elements_that_are_no_codes_are_found_over_all_rows() {
    let dir = tempfile::tempdir().unwrap();
    let plan = people().whole_plan();
    let mut data = rows();
    data.get_mut("people").unwrap()[77][9] = "{en,\"+1 425 312 9876\"}".to_owned();
    write_raw(dir.path(), &plan, &data);
    let error = run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error.message.contains("people.languages"),
        "{}",
        error.message
    );
}

#[tokio::test]
async fn a_text_that_is_no_value_of_its_type_is_refused_without_telling_it() {
    for (at, text) in [
        (2, "Maria Lopez"),
        (5, "{Maria}"),
        (10, "Maria"),
        (13, "Maria"),
        (15, "Maria"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let plan = people().whole_plan();
        let mut data = rows();
        data.get_mut("people").unwrap()[3][at] = text.to_owned();
        write_raw(dir.path(), &plan, &data);
        let error = run_all(dir.path(), &plan, MaskRegistry::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Data, "{at}");
        assert!(!format!("{error:?}").contains("Maria"), "{error:?}");
    }
}

/// Relationships whose ends are people, by a number that is masked, or places, by one that is kept.
fn relations() -> Estate {
    let relation = table(
        "rel",
        &["id"],
        &["id:int8!", "kind:text!", "start:text", "since:date"],
    );
    let people = table(
        "people",
        &["number"],
        &["number:varchar(20)!", "email:varchar(80)"],
    );
    let places = table("places", &["id"], &["id:int8!"]);
    let districts = table("districts", &["id"], &["id:int8!"]);
    let mut estate = Estate::new(vec![
        (Role::Root, districts),
        (Role::Owned, people),
        (Role::Owned, places),
        (Role::Owned, relation),
    ])
    .setting(
        "rel.kind",
        json!({"mask": "keep", "public": true, "reason": "labels"}),
    )
    .reference("rel.start", "people.number")
    .reference("rel.start", "places.id")
    .reference("rel.start", "districts.id");
    let kinds = ["Person", "Place", "District"];
    for (edge, kind) in estate.extract.ownership.edges.iter_mut().zip(kinds) {
        edge.when = vec![("kind".to_owned(), vec![kind.to_owned()])];
    }
    estate
}

#[tokio::test]
async fn a_reference_that_leads_to_several_tables_is_masked_row_by_row() {
    let plan = relations().whole_plan();
    let decision = |name: &str| {
        let columns = &plan.sections.anonymize.columns;
        columns
            .iter()
            .find(|one| one.column == column_ref(name))
            .unwrap()
    };
    assert_eq!(decision("districts.id").class, ColumnClass::TenantKey);
    assert_eq!(decision("places.id").class, ColumnClass::SurrogateKey);
    assert_eq!(decision("people.number").mask, MaskName::Text);
    assert_eq!(decision("rel.start").class, ColumnClass::Reference);
    assert!(decision("rel.start").sensitive);
    let dir = tempfile::tempdir().unwrap();
    let number = |n: usize| format!("A{}", 400_000_000 + n * 7919);
    let row = |n: usize| {
        let kind = ["Person", "Place", "District", "Thing"][n % 4];
        let start = [number(n), n.to_string(), "2".to_owned(), number(n)][n % 4].clone();
        vec![n.to_string(), kind.to_owned(), start, "14000".to_owned()]
    };
    let rows = BTreeMap::from([
        ("districts", vec![vec!["2".to_owned()]]),
        (
            "people",
            (0..80)
                .map(|n| vec![number(n), format!("p.{n}@cascademail.net")])
                .collect(),
        ),
        ("places", (0..80).map(|n| vec![n.to_string()]).collect()),
        ("rel", (0..80).map(row).collect()),
    ]);
    write_raw(dir.path(), &plan, &rows);
    run_all(dir.path(), &plan, MaskRegistry::default())
        .await
        .unwrap();
    let artifact = masked(dir.path(), &plan).unwrap();
    let numbers = cells(&artifact, "people", "number");
    let starts = cells(&artifact, "rel", "start");
    for (n, start) in starts.iter().enumerate() {
        let kept = [n.to_string(), "2".to_owned()];
        let expected = match n % 4 {
            1 => kept.first(),
            2 => kept.last(),
            _ => numbers[n].as_ref(),
        };
        assert_eq!(start.as_ref(), expected, "row {n}");
    }
    assert!(!starts.contains(&Some(number(4))));
    // A mask that passes values on is caught in these rows too.
    let registry = MaskRegistry::default().with(Arc::new(Passing(MaskName::Text, &[])));
    let other = tempfile::tempdir().unwrap();
    write_raw(other.path(), &plan, &rows);
    let error = run_all(other.path(), &plan, registry).await.unwrap_err();
    assert!(error.message.contains("rel.start"), "{}", error.message);
}

#[test]
fn a_recognised_number_is_not_kept_because_a_reference_leads_to_the_districts_key_too() {
    let people = table("people", &["ssn"], &["ssn:varchar(20)!"]);
    let notes = table("notes", &["id"], &["id:int8!", "about:text"]);
    let districts = table("districts", &["id"], &["id:varchar(20)!"]);
    let estate = Estate::new(vec![
        (Role::Root, districts),
        (Role::Owned, people),
        (Role::Owned, notes),
    ])
    .reference("notes.about", "people.ssn")
    .reference("notes.about", "districts.id");
    let stopped = [(
        "mask-domain-conflict".to_owned(),
        "ids.main.people.ssn".to_owned(),
    )];
    assert_eq!(estate.stops(), stopped);
}
