//! Undoes the encodings in which a value may hide in a cell, on the output side. Each decoder gives
//! nothing where there is nothing to decode.

/// Runs of base64 or hexadecimal digits shorter than this are not decoded.
const SHORTEST_RUN: usize = 16;

/// All texts that a text may hold in encoded form, one layer deep.
pub(crate) fn layers(text: &str) -> Vec<String> {
    let mut layers: Vec<String> = Vec::new();
    layers.extend(url(text));
    layers.extend(html(text));
    layers.extend(escapes(text));
    let run_end = |c: char| !(c.is_ascii_alphanumeric() || "+/=-_".contains(c));
    for run in text.split(run_end).filter(|run| run.len() >= SHORTEST_RUN) {
        layers.extend(base64(run).and_then(|bytes| bytes_text(&bytes)));
    }
    let is_hex = |c: char| !c.is_ascii_hexdigit();
    for run in text.split(is_hex).filter(|run| run.len() >= SHORTEST_RUN) {
        layers.extend(hex(run).and_then(|bytes| bytes_text(&bytes)));
    }
    layers
}

/// The text that bytes are: UTF-8, or UTF-16 of either order.
pub(crate) fn bytes_text(bytes: &[u8]) -> Option<String> {
    if bytes.contains(&0) {
        return utf16(bytes);
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let unit = |pair: &[u8], is_big: bool| {
        let pair = [pair[0], pair[1]];
        if is_big {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        }
    };
    let is_big = bytes.first() == Some(&0) || bytes.starts_with(&[0xfe, 0xff]);
    let units = bytes.chunks_exact(2).map(|pair| unit(pair, is_big));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or(' '))
        .collect();
    (!text.is_empty()).then_some(text)
}

fn url(text: &str) -> Option<String> {
    if !text.contains('%') && !text.contains('+') {
        return None;
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(hex_pair);
        match (bytes[at], pair) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    Some(String::from_utf8_lossy(&decoded).into_owned())
}

fn html(text: &str) -> Option<String> {
    if !(text.contains('&') && text.contains(';')) {
        return None;
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after
            .split_once(';')
            .filter(|(name, _)| name.len() <= 8)
            .and_then(|(name, after)| Some((entity(name)?, after)));
        rest = match entity {
            Some((c, after)) => {
                decoded.push(c);
                after
            }
            None => {
                decoded.push('&');
                after
            }
        };
    }
    decoded.push_str(rest);
    Some(decoded)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => ' ',
        _ => return None,
    })
}

/// `\u00e9`, `\n`, `\"` outside of JSON columns.
fn escapes(text: &str) -> Option<String> {
    if !text.contains('\\') {
        return None;
    }
    let quoted = format!(
        "\"{}\"",
        text.replace('"', "\\\"").replace("\\\\\"", "\\\"")
    );
    serde_json::from_str(&quoted).ok()
}

fn base64(run: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let digits: Option<Vec<u8>> = run.trim_end_matches('=').bytes().map(digit).collect();
    let mut bytes = Vec::new();
    for group in digits?.chunks(4) {
        let number = group
            .iter()
            .fold(0_u32, |n, digit| n << 6 | u32::from(*digit));
        let number = number << (6 * (4 - group.len()));
        let [_, a, b, c] = number.to_be_bytes();
        bytes.extend(&[a, b, c][..group.len().saturating_sub(1)]);
    }
    Some(bytes)
}

fn hex(run: &str) -> Option<Vec<u8>> {
    run.as_bytes()
        .chunks_exact(2)
        .map(hex_pair)
        .collect::<Option<Vec<u8>>>()
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    match pair {
        [a, b] => u8::try_from(digit(*a)? << 4 | digit(*b)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_undone() {
        let find = |text: &str| layers(text).iter().any(|layer| layer.contains("Zoë@x.org"));
        for text in [
            "a=Zo%C3%AB%40x.org&b",
            "Zo&#235;@x.org",
            "Zo&#xEB;&#64;x.org",
            "Zo\\u00eb@x.org",
            "see Wm/Dq0B4Lm9yZyAgICAg",
            "0x205a6fc3ab40782e6f7267",
        ] {
            assert!(find(text), "{text}");
        }
        assert!(layers("plain text, nothing to decode").is_empty());
    }

    #[test]
    fn bytes_are_read_as_the_text_they_are() {
        let little: Vec<u8> = "Zoë".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "Zoë".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(bytes_text(&little).as_deref(), Some("Zoë"));
        assert_eq!(bytes_text(&big).as_deref(), Some("Zoë"));
        assert_eq!(bytes_text("Zoë".as_bytes()).as_deref(), Some("Zoë"));
        assert_eq!(bytes_text(&[0xff, 0xd8, 0xff]), None);
    }
}
