//! Amounts of money as PostgreSQL writes them under `lc_monetary = 'C'`: `-$1,234.50`. The number in
//! them is masked as a number is.

use redistrict_model::ColumnType;

use super::definition::{Bounds, Field, Mask as _, Masked, Unmaskable, Value};
use super::number::{NumberMask, is_number};

/// Amounts of so many digits may touch the limit of the type.
const LONG: usize = 19;

/// The number of an amount, `-1234.50`; none if the text is no amount.
pub(crate) fn number_of_money(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text),
    };
    let number = format!("{sign}{}", unsigned.strip_prefix('$')?.replace(',', ""));
    is_number(&number).then_some(number)
}

/// Another amount: of the number that a column of numbers would have in its place.
pub(super) fn mask_money(own: &str, field: &Field) -> Result<String, Unmaskable> {
    let number = number_of_money(own).ok_or(Unmaskable("it is no amount of money"))?;
    let scale = number.split_once('.').map_or(0, |(_, cents)| cents.len());
    let mut numbers = field.clone();
    numbers.shape.types.retain(|one| *one != ColumnType::Money);
    if number.len() < LONG {
        return mask_number(&number, &numbers).map(|made| layout(&made));
    }
    // The largest amounts as the number of cents that they are stored as.
    numbers.shape.types = vec![ColumnType::Int64];
    numbers.shape.bounds = Bounds::default();
    let mut cents = mask_number(&number.replace('.', ""), &numbers)?;
    cents.insert(cents.len().saturating_sub(scale), '.');
    Ok(layout(&cents))
}

fn mask_number(number: &str, field: &Field) -> Result<String, Unmaskable> {
    match NumberMask.mask(Value::Text(number), field)? {
        Masked::Text(made) => Ok(made),
        _ => Err(Unmaskable("it is no amount of money")),
    }
}

/// A dollar sign, and commas between groups of three digits.
fn layout(number: &str) -> String {
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", number),
    };
    let (whole, cents) = unsigned.split_at(unsigned.find('.').unwrap_or(unsigned.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}${grouped}{cents}")
}
