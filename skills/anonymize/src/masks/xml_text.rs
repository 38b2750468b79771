//! Walks through the text of an XML document or fragment: names, texts, attributes, comments and
//! instructions can be looked at and replaced, everything else stays byte by byte. No tree, no
//! recursion, no entity of a document type is ever resolved.

/// A part of a document that says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XmlPart<'a> {
    /// The name of an element or attribute, or the local part of one.
    Name(&'a str),
    /// The text of an element or attribute of that name, with its references resolved.
    Text { key: &'a str, text: &'a str },
    /// A comment, or the data of a processing instruction.
    Aside(&'a str),
    /// The declaration of a document type, as written.
    DocumentType(&'a str),
}

/// Shows each part to `look`, which may give another text for it, and gives the document with the
/// replacements; none if the text is not well-formed.
pub(crate) fn walk(
    document: &str,
    look: &mut dyn FnMut(XmlPart<'_>) -> Option<String>,
) -> Option<String> {
    let mut walker = Walker {
        rest: document,
        output: String::with_capacity(document.len()),
        look,
        open: Vec::new(),
    };
    while !walker.rest.is_empty() {
        walker.next()?;
    }
    walker.open.is_empty().then_some(walker.output)
}

struct Walker<'a, 'f> {
    rest: &'a str,
    output: String,
    look: &'f mut dyn FnMut(XmlPart<'_>) -> Option<String>,
    /// Names of the elements that are open.
    open: Vec<&'a str>,
}

impl<'a> Walker<'a, '_> {
    fn next(&mut self) -> Option<()> {
        let rest = self.rest;
        if let Some(after) = rest.strip_prefix("<!--") {
            let (text, after) = after.split_once("-->")?;
            return self.aside("<!--", text, "-->", after);
        }
        if let Some(after) = rest.strip_prefix("<![CDATA[") {
            let (text, after) = after.split_once("]]>")?;
            let key = self.key();
            let replaced = (self.look)(XmlPart::Text { key, text });
            match replaced {
                Some(replaced) => push_escaped(&mut self.output, &replaced),
                None => self.output.push_str(&rest[..rest.len() - after.len()]),
            }
            self.rest = after;
            return Some(());
        }
        if let Some(after) = rest.strip_prefix("<?") {
            let (inside, after) = after.split_once("?>")?;
            let target = inside
                .split(|c: char| c.is_whitespace())
                .next()
                .unwrap_or("");
            if target.eq_ignore_ascii_case("xml") {
                self.output.push_str(&rest[..rest.len() - after.len()]);
                self.rest = after;
                return Some(());
            }
            let before = format!("<?{target}");
            let data = inside.get(target.len()..)?;
            return self.aside(&before, data, "?>", after);
        }
        if rest.starts_with("<!") {
            return self.document_type();
        }
        if let Some(after) = rest.strip_prefix("</") {
            let (name, after) = after.split_once('>')?;
            if self.open.pop()? != name.trim_end() {
                return None;
            }
            self.output.push_str("</");
            self.name(name.trim_end());
            self.output.push('>');
            self.rest = after;
            return Some(());
        }
        if let Some(after) = rest.strip_prefix('<') {
            return self.element(after);
        }
        let (text, after) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        self.text(text);
        self.rest = after;
        Some(())
    }

    fn aside(&mut self, before: &str, text: &str, end: &str, after: &'a str) -> Option<()> {
        self.output.push_str(before);
        match (self.look)(XmlPart::Aside(text)) {
            Some(replaced) => self.output.push_str(&replaced),
            None => self.output.push_str(text),
        }
        self.output.push_str(end);
        self.rest = after;
        Some(())
    }

    /// Ends at the first `>` outside of brackets, quotes and comments.
    fn document_type(&mut self) -> Option<()> {
        let (mut depth, mut quote) = (0_usize, None);
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            match (quote, c) {
                (Some(own), c) if own == *c => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(*c),
                (None, '[' | '<') => depth += 1,
                (None, ']') => depth = depth.saturating_sub(1),
                (None, '>') if depth == 0 => return true,
                (None, '>') => depth -= 1,
                _ => {}
            }
            false
        })?;
        let (declared, after) = self.rest.split_at(end.0 + 1);
        match (self.look)(XmlPart::DocumentType(declared)) {
            Some(replaced) => self.output.push_str(&replaced),
            None => self.output.push_str(declared),
        }
        self.rest = after;
        Some(())
    }

    /// A start tag, without its `<`.
    fn element(&mut self, tag: &'a str) -> Option<()> {
        let (name, mut rest) = name(tag)?;
        self.output.push('<');
        self.name(name);
        loop {
            let blanks = rest.len() - rest.trim_start().len();
            self.output.push_str(&rest[..blanks]);
            rest = &rest[blanks..];
            if let Some(after) = rest.strip_prefix("/>") {
                self.output.push_str("/>");
                self.rest = after;
                return Some(());
            }
            if let Some(after) = rest.strip_prefix('>') {
                self.output.push('>');
                self.open.push(name);
                self.rest = after;
                return Some(());
            }
            rest = self.attribute(rest)?;
        }
    }

    fn attribute(&mut self, text: &'a str) -> Option<&'a str> {
        let (name, rest) = name(text)?;
        self.name(name);
        let value = rest.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        self.output.push('=');
        self.output.push(quote);
        let resolved = resolved(value);
        let replaced = (self.look)(XmlPart::Text {
            key: name,
            text: &resolved,
        });
        match replaced {
            Some(replaced) => push_escaped(&mut self.output, &replaced),
            None => self.output.push_str(value),
        }
        self.output.push(quote);
        Some(after)
    }

    /// Each part between colons by itself, so that prefixes stay the same everywhere.
    fn name(&mut self, name: &str) {
        for (place, part) in name.split(':').enumerate() {
            if place > 0 {
                self.output.push(':');
            }
            match (self.look)(XmlPart::Name(part)) {
                Some(replaced) => self.output.push_str(&replaced),
                None => self.output.push_str(part),
            }
        }
    }

    fn text(&mut self, text: &str) {
        let resolved = resolved(text);
        let key = self.key();
        let text_part = XmlPart::Text {
            key,
            text: &resolved,
        };
        let replaced = (self.look)(text_part);
        match replaced {
            Some(replaced) => push_escaped(&mut self.output, &replaced),
            None => self.output.push_str(text),
        }
    }

    fn key(&self) -> &'a str {
        let name = self.open.last().copied().unwrap_or_default();
        name.rsplit(':').next().unwrap_or(name)
    }
}

fn name(text: &str) -> Option<(&str, &str)> {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '>' | '/' | '=' | '<' | '"' | '\'');
    let end = text.find(is_end).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
}

/// The text with its character references and the five entities resolved; others stay.
fn resolved(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let found = after
            .split_once(';')
            .and_then(|(name, after)| Some((entity(name)?, after)));
        rest = match found {
            Some((c, after)) => {
                out.push(c);
                after
            }
            None => {
                out.push('&');
                after
            }
        };
    }
    out.push_str(rest);
    out
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
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(document: &str) -> Option<Vec<String>> {
        let mut seen = Vec::new();
        let output = walk(document, &mut |part| {
            seen.push(format!("{part:?}"));
            None
        })?;
        assert_eq!(output, document);
        Some(seen)
    }

    #[test]
    fn every_part_is_shown_with_its_key() {
        let document = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY e \"x>y\">]><n:a b='1 &lt; 2'>\
             t&#64;u<c/><![CDATA[<raw>]]><!-- note --></n:a><?do it?>";
        assert_eq!(
            parts(document).unwrap(),
            [
                "DocumentType(\"<!DOCTYPE a [<!ENTITY e \\\"x>y\\\">]>\")",
                "Name(\"n\")",
                "Name(\"a\")",
                "Name(\"b\")",
                "Text { key: \"b\", text: \"1 < 2\" }",
                "Text { key: \"a\", text: \"t@u\" }",
                "Name(\"c\")",
                "Text { key: \"a\", text: \"<raw>\" }",
                "Aside(\" note \")",
                "Name(\"n\")",
                "Name(\"a\")",
                "Aside(\" it\")",
            ]
        );
    }

    #[test]
    fn replaced_texts_are_escaped_and_the_rest_stays() {
        let made = walk("<a b=\"x\">y<c>z</c ></a>", &mut |part| match part {
            XmlPart::Text { .. } => Some("<&\"'".to_owned()),
            _ => None,
        });
        let text = "&lt;&amp;&quot;&apos;";
        assert_eq!(
            made.as_deref(),
            Some(format!("<a b=\"{text}\">{text}<c>{text}</c></a>").as_str())
        );
    }

    #[test]
    fn what_is_not_well_formed_gives_nothing() {
        for text in [
            "<a>",
            "</a>",
            "<a></b>",
            "<a b></a>",
            "<a b=c></a>",
            "<",
            "<!--",
            "<a",
            "<?x",
        ] {
            assert_eq!(walk(text, &mut |_| None), None, "{text}");
        }
        assert_eq!(parts("").unwrap().len(), 0);
        assert_eq!(parts("just text").unwrap().len(), 1);
    }
}
