//! The declared types of SQLite's columns. Any class of value may stand in any column: what is not of the
//! column's type is refused, and stands here too.

use redistrict_model::ColumnType as C;

/// One declared type: what it travels as, its edge values, an expression that makes random ones, and values
/// of other storage classes or forms that stand in such columns and are refused.
///
/// Expressions are SQL. Those for random values are made of the columns of a row of seeds: `a` and `b`, any
/// integers; `f`, a finite number; `t`, a text; `x`, bytes; `y`, 16 bytes.
#[derive(Clone, Copy, Debug)]
pub struct FileType {
    /// As it stands in a column's definition.
    pub declared: &'static str,
    pub column_type: C,
    pub edges: &'static [&'static str],
    pub random: &'static str,
    pub refused: &'static [&'static str],
    pub note: &'static str,
}

/// Every entry, each name once.
pub fn all() -> impl Iterator<Item = &'static FileType> {
    TYPES.iter()
}

const fn entry(
    declared: &'static str,
    column_type: C,
    edges: &'static [&'static str],
    random: &'static str,
    refused: &'static [&'static str],
) -> FileType {
    FileType {
        declared,
        column_type,
        edges,
        random,
        refused,
        note: "",
    }
}

impl FileType {
    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// Whether any value of such a column moves.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.column_type != C::Other
    }
}

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775807 - 1",
    "'42'",
];
const NO_INTEGERS: &[&str] = &["'forty-two'", "1.5", "x'2a'"];
const TEXTS: &[&str] = &[
    "''",
    "' '",
    "42",
    "'042'",
    "'1e5'",
    "'a' || char(0) || 'b'",
    "''''",
    "'\"'",
    "'\\'",
    "char(10)",
    "'學生🦀'",
    "'e' || char(769)",
    "char(233)",
    "replace(hex(zeroblob(50000)), '00', 'ä')",
];
const NO_TEXTS: &[&str] = &["x'74657874'", "cast(x'ff' as text)"];
const REALS: &[&str] = &[
    "0.0",
    "1",
    "-2.5",
    "4.9406564584124654e-324",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "9e999",
    "-9e999",
    "1e17",
    "0.1",
    "9007199254740993",
];
const NO_REALS: &[&str] = &["'n/a'", "x'00'"];
const TIMES: &[&str] = &[
    "'0000-01-01 00:00:00'",
    "'1969-12-31 23:59:59.999999'",
    "'2024-02-29 12:00:00.000001'",
    "'9999-12-31 23:59:59.999999'",
];
const NO_TIMES: &[&str] = &[
    "'2024-02-29T12:00:00Z'",
    "'2024-02-29 12:00:00.5'",
    "'2024-02-30 12:00:00'",
    "1700000000",
    "2460310.5",
];
const RANDOM_TIME: &str = "strftime('%Y-%m-%d %H:%M:%S', a % 157784760000 + 95617540800, 'unixepoch') \
     || case b % 2 when 0 then '' else printf('.%06d', 1 + abs(b % 999999)) end";
const RANDOM_UUID: &str = "lower(printf('%s-%s-%s-%s-%s', substr(hex(y), 1, 8), substr(hex(y), 9, 4), \
     substr(hex(y), 13, 4), substr(hex(y), 17, 4), substr(hex(y), 21, 12)))";

const TYPES: &[FileType] = &[
    entry("integer", C::Int64, INTEGERS, "a", NO_INTEGERS)
        .note("every type with INT in its name; text that is a whole number is stored as one"),
    entry("bigint", C::Int64, INTEGERS, "a % 1000", NO_INTEGERS),
    entry("unsigned big int", C::Int64, INTEGERS, "a", NO_INTEGERS),
    entry(
        "boolean",
        C::Bool,
        &["0", "1", "true"],
        "abs(a % 2)",
        &["2", "'yes'", "x'01'", "0.5"],
    )
    .note("0 and 1; every type that starts with BOOL"),
    entry("text", C::Text, TEXTS, "t", NO_TEXTS).note(
        "every type with CHAR, CLOB or TEXT in its name; numbers become text when they are stored",
    ),
    entry("varchar(40)", C::Text, TEXTS, "t", NO_TEXTS).note("a length is not enforced by SQLite"),
    entry("clob", C::Text, TEXTS, "t", NO_TEXTS),
    entry("nchar(5)", C::Text, TEXTS, "t", NO_TEXTS),
    entry("text collate nocase", C::Text, TEXTS, "t", NO_TEXTS),
    entry("real", C::Float64, REALS, "f", NO_REALS).note(
        "every type with REAL, FLOA or DOUB in its name; SQLite itself keeps no NaN and no -0",
    ),
    entry("double precision", C::Float64, REALS, "f", NO_REALS),
    entry("float", C::Float64, REALS, "a", NO_REALS),
    entry(
        "blob",
        C::Bytes,
        &["x''", "x'00'", "x'ff'", "zeroblob(100000)"],
        "x",
        &["'text'", "1", "1.5"],
    )
    .note("every type with BLOB in its name"),
    entry(
        "date",
        C::Date,
        &[
            "'0000-01-01'",
            "'1969-12-31'",
            "'2000-02-29'",
            "'9999-12-31'",
        ],
        "date(a % 157784760000 + 95617540800, 'unixepoch')",
        &["'29.2.2024'", "'2024-02-30'", "19782", "1.5", "x'00'"],
    )
    .note("text `YYYY-MM-DD`"),
    entry("datetime", C::Timestamp, TIMES, RANDOM_TIME, NO_TIMES)
        .note("text `YYYY-MM-DD HH:MM:SS`, with six digits after a point or none"),
    entry("timestamp", C::Timestamp, TIMES, RANDOM_TIME, NO_TIMES).note("as `datetime`"),
    entry(
        "uuid",
        C::Uuid,
        &[
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ],
        RANDOM_UUID,
        &[
            "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'",
            "x'00000000000000000000000000000000'",
            "17",
        ],
    )
    .note("text in lower case with hyphens"),
    entry(
        "json",
        C::Json,
        &[
            "'null'",
            "'true'",
            "'\"1\"'",
            "'[1]'",
            "'{\"a\":1.0}'",
            "' {} '",
            "'not json at all'",
        ],
        "json_object('k', a, 't', b, 'n', json_array(f))",
        &["'17'", "1.5", "x'7b7d'"],
    )
    .note("the text as it is; a bare number is stored as a number, which is refused"),
    refused("numeric")
        .note("every type that says neither name nor class: any value may stand there"),
    refused("decimal(10,5)"),
    refused("time"),
    refused("timestamp with time zone"),
    refused("jsonb"),
    refused("").note("a column without a type"),
];

const fn refused(declared: &'static str) -> FileType {
    entry(declared, C::Other, &["1", "'x'"], "a", &[])
}
