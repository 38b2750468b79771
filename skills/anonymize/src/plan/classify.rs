//! What a column's name says about it. Whole words only; a name that says nothing gives nothing.

use redistrict_model::{ColumnClass, ColumnType};

use super::tokens::tokens;

/// What comes last in names of columns that are about a thing rather than hold it.
const ABOUT: &[&str] = &[
    "type",
    "flag",
    "status",
    "count",
    "verified",
    "valid",
    "is",
    "has",
    "format",
    "kind",
    "opt",
    "preference",
    "indicator",
    "descriptor",
    "enabled",
    "sent",
    "at",
    "date",
    "carrier",
    "template",
    "subject",
    "body",
    "length",
    "algorithm",
    "expires",
    "expiry",
    "expiration",
    "confirmed",
    "visibility",
    "order",
    "label",
    "privacy",
];
/// Who a `name` may belong to.
const PERSONS: &[&str] = &[
    "student",
    "person",
    "people",
    "staff",
    "employee",
    "teacher",
    "guardian",
    "parent",
    "contact",
    "learner",
    "pupil",
    "user",
    "member",
    "customer",
    "patient",
    "candidate",
    "mother",
    "father",
    "relative",
    "principal",
    "counselor",
    "coach",
    "doctor",
    "physician",
    "nurse",
    "driver",
    "emergency",
    "client",
    "applicant",
    "author",
    "owner",
    "manager",
    "supervisor",
    "child",
    "spouse",
    "sibling",
    "tutor",
    "instructor",
    "recipient",
];

/// The class that a name alone suggests, for the keys of JSON documents.
pub(crate) fn class_of_name(name: &str) -> Option<ColumnClass> {
    class_of_column(name, "", ColumnType::Text)
}

/// The class of a column by its name, its table's name and its type: personal ones and credentials.
pub(crate) fn class_of_column(
    column: &str,
    table: &str,
    column_type: ColumnType,
) -> Option<ColumnClass> {
    let mut words = tokens(column);
    words.retain(|word| !word.chars().all(char::is_numeric));
    let name = Name { words };
    let is_text = matches!(column_type, ColumnType::Text | ColumnType::Char);
    let can_be_secret = is_text
        || matches!(
            column_type,
            ColumnType::Bytes
                | ColumnType::Json
                | ColumnType::Uuid
                | ColumnType::Composite
                | ColumnType::Xml
                | ColumnType::Verbatim
        );
    let can_be_date = is_text
        || matches!(
            column_type,
            ColumnType::Date
                | ColumnType::Timestamp
                | ColumnType::TimestampTz
                | ColumnType::DateTimeText
        );
    let can_be_digits = is_text
        || matches!(
            column_type,
            ColumnType::Int32 | ColumnType::Int64 | ColumnType::Numeric
        );
    let rules: [Rule; 6] = [
        (can_be_secret, Name::is_credential, ColumnClass::Credential),
        (can_be_date, Name::is_birth_date, ColumnClass::BirthDate),
        (is_text, Name::is_email, ColumnClass::Email),
        (can_be_digits, Name::is_phone, ColumnClass::Phone),
        (can_be_digits, Name::is_national_id, ColumnClass::NationalId),
        (is_text, Name::is_address, ColumnClass::Address),
    ];
    let by_rule = rules
        .iter()
        .find(|(can_be, holds, _)| *can_be && holds(&name));
    match by_rule {
        Some((_, _, class)) => Some(*class),
        None if is_text => name.person_name(table),
        None => None,
    }
}

/// The name says that a number identifies a person, though it may be a key: such a key is not opaque.
pub(crate) fn is_person_number(column: &str) -> bool {
    let name = Name {
        words: tokens(column),
    };
    let is_person = name.words.iter().any(|word| is_person_word(word));
    (is_person && name.ends_with(&["number", "nbr", "num", "no", "nr", "pin"]))
        || name.is_national_id()
        || name.is_phone()
        || name.has_run(&["state", "student"])
}

/// The type can hold the class, the name says so, the class.
type Rule = (bool, fn(&Name) -> bool, ColumnClass);

struct Name {
    words: Vec<String>,
}

impl Name {
    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    fn has_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.has(word))
    }

    fn has_run(&self, run: &[&str]) -> bool {
        self.words
            .windows(run.len())
            .any(|window| window.iter().zip(run).all(|(own, word)| own == word))
    }

    fn ends_with(&self, words: &[&str]) -> bool {
        self.words
            .last()
            .is_some_and(|last| words.contains(&last.as_str()))
    }

    /// `email_type`, `has_phone`, `address_id`: not the thing itself.
    fn is_about(&self) -> bool {
        self.ends_with(ABOUT)
            || self
                .words
                .first()
                .is_some_and(|first| ["is", "has"].contains(&first.as_str()))
    }

    fn is_credential(&self) -> bool {
        let is_secret = self.has_any(&[
            "password",
            "passwd",
            "pwd",
            "passphrase",
            "passcode",
            "secret",
            "token",
            "otp",
            "totp",
            "mfa",
            "salt",
            "credential",
            "credentials",
        ]);
        let is_key = self.has("key")
            && self.has_any(&["api", "private", "secret", "session", "access"])
            || self.has("hash") && self.has_any(&["password", "pass", "pw", "pin"])
            || self.has_run(&["recovery", "code"])
            || self.has_run(&["recovery", "codes"]);
        (is_secret || is_key) && !self.is_about()
    }

    fn is_birth_date(&self) -> bool {
        self.has_any(&["dob", "birthday", "birthdate", "bday"])
            || self.has_run(&["birth", "date"])
            || self.has_run(&["date", "of", "birth"])
            || self.has_run(&["born", "on"])
            || self.has_run(&["birth", "day"])
    }

    fn is_email(&self) -> bool {
        let is_mail = self.has_any(&["email", "emails", "emailaddress"])
            || self.has_run(&["e", "mail"])
            || self.has_run(&["electronic", "mail"])
            || self.has_run(&["mail", "address"])
            || self.words == ["mail"];
        is_mail && !self.is_about()
    }

    fn is_phone(&self) -> bool {
        let is_phone = self.has_any(&[
            "phone",
            "phones",
            "telephone",
            "cellphone",
            "fax",
            "pager",
            "tel",
            "telefon",
        ]) || self.ends_with(&["mobile", "cell"])
            || self.has_run(&["mobile", "number"])
            || self.has_run(&["cell", "number"])
            || self.has_run(&["contact", "number"])
            || self.has("emergency") && self.ends_with(&["number"]);
        let is_part = self.ends_with(&["extension", "ext", "code", "id"]);
        is_phone && !is_part && !self.is_about()
    }

    fn is_national_id(&self) -> bool {
        let is_id = self.has_any(&["ssn", "nino", "itin", "passport"])
            || self.has_run(&["social", "security"])
            || self.has_run(&["national", "id"])
            || self.has_run(&["national", "identifier"])
            || self.has_run(&["national", "number"])
            || self.has_run(&["tax", "id"])
            || self.has("license") && self.has_any(&["driver", "drivers"]);
        is_id && !self.is_about()
    }

    fn is_address(&self) -> bool {
        let is_address = self.has_any(&["address", "addr", "street"]);
        let is_other = self.has_any(&["ip", "mac", "web", "url", "host", "server", "wallet"])
            || self.ends_with(&[
                "id", "code", "city", "state", "country", "zip", "county", "district", "region",
            ]);
        is_address && !is_other && !self.is_about()
    }

    fn person_name(&self, table: &str) -> Option<ColumnClass> {
        if self.is_about() || self.ends_with(&["id", "code"]) {
            return None;
        }
        if self.has_any(&["surname", "lname", "lastname"])
            || self.has("name") && self.has_any(&["last", "family", "maiden", "sur"])
        {
            return Some(ColumnClass::Surname);
        }
        let is_first = self.has_any(&["forename", "fname", "nickname", "mname"])
            || self.has("name")
                && self.has_any(&["first", "given", "fore", "middle", "preferred", "nick"]);
        if is_first {
            return Some(ColumnClass::FirstName);
        }
        self.is_full_name(table).then_some(ColumnClass::FullName)
    }

    fn is_full_name(&self, table: &str) -> bool {
        if !self.has_any(&["name", "fullname"]) {
            return false;
        }
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["fullname"] => true,
            ["name"] => is_person_table(table),
            ["full" | "display" | "official" | "legal", "name"] | ["name", "full"] => true,
            ["name", "in", "characters"] => true,
            [.., "full", "name"] => true,
            [.., who, "name"] => is_person_word(who) && *who != "user",
            _ => false,
        }
    }
}

fn is_person_word(word: &str) -> bool {
    let singular = word.strip_suffix('s').unwrap_or(word);
    PERSONS.contains(&word) || PERSONS.contains(&singular) || word == "children"
}

/// The last word of the table's name is a kind of person: `students`, `tbl_person`, `gibbonPerson`.
fn is_person_table(table: &str) -> bool {
    let words = tokens(table);
    words
        .iter()
        .rev()
        .find(|word| !word.chars().all(char::is_numeric))
        .is_some_and(|word| is_person_word(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColumnClass::{
        Address, BirthDate, Credential, Email, FirstName, FullName, NationalId, Phone, Surname,
    };

    #[test]
    fn names_that_other_tools_miss_are_recognised() {
        for (name, class) in [
            ("FirstName", FirstName),
            ("MiddleName", FirstName),
            ("PreferredFirstName", FirstName),
            ("preferredName", FirstName),
            ("firstname", FirstName),
            ("fname", FirstName),
            ("MaidenName", Surname),
            ("LAST_SURNAME", Surname),
            ("LastSurname", Surname),
            ("family_name", Surname),
            ("ElectronicMailAddress", Email),
            ("emailAlternate", Email),
            ("e-mail", Email),
            ("EMAILADDRESS", Email),
            ("home_phone", Phone),
            ("fax", Phone),
            ("phone1", Phone),
            ("TelephoneNumber", Phone),
            ("emergency1Number1", Phone),
            ("contact_name", FullName),
            ("display_name", FullName),
            ("officialName", FullName),
            ("emergency1Name", FullName),
            ("guardian_name", FullName),
            ("address1", Address),
            ("ship_address", Address),
            ("StreetNumberName", Address),
            ("studentSSN", NationalId),
            ("national_id", NationalId),
            ("social_security_number", NationalId),
            ("mfaSecret", Credential),
            ("googleAPIRefreshToken", Credential),
            ("password_hash", Credential),
            ("dob", BirthDate),
            ("BirthDate", BirthDate),
            ("dateofbirth", BirthDate),
        ] {
            assert_eq!(
                class_of_column(name, "t", ColumnType::Text),
                Some(class),
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_hold_other_words_by_chance_are_not() {
        for name in [
            "hourly_wage",
            "HourlyWage",
            "capacity",
            "AuthorizedFacilityCapacity",
            "CrisisHomelessnessIndicator",
            "HispanicLatinoEthnicity",
            "company_name",
            "school_name",
            "SessionName",
            "category_name",
            "user_name",
            "phone1Type",
            "phone1CountryCode",
            "email_verified",
            "ip_address",
            "address1District",
            "assignment",
            "mailing_list",
            "token_count",
            "birth_city",
            "name",
            "title",
            "description",
            "extension",
            "cellular_biology",
            "passport_type",
        ] {
            assert_eq!(class_of_column(name, "t", ColumnType::Text), None, "{name}");
        }
    }

    #[test]
    fn a_bare_name_is_a_persons_in_a_table_of_persons_only() {
        for table in [
            "students",
            "gibbonPerson",
            "tbl_staff",
            "teachers_2020",
            "parent",
        ] {
            assert_eq!(
                class_of_column("name", table, ColumnType::Text),
                Some(FullName),
                "{table}"
            );
        }
        for table in ["schools", "contact_types", "states", "student_groups"] {
            assert_eq!(
                class_of_column("name", table, ColumnType::Text),
                None,
                "{table}"
            );
        }
    }

    #[test]
    fn the_type_must_be_able_to_hold_the_class() {
        assert_eq!(class_of_column("email_id", "t", ColumnType::Int32), None);
        assert_eq!(class_of_column("birth_date", "t", ColumnType::Int32), None);
        assert_eq!(
            class_of_column("phone", "t", ColumnType::Int64),
            Some(Phone)
        );
        assert_eq!(
            class_of_column("dob", "t", ColumnType::Date),
            Some(BirthDate)
        );
        assert_eq!(class_of_column("first_name", "t", ColumnType::Bytes), None);
    }

    #[test]
    fn numbers_of_persons_are_no_opaque_keys() {
        for name in [
            "student_number",
            "ssn",
            "StudentNo",
            "employee_num",
            "state_student_id",
        ] {
            assert!(is_person_number(name), "{name}");
        }
        for name in [
            "id",
            "student_id",
            "section_no",
            "StudentUSI",
            "term",
            "learner_id",
        ] {
            assert!(!is_person_number(name), "{name}");
        }
    }
}
