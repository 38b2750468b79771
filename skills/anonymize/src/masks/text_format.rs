//! The format of a text and its keyed permutation: digits become digits, letters letters of the same
//! case, everything else stays. Injective for whole domains: two texts of different formats keep
//! them, two of the same are permuted (rank-encipher-unrank of Bellare, Ristenpart, Rogaway and
//! Stegers, 2009). Texts that differ in case only stay so.

use crate::pseudonym::Pseudonymizer;

/// Positions are permuted in blocks of at most so many choices.
const BLOCK: u128 = 1 << 100;

enum Place {
    Digit(u32),
    Letter {
        number: u32,
        is_upper: bool,
    },
    /// A letter or digit outside ASCII: its number among those of its block of 128 characters.
    Other {
        block: u32,
        number: u32,
        size: u32,
    },
    Literal(char),
}

impl Place {
    fn of(c: char) -> Self {
        if let Some(digit) = c.to_digit(10) {
            return Self::Digit(digit);
        }
        if c.is_ascii_alphabetic() {
            let number = u32::from(c.to_ascii_lowercase()) - u32::from('a');
            let is_upper = c.is_ascii_uppercase();
            return Self::Letter { number, is_upper };
        }
        let block = u32::from(c) / 128;
        if !c.is_alphanumeric() || block == 0 {
            return Self::Literal(c);
        }
        let number = members(block).position(|member| member == c);
        Self::Other {
            block,
            number: number.and_then(|at| u32::try_from(at).ok()).unwrap_or(0),
            size: u32::try_from(members(block).count()).unwrap_or(1),
        }
    }

    fn size(&self) -> u32 {
        match self {
            Self::Digit(_) => 10,
            Self::Letter { .. } => 26,
            Self::Other { size, .. } => *size,
            Self::Literal(_) => 1,
        }
    }

    fn number(&self) -> u32 {
        match self {
            Self::Digit(number) | Self::Letter { number, .. } | Self::Other { number, .. } => {
                *number
            }
            Self::Literal(_) => 0,
        }
    }

    fn with(&self, number: u32) -> char {
        match self {
            Self::Digit(_) => char::from_digit(number, 10),
            Self::Letter { is_upper, .. } => {
                let letter = char::from_u32(u32::from('a') + number);
                letter.map(|c| if *is_upper { c.to_ascii_uppercase() } else { c })
            }
            Self::Other { block, .. } => members(*block).nth(usize::try_from(number).unwrap_or(0)),
            Self::Literal(c) => Some(*c),
        }
        .unwrap_or('x')
    }

    /// The format of the place; cases are alike.
    fn push_label(&self, label: &mut String) {
        match self {
            Self::Digit(_) => label.push('\u{1}'),
            Self::Letter { .. } => label.push('\u{2}'),
            Self::Other { block, .. } => {
                label.push('\u{3}');
                label.extend(char::from_u32(block + 0x10_0000));
            }
            Self::Literal(c) => label.push(*c),
        }
    }
}

fn members(block: u32) -> impl Iterator<Item = char> {
    (block * 128..(block + 1) * 128)
        .filter_map(char::from_u32)
        .filter(|c| c.is_alphanumeric())
}

/// Permutes a text within its format: no text stays as it is unless it has no letter and no digit.
pub(crate) fn permute_text(key: &Pseudonymizer, text: &str) -> String {
    let places: Vec<Place> = text.chars().map(Place::of).collect();
    let mut label = String::from("format ");
    places.iter().for_each(|place| place.push_label(&mut label));
    let free: Vec<usize> = (0..places.len())
        .filter(|at| places[*at].size() > 1)
        .collect();
    let mut output: Vec<char> = text.chars().collect();
    for block in blocks(&places, &free) {
        let size = block
            .iter()
            .map(|at| u128::from(places[*at].size()))
            .product();
        let rank = block.iter().fold(0, |rank, at| {
            rank * u128::from(places[*at].size()) + u128::from(places[*at].number())
        });
        let mut rest = key.permute(&label, rank, size);
        for at in block.iter().rev() {
            let radix = u128::from(places[*at].size());
            output[*at] = places[*at].with(u32::try_from(rest % radix).unwrap_or(0));
            rest /= radix;
        }
        // The next block is permuted in another way for each beginning.
        label.extend(
            block
                .iter()
                .map(|at| places[*at].with(places[*at].number())),
        );
        label.push('\u{4}');
    }
    output.into_iter().collect()
}

/// Splits the free places into blocks of about equal size, each small enough to be permuted.
fn blocks<'a>(places: &[Place], free: &'a [usize]) -> Vec<&'a [usize]> {
    let bits: f64 = free
        .iter()
        .map(|at| f64::from(places[*at].size()).log2())
        .sum();
    let mut count = 1_usize;
    while bits / f64::from(u32::try_from(count).unwrap_or(u32::MAX)) > 90.0 {
        count += 1;
    }
    loop {
        let length = free.len().div_ceil(count).max(1);
        let blocks: Vec<&[usize]> = free.chunks(length).collect();
        let fits = |block: &&[usize]| {
            let sizes = block.iter().map(|at| u128::from(places[*at].size()));
            sizes
                .into_iter()
                .try_fold(1_u128, |product, size| {
                    product
                        .checked_mul(size)
                        .filter(|product| *product <= BLOCK)
                })
                .is_some()
        };
        if blocks.iter().all(fits) {
            return blocks;
        }
        count += 1;
    }
}

/// Whether two texts have the same format, letter cases included.
pub(crate) fn same_format(a: &str, b: &str) -> bool {
    let kind = |c: char| match Place::of(c) {
        Place::Digit(_) => 'd',
        Place::Letter { is_upper, .. } => {
            if is_upper {
                'U'
            } else {
                'l'
            }
        }
        Place::Other { .. } => 'o',
        Place::Literal(c) => c,
    };
    a.chars().map(kind).eq(b.chars().map(kind))
}
