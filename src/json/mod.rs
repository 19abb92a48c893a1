//! JSON as documents that outlive a run need it: a strict reader, the canonical form, and RFC 6901 pointers.

pub mod canonical;
pub mod indented;
mod strict;

pub use self::strict::MAX_INTEGER;

/// Checks that `text` is JSON that every reader reads alike.
///
/// # Errors
/// Text that is not JSON; a duplicate key, a fraction, an integer beyond [`MAX_INTEGER`], more than 127 levels.
pub fn check(text: &str) -> serde_json::Result<()> {
    strict::walk(text, &mut ())
}

/// Returns what is wrong, without serde's list of everything that it knows.
pub fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.find(", expected one of");
    text[..end.unwrap_or(text.len())].to_owned()
}

/// Returns the pointer that leads through `tokens`.
pub fn pointer<T: AsRef<str>>(tokens: &[T]) -> String {
    let mut pointer = String::new();
    for token in tokens {
        push_token(&mut pointer, token.as_ref());
    }
    pointer
}

/// Appends `token` to `pointer`.
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    match token.contains(['~', '/']) {
        true => pointer.push_str(&token.replace('~', "~0").replace('/', "~1")),
        false => pointer.push_str(token),
    }
}

/// Returns the tokens of `pointer`.
pub fn tokens(pointer: &str) -> Vec<String> {
    let tokens = pointer.split('/').skip(1);
    tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_readers_would_read_differently_is_an_error() {
        let deep = "[".repeat(200);
        let table = [
            (r#"{"a": 1, "a": 1}"#, "duplicate key `a`"),
            (r#"[{"a/b": {"x": [], "x": 0}}]"#, "duplicate key `x`"),
            ("1.5", "1.5 is not an integer"),
            ("1e400", "out of range"),
            ("9007199254740992", "9007199254740992 is beyond 2^53-1"),
            ("-9007199254740992", "-9007199254740992 is beyond 2^53-1"),
            ("{} {}", "trailing characters"),
            ("", "EOF"),
            (&deep, "recursion limit"),
        ];
        for (text, expected) in table {
            let error = check(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let text = r#"{"b": [null, true, -9007199254740991, "é"], "a": {}}"#;
        assert!(check(text).is_ok());
    }

    #[test]
    fn a_pointer_leads_to_the_value_and_back_to_its_tokens() {
        let value = json!({"a/b": {"~1": {"": 7}}});
        let path = ["a/b", "~1", ""];
        let pointer = pointer(&path);
        assert_eq!(pointer, "/a~1b/~01/");
        assert_eq!(value.pointer(&pointer), Some(&json!(7)));
        assert_eq!(tokens(&pointer), path);
        assert!(tokens("").is_empty());
    }
}
