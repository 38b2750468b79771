//! Shows the names of a document with the objects that they stand in.

use redistrict_model::ColumnType;
use redistrict_model::json_text::{self, JsonPart, JsonToken};

use crate::leak::Digester;
use crate::masks::{XmlPart, walk_xml};

/// Objects deeper than this share the place of the one above them.
const DEPTH: usize = 16;

/// Where a name stands: in an object within so many others, and first there or not.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    depth: usize,
    is_first: bool,
}

/// Shows each name, which `look` may replace, and gives the document with the replacements; none if the text
/// is no document. The names of an XML document all stand in one object.
pub(crate) fn walk(
    column_type: ColumnType,
    text: &str,
    look: &mut dyn FnMut(Spot, &str) -> Option<String>,
) -> Option<String> {
    if column_type == ColumnType::Xml {
        let mut is_first = true;
        return walk_xml(text, &mut |part| match part {
            XmlPart::Name(name) => {
                let spot = Spot { depth: 0, is_first };
                is_first = false;
                look(spot, name)
            }
            _ => None,
        });
    }
    json_text::walk(text, &mut |place, part| match part {
        JsonPart::Key(name) => {
            let (depth, is_first) = place.object();
            look(Spot { depth, is_first }, name).map(JsonToken::Text)
        }
        _ => None,
    })
}

/// A place of a column's documents: an object, told by the names on the way to it. Names that are data are
/// alike there.
pub(crate) type Place = u64;

/// The outermost object of a column's documents.
pub(crate) fn root(digester: &Digester, column: &str) -> Place {
    digester.pair(b'o', digester.exact(column.as_bytes()), 0)
}

/// The object under a name that is structure, or under any name that is data.
pub(crate) fn below(digester: &Digester, place: Place, depth: usize, name: Option<u64>) -> Place {
    match name {
        _ if depth + 1 >= DEPTH => place,
        Some(name) => digester.pair(b'm', place, name),
        None => digester.pair(b's', place, 0),
    }
}

/// A name at a place.
pub(crate) fn named(digester: &Digester, place: Place, name: u64) -> u64 {
    digester.pair(b'n', place, name)
}

/// The objects on the way to where a walk stands.
pub(crate) struct Way<T> {
    objects: Vec<Object<T>>,
}

/// An object that is being walked through.
pub(crate) struct Object<T> {
    pub(crate) place: Place,
    pub(crate) depth: usize,
    /// The object around it, and the name there if that may be structure; none for the outermost.
    pub(crate) from: Option<Step>,
    /// The name that was seen last, if it may be structure.
    pub(crate) last: Option<u64>,
    pub(crate) kept: T,
}

/// From an object on, by a name that may be structure or by one that is data.
pub(crate) type Step = (Place, Option<u64>);

impl<T: Default> Way<T> {
    pub(crate) fn new() -> Self {
        Self {
            objects: Vec::new(),
        }
    }

    /// The object that a name stands in.
    pub(crate) fn object(
        &mut self,
        digester: &Digester,
        root: Place,
        spot: Spot,
    ) -> &mut Object<T> {
        self.objects
            .truncate(spot.depth + usize::from(!spot.is_first));
        if self.objects.len() <= spot.depth {
            let around = self.objects.last();
            let place = around.map_or(root, |one| below(digester, one.place, one.depth, one.last));
            let from = around.map(|one| (one.place, one.last));
            self.objects.push(Object {
                place,
                depth: spot.depth,
                from,
                last: None,
                kept: T::default(),
            });
        }
        self.objects.last_mut().expect("one was pushed")
    }
}
