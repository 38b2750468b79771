//! A page of HTML in the making. Tags and attributes' names are ours, written in the program; every text
//! and every attribute's value is made harmless here, so no name of a database can become markup.

use redistrict_model::{shown, shown_lines};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("style.css");

/// Attributes of an element.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Writes elements one after the other.
#[derive(Default)]
pub(crate) struct Html(String);

impl Html {
    /// A whole document of that title. It loads nothing, runs nothing and sends nothing: the policy allows
    /// no more than the one style sheet that stands in it.
    pub(crate) fn document(title: &str, body: impl FnOnce(&mut Self)) -> String {
        let mut page = Self("<!DOCTYPE html>\n".to_owned());
        page.within("html", &[("lang", "en")], |page| {
            page.within("head", &[], |page| page.head(title));
            page.within("body", &[], body);
        });
        page.0.push('\n');
        page.0
    }

    fn head(&mut self, title: &str) {
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            base64(&Sha256::digest(STYLE.as_bytes()))
        );
        self.void("meta", &[("charset", "utf-8")]);
        let policy_attributes = [
            ("http-equiv", "Content-Security-Policy"),
            ("content", policy.as_str()),
        ];
        self.void("meta", &policy_attributes);
        for (name, content) in [
            ("viewport", "width=device-width, initial-scale=1"),
            ("color-scheme", "light dark"),
            ("referrer", "no-referrer"),
            ("robots", "noindex"),
        ] {
            self.void("meta", &[("name", name), ("content", content)]);
        }
        self.leaf("title", &[], title);
        // Ours as it is; its digest stands in the policy.
        self.0.extend(["<style>", STYLE, "</style>"]);
    }

    /// An element with what `inside` writes.
    pub(crate) fn within(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(tag, attributes);
        inside(self);
        self.0.extend(["</", tag, ">"]);
        if is_block(tag) {
            self.0.push('\n');
        }
    }

    /// An element with a text.
    pub(crate) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.within(tag, attributes, |html| html.text(text));
    }

    /// An element that has no inside.
    pub(crate) fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
    }

    /// A text in a line.
    pub(crate) fn text(&mut self, text: &str) {
        self.escaped(&shown(text));
    }

    /// A text with lines of its own.
    pub(crate) fn lines(&mut self, text: &str) {
        self.escaped(&shown_lines(text));
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.extend(["<", tag]);
        for (name, value) in attributes {
            self.0.extend([" ", name, "=\""]);
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                c => self.0.push(c),
            }
        }
    }
}

/// A new line after it changes nothing.
fn is_block(tag: &str) -> bool {
    !matches!(
        tag,
        "span" | "code" | "a" | "strong" | "svg" | "rect" | "td" | "th" | "b" | "small"
    )
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place)) & 63;
            text.push(match place > chunk.len() {
                true => '=',
                false => char::from(DIGITS[digit as usize]),
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn texts_and_values_of_attributes_are_no_markup() {
        let mut html = Html::default();
        html.leaf("td", &[("title", "\"><b>&")], "</td><script>\u{202e}\n");
        assert_eq!(
            html.0,
            "<td title=\"&quot;&gt;&lt;b&gt;&amp;\">&lt;/td&gt;&lt;script&gt;\\u{202e}\\u{a}</td>"
        );
    }
}
