//! The fields of a record, taken one after the other. A field of another type than expected is a bug of
//! ours and gives none.

use neo4j::ValueReceive;

use crate::bolt::Record;

/// Hands out the values of a record in the order of RETURN.
pub(crate) struct Fields(std::vec::IntoIter<ValueReceive>);

impl Fields {
    pub(crate) fn of(record: Record) -> Self {
        Self(record.into_iter())
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Option<String> {
        self.0.next()?.try_into_string().ok()
    }

    /// A text or NULL.
    pub(crate) fn optional_text(&mut self) -> Option<Option<String>> {
        match self.0.next()? {
            ValueReceive::Null => Some(None),
            value => value.try_into_string().ok().map(Some),
        }
    }

    /// An integer.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        self.0.next()?.try_into_int().ok()
    }

    /// A number that cannot be below 0.
    pub(crate) fn count(&mut self) -> Option<u64> {
        u64::try_from(self.integer()?).ok()
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self) -> Option<Vec<u8>> {
        self.0.next()?.try_into_bytes().ok()
    }

    /// Bytes or NULL.
    pub(crate) fn optional_bytes(&mut self) -> Option<Option<Vec<u8>>> {
        match self.0.next()? {
            ValueReceive::Null => Some(None),
            value => value.try_into_bytes().ok().map(Some),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self) -> Option<Vec<String>> {
        let values = self.0.next()?.try_into_list().ok()?;
        let texts = values.into_iter().map(|value| value.try_into_string().ok());
        texts.collect()
    }
}

/// The one number that a statement gives.
pub(crate) fn one_count(records: Vec<Record>) -> Option<u64> {
    let [record] = <[Record; 1]>::try_from(records).ok()?;
    Fields::of(record).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_another_type_give_none() {
        let record = || vec![ValueReceive::Integer(-1), ValueReceive::Null];
        let mut fields = Fields::of(record());
        assert_eq!(fields.integer(), Some(-1));
        assert_eq!(fields.optional_text(), Some(None));
        assert_eq!(fields.text(), None);
        assert_eq!(Fields::of(record()).count(), None);
        assert_eq!(Fields::of(record()).text(), None);
        assert_eq!(one_count(vec![vec![ValueReceive::Integer(7)]]), Some(7));
        assert_eq!(one_count(Vec::new()), None);
    }
}
