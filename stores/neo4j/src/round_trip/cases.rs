//! The values of the round trip, as expressions of the server's language.

use crate::types::{Element, Form};

/// One property: its values as expressions of the language, a random one, what it has to travel as.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) edges: &'static [&'static str],
    pub(super) random: &'static str,
    pub(super) form: Form,
}

const DAY: &str = "date('1970-01-01') + duration({days: s[0] % 4200000000 - 2100000000})";
const CLOCK: &str = "hour: s[1] % 24, minute: s[2] % 60, second: s[3] % 60, nanosecond: s[4] % 1000000000 / [1, 1000, 1000000, 1000000000][s[5] % 4] * [1, 1000, 1000000, 1000000000][s[5] % 4]";
const YMD: &str = "year: s[0] % 1999999000 - 999999000, month: 1 + s[6] % 12, day: 1 + s[7] % 28";
const OFFSET: &str = "['+', '-'][s[5] % 2] + right('0' + (s[6] % 18), 2) + ':' + right('0' + (s[7] % 60), 2) + ['', ':07'][s[4] % 2]";
const ZONE: &str = "(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC', 'Etc/GMT+12', 'Asia/Kathmandu'] + [OFFSET])[s[3] % 7]";
const DURATION: &str = "duration({months: (s[0] % 2 * 2 - 1) * (s[1] % 1000000000000 / [1, 100000, 10000000000000][s[2] % 3]), days: (s[2] % 2 * 2 - 1) * (s[3] % 10000000000000), seconds: (s[4] % 2 * 2 - 1) * (s[5] % 1000000000000000000), nanoseconds: (s[6] % 2 * 2 - 1) * (s[7] % 1000000000)})";

/// The pieces above in the place of their names.
pub(super) fn whole(expression: &str) -> String {
    let mut text = expression.to_owned();
    for (name, piece) in [
        ("ZONE", ZONE),
        ("DAY", DAY),
        ("CLOCK", CLOCK),
        ("YMD", YMD),
        ("OFFSET", OFFSET),
        ("DURATION", DURATION),
    ] {
        text = text.replace(name, piece);
    }
    text
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "boolean",
        edges: &["true", "false"],
        random: "s[0] % 2 = 0",
        form: Form::Bool,
    },
    Case {
        name: "integer",
        edges: &["0", "-1", "9223372036854775807", "-9223372036854775808"],
        random: "(s[0] % 2 * 2 - 1) * s[1]",
        form: Form::Int,
    },
    Case {
        name: "float",
        edges: &[
            "0.0",
            "-0.0",
            "0.0/0.0",
            "1.0/0.0",
            "-1.0/0.0",
            "4.9E-324",
            "2.2250738585072014E-308",
            "1.7976931348623157E308",
            "1e15",
            "0.1",
        ],
        random: "f[0]",
        form: Form::Float,
    },
    Case {
        name: "string",
        edges: &[
            "''",
            "' '",
            "'NULL'",
            "'a\\u0000b'",
            "'\\u0000'",
            "'🦀 学生 e\\u0301'",
            "'\\\\N'",
            "'line\\nbreak\\ttab'",
            "'\\uFFFF\\uFEFF'",
        ],
        random: "t[0]",
        form: Form::Text,
    },
    Case {
        name: "date",
        edges: &[
            "date('1970-01-01')",
            "date('0000-01-01')",
            "date('-0001-12-31')",
            "date('+5881580-07-11')",
            "date('-5877641-06-23')",
            "date('+10000-01-01')",
            "date('2024-02-29')",
        ],
        random: "DAY",
        form: Form::Date,
    },
    Case {
        name: "times",
        edges: &[
            "localtime('00:00')",
            "localtime('23:59:59.999999999')",
            "localtime('12:00:00.1')",
            "time('00:00Z')",
            "time('12:00+18:00')",
            "time({hour: 1, timezone: '-17:59:59'})",
            "time('23:59:59.000000001+05:45')",
        ],
        random: "CASE s[0] % 2 WHEN 0 THEN localtime({CLOCK}) ELSE time({CLOCK, timezone: OFFSET}) END",
        form: Form::Time,
    },
    Case {
        name: "datetimes",
        edges: &[
            "localdatetime('2024-02-29T00:00')",
            "localdatetime('+999999999-12-31T23:59:59.999999999')",
            "localdatetime('-999999999-01-01T00:00')",
            "datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]')",
            "datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')",
            "datetime('1850-01-01T00:00[Europe/Berlin]')",
            "datetime('+999999999-12-31T23:59:59.999999999-18:00')",
            "datetime('-999999999-01-01T00:00Z')",
            "datetime('2024-01-01T00:00Z')",
            "datetime({year: 2024, timezone: 'UTC'})",
            "datetime({year: 2024, timezone: 'America/Ciudad_Juarez'})",
        ],
        random: "CASE s[1] % 3 WHEN 0 THEN localdatetime({YMD, CLOCK}) WHEN 1 THEN datetime({year: 1800 + s[0] % 300, month: 1 + s[6] % 12, day: 1 + s[7] % 28, CLOCK, timezone: ZONE}) ELSE datetime({YMD, CLOCK, timezone: ZONE}) END",
        form: Form::DateTime,
    },
    Case {
        name: "duration",
        edges: &[
            "duration({seconds: 0})",
            "duration({months: 1, days: -2, seconds: 3, nanoseconds: -4})",
            "duration({nanoseconds: -1})",
            "duration({seconds: -1, nanoseconds: 1})",
            "duration({seconds: 9223372036854775807, nanoseconds: 999999999})",
            "duration({seconds: -9223372036854775808})",
            "duration({months: -14})",
            "duration({months: 3507324295000})",
        ],
        random: "DURATION",
        form: Form::Interval,
    },
    Case {
        name: "point",
        edges: &[
            "point({x: 0, y: -0.0})",
            "point({x: -0.0, y: 1e308, z: 4.9E-324})",
            "point({longitude: -180, latitude: 90})",
            "point({longitude: 12.5, latitude: -90, height: 8848.86})",
        ],
        random: "point({x: f[0], y: f[1]})",
        form: Form::Tagged,
    },
    Case {
        name: "integers",
        edges: &["[]", "[0]", "[-9223372036854775808, 9223372036854775807]"],
        random: "[s[0], -s[1]]",
        form: Form::List(Element::Int),
    },
    Case {
        name: "floats",
        edges: &["[]", "[0.0/0.0, -0.0, 1.0/0.0, 4.9E-324]", "[1.0]"],
        random: "[f[0], 1.5]",
        form: Form::List(Element::Float),
    },
    Case {
        name: "booleans",
        edges: &["[]", "[true]", "[false, true]"],
        random: "[s[0] % 2 = 0]",
        form: Form::List(Element::Bool),
    },
    Case {
        name: "strings",
        edges: &[
            "[]",
            "['']",
            "['NULL', 'null', '{}', 'a,b', '\"', '\\\\', ' ', '\\u0000', '\\n']",
        ],
        random: "t",
        form: Form::List(Element::Text),
    },
    Case {
        name: "dates",
        edges: &["[]", "[date('+999999999-12-31'), date('-999999999-01-01')]"],
        random: "[DAY]",
        form: Form::List(Element::Date),
    },
    Case {
        name: "list_times",
        edges: &[
            "[]",
            "[time('12:00:00+01:00'), time('00:00Z')]",
            "[localtime('12:00')]",
        ],
        random: "[localtime({CLOCK})]",
        form: Form::List(Element::Time),
    },
    Case {
        name: "list_datetimes",
        edges: &[
            "[]",
            "[localdatetime('2024-01-01T00:00')]",
            "[datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]'), datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]')]",
        ],
        random: "[datetime({YMD, CLOCK, timezone: ZONE})]",
        form: Form::List(Element::DateTime),
    },
    Case {
        name: "durations",
        edges: &["[]"],
        random: "[DURATION, duration({days: -1})]",
        form: Form::List(Element::Interval),
    },
    Case {
        name: "points",
        edges: &[
            "[]",
            "[point({x: 1, y: 2}), point({x: 3, y: -0.0})]",
            "[point({longitude: 1, latitude: 2, height: 3})]",
        ],
        random: "[point({x: f[0], y: 1, z: f[1]})]",
        form: Form::List(Element::Point),
    },
    Case {
        name: "empty",
        edges: &["[]"],
        random: "[]",
        form: Form::List(Element::Text),
    },
    Case {
        name: "mixed",
        edges: &[
            "1",
            "1.0",
            "'1'",
            "true",
            "[]",
            "[1]",
            "[1.0]",
            "['1']",
            "date('+999999999-12-31')",
            "localtime('12:00')",
            "time('12:00Z')",
            "localdatetime('2024-01-01T00:00')",
            "datetime('2024-01-01T00:00Z')",
            "duration('P1D')",
            "point({x: 1, y: 2})",
            "[date('-999999999-01-01')]",
            "[localtime('12:00')]",
            "[time('12:00Z')]",
            "[localdatetime('2024-01-01T00:00')]",
            "[datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')]",
            "[duration('P1M-1D')]",
            "[point({x: 1, y: 2})]",
            "[true]",
        ],
        random: "CASE s[0] % 5 WHEN 0 THEN f[0] WHEN 1 THEN t[0] WHEN 2 THEN datetime({YMD, CLOCK, timezone: ZONE}) WHEN 3 THEN t ELSE DURATION END",
        form: Form::Tagged,
    },
];
