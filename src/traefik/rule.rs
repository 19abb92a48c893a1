//! Rules: with the syntax of Traefik 2, Traefik 3 would skip the router or never match.

use std::ops::Range;

use super::label::Protocol;
use super::tree::Node;

/// The rule of the default router.
pub(super) const DEFAULT: &str = "PathPrefix(`/`)";

const HTTP_MATCHERS: &str = "Host HostRegexp Path PathPrefix PathRegexp Method Header HeaderRegexp \
                             Query QueryRegexp ClientIP";
const TCP_MATCHERS: &str = "HostSNI HostSNIRegexp ClientIP ALPN";

/// Why a rule is refused, and the rule to write instead if that is known.
pub(super) type Refusal = (String, Option<String>);

/// A matcher with its arguments: `Host(`a`)`.
pub(super) struct Call {
    /// Where it stands in the rule.
    pub(super) span: Range<usize>,
    /// The matcher.
    pub(super) name: String,
    /// Its arguments, without quotes.
    pub(super) arguments: Vec<String>,
}

/// Whether a router has the rule syntax of Traefik 2.
pub(super) fn is_old(router: &Node) -> bool {
    let syntax = router.get_text(&["ruleSyntax"]);
    syntax.is_some_and(|syntax| syntax.eq_ignore_ascii_case("v2"))
}

/// Checks that Traefik 3 can read `rule`.
///
/// # Errors
/// What it cannot read; for a rule of Traefik 2 with the same rule for Traefik 3.
pub(super) fn check(protocol: Protocol, rule: &str) -> Result<(), Refusal> {
    let known = match protocol {
        Protocol::Tcp => TCP_MATCHERS,
        _ => HTTP_MATCHERS,
    };
    let calls = calls(rule).map_err(|message| (message, None))?;
    let mut rewritten = rule.to_owned();
    let mut old = Vec::new();
    for call in calls.iter().rev() {
        if let Some(replacement) = rewrite(call) {
            rewritten.replace_range(call.span.clone(), &replacement);
            old.push(rule[call.span.clone()].to_owned());
        } else if !known
            .split(' ')
            .any(|name| name.eq_ignore_ascii_case(&call.name))
        {
            let help = format!("known matchers: {}", known.replace(' ', ", "));
            return Err((format!("unknown matcher `{}`", call.name), Some(help)));
        }
    }
    match old.last() {
        None => Ok(()),
        Some(old) => {
            let help = format!("write {rewritten}");
            Err((format!("`{old}` is Traefik 2 syntax"), Some(help)))
        }
    }
}

/// Finds the matchers of a rule.
pub(super) fn calls(rule: &str) -> Result<Vec<Call>, String> {
    let bytes = rule.as_bytes();
    let mut calls = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if bytes[at].is_ascii_alphabetic() {
            while at < bytes.len() && bytes[at].is_ascii_alphanumeric() {
                at += 1;
            }
            let name = rule[start..at].to_owned();
            if bytes.get(at) != Some(&b'(') {
                return Err(format!("matcher `{name}` has no arguments in parentheses"));
            }
            let (arguments, end) = arguments(rule, at + 1)?;
            at = end;
            calls.push(Call {
                span: start..end,
                name,
                arguments,
            });
        } else if b"()!&| \t\r\n".contains(&bytes[at]) {
            at += 1;
        } else {
            let rest: String = rule[start..].chars().take(12).collect();
            return Err(format!("unexpected `{rest}` in the rule"));
        }
    }
    if calls.is_empty() {
        return Err("the rule has no matcher".to_owned());
    }
    Ok(calls)
}

/// Reads quoted arguments from `at` to the closing parenthesis; returns them, and the end of the call.
fn arguments(rule: &str, mut at: usize) -> Result<(Vec<String>, usize), String> {
    let bytes = rule.as_bytes();
    let mut arguments = Vec::new();
    loop {
        match bytes.get(at) {
            Some(b')') => return Ok((arguments, at + 1)),
            Some(b',' | b' ' | b'\t' | b'\r' | b'\n') => at += 1,
            Some(b'\'') => {
                return Err("matcher argument in single quotes: use backticks".to_owned());
            }
            Some(quote @ (b'`' | b'"')) => {
                let (argument, end) = quoted(rule, at + 1, *quote)
                    .ok_or_else(|| "unclosed quote in the rule".to_owned())?;
                arguments.push(argument);
                at = end;
            }
            Some(_) => return Err("matcher argument without backticks".to_owned()),
            None => return Err("unclosed parenthesis in the rule".to_owned()),
        }
    }
}

fn quoted(rule: &str, start: usize, quote: u8) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rule[start..].char_indices();
    while let Some((offset, char)) = chars.next() {
        match char {
            _ if char == char::from(quote) => return Some((text, start + offset + 1)),
            '\\' if quote != b'`' => text.push(chars.next()?.1),
            _ => text.push(char),
        }
    }
    None
}

/// Returns a matcher of Traefik 2 for Traefik 3; `None` if it is not one.
fn rewrite(call: &Call) -> Option<String> {
    let name = call.name.to_lowercase();
    let arguments = &call.arguments;
    let several = arguments.len() > 1;
    let any = |matcher: &str, arguments: &[String]| {
        let calls = arguments
            .iter()
            .map(|argument| format!("{matcher}({})", quote(argument)));
        Some(joined(calls.collect(), " || "))
    };
    let pattern = |matcher: &str, end: &str, default: &str| {
        let regexes = arguments
            .iter()
            .map(|argument| regex(argument, end, default));
        any(matcher, &Vec::from_iter(regexes))
    };
    let patterned = arguments.iter().any(|argument| has_placeholder(argument));
    match name.as_str() {
        "hostheader" => any("Host", arguments),
        "host" | "method" | "clientip" | "hostsni" | "alpn" if several => {
            any(&call.name, arguments)
        }
        "hostregexp" | "hostsniregexp" if patterned => pattern(&call.name, "$", "[^.]+"),
        "path" if patterned => pattern("PathRegexp", "$", "[^/]+"),
        "pathprefix" if patterned => pattern("PathRegexp", "", "[^/]+"),
        "path" | "pathprefix" | "pathregexp" | "hostregexp" | "hostsniregexp" if several => {
            any(&call.name, arguments)
        }
        "headers" | "headersregexp" => {
            let arguments: Vec<String> = arguments.iter().map(|argument| quote(argument)).collect();
            let regexp = if name == "headers" { "" } else { "Regexp" };
            Some(format!("Header{regexp}({})", arguments.join(", ")))
        }
        "query" => {
            let pairs = arguments.iter().map(|argument| argument.split_once('='));
            let calls: Option<Vec<String>> = pairs
                .map(|pair| pair.map(|(k, v)| format!("Query({}, {})", quote(k), quote(v))))
                .collect();
            let calls = calls.filter(|calls| !calls.is_empty())?;
            Some(joined(calls, " && "))
        }
        _ => None,
    }
}

fn joined(calls: Vec<String>, operator: &str) -> String {
    match calls.len() {
        1 => calls.concat(),
        _ => format!("({})", calls.join(operator)),
    }
}

fn quote(text: &str) -> String {
    match text.contains('`') {
        true => format!("{text:?}"),
        false => format!("`{text}`"),
    }
}

/// A piece of a Traefik 2 pattern.
enum Piece<'a> {
    Text(&'a str),
    /// `{name}` or `{name:regex}`.
    Placeholder(Option<&'a str>),
}

/// Splits a Traefik 2 pattern. A brace without a name after it is text: `[0-9]{2}` is Traefik 3's.
fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    let mut from = 0;
    while let Some(open) = rest[from..].find('{').map(|open| open + from) {
        let placeholder = closing(&rest[open..]).and_then(|close| {
            let inside = &rest[open + 1..open + close];
            let split = inside.split_once(':');
            let (name, regex) = split.map_or((inside, None), |(name, regex)| (name, Some(regex)));
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            (is_name && name.chars().all(allowed)).then_some((close, regex))
        });
        match placeholder {
            Some((close, regex)) => {
                pieces.push(Piece::Text(&rest[..open]));
                pieces.push(Piece::Placeholder(regex));
                rest = &rest[open + close + 1..];
                from = 0;
            }
            None => from = open + 1,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// Returns the place of the brace that closes the one that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, char)| {
        depth += match char {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

fn has_placeholder(pattern: &str) -> bool {
    pieces(pattern).len() > 1
}

/// Returns the regular expression of a Traefik 2 pattern; `default` is what `{name}` matches.
fn regex(pattern: &str, end: &str, default: &str) -> String {
    let body = pieces(pattern).into_iter().map(|piece| match piece {
        Piece::Text(text) => escaped(text),
        Piece::Placeholder(regex) => regex.unwrap_or(default).to_owned(),
    });
    format!("^{}{end}", body.collect::<String>())
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, char| {
        if r"\.+*?()|[]{}^$".contains(char) {
            out.push('\\');
        }
        out.push(char);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_traefik_3_pass() {
        for rule in [
            "PathPrefix(`/`)",
            "Host(`a.example.com`) && (PathPrefix(`/x`) || !Method(`POST`))",
            "HostRegexp(`^[a-z]{2,3}\\.example\\.com$`)",
            "PathRegexp(`^/products/[0-9]{2}$`)",
            "Header(`X-A`, `b`)",
            "Query(`a`, `b=c`)",
            "Query(`a`)",
            "host(\"a\")",
        ] {
            assert_eq!(check(Protocol::Http, rule), Ok(()), "{rule}");
        }
        assert_eq!(check(Protocol::Tcp, "HostSNI(`*`)"), Ok(()));
    }

    #[test]
    fn rules_of_traefik_2_are_refused_with_the_rewrite() {
        for (rule, rewrite) in [
            ("Host(`a`, `b`)", "(Host(`a`) || Host(`b`))"),
            (
                "!Host(`a`,`b`) && Path(`/x`)",
                "!(Host(`a`) || Host(`b`)) && Path(`/x`)",
            ),
            ("HostHeader(`a`)", "Host(`a`)"),
            ("Headers(`X-A`, `b`)", "Header(`X-A`, `b`)"),
            ("HeadersRegexp(`X-A`, `b.*`)", "HeaderRegexp(`X-A`, `b.*`)"),
            ("Query(`a=b`)", "Query(`a`, `b`)"),
            (
                "Query(`a=b`, `c=d`)",
                "(Query(`a`, `b`) && Query(`c`, `d`))",
            ),
            (
                "HostRegexp(`{sub:[a-z]+}.example.com`)",
                r"HostRegexp(`^[a-z]+\.example\.com$`)",
            ),
            (
                "HostRegexp(`{sub:[a-z]{2}}.x`)",
                r"HostRegexp(`^[a-z]{2}\.x$`)",
            ),
            ("HostRegexp(`{any}.x`)", r"HostRegexp(`^[^.]+\.x$`)"),
            ("Path(`/p/{id:[0-9]+}`)", "PathRegexp(`^/p/[0-9]+$`)"),
            ("PathPrefix(`/p/{id}/`)", "PathRegexp(`^/p/[^/]+/`)"),
            (
                "PathPrefix(`/a`, `/b`)",
                "(PathPrefix(`/a`) || PathPrefix(`/b`))",
            ),
        ] {
            let (message, help) = check(Protocol::Http, rule).expect_err(rule);
            assert!(message.ends_with("is Traefik 2 syntax"), "{message}");
            assert_eq!(help, Some(format!("write {rewrite}")), "{rule}");
            assert_eq!(check(Protocol::Http, rewrite), Ok(()), "{rewrite}");
        }
        let (_, help) = check(Protocol::Tcp, "HostSNI(`a`,`b`)").expect_err("several names");
        assert_eq!(
            help.as_deref(),
            Some("write (HostSNI(`a`) || HostSNI(`b`))")
        );
    }

    #[test]
    fn what_no_traefik_reads_is_refused() {
        for (rule, message) in [
            ("", "the rule has no matcher"),
            (
                "Host:example.com",
                "matcher `Host` has no arguments in parentheses",
            ),
            ("Hots(`a`)", "unknown matcher `Hots`"),
            ("Host(`a", "unclosed quote in the rule"),
            ("Host(a)", "matcher argument without backticks"),
            (
                "Host('a')",
                "matcher argument in single quotes: use backticks",
            ),
            ("Host(`a`", "unclosed parenthesis in the rule"),
            ("HostSNI(`*`)", "unknown matcher `HostSNI`"),
            ("Host(`a`) ; é", "unexpected `; é` in the rule"),
        ] {
            assert_eq!(
                check(Protocol::Http, rule).expect_err(rule).0,
                message,
                "{rule}"
            );
        }
    }
}
