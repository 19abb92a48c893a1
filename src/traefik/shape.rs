//! Which options Traefik has for a container's labels, as of version 3.7, in the spelling of its file provider.
//!
//! `[]` is a list of structures, `*` a key of the user's (the whole rest of the label), `**` any structure at all.

/// The options of a protocol's routers, services or middlewares after the name: `(group, options of the group)`.
type Groups = &'static [(&'static str, &'static [&'static str])];

const TLS: &[&str] = &[
    "certResolver",
    "options",
    "domains[].main",
    "domains[].sans",
];
const IP_STRATEGY: &[&str] = &["depth", "excludedIPs", "ipv6Subnet"];

/// Options of `http.routers.NAME`.
pub(super) const HTTP_ROUTER: Groups = &[
    (
        "",
        &[
            "rule",
            "ruleSyntax",
            "priority",
            "service",
            "entryPoints",
            "middlewares",
        ],
    ),
    ("tls", TLS),
    (
        "observability",
        &["accessLogs", "metrics", "tracing", "traceVerbosity"],
    ),
];

/// Options of `http.services.NAME`.
pub(super) const HTTP_SERVICE: Groups = &[
    (
        "loadBalancer",
        &["passHostHeader", "serversTransport", "strategy"],
    ),
    (
        "loadBalancer.server",
        &["port", "scheme", "weight", "preservePath"],
    ),
    ("loadBalancer.responseForwarding", &["flushInterval"]),
    (
        "loadBalancer.healthCheck",
        &[
            "scheme",
            "mode",
            "path",
            "method",
            "status",
            "port",
            "interval",
            "unhealthyInterval",
            "timeout",
            "hostname",
            "followRedirects",
            "headers.*",
        ],
    ),
    (
        "loadBalancer.passiveHealthCheck",
        &["failureWindow", "maxFailedAttempts"],
    ),
    (
        "loadBalancer.sticky.cookie",
        &[
            "name", "secure", "httpOnly", "sameSite", "maxAge", "path", "domain",
        ],
    ),
];

/// Options of `http.middlewares.NAME`.
pub(super) const HTTP_MIDDLEWARE: Groups = &[
    ("addPrefix", &["prefix"]),
    (
        "basicAuth",
        &["users", "usersFile", "realm", "removeHeader", "headerField"],
    ),
    (
        "buffering",
        &[
            "maxRequestBodyBytes",
            "memRequestBodyBytes",
            "maxResponseBodyBytes",
            "memResponseBodyBytes",
            "retryExpression",
        ],
    ),
    ("chain", &["middlewares"]),
    (
        "circuitBreaker",
        &[
            "expression",
            "checkPeriod",
            "fallbackDuration",
            "recoveryDuration",
            "responseCode",
        ],
    ),
    (
        "compress",
        &[
            "excludedContentTypes",
            "includedContentTypes",
            "minResponseBodyBytes",
            "encodings",
            "defaultEncoding",
        ],
    ),
    ("contentType", &["autoDetect"]),
    (
        "digestAuth",
        &["users", "usersFile", "realm", "removeHeader", "headerField"],
    ),
    (
        "errors",
        &["status", "statusRewrites.*", "service", "query"],
    ),
    (
        "forwardAuth",
        &[
            "address",
            "trustForwardHeader",
            "authResponseHeaders",
            "authResponseHeadersRegex",
            "authRequestHeaders",
            "addAuthCookiesToResponse",
            "headerField",
            "forwardBody",
            "maxBodySize",
            "preserveLocationHeader",
            "preserveRequestMethod",
        ],
    ),
    (
        "forwardAuth.tls",
        &["ca", "cert", "key", "insecureSkipVerify", "caOptional"],
    ),
    ("grpcWeb", &["allowOrigins"]),
    (
        "headers",
        &[
            "customRequestHeaders.*",
            "customResponseHeaders.*",
            "accessControlAllowCredentials",
            "accessControlAllowHeaders",
            "accessControlAllowMethods",
            "accessControlAllowOriginList",
            "accessControlAllowOriginListRegex",
            "accessControlExposeHeaders",
            "accessControlMaxAge",
            "addVaryHeader",
            "allowedHosts",
            "hostsProxyHeaders",
            "sslProxyHeaders.*",
            "stsSeconds",
            "stsIncludeSubdomains",
            "stsPreload",
            "forceSTSHeader",
            "frameDeny",
            "customFrameOptionsValue",
            "contentTypeNosniff",
            "browserXssFilter",
            "customBrowserXSSValue",
            "contentSecurityPolicy",
            "contentSecurityPolicyReportOnly",
            "publicKey",
            "referrerPolicy",
            "permissionsPolicy",
            "isDevelopment",
            "featurePolicy",
            "sslRedirect",
            "sslTemporaryRedirect",
            "sslHost",
            "sslForceHost",
        ],
    ),
    ("ipAllowList", &["sourceRange", "rejectStatusCode"]),
    ("ipAllowList.ipStrategy", IP_STRATEGY),
    ("ipWhiteList", &["sourceRange"]),
    ("ipWhiteList.ipStrategy", IP_STRATEGY),
    ("inFlightReq", &["amount"]),
    (
        "inFlightReq.sourceCriterion",
        &["requestHeaderName", "requestHost"],
    ),
    ("inFlightReq.sourceCriterion.ipStrategy", IP_STRATEGY),
    ("passTLSClientCert", &["pem"]),
    (
        "passTLSClientCert.info",
        &["notAfter", "notBefore", "sans", "serialNumber"],
    ),
    (
        "passTLSClientCert.info.subject",
        &[
            "country",
            "province",
            "locality",
            "organization",
            "organizationalUnit",
            "commonName",
            "serialNumber",
            "domainComponent",
        ],
    ),
    (
        "passTLSClientCert.info.issuer",
        &[
            "country",
            "province",
            "locality",
            "organization",
            "commonName",
            "serialNumber",
            "domainComponent",
        ],
    ),
    ("plugin", &["**"]),
    ("rateLimit", &["average", "period", "burst"]),
    (
        "rateLimit.sourceCriterion",
        &["requestHeaderName", "requestHost"],
    ),
    ("rateLimit.sourceCriterion.ipStrategy", IP_STRATEGY),
    (
        "rateLimit.redis",
        &[
            "endpoints",
            "username",
            "password",
            "db",
            "poolSize",
            "minIdleConns",
            "maxActiveConns",
            "readTimeout",
            "writeTimeout",
            "dialTimeout",
        ],
    ),
    (
        "rateLimit.redis.tls",
        &["ca", "cert", "key", "insecureSkipVerify"],
    ),
    ("redirectRegex", &["regex", "replacement", "permanent"]),
    ("redirectScheme", &["scheme", "port", "permanent"]),
    ("replacePath", &["path"]),
    ("replacePathRegex", &["regex", "replacement"]),
    ("retry", &["attempts", "initialInterval"]),
    ("stripPrefix", &["prefixes", "forceSlash"]),
    ("stripPrefixRegex", &["regex"]),
];

/// Options of `tcp.routers.NAME`.
pub(super) const TCP_ROUTER: Groups = &[
    (
        "",
        &[
            "rule",
            "ruleSyntax",
            "priority",
            "service",
            "entryPoints",
            "middlewares",
        ],
    ),
    ("tls", TLS),
    ("tls", &["passthrough"]),
];

/// Options of `tcp.services.NAME`.
pub(super) const TCP_SERVICE: Groups = &[
    ("loadBalancer", &["serversTransport", "terminationDelay"]),
    ("loadBalancer.server", &["port", "tls"]),
    ("loadBalancer.proxyProtocol", &["version"]),
    (
        "loadBalancer.healthCheck",
        &[
            "port",
            "send",
            "expect",
            "interval",
            "unhealthyInterval",
            "timeout",
        ],
    ),
];

/// Options of `tcp.middlewares.NAME`.
pub(super) const TCP_MIDDLEWARE: Groups = &[
    ("inFlightConn", &["amount"]),
    ("ipAllowList", &["sourceRange"]),
    ("ipWhiteList", &["sourceRange"]),
];

/// Options of `udp.routers.NAME`.
pub(super) const UDP_ROUTER: Groups = &[("", &["service", "entryPoints"])];

/// Options of `udp.services.NAME`.
pub(super) const UDP_SERVICE: Groups = &[("loadBalancer.server", &["port"])];

/// Returns the options of `groups`, each as its path below the name.
pub(super) fn options(groups: Groups) -> impl Iterator<Item = String> {
    groups.iter().flat_map(|(group, options)| {
        options.iter().map(move |option| match *group {
            "" => (*option).to_owned(),
            group => format!("{group}.{option}"),
        })
    })
}
