//! The labels of Traefik that say what `proxy` says.

use std::collections::BTreeMap;

use super::settings::{Buffering, RESOLVER, SECURE, Settings, Tls};

/// The entrypoint of Traefik for requests without TLS.
const PLAIN: &str = "web";

/// Bytes of a body that are kept in memory if the file does not say so: those of kamal-proxy.
const MEMORY: u64 = 1 << 20;

/// What labels are made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The name of the router, without a dot.
    pub(crate) router: &'a str,
    /// The middleware that the router has by default.
    pub(crate) retry: Option<&'a str>,
}

/// Returns the labels.
pub(crate) fn labels(target: Target<'_>, settings: &Settings) -> BTreeMap<String, String> {
    let mut labels = Labels {
        all: BTreeMap::new(),
        router: target.router,
    };
    let middlewares = labels.middlewares(target, settings);
    let rule = rule(settings.hosts(), settings.prefixes());
    if settings.tls() == &Tls::Off {
        labels.router("", "rule", rule);
        labels.router("", "middlewares", middlewares);
        return labels.all;
    }
    let of_web = match settings.redirects.unwrap_or(true) {
        true => {
            labels.middleware("https", "redirectscheme.scheme", "https");
            labels.middleware("https", "redirectscheme.permanent", "true");
            Some(format!("{}-https", target.router))
        }
        false => middlewares.clone(),
    };
    // A router needs a rule, and that of the role has this one by default.
    let any = || Some("PathPrefix(`/`)".to_owned());
    labels.router("-http", "rule", rule.clone().or_else(any));
    labels.router("-http", "entrypoints", Some(PLAIN.to_owned()));
    labels.router("-http", "middlewares", of_web);
    labels.router("-http", "service", Some(target.router.to_owned()));
    labels.router("", "rule", rule);
    labels.router("", "entrypoints", Some(SECURE.to_owned()));
    labels.router("", "middlewares", middlewares);
    match settings.tls() {
        Tls::LetsEncrypt => labels.router("", "tls.certresolver", Some(RESOLVER.to_owned())),
        _ => labels.router("", "tls", Some("true".to_owned())),
    }
    labels.all
}

struct Labels<'a> {
    all: BTreeMap<String, String>,
    router: &'a str,
}

impl Labels<'_> {
    /// Sets an option of the router, or of another one whose name has `suffix`, if there is a value.
    fn router(&mut self, suffix: &str, option: &str, value: Option<String>) {
        let name = format!("traefik.http.routers.{}{suffix}.{option}", self.router);
        self.all.extend(value.map(|value| (name, value)));
    }

    fn middleware(&mut self, name: &str, option: &str, value: &str) {
        let name = format!("traefik.http.middlewares.{}-{name}.{option}", self.router);
        self.all.insert(name, value.to_owned());
    }

    /// Adds the middlewares. Returns what the router lists; nothing if it has those that it has by default.
    fn middlewares(&mut self, target: Target<'_>, settings: &Settings) -> Option<String> {
        let mut names = Vec::new();
        let buffered = settings.buffering.as_ref();
        if let Some(buffering) = buffered.filter(|buffering| buffering.of_both() == (true, true)) {
            self.buffering(buffering);
            names.push(format!("{}-buffering", target.router));
        }
        if !settings.prefixes().is_empty() && settings.strips.unwrap_or(true) {
            let prefixes = settings.prefixes().join(",");
            self.middleware("prefix", "stripprefix.prefixes", &prefixes);
            names.push(format!("{}-prefix", target.router));
        }
        if names.is_empty() {
            return None;
        }
        names.extend(target.retry.map(str::to_owned));
        Some(names.join(","))
    }

    fn buffering(&mut self, buffering: &Buffering) {
        let memory = Some(buffering.memory.unwrap_or(MEMORY));
        for (option, value) in [
            ("memrequestbodybytes", memory),
            ("memresponsebodybytes", memory),
            ("maxrequestbodybytes", buffering.max_request),
            ("maxresponsebodybytes", buffering.max_response),
        ] {
            if let Some(value) = value {
                let option = format!("buffering.{option}");
                self.middleware("buffering", &option, &value.to_string());
            }
        }
    }
}

/// Returns the rule of the router; nothing if it takes all requests.
fn rule(hosts: &[String], prefixes: &[String]) -> Option<String> {
    let hosts = hosts.iter().map(|host| match host.strip_prefix("*.") {
        // One label, as in a certificate.
        Some(domain) => format!(r"HostRegexp(`^[^.]+\.{}$`)", domain.replace('.', r"\.")),
        None => format!("Host(`{host}`)"),
    });
    let prefixes = prefixes
        .iter()
        .map(|prefix| format!("Path(`{prefix}`) || PathPrefix(`{prefix}/`)"));
    let (hosts, paths) = (any(hosts.collect()), any(prefixes.collect()));
    match (hosts, paths) {
        (Some(hosts), Some(paths)) => Some(format!("{} && {}", in_both(hosts), in_both(paths))),
        (hosts, paths) => hosts.or(paths),
    }
}

fn any(matchers: Vec<String>) -> Option<String> {
    (!matchers.is_empty()).then(|| matchers.join(" || "))
}

fn in_both(rule: String) -> String {
    match rule.contains(" || ") {
        true => format!("({rule})"),
        false => rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn rules_name_hosts_and_whole_parts_of_paths() {
        for (hosts, prefixes, expected) in [
            (&[][..], &[][..], None),
            (&["a.example.com"], &[], Some("Host(`a.example.com`)")),
            (&["a", "b"], &[], Some("Host(`a`) || Host(`b`)")),
            (
                &["a", "b"],
                &["/api"],
                Some("(Host(`a`) || Host(`b`)) && (Path(`/api`) || PathPrefix(`/api/`))"),
            ),
            (
                &[],
                &["/a", "/b"],
                Some("Path(`/a`) || PathPrefix(`/a/`) || Path(`/b`) || PathPrefix(`/b/`)"),
            ),
            (
                &["*.example.com"],
                &[],
                Some(r"HostRegexp(`^[^.]+\.example\.com$`)"),
            ),
        ] {
            let rule = rule(&words(hosts), &words(prefixes));
            assert_eq!(rule.as_deref(), expected);
        }
    }

    #[test]
    fn a_router_lists_its_default_middleware_beside_others() {
        let target = Target {
            router: "shop-web",
            retry: Some("shop-web-staging-retry"),
        };
        let plain = labels(target, &Settings::default());
        assert!(plain.is_empty(), "{plain:?}");
        let prefixed = Settings {
            prefixes: Some(words(&["/api"])),
            ..Settings::default()
        };
        assert_eq!(
            labels(target, &prefixed)["traefik.http.routers.shop-web.middlewares"],
            "shop-web-prefix,shop-web-staging-retry"
        );
    }
}
