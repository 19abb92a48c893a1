//! Requests by which it can be seen on a host, over plain HTTP, what users get from a role's routers.

use super::arguments;
use super::names::Names;
use super::rule::{self, Call};
use super::tree::Node;

/// The most requests of one role: each takes a moment after a switch.
const MOST: usize = 4;

/// The most alternatives of a rule, and the deepest parentheses, that are looked at.
const MOST_ALTERNATIVES: usize = 16;

/// A GET as a user sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// TCP port of the entrypoint inside Traefik's container.
    pub port: u16,
    /// The `Host` header.
    pub host: String,
    /// The path.
    pub path: String,
}

/// A router that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAsked {
    /// Its name.
    pub router: String,
    /// Why, in few words.
    pub why: &'static str,
}

/// Returns a request for each router of a document, or why there is none. A rule that allows any host gets the one that is given,
/// and one that allows the path gets that.
pub(super) fn requests_of(
    document: &Node,
    names: &Names,
    command_line: &[String],
    (host, path): (&str, &str),
) -> (Vec<Request>, Vec<NotAsked>) {
    let (mut asked, mut not_asked) = (Vec::new(), Vec::new());
    for (protocol, why) in [("http", None), ("tcp", Some("TCP")), ("udp", Some("UDP"))] {
        let Some(Node::Map(routers)) = document.get(&[protocol, "routers"]) else {
            continue;
        };
        for (name, router) in routers {
            let found = match why {
                None => request(router, command_line, host, path),
                Some(why) => Err(why),
            };
            match found {
                Ok(request) if asked.contains(&request) => {}
                Ok(request) if asked.len() < MOST => asked.push(request),
                Ok(_) => not_asked.push(skipped(names, name, "more than 4 routers")),
                Err(why) => not_asked.push(skipped(names, name, why)),
            }
        }
    }
    (asked, not_asked)
}

fn skipped(names: &Names, router: &str, why: &'static str) -> NotAsked {
    NotAsked {
        router: names.bare(router).to_owned(),
        why,
    }
}

fn request(
    router: &Node,
    command_line: &[String],
    host: &str,
    path: &str,
) -> Result<Request, &'static str> {
    if router.get(&["tls"]).is_some() {
        return Err("TLS");
    }
    let named = router.get_text(&["entryPoints"]).map(|names| {
        let names = names.split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).collect()
    });
    let entrypoints: Vec<&str> =
        named.unwrap_or_else(|| arguments::default_entrypoints(command_line));
    let mut ports = entrypoints
        .iter()
        .map(|name| arguments::plain_port(command_line, name));
    let first = ports.next().unwrap_or(Err("entrypoint without a TCP port"));
    let port = first.or_else(|why| ports.find_map(Result::ok).ok_or(why))?;
    if rule::is_old(router) {
        return Err("Traefik 2 syntax");
    }
    let (host, path) = router
        .get_text(&["rule"])
        .and_then(|rule| matching(rule, host, path))
        .ok_or("rule with other matchers than Host, Path and PathPrefix")?;
    Ok(Request { port, host, path })
}

/// Returns a host and a path that a rule matches.
fn matching(rule: &str, host: &str, path: &str) -> Option<(String, String)> {
    let calls = rule::calls(rule).ok()?;
    let mut tokens = tokens(rule, &calls)?;
    tokens.reverse();
    let alternatives = either(&mut tokens, 0)?;
    if !tokens.is_empty() {
        return None;
    }
    let mut alternatives = alternatives.into_iter().flatten();
    alternatives.find_map(|calls| satisfying(&calls, host, path))
}

enum Token<'a> {
    Call(&'a Call),
    Mark(&'a str),
}

fn tokens<'a>(rule: &'a str, calls: &'a [Call]) -> Option<Vec<Token<'a>>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    for call in calls {
        marks(rule.get(at..call.span.start)?, &mut tokens)?;
        tokens.push(Token::Call(call));
        at = call.span.end;
    }
    marks(rule.get(at..)?, &mut tokens)?;
    Some(tokens)
}

/// Adds the operators and parentheses of `text`.
fn marks<'a>(text: &'a str, tokens: &mut Vec<Token<'a>>) -> Option<()> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mark = ["&&", "||", "!", "(", ")"]
            .into_iter()
            .find(|mark| rest.starts_with(mark))?;
        tokens.push(Token::Mark(mark));
        rest = rest[mark.len()..].trim_start();
    }
    Some(())
}

/// What must hold together: `None` if a request cannot be made from it.
type Alternative<'a> = Option<Vec<&'a Call>>;

fn is_next(tokens: &[Token], mark: &str) -> bool {
    matches!(tokens.last(), Some(Token::Mark(next)) if *next == mark)
}

/// Reads `a || b`, from tokens of which the last is the first.
fn either<'a>(tokens: &mut Vec<Token<'a>>, depth: usize) -> Option<Vec<Alternative<'a>>> {
    let mut all = both(tokens, depth)?;
    while is_next(tokens, "||") {
        tokens.pop();
        all.extend(both(tokens, depth)?);
    }
    (all.len() <= MOST_ALTERNATIVES).then_some(all)
}

/// Reads `a && b`.
fn both<'a>(tokens: &mut Vec<Token<'a>>, depth: usize) -> Option<Vec<Alternative<'a>>> {
    let mut all = one(tokens, depth)?;
    while is_next(tokens, "&&") {
        tokens.pop();
        let others = one(tokens, depth)?;
        let pairs = all.iter().flat_map(|left| {
            others.iter().map(move |right| {
                let (left, right) = (left.as_ref()?, right.as_ref()?);
                Some(left.iter().chain(right).copied().collect())
            })
        });
        all = pairs.collect();
        if all.len() > MOST_ALTERNATIVES {
            return None;
        }
    }
    Some(all)
}

/// Reads a matcher, `!a` or `(a)`.
fn one<'a>(tokens: &mut Vec<Token<'a>>, depth: usize) -> Option<Vec<Alternative<'a>>> {
    if depth > MOST_ALTERNATIVES {
        return None;
    }
    match tokens.pop()? {
        Token::Call(call) => Some(vec![Some(vec![call])]),
        Token::Mark("!") => one(tokens, depth + 1).map(|_| vec![None]),
        Token::Mark("(") => {
            let inside = either(tokens, depth + 1)?;
            matches!(tokens.pop(), Some(Token::Mark(")"))).then_some(inside)
        }
        Token::Mark(_) => None,
    }
}

/// Returns a host and a path for which all `calls` hold.
fn satisfying(calls: &[&Call], host: &str, path: &str) -> Option<(String, String)> {
    let mut hosts: Vec<String> = Vec::new();
    let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
    for call in calls {
        let [argument] = call.arguments.as_slice() else {
            return None;
        };
        match call.name.to_lowercase().as_str() {
            "host" => hosts.push(argument.to_lowercase()),
            "path" => exact.push(argument.as_str()),
            "pathprefix" => prefixes.push(argument.as_str()),
            _ => return None,
        }
    }
    hosts.dedup();
    let host = match hosts.as_slice() {
        [] => host,
        [only] => only,
        _ => return None,
    };
    let fits = |path: &&str| {
        let bare = path.split('?').next().unwrap_or_default();
        is_plain_path(path)
            && exact.iter().all(|exact| *exact == bare)
            && prefixes.iter().all(|prefix| bare.starts_with(prefix))
    };
    let longest = prefixes.iter().copied().max_by_key(|prefix| prefix.len());
    let mut paths = [path].into_iter().chain(exact.first().copied());
    let path = paths.find(fits).or_else(|| longest.filter(fits))?;
    is_plain_host(host).then(|| (host.to_owned(), path.to_owned()))
}

fn is_plain_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:[]".contains(c);
    !host.is_empty() && host.chars().all(allowed)
}

/// Returns whether curl sends `path` as it is, and Traefik takes it as it is.
fn is_plain_path(path: &str) -> bool {
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    let allowed = |more: &'static str| {
        move |c: char| {
            c.is_ascii_alphanumeric() || "-._~/+,:;@!$&=*".contains(c) || more.contains(c)
        }
    };
    let is_dots = |part: &str| [".", ".."].contains(&part);
    bare.starts_with('/')
        && !bare.contains("//")
        && !bare.split('/').any(is_dots)
        && bare.chars().all(allowed(""))
        && query.chars().all(allowed("?%'()"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::spec::RouteSpec;
    use super::*;

    #[test]
    fn a_rule_says_what_matches_it() {
        for (rule, found) in [
            ("PathPrefix(`/`)", Some(("app1", "/up"))),
            ("Host(`A.example.com`)", Some(("a.example.com", "/up"))),
            ("Host(`a`) && PathPrefix(`/u`)", Some(("a", "/up"))),
            ("Host(`a`) && PathPrefix(`/v1`)", Some(("a", "/v1"))),
            (
                "(Host(`a`)) && PathPrefix(`/v1`) && PathPrefix(`/v1/x`)",
                Some(("a", "/v1/x")),
            ),
            ("Path(`/x`) && Host(`a`)", Some(("a", "/x"))),
            ("Host(`a`) || Host(`b`)", Some(("a", "/up"))),
            ("(Host(`a`) || Host(`b`)) && Path(`/x`)", Some(("a", "/x"))),
            ("Method(`POST`) || Host(`b`)", Some(("b", "/up"))),
            ("!Host(`a`) || Host(`b`)", Some(("b", "/up"))),
            ("Host(`a`) && Host(`b`)", None),
            ("Path(`/x`) && Path(`/y`)", None),
            ("Host(`a`) && !PathPrefix(`/admin`)", None),
            ("!(Host(`a`) && Path(`/`))", None),
            ("HostRegexp(`.*`)", None),
            ("Host(`a`) && Header(`X-A`, `b`)", None),
            ("Path(`/a b`)", None),
            ("Path(`/a/../b`)", None),
            ("Host(`a\nb`)", None),
            ("Host(`a`) & Host(`a`)", None),
            ("(Host(`a`)", None),
        ] {
            let found = found.map(|(host, path)| (host.to_owned(), path.to_owned()));
            assert_eq!(matching(rule, "app1", "/up"), found, "{rule}");
        }
        let deep = format!("{}Host(`a`){}", "(".repeat(99), ")".repeat(99));
        assert_eq!(matching(&deep, "app1", "/up"), None);
        let many = ["(Host(`a`) || Host(`b`))"; 9].join(" && ");
        assert_eq!(matching(&many, "app1", "/up"), None);
    }

    /// Returns the requests as `host:port/path`, then the routers that are not asked.
    fn asked(labels: &[(&str, &str)], more: &[&str]) -> Vec<String> {
        let labels: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| (format!("traefik.{key}"), (*value).to_owned()))
            .collect();
        let line: Vec<String> = [
            "--entrypoints.web.address=:80",
            "--entrypoints.mrsk-probe.address=:7583",
        ]
        .iter()
        .chain(more)
        .map(|arg| (*arg).to_owned())
        .collect();
        let spec = RouteSpec {
            service: "hey",
            destination: None,
            role: "web",
            labels: &labels,
            arguments: &line,
            port: 3000,
            alias: "m-0123456789abcdef",
            container: "hey-web-1",
            beside: &[],
            outranks: &[],
            response_timeout: None,
            has_certificate: false,
        };
        let (asked, not_asked) = crate::traefik::Renderer::default().requests(&spec, "app1", "/up");
        let asked = asked
            .iter()
            .map(|Request { port, host, path }| format!("{host}:{port}{path}"));
        let not_asked = not_asked
            .iter()
            .map(|NotAsked { router, why }| format!("not {router}: {why}"));
        asked.chain(not_asked).collect()
    }

    #[test]
    fn each_router_over_plain_http_is_asked() {
        let secure = [
            "--entrypoints.secure.address=:443",
            "--entrypoints.secure.http.tls=true",
        ];
        let redirect = "--entrypoints.web.http.redirections.entrypoint.to=secure";
        let rule = ("http.routers.hey.rule", "Host(`a.example.com`)");
        assert_eq!(asked(&[], &[]), ["app1:80/up"]);
        assert_eq!(asked(&[rule], &secure), ["a.example.com:80/up"]);
        assert_eq!(
            asked(&[rule], &[secure[0], secure[1], redirect]),
            ["not hey-web: entrypoint that redirects"]
        );
        assert_eq!(
            asked(&[rule, ("http.routers.hey.tls", "true")], &[]),
            ["not hey-web: TLS"]
        );
        assert_eq!(
            asked(
                &[rule, ("http.routers.hey.entrypoints", "secure, web")],
                &secure
            ),
            ["a.example.com:80/up"]
        );
        assert_eq!(
            asked(&[rule, ("http.routers.hey.entrypoints", "secure")], &secure),
            ["not hey-web: TLS"]
        );
        let several = [
            rule,
            (
                "http.routers.admin.rule",
                "Host(`a.example.com`) && Path(`/admin`)",
            ),
            ("http.routers.admin.entrypoints", "admin"),
            ("http.routers.same.rule", "Host(`a.example.com`)"),
            ("http.routers.other.rule", "Query(`a`, `b`)"),
            ("tcp.routers.db.rule", "HostSNI(`*`)"),
            ("tcp.routers.db.entrypoints", "db"),
        ];
        assert_eq!(
            asked(&several, &["--entrypoints.admin.address=:8080"]),
            [
                "a.example.com:8080/admin",
                "a.example.com:80/up",
                "not other: rule with other matchers than Host, Path and PathPrefix",
                "not db: TCP",
            ]
        );
    }

    #[test]
    fn a_role_is_asked_for_four_routers_at_most() {
        let rules: Vec<(String, String)> = (1..=5)
            .map(|n| (format!("http.routers.r{n}.rule"), format!("Host(`h{n}`)")))
            .collect();
        let labels: Vec<(&str, &str)> = rules
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let found = asked(&labels, &[]);
        let left: Vec<&String> = found
            .iter()
            .filter(|line| line.starts_with("not "))
            .collect();
        assert_eq!((found.len(), left.len()), (6, 2));
    }
}
