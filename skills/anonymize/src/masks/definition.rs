//! What a mask is: what it takes, what it gives, which range its output lies in.

use std::borrow::Cow;

use redistrict_model::{ColumnClass, ColumnType, MaskKind, MaskName};

use crate::pseudonym::Pseudonymizer;

/// A value on its way into a mask. Numbers are canonical text: 123 and "123" are the same value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    Text(&'a str),
    /// Days since 1970.
    Days(i32),
    /// Microseconds since 1970.
    Micros(i64),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// The bytes that pseudonyms are drawn with.
    #[must_use]
    pub fn key(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Days(days) => Cow::Owned(days.to_le_bytes().to_vec()),
            Self::Micros(micros) => Cow::Owned(micros.to_le_bytes().to_vec()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }
}

/// What a mask gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Masked {
    Null,
    Text(String),
    Days(i32),
    Micros(i64),
    Bytes(Vec<u8>),
}

/// A value that a mask cannot replace within its column's constraints. Holds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("replace a value: {0}")]
pub struct Unmaskable(pub &'static str);

/// Everything that the columns of one domain demand together, and the domain's key.
#[derive(Clone)]
pub struct Field {
    pub key: Pseudonymizer,
    pub shape: FieldShape,
}

/// What the columns of one domain demand together.
#[derive(Clone, Debug)]
pub struct FieldShape {
    pub class: ColumnClass,
    pub kind: MaskKind,
    /// Two values must not become one.
    pub unique: bool,
    /// The shortest of all columns of the domain, in characters.
    pub max_length: Option<usize>,
    /// The types of the domain's columns, each once.
    pub types: Vec<ColumnType>,
    /// `inet`, `cidr`, `macaddr` and the like need to know what they are.
    pub source_types: Vec<String>,
    /// From CHECKs such as `points between 0 and 100`.
    pub bounds: Bounds,
}

impl FieldShape {
    /// The most characters a text may have.
    #[must_use]
    pub fn room(&self) -> usize {
        self.max_length.unwrap_or(usize::MAX)
    }
}

/// Inclusive bounds of whole numbers, from CHECK constraints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub low: Option<i64>,
    pub high: Option<i64>,
    /// The bound itself is excluded, for numbers with a fraction.
    pub low_open: bool,
    pub high_open: bool,
}

impl Bounds {
    /// Nothing is demanded.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }
}

/// What is known of a mask before a row moves.
#[derive(Clone, Copy, Debug)]
pub struct MaskDefinition {
    pub name: MaskName,
    /// One of the three kinds; a mask of numbers and texts that must be unique is in-format.
    pub kind: MaskKind,
    /// For people: where its output lies.
    pub output: &'static str,
    pub types: &'static [ColumnType],
    /// Fewer characters than this cannot hold an output.
    pub min_length: usize,
}

/// A mask. Pure: the same value and field give the same output. NULL and the empty text never reach
/// it (the engine leaves them as they are).
pub trait Mask: Send + Sync {
    /// Its properties.
    fn definition(&self) -> MaskDefinition;

    /// How many bits tell two outputs apart if a text may have so many characters; infinite where
    /// the mask is injective.
    fn capacity_bits(&self, shape: &FieldShape) -> f64;

    /// Replaces a value by another one: never by itself, unless the value says nothing (no letter
    /// and no digit, an infinity).
    ///
    /// # Errors
    /// The value lies outside what its column's constraints allow.
    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable>;

    /// The output lies in the mask's range. For masks of kind *reserved* no value of a real person
    /// lies there.
    fn is_output(&self, output: &str, shape: &FieldShape) -> bool;
}

/// The types that hold any text.
pub(crate) const TEXTS: &[ColumnType] = &[ColumnType::Text, ColumnType::Char];
/// Texts and the numbers that can hold ten digits.
pub(crate) const TEXTS_AND_LONGS: &[ColumnType] = &[
    ColumnType::Text,
    ColumnType::Char,
    ColumnType::Int32,
    ColumnType::Int64,
    ColumnType::Numeric,
];

/// Text outputs are made until one differs from the value; the stream of each try is another.
pub(crate) fn until_it_differs(
    value: Value<'_>,
    field: &Field,
    label: &str,
    mut make: impl FnMut(&mut crate::pseudonym::Stream) -> Option<String>,
) -> Result<Masked, Unmaskable> {
    let Value::Text(own) = value else {
        return Err(Unmaskable("its type is none that this mask takes"));
    };
    for attempt in 0_u8..16 {
        let mut stream = field
            .key
            .draw(&format!("{label} {attempt}"), own.as_bytes());
        let made = make(&mut stream).ok_or(Unmaskable("its column is too short"))?;
        if !made.eq_ignore_ascii_case(own) {
            return Ok(Masked::Text(made));
        }
    }
    Err(Unmaskable("its column leaves no other value"))
}

/// Bits of so many independent letters of `a-z`.
pub(crate) fn letter_bits(count: usize) -> f64 {
    let count = u32::try_from(count.min(1000)).unwrap_or(1000);
    f64::from(count) * 26_f64.log2()
}

/// The letters that make an output unique: enough for ten million values at 10⁻⁹.
pub(crate) const UNIQUE_LETTERS: usize = 17;
