//! Keys of rows in a batch, in the canonical text of `redistrict_model::Key`.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use redistrict_model::Key;
use redistrict_model::calendar::civil_from_days;

use crate::root_key::encode_hex;

/// The metadata key under which a field names its column type (see `redistrict_store`).
const COLUMN_TYPE: &str = "redistrict.column_type";

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The key of each row over the named columns; `None` where one of them is NULL. A column that the
/// batch has not, or of a type that is never part of a key (floating point), gives `None` for all.
#[must_use]
pub fn keys_of(batch: &RecordBatch, columns: &[String]) -> Vec<Option<Key>> {
    let cells: Option<Vec<KeyColumn<'_>>> = columns
        .iter()
        .map(|name| KeyColumn::of(batch, name))
        .collect();
    let Some(cells) = cells else {
        return vec![None; batch.num_rows()];
    };
    (0..batch.num_rows())
        .map(|row| {
            cells
                .iter()
                .map(|cell| cell.text(row))
                .collect::<Option<Vec<_>>>()
                .map(Key::new)
        })
        .collect()
}

struct KeyColumn<'a> {
    array: &'a dyn Array,
    column_type: String,
}

impl<'a> KeyColumn<'a> {
    fn of(batch: &'a RecordBatch, name: &str) -> Option<Self> {
        let at = batch.schema().index_of(name).ok()?;
        let column_type = batch
            .schema()
            .field(at)
            .metadata()
            .get(COLUMN_TYPE)
            .cloned();
        let array = batch.column(at).as_ref();
        let is_float = matches!(array.data_type(), DataType::Float32 | DataType::Float64);
        (!is_float).then(|| Self {
            array,
            column_type: column_type.unwrap_or_default(),
        })
    }

    fn text(&self, row: usize) -> Option<String> {
        if self.array.is_null(row) {
            return None;
        }
        Some(match self.array.data_type() {
            DataType::Boolean => self.array.as_boolean().value(row).to_string(),
            DataType::Int16 => self
                .array
                .as_primitive::<Int16Type>()
                .value(row)
                .to_string(),
            DataType::Int32 => self
                .array
                .as_primitive::<Int32Type>()
                .value(row)
                .to_string(),
            DataType::Int64 => self
                .array
                .as_primitive::<Int64Type>()
                .value(row)
                .to_string(),
            DataType::Date32 => date_text(self.array.as_primitive::<Date32Type>().value(row)),
            DataType::Timestamp(TimeUnit::Microsecond, zone) => timestamp_text(
                self.array
                    .as_primitive::<TimestampMicrosecondType>()
                    .value(row),
                zone.is_some(),
            ),
            DataType::Binary => {
                format!(
                    "\\x{}",
                    encode_hex(self.array.as_binary::<i32>().value(row))
                )
            }
            DataType::Utf8 => {
                canonical_text(self.array.as_string::<i32>().value(row), &self.column_type)
            }
            _ => return None,
        })
    }
}

/// The canonical text of a value that travels as text.
fn canonical_text(text: &str, column_type: &str) -> String {
    match column_type {
        "char" => text.trim_end_matches(' ').to_owned(),
        "numeric" if text.contains('.') => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.to_owned(),
    }
}

/// `YYYY-MM-DD`; the infinities by name.
#[must_use]
pub fn date_text(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => {
            let (year, month, day) = civil_from_days(i64::from(days));
            format_date(year, month, day)
        }
    }
}

/// Time since 1970 as RFC 3339, UTC, to the second, for display.
#[must_use]
pub fn timestamp_of(since_epoch: std::time::Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(0);
    timestamp_text(seconds * 1_000_000, false).replacen(' ', "T", 1) + "Z"
}

fn format_date(year: i64, month: i64, day: i64) -> String {
    if year > 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{:04}-{month:02}-{day:02} BC", 1 - year)
    }
}

fn timestamp_text(micros: i64, has_zone: bool) -> String {
    match micros {
        i64::MAX => return "infinity".to_owned(),
        i64::MIN => return "-infinity".to_owned(),
        _ => {}
    }
    let (year, month, day) = civil_from_days(micros.div_euclid(MICROS_PER_DAY));
    let rest = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut text = format!(
        "{:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        if year > 0 { year } else { 1 - year },
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction > 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    if has_zone {
        text.push_str("+00");
    }
    if year <= 0 {
        text.push_str(" BC");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    #[test]
    fn dates_print_as_the_calendar_has_them() {
        assert_eq!(date_text(0), "1970-01-01");
        assert_eq!(date_text(-1), "1969-12-31");
        assert_eq!(date_text(19_782), "2024-02-29");
        assert_eq!(date_text(-719_528), "0001-01-01 BC");
        assert_eq!(
            timestamp_of(std::time::Duration::from_secs(60)),
            "1970-01-01T00:01:00Z"
        );
        assert_eq!(timestamp_text(-1, false), "1969-12-31 23:59:59.999999");
        assert_eq!(timestamp_text(1_500_000, true), "1970-01-01 00:00:01.5+00");
    }

    #[test]
    fn a_number_and_its_text_have_the_same_key_and_null_has_none() {
        let batch = RecordBatch::try_from_iter([
            (
                "n",
                Arc::new(Int64Array::from(vec![Some(42), None])) as ArrayRef,
            ),
            ("t", Arc::new(StringArray::from(vec!["42", "x"]))),
        ])
        .unwrap();
        assert_eq!(
            keys_of(&batch, &["n".into()])[0],
            keys_of(&batch, &["t".into()])[0]
        );
        assert_eq!(keys_of(&batch, &["t".into(), "n".into()])[1], None);
        assert_eq!(keys_of(&batch, &["missing".into()]), [None, None]);
    }

    #[test]
    fn padding_and_trailing_zeros_do_not_count() {
        let field = |kind: &str| {
            Field::new(kind, DataType::Utf8, true)
                .with_metadata(HashMap::from([(COLUMN_TYPE.to_owned(), kind.to_owned())]))
        };
        let schema = Schema::new(vec![field("char"), field("numeric")]);
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from(vec!["ab  "])) as ArrayRef,
                Arc::new(StringArray::from(vec!["1.500"])),
            ],
        )
        .unwrap();
        let key = keys_of(&batch, &["char".into(), "numeric".into()]).remove(0);
        assert_eq!(key, Some(Key::new(["ab", "1.5"])));
    }
}
