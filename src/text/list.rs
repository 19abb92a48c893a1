//! Lists of names in a sentence.

use super::escape::one_line;

/// Returns the names, escaped, as `a`, `a and b`, `a, b and c`.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    list_up_to(usize::MAX, names)
}

/// Returns the names as [`list`] does; if there are more than `limit`, as `a, b and 7 more`.
pub fn list_up_to<S: AsRef<str>>(limit: usize, names: &[S]) -> String {
    let names: Vec<String> = names.iter().map(|name| one_line(name.as_ref())).collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [shown @ .., last] if names.len() <= limit => format!("{} and {last}", shown.join(", ")),
        all => {
            let shown = limit.saturating_sub(1).max(1);
            format!("{} and {} more", all[..shown].join(", "), all.len() - shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_with_and() {
        let names = ["a", "b", "c", "d", "e"];
        for (limit, number, text) in [
            (3, 0, ""),
            (3, 1, "a"),
            (3, 2, "a and b"),
            (3, 3, "a, b and c"),
            (3, 5, "a, b and 3 more"),
            (1, 2, "a and 1 more"),
        ] {
            assert_eq!(list_up_to(limit, &names[..number]), text);
        }
        assert_eq!(list(&names), "a, b, c, d and e");
        assert_eq!(list(&["a\u{1b}"]), r"a\u{1b}");
    }
}
