//! What `proxy` makes of roles that get requests, and of Traefik.

use std::collections::BTreeMap;

use super::traefik;
use crate::config::decoder::{Decoder, Record};
use crate::config::model::{Healthcheck, Proxy, Role, Traefik};
use crate::config::node::Mark;
use crate::config::proxy::{Settings, Target, Tls, complete, labels};
use crate::name::HostName;

/// What becomes of the requests of roles.
pub(super) struct Router<'a> {
    /// The service.
    pub(super) service: &'a str,
    /// The destination.
    pub(super) destination: Option<&'a str>,
    /// The `proxy` of the whole file; `None` if nothing in it names `proxy`.
    pub(super) proxy: Option<&'a Settings>,
}

impl Router<'_> {
    /// Adds to a role what its `own` settings and those of the whole file say, if it gets requests. Returns both.
    pub(super) fn route(
        &self,
        decoder: &mut Decoder<'_>,
        role: &mut Role,
        own: Settings,
        global: &Healthcheck,
    ) -> Option<Settings> {
        let whole = self.proxy.filter(|_| role.traefik)?;
        let (port, path) = (own.app_port, own.health_path.clone());
        let settings = own.over(whole);
        let place = format!("role {}", role.name);
        check(decoder, (&place, &role.hosts), &settings);
        if port.is_some() || path.is_some() {
            let check = role.healthcheck.get_or_insert_with(|| global.clone());
            check.port = port.unwrap_or(check.port);
            check.path = path.unwrap_or_else(|| check.path.clone());
        }
        let name = format!("{}-{}", self.service, role.name);
        let retry = match self.destination {
            Some(destination) => format!("{name}-{destination}-retry"),
            None => format!("{name}-retry"),
        };
        let router = name.replace('.', "-");
        let target = Target {
            router: &router,
            retry: Some(&retry),
        };
        let made = labels(target, &settings);
        let key = format!("proxy of role {}", role.name);
        decoder.translate(&key, self.translated(role, &settings, global, &made));
        if let Some(mark) = settings.marks.get("proxy") {
            made.keys()
                .for_each(|label| decoder.routed_at(label, *mark));
        }
        // What the file sets itself has precedence.
        let given = std::mem::take(&mut role.labels);
        role.labels = made;
        role.labels.extend(given);
        role.proxy = Proxy {
            response_timeout: settings.response_timeout,
            certificate: match settings.tls() {
                Tls::Own(certificate) => Some(certificate.clone()),
                Tls::Off | Tls::LetsEncrypt => None,
            },
        };
        Some(settings)
    }

    /// Returns what the settings became, as people write it.
    fn translated(
        &self,
        role: &Role,
        settings: &Settings,
        global: &Healthcheck,
        labels: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let check = role.healthcheck.as_ref().unwrap_or(global);
        let mut lines = vec![
            format!("healthcheck.port: {}", check.port),
            format!("healthcheck.path: {}", check.path),
        ];
        lines.extend(
            labels
                .iter()
                .map(|(name, value)| format!("label {name}: {value}")),
        );
        let timeout = settings.response_timeout;
        lines.extend(timeout.map(|seconds| format!("response timeout: {seconds} s")));
        if let Tls::Own(certificate) = settings.tls() {
            let names = certificate.secret_names().join(" and ");
            lines.push(format!("certificate in files of Traefik: {names}"));
        }
        lines
    }
}

/// Reports what Traefik cannot do for a role or an accessory, by what it is called and its hosts.
pub(super) fn check(decoder: &mut Decoder<'_>, of: (&str, &[HostName]), settings: &Settings) {
    let ssl = settings.marks.get("ssl").copied();
    if let Some(mark) = ssl.filter(|_| settings.tls() == &Tls::LetsEncrypt) {
        lets_encrypt(decoder, of, settings, mark);
    }
    let buffering = settings.buffering.as_ref();
    if let Some((requests, responses)) = buffering.map(|buffering| buffering.of_both())
        && requests != responses
        && let Some(mark) = settings.marks.get("buffering")
    {
        let message =
            "`buffering` conflicts with Traefik, which buffers requests and responses together";
        let help = "set `requests` and `responses` to the same value, or remove `buffering`";
        decoder.error(*mark, message, help);
    }
}

/// Reports that Let's Encrypt would give no certificate.
fn lets_encrypt(
    decoder: &mut Decoder<'_>,
    (name, on): (&str, &[HostName]),
    settings: &Settings,
    mark: Mark,
) {
    let own = "`ssl: {certificate_pem: NAME, private_key_pem: NAME}`";
    let is_named = ["host", "hosts"]
        .iter()
        .any(|key| settings.marks.contains_key(key));
    if settings.hosts().is_empty() && !is_named {
        let help = "add `host`: Let's Encrypt issues a certificate for a name";
        return decoder.error(mark, "`ssl: true` requires `host`", help);
    }
    if let Some(host) = settings.hosts().iter().find(|host| host.starts_with("*.")) {
        let message = format!("`ssl: true` cannot get a certificate for `{host}`");
        let help = format!("name each host, or use a certificate of your own: {own}");
        return decoder.error(mark, message, help);
    }
    if on.len() > 1 {
        let message = format!(
            "`ssl: true` requires a single host, and {name} has {}",
            on.len()
        );
        let help = format!(
            "each host would ask Let's Encrypt, whose check reaches one of them. Use a certificate of your own ({own}), or end \
             TLS at the load balancer (`ssl: false`, `forward_headers: true`), or keep one host"
        );
        decoder.error(mark, message, help);
    }
}

/// Reads `traefik`, and adds what the settings of `proxies` need.
pub(super) fn traefik(
    decoder: &mut Decoder<'_>,
    root: &Record<'_>,
    proxies: &[Settings],
) -> Traefik {
    let mut traefik = traefik::decode(decoder, root);
    check_headers(decoder, proxies);
    let changes = complete(&mut traefik, proxies);
    decoder.translate("proxy", changes);
    traefik
}

/// Reports roles that want different things of an entrypoint that they share.
fn check_headers(decoder: &mut Decoder<'_>, proxies: &[Settings]) {
    let plain = proxies
        .iter()
        .partition::<Vec<_>, _>(|one| one.tls() == &Tls::Off);
    for shared in [plain.0, plain.1] {
        let differs = |one: &&&Settings| {
            shared
                .first()
                .is_some_and(|first| first.forwards() != one.forwards())
        };
        let Some(other) = shared.iter().find(differs) else {
            continue;
        };
        let first = shared.first();
        let marks = [Some(other), first].into_iter().flatten();
        let mark = marks
            .filter_map(|one| one.marks.get("forward_headers"))
            .next();
        if let Some(mark) = mark {
            let message =
                "`forward_headers` differs between roles, and Traefik has it once for all of them";
            decoder.error(*mark, message, "set the same value for each role");
        }
    }
}
