//! Traefik's options for a container's labels, as of version 3.7, in the file provider's spelling.
//!
//! `[]` is a list of structures, `*` a key of the user's (the whole rest of the label), `**` any
//! structure at all. After `:` comes the type of the value: `b` a boolean, `n` a whole number, `d`
//! a duration. This matters: Traefik reads no file of a directory as long as it cannot read one.

/// The options of a protocol's routers, services or middlewares after the name. Each line has the
/// groups that have these options, and the options.
pub(super) type Groups = &'static str;

/// Options of `http.routers.NAME`.
pub(super) const HTTP_ROUTER: Groups = "\
: rule ruleSyntax priority:n service entryPoints middlewares
tls: certResolver options domains[].main domains[].sans
observability: accessLogs:b metrics:b tracing:b traceVerbosity";

/// Options of `http.services.NAME`.
pub(super) const HTTP_SERVICE: Groups = "\
loadBalancer: passHostHeader:b serversTransport strategy
loadBalancer.server: port scheme weight:n preservePath:b
loadBalancer.responseForwarding: flushInterval:d
loadBalancer.healthCheck: scheme mode path method status:n port:n interval:d unhealthyInterval:d \
    timeout:d hostname followRedirects:b headers.*
loadBalancer.passiveHealthCheck: failureWindow:d maxFailedAttempts:n
loadBalancer.sticky.cookie: name secure:b httpOnly:b sameSite maxAge:n path domain";

/// Options of `http.middlewares.NAME`.
pub(super) const HTTP_MIDDLEWARE: Groups = "\
addPrefix: prefix
basicAuth digestAuth: users usersFile realm removeHeader:b headerField
buffering: maxRequestBodyBytes:n memRequestBodyBytes:n maxResponseBodyBytes:n \
    memResponseBodyBytes:n retryExpression
chain: middlewares
circuitBreaker: expression checkPeriod:d fallbackDuration:d recoveryDuration:d responseCode:n
compress: excludedContentTypes includedContentTypes minResponseBodyBytes:n encodings \
    defaultEncoding
contentType: autoDetect:b
errors: status statusRewrites.*:n service query
forwardAuth: address trustForwardHeader:b authResponseHeaders authResponseHeadersRegex \
    authRequestHeaders addAuthCookiesToResponse headerField forwardBody:b maxBodySize:n \
    preserveLocationHeader:b preserveRequestMethod:b
forwardAuth.tls: ca cert key insecureSkipVerify:b caOptional:b
grpcWeb: allowOrigins
headers: customRequestHeaders.* customResponseHeaders.* accessControlAllowCredentials:b \
    accessControlAllowHeaders accessControlAllowMethods accessControlAllowOriginList \
    accessControlAllowOriginListRegex accessControlExposeHeaders accessControlMaxAge:n \
    addVaryHeader:b allowedHosts hostsProxyHeaders sslProxyHeaders.* stsSeconds:n \
    stsIncludeSubdomains:b stsPreload:b forceSTSHeader:b frameDeny:b customFrameOptionsValue \
    contentTypeNosniff:b browserXssFilter:b customBrowserXSSValue contentSecurityPolicy \
    contentSecurityPolicyReportOnly publicKey referrerPolicy permissionsPolicy isDevelopment:b \
    featurePolicy sslRedirect:b sslTemporaryRedirect:b sslHost sslForceHost:b
ipAllowList: sourceRange rejectStatusCode:n
ipWhiteList: sourceRange
inFlightReq: amount:n
passTLSClientCert: pem:b
passTLSClientCert.info: notAfter:b notBefore:b sans:b serialNumber:b
passTLSClientCert.info.subject: country:b province:b locality:b organization:b \
    organizationalUnit:b commonName:b serialNumber:b domainComponent:b
passTLSClientCert.info.issuer: country:b province:b locality:b organization:b commonName:b \
    serialNumber:b domainComponent:b
plugin: **
rateLimit: average:n period:d burst:n
inFlightReq.sourceCriterion rateLimit.sourceCriterion: requestHeaderName requestHost:b
ipAllowList.ipStrategy ipWhiteList.ipStrategy inFlightReq.sourceCriterion.ipStrategy \
    rateLimit.sourceCriterion.ipStrategy: depth:n excludedIPs ipv6Subnet:n
rateLimit.redis: endpoints username password db:n poolSize:n minIdleConns:n maxActiveConns:n \
    readTimeout:d writeTimeout:d dialTimeout:d
rateLimit.redis.tls: ca cert key insecureSkipVerify:b
redirectRegex: regex replacement permanent:b
redirectScheme: scheme port permanent:b
replacePath: path
replacePathRegex: regex replacement
retry: attempts:n initialInterval:d
stripPrefix: prefixes forceSlash:b
stripPrefixRegex: regex";

/// Options of `tcp.routers.NAME`.
pub(super) const TCP_ROUTER: Groups = "\
: rule ruleSyntax priority:n service entryPoints middlewares
tls: certResolver options domains[].main domains[].sans passthrough:b";

/// Options of `tcp.services.NAME`.
pub(super) const TCP_SERVICE: Groups = "\
loadBalancer: serversTransport terminationDelay:n
loadBalancer.server: port tls:b
loadBalancer.proxyProtocol: version:n
loadBalancer.healthCheck: port:n send expect interval:d unhealthyInterval:d timeout:d";

/// Options of `tcp.middlewares.NAME`.
pub(super) const TCP_MIDDLEWARE: Groups = "\
inFlightConn: amount:n
ipAllowList ipWhiteList: sourceRange";

/// Options of `udp.routers.NAME`.
pub(super) const UDP_ROUTER: Groups = ": service entryPoints";

/// Options of `udp.services.NAME`.
pub(super) const UDP_SERVICE: Groups = "loadBalancer.server: port";

/// What the value of an option must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// A boolean.
    Boolean,
    /// A whole number.
    Number,
    /// A duration: `500ms`, or a number of seconds.
    Duration,
}

/// Returns the options of `groups`, each as its path below the name with what its value must be.
pub(super) fn options(groups: Groups) -> impl Iterator<Item = (String, Kind)> {
    let lines = groups.lines().filter_map(|line| line.split_once(": "));
    let groups = lines.flat_map(|(groups, options)| groups.split(' ').map(move |g| (g, options)));
    groups.flat_map(|(group, options)| {
        options.split(' ').map(move |option| {
            let (option, kind) = match option.split_once(':') {
                Some((option, "b")) => (option, Kind::Boolean),
                Some((option, "n")) => (option, Kind::Number),
                Some((option, _)) => (option, Kind::Duration),
                None => (option, Kind::Text),
            };
            let path = match group {
                "" => option.to_owned(),
                group => format!("{group}.{option}"),
            };
            (path, kind)
        })
    })
}

impl Kind {
    /// Checks that Traefik can read `text` as such a value.
    ///
    /// # Errors
    /// What it takes, as a phrase.
    pub(super) fn check(self, text: &str) -> Result<(), &'static str> {
        let (fits, takes) = match self {
            Kind::Text => (true, "text"),
            Kind::Boolean => (boolean(text).is_some(), "`true` or `false`"),
            Kind::Number => (text.parse::<i64>().is_ok(), "a whole number"),
            Kind::Duration => (is_duration(text), "a duration such as `500ms` or `10s`"),
        };
        if fits { Ok(()) } else { Err(takes) }
    }
}

/// Returns the boolean that Traefik reads in `text`.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn is_duration(text: &str) -> bool {
    if text.parse::<i64>().is_ok() {
        return true;
    }
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let mut parts = 0;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_number = rest[..rest.len() - number.len()].parse::<f64>().is_ok();
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"]
            .into_iter()
            .find_map(|unit| {
                number
                    .strip_prefix(unit)
                    .filter(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
            });
        match unit {
            Some(unit) if is_number => rest = unit,
            _ => return false,
        }
        parts += 1;
    }
    parts > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for text in ["10", "500ms", "1h30m", "1.5s", "-1s", "2µs"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "s", "1x", "1 s", "1sec", "soon", "1.2.3s", "1s2"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
