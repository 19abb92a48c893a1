//! Options of Traefik's own command line, as of version 3.7: Traefik does not start with one that it does not know.

use std::collections::BTreeSet;

use super::label::{self, Setting};
use super::shape::{self, Groups};
use super::spec::LabelError;

/// Options of the command line but those below the name of an entrypoint or a certificate resolver. The form is that of labels.
const GENERAL: Groups = "\
: configFile
accessLog: addInternals:b bufferingSize:n dualOutput:b filePath format
accessLog.fields: defaultMode names.* headers.defaultMode headers.names.*
accessLog.filters: minDuration:d retryAttempts:b statusCodes
accessLog.otlp: **
api: basePath dashboard:b dashboardName debug:b disableDashboardAd:b insecure:b
core: defaultRuleSyntax
experimental: abortOnPluginFailure:b fastProxy.debug:b knative:b kubernetesGateway:b \
    kubernetesIngressNGINX:b otlpLogs:b plugins.** localPlugins.**
global: checkNewVersion:b notAppendXForwardedFor:b sendAnonymousUsage:b
hostResolver: cnameFlattening:b resolvConfig resolvDepth:n
hub: **
log: compress:b filePath format level maxAge:n maxBackups:n maxSize:n noColor:b otlp.**
metrics: addInternals:b datadog.** influxDB2.** otlp.** statsD.**
metrics.prometheus: addEntryPointsLabels:b addRoutersLabels:b addServicesLabels:b buckets \
    entryPoint headerLabels.* manualRouting:b
ocsp: responderOverrides.*
ping: entryPoint manualRouting:b terminatingStatusCode:n
providers: providersThrottleDuration:d precedence consul.** consulCatalog.** ecs.** etcd.** http.** \
    knative.** kubernetesCRD.** kubernetesGateway.** kubernetesIngress.** kubernetesIngressNGINX.** \
    nomad.** plugin.** redis.** swarm.** zooKeeper.**
providers.docker: allowEmptyServices:b constraints defaultRule endpoint exposedByDefault:b \
    httpClientTimeout:d network password useBindPortIP:b username watch:b
providers.docker.tls: ca cert insecureSkipVerify:b key
providers.file: debugLogGeneratedTemplate:b directory filename watch:b
providers.rest: insecure:b
serversTransport: insecureSkipVerify:b maxIdleConnsPerHost:n rootCAs maxResponseHeaderBytes:n \
    disableHTTP2:b certificates.* cipherSuites minVersion maxVersion
serversTransport.forwardingTimeouts: dialTimeout:d idleConnTimeout:d responseHeaderTimeout:d \
    readIdleTimeout:d pingTimeout:d
serversTransport.spiffe: ids trustDomain
spiffe: workloadAPIAddr
tcpServersTransport: dialKeepAlive:d dialTimeout:d terminationDelay:d tls.** proxyProtocol.version:n
tracing: addInternals:b capturedRequestHeaders capturedResponseHeaders globalAttributes.* otlp.** \
    resourceAttributes.* safeQueryParams sampleRate serviceName";

/// Options of `entryPoints.NAME`.
const ENTRYPOINT: Groups = "\
: address allowACMEByPass:b asDefault:b reusePort:b
forwardedHeaders: connection insecure:b notAppendXForwardedFor:b trustedIPs
http: encodeQuerySemicolons:b maxHeaderBytes:n middlewares sanitizePath:b encodedCharacters.*
http.redirections.entryPoint: permanent:b priority:n scheme to
http.tls: certResolver options domains[].main domains[].sans
http2: maxConcurrentStreams:n maxDecoderHeaderTableSize:n maxEncoderHeaderTableSize:n
http3: advertisedPort:n
observability: accessLogs:b metrics:b traceVerbosity tracing:b
proxyProtocol: insecure:b trustedIPs
transport: keepAliveMaxRequests:n keepAliveMaxTime:d
transport.lifeCycle: graceTimeOut:d requestAcceptGraceTimeout:d
transport.respondingTimeouts: idleTimeout:d readTimeout:d writeTimeout:d
udp: timeout:d";

/// Options of `certificatesResolvers.NAME`.
const RESOLVER: Groups = "\
acme: caCertificates caServer caServerName caSystemCertPool:b certificatesDuration:n \
    certificateTimeout:d clientResponseHeaderTimeout:d clientTimeout:d disableCommonName:b email \
    emailAddresses keyType preferredChain profile storage
acme.dnsChallenge: delayBeforeCheck:d disablePropagationCheck:b provider resolvers
acme.dnsChallenge.propagation: delayBeforeChecks:d disableANSChecks:b disableChecks:b requireAllRNS:b
acme.eab: hmacEncoded kid
acme.httpChallenge: delay:d entryPoint
acme.tlsChallenge: delay:d
tailscale: dummy";

/// What is wrong with the argument `name` of this value, if anything is.
pub(super) fn check(name: &str, value: Option<&str>) -> Option<LabelError> {
    let parts: Vec<&str> = name.split('.').collect();
    let section = parts.first().map(|part| part.to_ascii_lowercase());
    let (rest, options) = match (section.as_deref(), parts.len()) {
        (Some("entrypoints"), 3..) => (&parts[2..], ENTRYPOINT),
        (Some("certificatesresolvers"), 3..) => (&parts[2..], RESOLVER),
        (Some("entrypoints" | "certificatesresolvers"), _) => {
            return Some(error(name, "the argument has no option", None));
        }
        _ => (parts.as_slice(), GENERAL),
    };
    match label::option(rest, value.unwrap_or("true"), options) {
        Ok((path, Setting::Switch(_))) if path.is_empty() => {
            Some(error(name, "unknown argument of Traefik", None))
        }
        Ok(_) => None,
        Err((message, _)) if message.starts_with("unknown option") => {
            let given = rest.join(".");
            let before = &name[..name.len() - given.len()];
            let help =
                nearest(&given, options).map(|near| format!("did you mean `{before}{near}`?"));
            Some(error(name, "unknown argument of Traefik", help))
        }
        Err((message, help)) => Some(error(name, &message, help)),
    }
}

/// Returns the option, or the structure of options, whose name is most like `given`.
fn nearest(given: &str, options: Groups) -> Option<String> {
    let given = given.to_lowercase();
    let mut names = BTreeSet::new();
    for (option, _) in shape::options(options) {
        let parts: Vec<&str> = option
            .split('.')
            .filter(|part| !part.contains('*'))
            .collect();
        names.extend((1..=parts.len()).map(|count| parts[..count].join(".").to_lowercase()));
    }
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&name, &given), name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| name)
}

fn error(name: &str, message: &str, help: Option<String>) -> LabelError {
    LabelError {
        label: name.to_owned(),
        message: message.to_owned(),
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_traefik_knows_pass() {
        for (name, value) in [
            ("accesslog", Some("true")),
            ("accessLog.format", Some("json")),
            ("accesslog.fields.headers.names.User-Agent", Some("keep")),
            ("api.dashboard", Some("true")),
            ("api", None),
            ("ping", None),
            ("log.level", Some("DEBUG")),
            ("entryPoints.web.address", Some(":80")),
            (
                "entrypoints.web.http.redirections.entryPoint.to",
                Some("websecure"),
            ),
            (
                "entrypoints.web.forwardedHeaders.trustedIPs",
                Some("10.0.0.0/8"),
            ),
            ("entrypoints.websecure.http.tls", Some("true")),
            (
                "entrypoints.websecure.http.tls.domains[0].main",
                Some("a.example"),
            ),
            ("entrypoints.websecure.http3", None),
            (
                "entrypoints.web.transport.respondingTimeouts.readTimeout",
                Some("60"),
            ),
            ("certificatesResolvers.le.acme.tlschallenge", Some("true")),
            (
                "certificatesresolvers.le.acme.httpchallenge.entrypoint",
                Some("web"),
            ),
            (
                "certificatesresolvers.le.acme.dnschallenge.provider",
                Some("cloudflare"),
            ),
            ("providers.docker.exposedbydefault", Some("false")),
            ("providers.docker", None),
            ("metrics.prometheus", Some("true")),
            (
                "tracing.otlp.http.endpoint",
                Some("http://x:4318/v1/traces"),
            ),
            ("serversTransport.insecureSkipVerify", Some("true")),
            (
                "experimental.plugins.geoblock.moduleName",
                Some("github.com/x/y"),
            ),
            ("global.sendAnonymousUsage", Some("false")),
        ] {
            assert_eq!(check(name, value), None, "{name}");
        }
    }

    #[test]
    fn others_are_refused_with_what_is_meant() {
        for (name, value, help) in [
            ("acesslog", Some("true"), Some("did you mean `accesslog`?")),
            (
                "acceslog.format",
                Some("json"),
                Some("did you mean `accesslog.format`?"),
            ),
            (
                "entryPoints.web.adress",
                Some(":80"),
                Some("did you mean `entryPoints.web.address`?"),
            ),
            (
                "certificatesResolvers.le.acme.stroage",
                Some("/a.json"),
                Some("did you mean `certificatesResolvers.le.acme.storage`?"),
            ),
            ("pilot.token", Some("x"), None),
            ("providers.marathon", Some("true"), None),
            ("entrypoints.web", Some(":80"), None),
        ] {
            let error = check(name, value).unwrap_or_else(|| panic!("{name} passes"));
            assert_eq!(error.help.as_deref(), help, "{name}: {}", error.message);
        }
        let error = check("api.insecure", Some("maybe")).expect("a boolean");
        assert_eq!(error.message, "expected `true` or `false`, got `maybe`");
    }
}
