//! Network addresses: TEST-NET (RFC 5737), 2001:db8::/32 (RFC 3849), locally administered hardware
//! addresses. Nobody's.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{
    Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value, until_it_differs,
};
use crate::pseudonym::Stream;

/// The default of type `inet`, `cidr`, `macaddr`; goes by the name of the text mask.
pub(crate) struct InetMask;

const NETS: [&str; 3] = ["192.0.2", "198.51.100", "203.0.113"];

impl Mask for InetMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Text,
            kind: MaskKind::Reserved,
            output: "an address of TEST-NET or 2001:db8::/32, or a locally administered one",
            types: &[ColumnType::Inet],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, shape: &FieldShape) -> f64 {
        if is_hardware(shape) {
            46.0
        } else {
            762_f64.log2()
        }
    }

    fn mask(&self, value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        until_it_differs(value, field, "inet", |stream| {
            let own = if let Value::Text(own) = value {
                own
            } else {
                ""
            };
            Some(if is_hardware(&field.shape) {
                hardware(own, stream)
            } else {
                network(own, &field.shape, stream)
            })
        })
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        if is_hardware(shape) {
            return output.starts_with("02");
        }
        output.starts_with("2001:db8:") || NETS.iter().any(|net| output.starts_with(net))
    }
}

fn is_hardware(shape: &FieldShape) -> bool {
    shape.source_types.iter().any(|one| one.starts_with("mac"))
}

fn hardware(own: &str, stream: &mut Stream) -> String {
    let count = if own.len() > 17 { 8 } else { 6 };
    let rest = (1..count).map(|_| format!(":{:02x}", stream.byte()));
    std::iter::once("02".to_owned()).chain(rest).collect()
}

/// Hosts stay hosts with the length of their network, if one is told; a network becomes a network of
/// one of the documentation ranges.
fn network(own: &str, shape: &FieldShape, stream: &mut Stream) -> String {
    let is_cidr = shape.source_types.iter().any(|one| one == "cidr");
    let is_v6 = own.contains(':');
    let length = match own.split_once('/') {
        _ if is_cidr => Some(if is_v6 { "128" } else { "32" }),
        Some((_, length)) => Some(length),
        None => None,
    };
    let suffix = length.map(|length| format!("/{length}"));
    let suffix = suffix.unwrap_or_default();
    if is_v6 {
        // No group is zero: the shortest form of the address is this one.
        let group = |stream: &mut Stream| format!("{:x}", 1 + stream.below(0xffff));
        let groups = [group(stream), group(stream), group(stream)];
        return format!(
            "2001:db8:{}::{}:{}{suffix}",
            groups[0], groups[1], groups[2]
        );
    }
    let net = *stream.pick(&NETS);
    let host = 1 + stream.below(254);
    format!("{net}.{host}{suffix}")
}
