//! Which members of V a row has: what each of its sensitive cells says, by class.

use redistrict_model::{ColumnClass, ColumnType, MaskName};

use super::normal::Normal;
use super::values::{Builder, FEWEST_DIGITS};
use crate::cells::Cell;
use crate::documents::is_key_of;
use crate::elements::{self, Element};
use crate::engine::ColumnMask;
use crate::masks::{PrintedDate, is_nobodys, parse_date, printed_date};
use crate::names;
use crate::parts::{self, Part};
use crate::plan::{class_of_name, class_of_text};

/// Takes the members of a row.
pub(crate) trait Source {
    /// What follows comes from this column.
    fn begin(&mut self, _column: &ColumnMask) {}
    fn strong(&mut self, text: &Normal);
    fn by_use(&mut self, text: &Normal);
    fn low(&mut self, text: &Normal);
    fn bytes(&mut self, bytes: &[u8]);
    /// A value that no real person can have is no member.
    fn reserved(&mut self);
}

/// A row on its way into V.
pub(crate) struct IntoValues<'a> {
    pub(crate) builder: &'a mut Builder,
    pub(crate) row: u64,
}

impl Source for IntoValues<'_> {
    fn begin(&mut self, column: &ColumnMask) {
        self.builder.begin(&column.decision.column);
    }

    fn strong(&mut self, text: &Normal) {
        self.builder.add_strong(text, self.row);
    }

    fn by_use(&mut self, text: &Normal) {
        self.builder.add_by_use(text, self.row);
    }

    fn low(&mut self, text: &Normal) {
        self.builder.add_low(text, self.row);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.builder.add_bytes(bytes, self.row);
    }

    fn reserved(&mut self) {
        self.builder.reserved += 1;
    }
}

/// Gives all members of a row: of each sensitive cell, and of first name and surname together.
pub(crate) fn collect_row<'a>(
    cells: impl Iterator<Item = (&'a ColumnMask, Option<Cell<'a>>)>,
    into: &mut dyn Source,
) {
    let mut names = RowNames::default();
    let mut of_names = None;
    for (column, cell) in cells {
        if let Some(Cell::Text(text)) = &cell
            && let Some(parted) = column.parted(text)
        {
            // What refers to rows is of the column that it refers to.
            for (mask, key) in &parted.linked {
                let mask = if is_key_of(mask, key) { *mask } else { column };
                if mask.decision.sensitive {
                    into.begin(mask);
                    member(mask, key, &mut RowNames::default(), into);
                }
            }
            if column.decision.sensitive {
                into.begin(column);
                member(column, &parted.rest, &mut names, into);
            }
            continue;
        }
        if !column.decision.sensitive {
            continue;
        }
        into.begin(column);
        if matches!(
            class_of(column),
            ColumnClass::FirstName | ColumnClass::Surname
        ) {
            of_names = Some(column);
        }
        match cell {
            Some(Cell::Text(text)) => {
                column.each_text(&text, &mut |text| member(column, text, &mut names, into));
            }
            Some(Cell::Bytes(bytes)) if !bytes.is_empty() => into.bytes(bytes),
            _ => {}
        }
    }
    if let Some(column) = of_names {
        into.begin(column);
    }
    for first in &names.first {
        for last in &names.last {
            for both in [format!("{first} {last}"), format!("{last} {first}")] {
                into.strong(&Normal::of(&both));
            }
        }
    }
}

#[derive(Default)]
struct RowNames {
    first: Vec<String>,
    last: Vec<String>,
}

fn member(column: &ColumnMask, text: &str, names: &mut RowNames, into: &mut dyn Source) {
    let is_number = matches!(
        column.scalar_type,
        ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Float32
            | ColumnType::Float64
            | ColumnType::Numeric
            | ColumnType::Money
    );
    let class = class_of(column);
    let is_personal_number = matches!(class, ColumnClass::Phone | ColumnClass::NationalId);
    if is_number && !is_personal_number
        || matches!(
            column.scalar_type,
            ColumnType::Time | ColumnType::Interval | ColumnType::Bits
        )
    {
        return;
    }
    if is_date(column.scalar_type) {
        date(text, into);
        return;
    }
    if let Some(bytes) = element_bytes(column, text) {
        if !bytes.is_empty() {
            into.bytes(&bytes);
        }
        return;
    }
    if column.is_reserved(text) {
        into.reserved();
        return;
    }
    if is_made_of_parts(column.scalar_type) {
        document(column.scalar_type, text, into);
        if let Some(names) = &column.names {
            names.each(column, text, &mut |kind, name| {
                if kind == names::Kind::Data {
                    data_name(name, into);
                }
            });
        }
        return;
    }
    let normal = Normal::of(text);
    match class {
        ColumnClass::FirstName => names.first.push(text.trim().to_owned()),
        ColumnClass::Surname => names.last.push(text.trim().to_owned()),
        _ => {}
    }
    let is_key = column.decision.unique && column.decision.mask == MaskName::Text;
    let by_look = || class_of_text(text).filter(|_| column.is_list());
    let class = match class {
        ColumnClass::Unknown => by_look().unwrap_or(class),
        class => class,
    };
    of_class(class, is_key, text, &normal, into);
}

/// What the column is, also where it refers to another.
pub(crate) fn class_of(column: &ColumnMask) -> ColumnClass {
    match (&column.action, column.decision.class) {
        (Some(action), ColumnClass::Reference) => action.field.shape.class,
        (_, class) => class,
    }
}

fn of_class(class: ColumnClass, is_key: bool, text: &str, normal: &Normal, into: &mut dyn Source) {
    let (tokens, characters) = (normal.len(), normal.characters());
    let digits = normal.digits().len();
    let is_strong = match class {
        ColumnClass::Email => text.contains('@') && characters >= 5,
        ColumnClass::Phone => digits >= FEWEST_DIGITS || digits >= 7 && tokens >= 2,
        ColumnClass::NationalId => digits >= FEWEST_DIGITS || digits >= 5 && characters >= 8,
        ColumnClass::Address => digits > 0 && tokens >= 2 && characters >= 8,
        ColumnClass::FullName => tokens >= 2 && characters >= 5,
        ColumnClass::FirstName
        | ColumnClass::Surname
        | ColumnClass::BirthDate
        | ColumnClass::Date => {
            into.low(normal);
            return;
        }
        _ => is_key && digits > 0 && characters >= 8 && (!normal.is_only_digits() || digits >= 9),
    };
    if is_strong {
        into.strong(normal);
        if class == ColumnClass::FullName {
            into.strong(&reversed(text));
        }
    } else if parse_date(text.trim()).is_some() {
        into.low(normal);
    } else {
        into.by_use(normal);
    }
}

/// `Lopez, Maria Elena` and `Maria Elena Lopez`, each made of the other.
fn reversed(name: &str) -> Normal {
    let other = match name.split_once(',') {
        Some((last, first)) => format!("{first} {last}"),
        None => match name.trim().rsplit_once(' ') {
            Some((first, last)) => format!("{last} {first}"),
            None => name.to_owned(),
        },
    };
    Normal::of(&other)
}

/// Types of points in time, whose values move by the day and are searched for in texts only.
pub(super) fn is_date(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
            | ColumnType::DateTimeText
    )
}

fn date(text: &str, into: &mut dyn Source) {
    if printed_date(text) != Some(PrintedDate::Nobodys) {
        into.low(&Normal::of(text));
    }
}

/// The value of an element of type `bytea`, which an array holds as text.
pub(super) fn element_bytes(column: &ColumnMask, text: &str) -> Option<Vec<u8>> {
    if column.scalar_type != ColumnType::Bytes {
        return None;
    }
    match elements::read(ColumnType::Bytes, text) {
        Some(Element::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Values of the type say what they say in parts.
pub(super) fn is_made_of_parts(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Json
            | ColumnType::Xml
            | ColumnType::Range
            | ColumnType::Composite
            | ColumnType::Verbatim
    )
}

/// The name of a member that is data. One that has the form of a name says little by itself.
pub(crate) fn data_name(name: &str, into: &mut dyn Source) {
    let normal = Normal::of(name);
    if names::is_plain(name) {
        into.low(&normal);
    } else {
        let class = class_of_text(name).unwrap_or(ColumnClass::Unknown);
        of_class(class, false, name, &normal, into);
    }
}

/// The parts by the class of their names.
fn document(column_type: ColumnType, text: &str, into: &mut dyn Source) {
    parts::each(column_type, text, &mut |part| match part {
        Part::Name(_) => {}
        Part::Date(text) => date(text, into),
        Part::Text { text, .. } if column_type == ColumnType::Composite && is_nobodys(text) => {}
        Part::Text { name, text } => {
            let by_look = || class_of_text(text).filter(|_| column_type != ColumnType::Json);
            let class = class_of_name(name).or_else(by_look);
            let class = class.unwrap_or(ColumnClass::Unknown);
            of_class(class, false, text, &Normal::of(text), into);
        }
        Part::Number { name, text } => {
            let class = class_of_name(name).unwrap_or(ColumnClass::Unknown);
            if matches!(class, ColumnClass::Phone | ColumnClass::NationalId) {
                of_class(class, false, text, &Normal::of(text), into);
            }
        }
    });
}
