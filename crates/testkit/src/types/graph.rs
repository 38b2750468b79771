//! The types of Neo4j's properties. Order: single values, lists, several types under one name.

use redistrict_model::ColumnType as C;

use super::graph_lists::{LISTS, SEVERAL};

/// One property: what it travels as, its edge values, an expression that makes random ones.
///
/// Expressions are Cypher. Those for random values are made of the seeds of a row: `s`, eight integers from
/// 0 to 2^62; `f`, finite numbers of any size; `t`, two texts; `b`, bytes. Words in capitals stand for the
/// pieces of [`whole`]. Edge values may name [`BYTES`] as `$bytes`.
#[derive(Clone, Copy, Debug)]
pub struct GraphType {
    pub name: &'static str,
    pub column_type: C,
    pub element: Option<C>,
    /// Each another value.
    pub edges: &'static [&'static str],
    pub random: &'static str,
    pub note: &'static str,
}

/// What no expression of the language makes.
pub const BYTES: [&[u8]; 5] = [b"", b"\x00", b"\\x", b"\xff\xfe", &ALL_BYTES];

const ALL_BYTES: [u8; 256] = {
    let mut all = [0; 256];
    let mut byte: u8 = 0;
    while byte < 255 {
        byte += 1;
        all[byte as usize] = byte;
    }
    all
};

/// Every entry, each name once.
pub fn all() -> impl Iterator<Item = &'static GraphType> {
    [PLAIN, MOMENTS, POINTS, LISTS, SEVERAL]
        .into_iter()
        .flatten()
}

pub(super) const fn entry(
    name: &'static str,
    column_type: C,
    edges: &'static [&'static str],
    random: &'static str,
) -> GraphType {
    GraphType {
        name,
        column_type,
        element: None,
        edges,
        random,
        note: "",
    }
}

pub(super) const fn list(
    name: &'static str,
    element: C,
    edges: &'static [&'static str],
    random: &'static str,
) -> GraphType {
    let mut one = entry(name, C::Array, edges, random);
    one.element = Some(element);
    one
}

impl GraphType {
    pub(super) const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

const FLOAT: &str =
    "[0.0/0.0, 1.0/0.0, -1.0/0.0, 0.0, -0.0, 4.9E-324, f[0], f[0], f[1], toFloat(s[1])][s[0] % 10]";
const DAY: &str = "date('1970-01-01') + duration({days: s[0] % 4200000000 - 2100000000})";
/// Nine digits of nanoseconds, or fewer.
const NANOS: &str = "nanosecond: s[4] % 1000000000 / [1, 1000, 1000000, 1000000000][s[5] % 4] \
     * [1, 1000, 1000000, 1000000000][s[5] % 4]";
const CLOCK: &str = "hour: s[1] % 24, minute: s[2] % 60, second: s[3] % 60, NANOS";
const YMD: &str = "year: s[0] % 1999999000 - 999999000, month: 1 + s[6] % 12, day: 1 + s[7] % 28";
const OFFSET: &str = "['+', '-'][s[5] % 2] + right('0' + (s[6] % 18), 2) + ':' \
     + right('0' + (s[7] % 60), 2) + ['', ':07'][s[4] % 2]";
const ZONE: &str = "['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC', 'GMT', \
     'Etc/GMT+12', 'Asia/Kathmandu', 'America/St_Johns', 'Europe/Dublin', 'Africa/Casablanca', \
     'Pacific/Apia', 'Africa/Monrovia', 'Antarctica/Troll'][s[3] % 13]";
/// Instants of the years 1800 to 2100, of the hours around a change of the clocks, and any.
const ZONED: &str = "CASE s[1] % 3 \
     WHEN 0 THEN datetime({datetime: datetime({epochSeconds: s[0] % 9466848000 - 5364662400, NANOS}), timezone: ZONE}) \
     WHEN 1 THEN datetime({datetime: datetime({epochSeconds: 1729990800 + s[0] % 7200 - 3600, NANOS}), timezone: 'Europe/Berlin'}) \
     ELSE datetime({YMD, CLOCK, timezone: ZONE}) END";
const DURATION: &str = "duration({months: (s[0] % 2 * 2 - 1) * (s[1] % 1000000000000 / [1, 100000, 10000000000000][s[2] % 3]), \
     days: (s[2] % 2 * 2 - 1) * (s[3] % 10000000000000), \
     seconds: (s[4] % 2 * 2 - 1) * (s[5] % 1000000000000000000), \
     nanoseconds: (s[6] % 2 * 2 - 1) * (s[7] % 1000000000)})";
const LONGITUDE: &str = "(toFloat(s[1]) / 4611686018427387904.0 * 360.0 - 180.0)";
const LATITUDE: &str = "(toFloat(s[2]) / 4611686018427387904.0 * 180.0 - 90.0)";

/// An expression with the pieces in the place of their names.
pub(super) fn whole(expression: &str) -> String {
    let mut text = expression.to_owned();
    for (name, piece) in [
        ("ZONED", ZONED),
        ("ZONE", ZONE),
        ("DAY", DAY),
        ("CLOCK", CLOCK),
        ("NANOS", NANOS),
        ("YMD", YMD),
        ("OFFSET", OFFSET),
        ("DURATION", DURATION),
        ("FLOAT", FLOAT),
        ("LONGITUDE", LONGITUDE),
        ("LATITUDE", LATITUDE),
    ] {
        text = text.replace(name, piece);
    }
    text
}

const PLAIN: &[GraphType] = &[
    entry("BOOLEAN", C::Bool, &["true", "false"], "s[0] % 2 = 0"),
    entry(
        "INTEGER",
        C::Int64,
        &["0", "-1", "9223372036854775807", "-9223372036854775808"],
        "(s[0] % 2 * 2 - 1) * s[1]",
    ),
    entry(
        "FLOAT",
        C::Float64,
        &[
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
            "9007199254740993.0",
        ],
        "FLOAT",
    )
    .note("NaN, infinities and -0 as they are"),
    entry(
        "STRING",
        C::Text,
        &[
            "''",
            "' '",
            "'NULL'",
            "'a\\u0000b'",
            "'\\u0000'",
            "'🦀 学生 e\\u0301'",
            "'\\u00e9'",
            "'e\\u0301'",
            "'\\\\N'",
            "'line\\nbreak\\ttab\\r'",
            "'\\uFFFF\\uFEFF'",
        ],
        "t[0]",
    ),
    entry(
        "BYTES",
        C::Bytes,
        &[
            "$bytes[0]",
            "$bytes[1]",
            "$bytes[2]",
            "$bytes[3]",
            "$bytes[4]",
        ],
        "b",
    )
    .note("a byte array; no literal makes one, only a client"),
];

const MOMENTS: &[GraphType] = &[
    entry(
        "DATE",
        C::Date,
        &[
            "date('1970-01-01')",
            "date('0000-01-01')",
            "date('-0001-12-31')",
            "date('+5881580-07-11')",
            "date('-5877641-06-23')",
            "date('+10000-01-01')",
            "date('2024-02-29')",
        ],
        "DAY",
    )
    .note("beyond the years -5877641 and 5881580: refused in the plan"),
    entry(
        "LOCAL TIME",
        C::Time,
        &[
            "localtime('00:00')",
            "localtime('23:59:59.999999999')",
            "localtime('12:00:00.1')",
        ],
        "localtime({CLOCK})",
    ),
    entry(
        "ZONED TIME",
        C::Time,
        &[
            "time('00:00Z')",
            "time('12:00+18:00')",
            "time('12:00-18:00')",
            "time({hour: 1, timezone: '-17:59:59'})",
            "time('23:59:59.000000001+05:45')",
        ],
        "time({CLOCK, timezone: OFFSET})",
    ),
    entry(
        "LOCAL DATETIME",
        C::DateTimeText,
        &[
            "localdatetime('2024-02-29T00:00')",
            "localdatetime('+999999999-12-31T23:59:59.999999999')",
            "localdatetime('-999999999-01-01T00:00')",
            "localdatetime('0000-01-01T00:00:00.000000001')",
        ],
        "localdatetime({YMD, CLOCK})",
    ),
    entry(
        "ZONED DATETIME (offset)",
        C::DateTimeText,
        &[
            "datetime('+999999999-12-31T23:59:59.999999999-18:00')",
            "datetime('-999999999-01-01T00:00Z')",
            "datetime('2024-01-01T00:00Z')",
            "datetime('2024-01-01T00:00+01:00')",
            "datetime({year: 2024, timezone: '+00:53:28'})",
        ],
        "datetime({YMD, CLOCK, timezone: OFFSET})",
    )
    .note("offsets with seconds too"),
    entry(
        "ZONED DATETIME (time zone)",
        C::DateTimeText,
        &[
            "datetime('2024-10-27T02:30:00+02:00[Europe/Berlin]')",
            "datetime('2024-10-27T02:30:00+01:00[Europe/Berlin]')",
            "datetime('1850-01-01T00:00[Europe/Berlin]')",
            "datetime({year: 2024, timezone: 'UTC'})",
            "datetime({year: 2024, timezone: 'GMT'})",
            "datetime({year: 2024, timezone: 'America/Ciudad_Juarez'})",
            "datetime('+999999999-12-31T00:00[Asia/Kathmandu]')",
        ],
        "ZONED",
    )
    .note("instant, offset and name of the zone"),
    entry(
        "DURATION",
        C::Interval,
        &[
            "duration({seconds: 0})",
            "duration({months: 1, days: -2, seconds: 3, nanoseconds: -4})",
            "duration({nanoseconds: -1})",
            "duration({seconds: -1, nanoseconds: 1})",
            "duration({seconds: 9223372036854775807, nanoseconds: 999999999})",
            "duration({seconds: -9223372036854775808})",
            "duration({months: -14})",
            "duration({days: 1})",
            "duration({hours: 24})",
            "duration({months: 3507324295000})",
        ],
        "DURATION",
    )
    .note("months, days, seconds and nanoseconds each by itself"),
];

const POINTS: &[GraphType] = &[
    entry(
        "POINT (cartesian)",
        C::Verbatim,
        &[
            "point({x: 0, y: 0})",
            "point({x: 0, y: -0.0})",
            "point({x: 1.7976931348623157E308, y: 4.9E-324})",
        ],
        "point({x: f[0], y: f[1]})",
    )
    .note("the reference system stays with it: `POINT 7203 (1, 2)`"),
    entry(
        "POINT (cartesian-3d)",
        C::Verbatim,
        &[
            "point({x: -0.0, y: 1e308, z: 4.9E-324})",
            "point({x: 0, y: 0, z: -0.0})",
        ],
        "point({x: f[0], y: f[1], z: f[2]})",
    ),
    entry(
        "POINT (wgs-84)",
        C::Verbatim,
        &[
            "point({longitude: -180, latitude: 90})",
            "point({longitude: 180, latitude: -90})",
            "point({longitude: -0.0, latitude: 0})",
        ],
        "point({longitude: LONGITUDE, latitude: LATITUDE})",
    ),
    entry(
        "POINT (wgs-84-3d)",
        C::Verbatim,
        &[
            "point({longitude: 12.5, latitude: -90, height: 8848.86})",
            "point({longitude: 12.5, latitude: -90, height: -0.0})",
        ],
        "point({longitude: LONGITUDE, latitude: LATITUDE, height: f[0]})",
    ),
];
