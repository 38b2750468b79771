//! Rows as PostgreSQL writes them: `(a,"b c",)`. The grammar is that of the manual, "Composite Type
//! Input and Output Syntax". Pure text.

use super::quoted::{push_value, take_value};

/// The fields of a row, unquoted; `None` is NULL. None if the text is no row.
pub(crate) fn fields(text: &str) -> Option<Vec<Option<String>>> {
    let mut rest = text.strip_prefix('(')?;
    let mut fields = Vec::new();
    loop {
        let (field, after) = take_value(rest, &[',', ')'])?;
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return (after == ")").then_some(fields),
        }
    }
}

/// The row of these fields, as the server prints it.
pub(crate) fn row_of(fields: &[Option<String>]) -> String {
    let mut out = String::from("(");
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        if let Some(field) = field {
            push_value(&mut out, field, &['(', ')', ',']);
        }
    }
    out.push(')');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_server_come_back_as_they_were() {
        for text in [
            "()",
            "(,)",
            "(1,2)",
            r#"(a,"b c",)"#,
            r#"("x""y","a\\b","")"#,
            r#"("(1,""two words"")",t)"#,
            "(\"a\nb\",ä)",
        ] {
            let read = fields(text).unwrap();
            assert_eq!(row_of(&read), text);
        }
        assert_eq!(
            fields(r#"("x""y",,"")"#).unwrap(),
            [Some("x\"y".to_owned()), None, Some(String::new())]
        );
    }

    #[test]
    fn other_texts_are_no_rows() {
        for text in ["", "a", "(", "(a", "(a))", "(\"a)", "(a)b", "(a\\"] {
            assert_eq!(fields(text), None, "{text}");
        }
    }
}
