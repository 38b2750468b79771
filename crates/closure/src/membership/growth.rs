//! Long lists that grow by an eighth of their length, not by their double: with millions of rows what a list
//! holds in reserve is memory like any other.

/// Makes room for so many more.
pub(super) fn reserve<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8).max(64));
    }
}

/// As `Vec::push`.
pub(super) fn push<T>(list: &mut Vec<T>, value: T) {
    reserve(list, 1);
    list.push(value);
}

/// As `Vec::extend_from_slice`.
pub(super) fn extend<T: Copy>(list: &mut Vec<T>, values: &[T]) {
    reserve(list, values.len());
    list.extend_from_slice(values);
}

/// As `Vec::resize`.
pub(super) fn resize<T: Clone>(list: &mut Vec<T>, length: usize, value: T) {
    reserve(list, length.saturating_sub(list.len()));
    list.resize(length, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_an_eighth_in_reserve_at_most() {
        let mut list: Vec<u32> = Vec::new();
        for number in 0..100_000 {
            push(&mut list, number);
            let most = list.len() + (list.len() / 8).max(64);
            assert!(list.capacity() <= most, "{number}");
        }
        resize(&mut list, 100_001, 7);
        extend(&mut list, &[1, 2, 3]);
        assert_eq!((list.len(), list[100_000], list[100_003]), (100_004, 7, 3));
        resize(&mut list, 10, 0);
        assert_eq!(list, (0..10).collect::<Vec<u32>>());
    }
}
