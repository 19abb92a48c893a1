//! The rules of `.dockerignore`, by the examples of docker's documentation and the cases of its matcher.

use super::*;

fn excludes(rules: &str, path: &str) -> bool {
    Ignore::parse(rules).expect(rules).excludes(path)
}

#[test]
fn the_examples_of_the_documentation_hold() {
    let temporary = "# comment\n*/temp*\n*/*/temp*\ntemp?\n";
    let markdown = "*.md\n!README.md\n";
    let secret = "*.md\n!README*.md\nREADME-secret.md\n";
    let other = "*.md\nREADME-secret.md\n!README*.md\n";
    for (rules, path, expected) in [
        (temporary, "somedir/temporary.txt", true),
        (temporary, "somedir/temp", true),
        (temporary, "somedir/temp/deep/file", true),
        (temporary, "somedir/subdir/temporary.txt", true),
        (temporary, "a/b/c/temporary.txt", false),
        (temporary, "tempa", true),
        (temporary, "tempb", true),
        (temporary, "temp", false),
        (temporary, "# comment", false),
        ("**/*.go", "main.go", true),
        ("**/*.go", "a/b/main.go", true),
        ("/foo/bar", "foo/bar", true),
        ("foo/bar", "foo/bar", true),
        ("foo/bar/", "foo/bar/baz", true),
        ("./foo", "foo", true),
        ("foo/../bar", "bar", true),
        (markdown, "README.md", false),
        (markdown, "a.md", true),
        (markdown, "docs/a.md", false),
        (secret, "README-secret.md", true),
        (secret, "README-a.md", false),
        (other, "README-secret.md", false),
        ("*", "anything/at/all", true),
        ("*\n!src", "src/main.rs", false),
        ("*\n!src", "lib/main.rs", true),
        ("", "anything", false),
    ] {
        assert_eq!(excludes(rules, path), expected, "{rules:?} {path}");
    }
}

#[test]
fn patterns_match_as_those_of_docker() {
    for (pattern, path, expected) in [
        ("**", "dir/file", true),
        ("**/", "file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/file", true),
        ("dir/**", "dir", false),
        ("**/dir", "dir", true),
        ("**/dir", "a/dir/file", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**file", "dir/file", true),
        ("**file", "profile", true),
        ("**/file", "profile", false),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/**/*.txt2", "dir/dir/file.txt", false),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt**", "a/file.txt", true),
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("abc?def", "abcZdef", true),
        ("abc?def", "abc/def", false),
        ("**/.foo", "bar.foo", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("a\\*b", "a*b", true),
        ("a\\*b", "ab", false),
        ("a\\\\", "a\\", true),
        ("[a-ζ]*", "α", true),
        ("a?b", "a☺b", true),
        ("[\\]a]", "]", true),
        ("[x\\-]", "-", true),
        ("[\\-x]", "a", false),
        ("*x", "xxx", true),
        (".", "file", false),
        ("..", "file", false),
        ("  docs  ", "docs", true),
        ("\u{feff}docs", "docs", true),
    ] {
        assert_eq!(excludes(pattern, path), expected, "{pattern} {path}");
    }
}

#[test]
fn the_last_rule_that_changes_something_counts() {
    for (rules, path, expected) in [
        ("docs\n!docs/README.md", "docs/README.md", false),
        ("docs\n!docs/README.md", "docs/other.md", true),
        ("docs/\n  ! docs/README.md  ", "docs/README.md", false),
        ("!file.go\n*.go", "file.go", true),
        ("**\n!util/docker/web", "util/docker/web/foo", false),
        (
            "**\n!util/docker/web\nutil/docker/web/foo",
            "util/docker/web/foo",
            true,
        ),
        // As docker walks: `!docs` says nothing of `docs`, which nothing left out, and so nothing of what is in it.
        ("docs/x\n!docs", "docs/x", true),
    ] {
        assert_eq!(excludes(rules, path), expected, "{rules:?} {path}");
    }
}

#[test]
fn lines_that_docker_refuses_are_named() {
    for line in [
        "!", "! ", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[z-a]",
        "a\\",
    ] {
        let invalid = Ignore::parse(&format!("fine\n{line}\n")).expect_err(line);
        assert_eq!(invalid.number, 2, "{line}");
    }
}

#[test]
fn a_line_is_made_for_any_path() {
    for path in [
        ".env",
        "config/master.key",
        "#a",
        "!a",
        "a*b",
        "a[b]?",
        "back\\slash",
        "dir/!a",
        "é",
    ] {
        let line = line(path);
        assert!(excludes(&line, path), "{line}");
        assert!(!excludes(&line, "other"), "{line}");
    }
}

#[test]
fn a_hostile_pattern_takes_no_time() {
    let pattern = "*a".repeat(200) + "b";
    assert!(!excludes(&pattern, &"a".repeat(1000)));
    let pattern = "**/a/".repeat(20) + "b";
    assert!(!excludes(&pattern, &"a/".repeat(100)));
}
