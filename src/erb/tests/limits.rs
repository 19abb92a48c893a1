//! Templates that grow or nest without bound are refused. The meter bounds their steps and memory.

use super::{become_of, becomes};

#[test]
fn nothing_grows_or_nests_without_bound() {
    let deep =
        |open: &str, close: &str| format!("<%= {}1{} %>", open.repeat(9_000), close.repeat(9_000));
    let doubled = format!(
        "<% a = 'aaaaaaaa' %>{}<%= a %>",
        "<% a = a + a %>".repeat(100)
    );
    let lists = format!("<% a = [] %>{}", "<% a = [a] %>".repeat(9_000));
    let wide = format!("<% a = [1] %>{}", "<% a = [a, a] %>".repeat(19));
    let quoted = format!("<%= {}1{} %>", "\"#{".repeat(900), "}\"".repeat(900));
    for (template, words) in [
        (deep("(", ")"), "nested too deeply"),
        (deep("[", "]"), "nested too deeply"),
        (format!("<%= {}1 %>", "1 + ".repeat(9_000)), "too long"),
        (format!("<%= 'a'{} %>", ".strip".repeat(9_000)), "too long"),
        (
            format!("<% if 1 %>{}", "<% if 1 %>".repeat(9_000)),
            "nested too deeply",
        ),
        (
            format!("<%= {} %>", "1;".repeat(70_000)),
            "more than 65536 bytes",
        ),
        (format!("<%= {} %>", "1;".repeat(30_000)).repeat(4), "words"),
        ("<%= 1 %>".repeat(60_000), "parts"),
        (
            format!("<% a = 'aaaaaaaa' %>{}", "<% a = a + a %>".repeat(30)),
            "limit",
        ),
        (doubled, "limit"),
        (lists, "nested too deeply"),
        (wide, "limit"),
        (quoted, "nested too deeply"),
        (
            "<%= 'a'.tr(\"\\u{1}-\\u{10ffff}\", 'b') %>".repeat(3),
            "limit",
        ),
        (
            format!(
                "<% a = 'a' %>{}<%= a.gsub('a', \"\\\\`\") %>",
                "<% a = a + a %>".repeat(16)
            ),
            "limit",
        ),
    ] {
        let problem = become_of(&template).expect_err(words);
        assert!(problem.message.contains(words), "{words}: {problem:?}");
    }
    becomes(&format!("<%= {}1 %>", "!".repeat(9_000)), "true");
    becomes(&format!("<%= {}1 %>", "not ".repeat(9_001)), "false");
    let arms = "<% elsif false %>a".repeat(5_000);
    becomes(&format!("<% if false %>b{arms}<% else %>c<% end %>"), "c");
}
