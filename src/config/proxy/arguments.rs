//! What Traefik is started with, so that it can do what `proxy` says.

use super::settings::{RESOLVER, SECURE, Settings, Tls};
use crate::config::model::{DockerOption, Traefik};
use crate::config::values::port::PortMapping;

/// The volume in which certificates of Let's Encrypt stay when Traefik's container is replaced, and where that sees it.
const STORAGE: (&str, &str) = ("mrsk-letsencrypt", "/letsencrypt");

/// Where requests over TLS come in.
const PORT: u16 = 443;

/// Adds to `traefik` what `all` settings need and what it does not set itself. Returns what was added.
pub(crate) fn complete(traefik: &mut Traefik, all: &[Settings]) -> Vec<String> {
    let mut addition = Addition {
        traefik,
        changes: Vec::new(),
    };
    let secure: Vec<&Settings> = all.iter().filter(|one| one.tls() != &Tls::Off).collect();
    if !secure.is_empty() {
        addition.argument("entrypoints.web.address", ":80");
        let entrypoint = format!("entrypoints.{SECURE}");
        if addition.argument(&format!("{entrypoint}.address"), &format!(":{PORT}")) {
            addition.publish();
        }
        if secure.iter().any(|one| one.forwards()) {
            addition.forward(&entrypoint);
        }
    }
    if secure.iter().any(|one| one.tls() == &Tls::LetsEncrypt) {
        addition.lets_encrypt();
    }
    if all
        .iter()
        .any(|one| one.tls() == &Tls::Off && one.forwards())
    {
        addition.forward("entrypoints.web");
    }
    let headers: Vec<&String> = all
        .iter()
        .flat_map(|one| one.logged.iter().flatten())
        .collect();
    if all.iter().any(|one| one.logged.is_some()) {
        addition.log(&headers);
    }
    addition.changes
}

struct Addition<'a> {
    traefik: &'a mut Traefik,
    changes: Vec<String>,
}

impl Addition<'_> {
    /// Returns whether the file has an argument whose name begins with `start`, in any case.
    fn has(&self, start: &str) -> bool {
        let start = start.to_lowercase();
        let mut args = self.traefik.args.iter();
        args.any(|arg| arg.name.to_lowercase().starts_with(&start))
    }

    /// Adds an argument that is not there. Returns whether it was added.
    fn argument(&mut self, name: &str, value: &str) -> bool {
        let mut args = self.traefik.args.iter();
        if args.any(|arg| arg.name.eq_ignore_ascii_case(name)) {
            return false;
        }
        self.changes.push(format!("traefik.args {name}: {value}"));
        self.traefik.args.push(DockerOption {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        });
        true
    }

    fn option(&mut self, name: &str, value: String) {
        self.changes
            .push(format!("traefik.options {name}: {value}"));
        self.traefik.options.push(DockerOption {
            name: name.to_owned(),
            value: Some(value),
        });
    }

    /// Publishes the port for requests over TLS.
    fn publish(&mut self) {
        let is_published = self.traefik.options.iter().any(|option| {
            let value = option.value.as_deref().unwrap_or_default();
            match option.name.as_str() {
                "publish" => PortMapping::parse(value).is_some_and(|one| one.publishes(PORT)),
                "publish-all" => true,
                "network" => value == "host",
                _ => false,
            }
        });
        if !is_published && self.traefik.publish {
            self.option("publish", format!("{PORT}:{PORT}"));
        }
    }

    fn forward(&mut self, entrypoint: &str) {
        let name = format!("{entrypoint}.forwardedHeaders");
        if !self.has(&name) {
            self.argument(&format!("{name}.insecure"), "true");
        }
    }

    fn lets_encrypt(&mut self) {
        let (volume, directory) = STORAGE;
        let acme = format!("certificatesResolvers.{RESOLVER}.acme");
        let challenges = ["tlsChallenge", "httpChallenge", "dnsChallenge"];
        let mut challenges = challenges.iter();
        if !challenges.any(|challenge| self.has(&format!("{acme}.{challenge}"))) {
            self.argument(&format!("{acme}.tlsChallenge"), "true");
        }
        let file = format!("{directory}/acme.json");
        if self.argument(&format!("{acme}.storage"), &file) {
            self.option("volume", format!("{volume}:{directory}"));
        }
    }

    /// Logs requests with `headers`, of requests and of responses.
    fn log(&mut self, headers: &[&String]) {
        if !self.has("accesslog") {
            self.argument("accesslog", "true");
            self.argument("accesslog.format", "json");
        }
        for header in headers {
            self.argument(&format!("accesslog.fields.headers.names.{header}"), "keep");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Env;

    fn started(settings: Settings, args: &[(&str, &str)], publish: &[&str]) -> Vec<String> {
        let option = |name: &str, value: &str| DockerOption {
            name: name.to_owned(),
            value: Some(value.to_owned()),
        };
        let mut traefik = Traefik {
            image: String::new(),
            host_port: 80,
            publish: true,
            args: args
                .iter()
                .map(|(name, value)| option(name, value))
                .collect(),
            options: publish.iter().map(|port| option("publish", port)).collect(),
            env: Env::default(),
            labels: Default::default(),
        };
        complete(&mut traefik, &[settings])
    }

    #[test]
    fn what_the_file_has_is_left_as_it_is() {
        let secure = Settings {
            tls: Some(Tls::LetsEncrypt),
            ..Settings::default()
        };
        assert_eq!(
            started(secure.clone(), &[], &[]),
            [
                "traefik.args entrypoints.web.address: :80",
                "traefik.args entrypoints.websecure.address: :443",
                "traefik.options publish: 443:443",
                "traefik.args certificatesResolvers.letsencrypt.acme.tlsChallenge: true",
                "traefik.args certificatesResolvers.letsencrypt.acme.storage: /letsencrypt/acme.json",
                "traefik.options volume: mrsk-letsencrypt:/letsencrypt",
            ]
        );
        let given = [
            ("entryPoints.web.address", ":80"),
            (
                "certificatesresolvers.letsencrypt.acme.storage",
                "/acme.json",
            ),
            (
                "certificatesresolvers.letsencrypt.acme.httpchallenge.entrypoint",
                "web",
            ),
        ];
        assert_eq!(
            started(secure, &given, &["8443:443"]),
            ["traefik.args entrypoints.websecure.address: :443"]
        );
        let headers = ["traefik.args entrypoints.web.forwardedHeaders.insecure: true"];
        assert_eq!(started(Settings::default(), &[], &[]), headers);
        let trusted = [("entrypoints.web.forwardedheaders.trustedips", "10.0.0.0/8")];
        assert!(started(Settings::default(), &trusted, &[]).is_empty());
    }
}
