//! V, the set that the proof searches for: keyed digests of all sensitive values with how much each
//! says, and the column that it was first seen in. 64-bit digests, about 24 bytes a value; no value can be
//! read back from it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use redistrict_model::ColumnRef;
use zeroize::Zeroizing;

use super::normal::Normal;
use super::siphash::SipHash;
use crate::words;

/// Windows have at most so many tokens; longer values are searched for in pieces.
pub(crate) const LONGEST_WINDOW: usize = 12;
/// Digits alone, without separators, identify from this number on.
pub(crate) const FEWEST_DIGITS: usize = 9;
const SHORTEST_TEXT: usize = 8;
const FORMAT: u8 = 3;

/// Of values that nobody said the column of.
const NO_COLUMN: u16 = u16::MAX;

/// How much a value says about whom it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// E-mail, phone, national id, address line, full name, number of a person.
    Strong,
    /// A UUID of one row: nothing else is one by chance.
    Unique,
    /// Another text of one row: a phrase, or a code with digits.
    Phrase,
    /// Another text of one row: a word or two. May stand in kept columns by chance.
    Word,
    /// Names, cities, short codes, texts of several rows: A9's rule for low-entropy values.
    Low,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Strong => 0,
            Self::Phrase => 1,
            Self::Word => 2,
            Self::Low => 3,
            Self::Unique => 4,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Strong,
            1 => Self::Phrase,
            2 => Self::Word,
            4 => Self::Unique,
            _ => Self::Low,
        }
    }

    pub(crate) fn is_high(self) -> bool {
        self != Self::Low
    }
}

/// Digests are random already.
#[derive(Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

pub(crate) type DigestMap<T> = HashMap<u64, T, BuildHasherDefault<AsIs>>;

/// The digests of tokens, windows, digits and bytes.
#[derive(Clone)]
pub(crate) struct Digester(SipHash);

impl Digester {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&key[..16]);
        Self(SipHash::new(&half))
    }

    fn labelled(&self, label: u8, bytes: &[u8]) -> u64 {
        let mut sip = self.0;
        sip.write(&[label]);
        sip.write(bytes);
        sip.finish()
    }

    pub(crate) fn token(&self, token: &str) -> u64 {
        self.labelled(b'f', token.as_bytes())
    }

    pub(crate) fn digits(&self, digits: &str) -> u64 {
        self.labelled(b'd', digits.as_bytes())
    }

    pub(crate) fn bytes(&self, bytes: &[u8]) -> u64 {
        self.labelled(b'b', bytes)
    }

    /// Any value, exactly as it is: to tell values apart and to count them.
    pub(crate) fn exact(&self, bytes: &[u8]) -> u64 {
        self.labelled(b'e', bytes)
    }

    /// Two digests together.
    pub(crate) fn pair(&self, label: u8, first: u64, second: u64) -> u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..].copy_from_slice(&second.to_le_bytes());
        self.labelled(label, &bytes)
    }

    /// The format of a normal text: digits, letters, and where its tokens end.
    pub(crate) fn pattern(&self, text: &Normal) -> u64 {
        let kind = |c: char| if c.is_numeric() { 'd' } else { 'a' };
        let tokens = text
            .tokens()
            .map(|token| token.chars().map(kind).collect::<String>());
        self.labelled(b'p', tokens.collect::<Vec<_>>().join(" ").as_bytes())
    }

    /// The digests of the windows that begin at a token: one for each number of tokens.
    pub(crate) fn windows<'a>(
        &self,
        text: &'a Normal,
        from: usize,
    ) -> impl Iterator<Item = u64> + use<'a> {
        let mut sip = self.0;
        sip.write(b"t");
        (from..text.len()).map(move |at| {
            sip.write(text.token(at).as_bytes());
            sip.write(b" ");
            sip.finish()
        })
    }

    /// The digest of all tokens together.
    pub(crate) fn whole(&self, text: &Normal) -> u64 {
        self.windows(text, 0).last().unwrap_or(0)
    }
}

struct Candidate {
    kind: Kind,
    column: u16,
    last_row: u64,
    is_shared: bool,
}

impl Candidate {
    /// Texts of several rows, which are no strong values, are low.
    fn kind(&self) -> Kind {
        let is_by_use = matches!(self.kind, Kind::Unique | Kind::Phrase | Kind::Word);
        if is_by_use && self.is_shared {
            Kind::Low
        } else {
            self.kind
        }
    }
}

/// Collects V. Rows have numbers of their own, so that a value that stands twice in one row belongs
/// to one row.
pub(crate) struct Builder {
    pub(crate) digester: Digester,
    candidates: DigestMap<Candidate>,
    firsts: DigestMap<u16>,
    patterns: DigestMap<u32>,
    digit_lengths: [u32; 24],
    columns: HashMap<ColumnRef, u16>,
    /// The column whose values are being added.
    column: u16,
    /// Distinct values.
    values: u64,
    /// Values that lie in a reserved range already.
    pub(crate) reserved: u64,
}

impl Builder {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            digester: Digester::new(key),
            candidates: DigestMap::default(),
            firsts: DigestMap::default(),
            patterns: DigestMap::default(),
            digit_lengths: [0; 24],
            columns: HashMap::new(),
            column: NO_COLUMN,
            values: 0,
            reserved: 0,
        }
    }

    /// What is added from now on comes from this column.
    pub(crate) fn begin(&mut self, column: &ColumnRef) {
        if let Some(known) = self.columns.get(column) {
            self.column = *known;
            return;
        }
        // Beyond so many columns the rest goes without a name.
        self.column = u16::try_from(self.columns.len()).unwrap_or(NO_COLUMN);
        if self.column != NO_COLUMN {
            self.columns.insert(column.clone(), self.column);
        }
    }

    /// What is added from now on are names of members: the column of a value that is also one is that of
    /// the value.
    pub(crate) fn begin_names(&mut self) {
        self.column = NO_COLUMN;
    }

    /// What is known of a digest so far: how much it says, and the number of the column.
    pub(crate) fn known(&self, digest: u64) -> Option<(Kind, u16)> {
        let own = self.candidates.get(&digest)?;
        Some((own.kind(), own.column))
    }

    /// The columns by their numbers; names of members have none.
    pub(crate) fn columns(&self) -> HashMap<u16, ColumnRef> {
        let columns = self.columns.iter();
        columns
            .map(|(column, number)| (*number, column.clone()))
            .collect()
    }

    /// The numbers of the columns that meet a condition.
    pub(crate) fn columns_that(&self, is_one: impl Fn(&ColumnRef) -> bool) -> HashSet<u16> {
        let found = self.columns.iter().filter(|(column, _)| is_one(column));
        found.map(|(_, number)| *number).collect()
    }

    /// Adds a value that identifies by what it is.
    pub(crate) fn add_strong(&mut self, text: &Normal, row: u64) {
        self.add(text, Kind::Strong, row);
    }

    /// Adds a value that identifies if it is long enough and belongs to one row.
    pub(crate) fn add_by_use(&mut self, text: &Normal, row: u64) {
        self.add(text, kind_of_text(text), row);
    }

    /// Adds a value that does not identify by itself.
    pub(crate) fn add_low(&mut self, text: &Normal, row: u64) {
        self.add(text, Kind::Low, row);
    }

    /// Adds a file.
    pub(crate) fn add_bytes(&mut self, bytes: &[u8], row: u64) {
        let kind = if bytes.len() < SHORTEST_TEXT {
            Kind::Low
        } else {
            Kind::Phrase
        };
        let digest = self.digester.bytes(bytes);
        self.values += u64::from(self.put(digest, kind, row));
    }

    fn add(&mut self, text: &Normal, kind: Kind, row: u64) {
        if text.len() == 0 {
            return;
        }
        let is_long = text.len() > LONGEST_WINDOW;
        let digest = self.digester.whole(text);
        let is_new = self.put(digest, if is_long { Kind::Low } else { kind }, row);
        self.values += u64::from(is_new);
        if is_new && text.characters() <= 32 {
            *self
                .patterns
                .entry(self.digester.pattern(text))
                .or_insert(0) += 1;
        }
        if is_long {
            // The first of each twelve tokens, and the last twelve: a value cut short is found too.
            let starts = (0..=text.len() - LONGEST_WINDOW).step_by(LONGEST_WINDOW);
            for from in starts.chain([text.len() - LONGEST_WINDOW]) {
                self.put_window(text, from, LONGEST_WINDOW, kind, row);
            }
            return;
        }
        self.put_first(text, 0, text.len());
        if kind.is_high() {
            self.add_digits(text, kind, row);
        }
    }

    fn put_window(&mut self, text: &Normal, from: usize, length: usize, kind: Kind, row: u64) {
        if let Some(digest) = self.digester.windows(text, from).nth(length - 1) {
            self.put(digest, kind, row);
            self.put_first(text, from, length);
        }
    }

    fn put_first(&mut self, text: &Normal, from: usize, length: usize) {
        let first = self.digester.token(text.token(from));
        *self.firsts.entry(first).or_insert(0) |= 1 << length;
    }

    /// A value that is mostly digits is found without its separators too.
    fn add_digits(&mut self, text: &Normal, kind: Kind, row: u64) {
        let digits = text.digits();
        let letters = text.characters() - digits.len().min(text.characters());
        if digits.len() < FEWEST_DIGITS || digits.len() > 20 || letters > 2 {
            return;
        }
        let national = (digits.len() == 11)
            .then(|| digits.strip_prefix('1'))
            .flatten();
        for digits in std::iter::once(digits.as_str()).chain(national) {
            let digest = self.digester.digits(digits);
            if self.put(digest, kind, row) {
                self.digit_lengths[digits.len()] += 1;
            }
        }
    }

    /// Whether the digest is new.
    fn put(&mut self, digest: u64, kind: Kind, row: u64) -> bool {
        match self.candidates.get_mut(&digest) {
            Some(own) => {
                own.kind = own.kind.min(kind);
                own.is_shared |= own.last_row != row;
                own.last_row = row;
                if own.column == NO_COLUMN {
                    own.column = self.column;
                }
                false
            }
            None => {
                let candidate = Candidate {
                    kind,
                    column: self.column,
                    last_row: row,
                    is_shared: false,
                };
                self.candidates.insert(digest, candidate);
                true
            }
        }
    }

    /// Takes a text out of V: the district's key and name, which are printed.
    pub(crate) fn remove(&mut self, text: &str) {
        let digest = self.digester.whole(&Normal::of(text));
        if self.candidates.remove(&digest).is_some() {
            self.values -= 1;
        }
    }

    /// V.
    pub(crate) fn finish(self) -> Values {
        let kinds = self.candidates.into_iter().map(|(digest, candidate)| {
            let (kind, column) = (candidate.kind(), candidate.column);
            (digest, Member { kind, column })
        });
        let mut columns = vec![String::new(); self.columns.len()];
        for (column, at) in self.columns {
            if let Some(name) = columns.get_mut(usize::from(at)) {
                *name = column.to_string();
            }
        }
        Values {
            members: kinds.collect(),
            columns,
            firsts: self.firsts,
            patterns: self.patterns,
            digit_lengths: self.digit_lengths,
            values: self.values,
            reserved: self.reserved,
        }
    }
}

/// What a text says if it belongs to one row.
fn kind_of_text(text: &Normal) -> Kind {
    let characters = text.characters();
    let digits = text.digits().len();
    let is_own_output = text
        .tokens()
        .all(|word| words::is_output_word(word) || words::is_invented_word(word));
    if characters < SHORTEST_TEXT
        || text.is_only_digits() && digits < FEWEST_DIGITS
        || is_own_output
    {
        Kind::Low
    } else if is_uuid(text) {
        Kind::Unique
    } else if digits > 0 && text.len() <= 4 || text.len() >= 4 && characters >= 20 {
        Kind::Phrase
    } else {
        Kind::Word
    }
}

/// Thirty-two hexadecimal digits in groups of 8, 4, 4, 4 and 12, or without groups.
fn is_uuid(text: &Normal) -> bool {
    let is_hex = |token: &str| token.chars().all(|c| c.is_ascii_hexdigit());
    let lengths: Vec<usize> = text.tokens().map(str::len).collect();
    (lengths == [8, 4, 4, 4, 12] || lengths == [32]) && text.tokens().all(is_hex)
}

/// What is known of a value of V.
#[derive(Clone, Copy)]
struct Member {
    kind: Kind,
    column: u16,
}

/// V, finished.
pub(crate) struct Values {
    members: DigestMap<Member>,
    /// The names that members go by.
    columns: Vec<String>,
    /// Digest of a first token to the lengths of the windows that begin with it.
    firsts: DigestMap<u16>,
    patterns: DigestMap<u32>,
    digit_lengths: [u32; 24],
    pub(crate) values: u64,
    pub(crate) reserved: u64,
}

impl Values {
    pub(crate) fn kind(&self, digest: u64) -> Option<Kind> {
        self.members.get(&digest).map(|member| member.kind)
    }

    /// The column of PROD that a value was first seen in.
    pub(crate) fn column(&self, digest: u64) -> Option<&str> {
        let member = self.members.get(&digest)?;
        self.columns
            .get(usize::from(member.column))
            .map(String::as_str)
    }

    /// Bit n is set where a window of n tokens may begin with this one.
    pub(crate) fn lengths(&self, first: u64) -> u16 {
        self.firsts.get(&first).copied().unwrap_or(0)
    }

    /// Values of so many digits.
    pub(crate) fn with_digits(&self, digits: usize) -> u32 {
        self.digit_lengths.get(digits).copied().unwrap_or(0)
    }

    /// Values of that format.
    pub(crate) fn with_pattern(&self, pattern: u64) -> u32 {
        self.patterns.get(&pattern).copied().unwrap_or(0)
    }

    /// High-entropy digests.
    pub(crate) fn high(&self) -> usize {
        let members = self.members.values();
        members.filter(|member| member.kind.is_high()).count()
    }

    /// As bytes for the encrypted blob, in digest order.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = vec![FORMAT];
        out.extend(self.values.to_le_bytes());
        out.extend(self.reserved.to_le_bytes());
        self.digit_lengths
            .iter()
            .for_each(|count| out.extend(count.to_le_bytes()));
        write_map(&self.members, &mut out, |member, out| {
            out.push(member.kind.code());
            out.extend(member.column.to_le_bytes());
        });
        write_map(&self.firsts, &mut out, |mask, out| {
            out.extend(mask.to_le_bytes());
        });
        write_map(&self.patterns, &mut out, |count, out| {
            out.extend(count.to_le_bytes());
        });
        out.extend((self.columns.len() as u64).to_le_bytes());
        for name in &self.columns {
            out.extend((name.len() as u64).to_le_bytes());
            out.extend(name.as_bytes());
        }
        Zeroizing::new(out)
    }

    /// Reads what [`Values::to_bytes`] wrote; none if it is something else.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        if reader.array::<1>()? != [FORMAT] {
            return None;
        }
        let values = u64::from_le_bytes(reader.array()?);
        let reserved = u64::from_le_bytes(reader.array()?);
        let mut digit_lengths = [0; 24];
        for count in &mut digit_lengths {
            *count = u32::from_le_bytes(reader.array()?);
        }
        let own = Self {
            members: reader.map(|[kind, low, high]| Member {
                kind: Kind::from_code(kind),
                column: u16::from_le_bytes([low, high]),
            })?,
            firsts: reader.map(u16::from_le_bytes)?,
            patterns: reader.map(u32::from_le_bytes)?,
            columns: reader.names()?,
            digit_lengths,
            values,
            reserved,
        };
        reader.0.is_empty().then_some(own)
    }
}

fn write_map<T>(map: &DigestMap<T>, out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.extend((map.len() as u64).to_le_bytes());
    let mut digests: Vec<&u64> = map.keys().collect();
    digests.sort_unstable();
    for digest in digests {
        out.extend(digest.to_le_bytes());
        write(&map[digest], out);
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn names(&mut self) -> Option<Vec<String>> {
        let count = u64::from_le_bytes(self.array()?);
        (0..count).map(|_| self.name()).collect()
    }

    fn name(&mut self) -> Option<String> {
        let length = usize::try_from(u64::from_le_bytes(self.array()?)).ok()?;
        let (name, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(name.to_vec()).ok()
    }

    fn map<T, const N: usize>(&mut self, read: impl Fn([u8; N]) -> T) -> Option<DigestMap<T>> {
        let count = u64::from_le_bytes(self.array()?);
        let mut map = DigestMap::default();
        for _ in 0..count {
            let digest = u64::from_le_bytes(self.array()?);
            map.insert(digest, read(self.array()?));
        }
        Some(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_told_from_other_texts_of_one_row() {
        for (text, kind) in [
            ("c4ca4238-a0b9-2382-0dcc-509a6f75849b", Kind::Unique),
            ("{C4CA4238-A0B9-2382-0DCC-509A6F75849B}", Kind::Unique),
            ("c4ca4238a0b923820dcc509a6f75849b", Kind::Unique),
            ("c4ca4238-a0b9-2382-0dcc-509a6f75849", Kind::Phrase),
            ("g4ca4238-a0b9-2382-0dcc-509a6f75849b", Kind::Phrase),
            ("AB-2031-77", Kind::Phrase),
        ] {
            assert_eq!(kind_of_text(&Normal::of(text)), kind, "{text}");
        }
    }

    #[test]
    fn every_kind_comes_back_from_its_code() {
        use Kind::{Low, Phrase, Strong, Unique, Word};
        for kind in [Strong, Unique, Phrase, Word, Low] {
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
    }
}
