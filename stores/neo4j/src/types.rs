//! The types of property values: their names on the server, and the column type that a property's
//! types make together. Pure.

use std::collections::BTreeSet;

use redistrict_model::{Column, ColumnType};

/// The type of one value that is no list. Properties hold these, lists of one of these, and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    Boolean,
    Integer,
    Float,
    String,
    Date,
    LocalTime,
    ZonedTime,
    LocalDateTime,
    ZonedDateTime,
    Duration,
    Point,
}

impl Scalar {
    pub(crate) const ALL: [Self; 11] = [
        Self::Boolean,
        Self::Integer,
        Self::Float,
        Self::String,
        Self::Date,
        Self::LocalTime,
        Self::ZonedTime,
        Self::LocalDateTime,
        Self::ZonedDateTime,
        Self::Duration,
        Self::Point,
    ];

    /// As Cypher names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::Integer => "INTEGER",
            Self::Float => "FLOAT",
            Self::String => "STRING",
            Self::Date => "DATE",
            Self::LocalTime => "LOCAL TIME",
            Self::ZonedTime => "ZONED TIME",
            Self::LocalDateTime => "LOCAL DATETIME",
            Self::ZonedDateTime => "ZONED DATETIME",
            Self::Duration => "DURATION",
            Self::Point => "POINT",
        }
    }

    /// What a value of this type travels as. Local and zoned values of one column can be told apart
    /// by their texts: only zoned ones have an offset.
    fn column_type(self) -> ColumnType {
        match self {
            Self::Boolean => ColumnType::Bool,
            Self::Integer => ColumnType::Int64,
            Self::Float => ColumnType::Float64,
            Self::String => ColumnType::Text,
            Self::Date => ColumnType::Date,
            Self::LocalTime | Self::ZonedTime => ColumnType::Time,
            Self::LocalDateTime | Self::ZonedDateTime => ColumnType::DateTimeText,
            Self::Duration => ColumnType::Interval,
            Self::Point => ColumnType::Verbatim,
        }
    }
}

/// The type of one property value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PropertyType {
    One(Scalar),
    Bytes,
    List(Scalar),
    /// A list without elements has no element type.
    EmptyList,
}

impl PropertyType {
    /// From what `valueType()` gives for a property, which tells bytes from integers not at all: both
    /// are `LIST<INTEGER NOT NULL> NOT NULL`. None for what no property can hold.
    pub(crate) fn of_value_type(text: &str) -> Option<Self> {
        let text = text.strip_suffix(" NOT NULL").unwrap_or(text);
        let Some(element) = text
            .strip_prefix("LIST<")
            .and_then(|rest| rest.strip_suffix('>'))
        else {
            return scalar(text).map(Self::One);
        };
        let element = element.strip_suffix(" NOT NULL").unwrap_or(element);
        if element == "NOTHING" {
            return Some(Self::EmptyList);
        }
        scalar(element).map(Self::List)
    }

    /// As it stands in `Column::source_type` and before values of mixed properties.
    pub(crate) fn name(self) -> String {
        match self {
            Self::One(scalar) => scalar.name().to_owned(),
            Self::Bytes => "BYTES".to_owned(),
            Self::List(scalar) => format!("LIST<{}>", scalar.name()),
            Self::EmptyList => "LIST<NOTHING>".to_owned(),
        }
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let ones = Scalar::ALL.into_iter().map(Self::One);
        let lists = Scalar::ALL.into_iter().map(Self::List);
        ones.chain(lists).chain([Self::Bytes, Self::EmptyList])
    }

    fn form(self) -> Form {
        match self {
            Self::One(scalar) => Form::of_type(scalar.column_type(), None),
            Self::Bytes => Some(Form::Bytes),
            Self::List(scalar) => Form::of_type(ColumnType::Array, Some(scalar.column_type())),
            Self::EmptyList => Form::of_type(ColumnType::Array, Some(ColumnType::Text)),
        }
        .unwrap_or(Form::Tagged)
    }
}

fn scalar(name: &str) -> Option<Scalar> {
    Scalar::ALL.into_iter().find(|one| one.name() == name)
}

/// How the values of a column travel between the server and us, and which text they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Bool,
    Int,
    Float,
    Text,
    Bytes,
    Date,
    /// Local and zoned.
    Time,
    /// Local and zoned.
    DateTime,
    Interval,
    List(Element),
    /// Values of any type, each with the name of its type before it.
    Tagged,
}

/// The form of the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Bool,
    Int,
    Float,
    Text,
    Date,
    Time,
    DateTime,
    Interval,
    /// With its type before it, like everything that is [`Form::Tagged`].
    Point,
}

impl Element {
    /// The same value outside a list.
    pub(crate) fn form(self) -> Form {
        match self {
            Self::Bool => Form::Bool,
            Self::Int => Form::Int,
            Self::Float => Form::Float,
            Self::Text => Form::Text,
            Self::Date => Form::Date,
            Self::Time => Form::Time,
            Self::DateTime => Form::DateTime,
            Self::Interval => Form::Interval,
            Self::Point => Form::Tagged,
        }
    }

    /// The element form of lists of that type.
    pub(crate) fn of(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Boolean => Self::Bool,
            Scalar::Integer => Self::Int,
            Scalar::Float => Self::Float,
            Scalar::String => Self::Text,
            Scalar::Date => Self::Date,
            Scalar::LocalTime | Scalar::ZonedTime => Self::Time,
            Scalar::LocalDateTime | Scalar::ZonedDateTime => Self::DateTime,
            Scalar::Duration => Self::Interval,
            Scalar::Point => Self::Point,
        }
    }
}

impl Form {
    /// The form of a column; none for types that no property has.
    pub(crate) fn of(column: &Column) -> Option<Self> {
        Self::of_type(column.column_type, column.element)
    }

    /// The form of a column type with its element type.
    pub(crate) fn of_type(column_type: ColumnType, element: Option<ColumnType>) -> Option<Self> {
        Some(match column_type {
            ColumnType::Bool => Self::Bool,
            ColumnType::Int64 => Self::Int,
            ColumnType::Float64 => Self::Float,
            ColumnType::Text => Self::Text,
            ColumnType::Bytes => Self::Bytes,
            ColumnType::Date => Self::Date,
            ColumnType::Time => Self::Time,
            ColumnType::DateTimeText => Self::DateTime,
            ColumnType::Interval => Self::Interval,
            ColumnType::Verbatim => Self::Tagged,
            ColumnType::Array => Self::List(element_of(element?)?),
            _ => return None,
        })
    }

    /// The column type and, for lists, the element type.
    pub(crate) fn column_type(self) -> (ColumnType, Option<ColumnType>) {
        let column_type = match self {
            Self::Bool => ColumnType::Bool,
            Self::Int => ColumnType::Int64,
            Self::Float => ColumnType::Float64,
            Self::Text => ColumnType::Text,
            Self::Bytes => ColumnType::Bytes,
            Self::Date => ColumnType::Date,
            Self::Time => ColumnType::Time,
            Self::DateTime => ColumnType::DateTimeText,
            Self::Interval => ColumnType::Interval,
            Self::Tagged => ColumnType::Verbatim,
            Self::List(element) => {
                let (element, _) = element.form().column_type();
                return (ColumnType::Array, Some(element));
            }
        };
        (column_type, None)
    }
}

fn element_of(column_type: ColumnType) -> Option<Element> {
    Some(match column_type {
        ColumnType::Bool => Element::Bool,
        ColumnType::Int64 => Element::Int,
        ColumnType::Float64 => Element::Float,
        ColumnType::Text => Element::Text,
        ColumnType::Date => Element::Date,
        ColumnType::Time => Element::Time,
        ColumnType::DateTimeText => Element::DateTime,
        ColumnType::Interval => Element::Interval,
        ColumnType::Verbatim => Element::Point,
        _ => return None,
    })
}

/// What a property with values of these types travels as: the one form that all of them have, else
/// tagged. Empty lists go with every list. Without any value it is a text.
pub(crate) fn form_of(types: &BTreeSet<PropertyType>) -> Form {
    let has_lists = types.iter().any(|one| matches!(one, PropertyType::List(_)));
    let mut forms = types
        .iter()
        .filter(|one| !(has_lists && **one == PropertyType::EmptyList))
        .map(|one| one.form());
    let Some(first) = forms.next() else {
        return Form::Text;
    };
    if forms.all(|one| one == first) {
        first
    } else {
        Form::Tagged
    }
}

/// The types as the server names them, joined by ` | `; `NOTHING` where there is no value.
pub(crate) fn source_type(types: &BTreeSet<PropertyType>) -> String {
    if types.is_empty() {
        return "NOTHING".to_owned();
    }
    let names: Vec<String> = types.iter().map(|one| one.name()).collect();
    names.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[&str]) -> BTreeSet<PropertyType> {
        let read = |name: &&str| PropertyType::of_value_type(name).unwrap();
        names.iter().map(read).collect()
    }

    #[test]
    fn names_of_value_types_are_understood_with_and_without_not_null() {
        for one in PropertyType::all().filter(|one| *one != PropertyType::Bytes) {
            let name = one.name();
            assert_eq!(PropertyType::of_value_type(&name), Some(one), "{name}");
            let strict = format!("{} NOT NULL", name.replace('>', " NOT NULL>"));
            assert_eq!(PropertyType::of_value_type(&strict), Some(one), "{strict}");
        }
        for name in [
            "",
            "MAP NOT NULL",
            "LIST<LIST<INTEGER>>",
            "LIST<INTEGER | FLOAT> NOT NULL",
        ] {
            assert_eq!(PropertyType::of_value_type(name), None, "{name}");
        }
    }

    #[test]
    fn a_property_of_one_form_has_its_type_and_one_of_several_is_tagged() {
        for (names, form) in [
            (&["INTEGER"][..], Form::Int),
            (&["INTEGER", "FLOAT"], Form::Tagged),
            (&["LOCAL DATETIME", "ZONED DATETIME"], Form::DateTime),
            (&["POINT"], Form::Tagged),
            (&["LIST<NOTHING>"], Form::List(Element::Text)),
            (&["LIST<NOTHING>", "LIST<DATE>"], Form::List(Element::Date)),
            (&["LIST<DATE>", "LIST<STRING>"], Form::Tagged),
            (&["LIST<NOTHING>", "STRING"], Form::Tagged),
            (&["LIST<POINT>"], Form::List(Element::Point)),
            (&[], Form::Text),
        ] {
            assert_eq!(form_of(&types(names)), form, "{names:?}");
        }
        assert_eq!(
            source_type(&types(&["STRING", "INTEGER"])),
            "INTEGER | STRING"
        );
    }

    #[test]
    fn every_form_is_found_again_by_its_column_type() {
        for one in PropertyType::all() {
            let form = one.form();
            let (column_type, element) = form.column_type();
            assert_eq!(Form::of_type(column_type, element), Some(form));
        }
    }
}
