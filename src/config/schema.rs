//! The JSON schema of `deploy.yml`, for editors.
//!
//! A destination's file has the same keys, and either file may leave to the other what both together need: so no key is
//! required here. What only the whole configuration can tell (missing keys, contradictions, names that are unknown or stand
//! twice) is left to `mrsk config`.

mod values;

use serde_json::{Value, json};

use super::accessories::ALL;
use super::builder::ARCHITECTURES;
use super::service::DEFAULT_TRAEFIK_IMAGE;
use values::{
    HOST, Property, described, env, exported_name, filled, host, hosts, labels, list, map,
    matching, name_of_variable, nullable, number, options, port, record, reference, text, texts,
    with_default,
};

const ROLE_NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$";

/// Returns the JSON schema (draft 7, which editors understand best) of `deploy.yml` and of a destination's file.
///
/// Numbers and booleans are taken where text is meant, as the loader takes what was written.
#[must_use]
pub fn schema() -> Value {
    let mut schema = record(
        "The configuration of mrsk: what is deployed, and where.",
        app().into_iter().chain(behaviour()).chain(machines()),
    );
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("deploy.yml");
    schema["patternProperties"] = json!({
        "^x-": { "description": "Free for anchors that other keys refer to: mrsk does not read it." }
    });
    schema
}

fn app() -> [Property; 8] {
    [
        (
            "service",
            matching(
                "Name of the app: containers, routes and locks begin with it.",
                "^[a-z0-9][a-z0-9_.-]{0,62}$",
            ),
        ),
        (
            "image",
            matching(
                "Name of the image, without registry, tag and digest: the tag is the version.",
                "^(?!localhost/)(?![^/]*\\.[^/]*/)[a-z0-9]+([._/-]+[a-z0-9]+)*$",
            ),
        ),
        ("servers", servers()),
        ("registry", registry()),
        ("env", env("Environment of the containers of every role.")),
        (
            "labels",
            labels("Labels of the containers of every role. Those of Traefik become routes."),
        ),
        (
            "volumes",
            texts(
                "What docker's `--volume` takes, as `HOST:CONTAINER`, for the containers of every role.",
            ),
        ),
        ("accessories", accessories()),
    ]
}

fn behaviour() -> [Property; 7] {
    [
        ("healthcheck", healthcheck()),
        (
            "readiness_delay",
            with_default(
                number(
                    "Seconds that a container of a role without Traefik has to stay up, where its image has no health check.",
                    0,
                ),
                7,
            ),
        ),
        (
            "stop_wait_time",
            with_default(
                number(
                    "Seconds that a container gets to stop before it is killed.",
                    0,
                ),
                10,
            ),
        ),
        (
            "drain_timeout",
            with_default(
                number(
                    "Seconds that requests in flight get before their container is stopped.",
                    0,
                ),
                30,
            ),
        ),
        (
            "retain_containers",
            number(
                "Stopped containers that a deploy leaves per role and host for a rollback, the one that it stops among them; without it those of the last three days.",
                0,
            ),
        ),
        ("boot", boot()),
        (
            "audit_broadcast_cmd",
            filled(
                "Command on this machine that is given each line of what was done, split into words as a shell does.",
            ),
        ),
    ]
}

fn machines() -> [Property; 4] {
    [
        ("builder", builder()),
        ("traefik", traefik()),
        ("logging", logging()),
        ("ssh", ssh()),
    ]
}

fn servers() -> Value {
    let role = record(
        "A role with more than hosts.",
        [
            ("hosts", hosts("Hosts of the role.")),
            (
                "cmd",
                text("Command in place of the image's own, split into words as a shell does."),
            ),
            (
                "env",
                env("Environment, merged over the global one key by key."),
            ),
            ("labels", labels("Labels, merged over the global ones.")),
            ("options", options("Options of `docker create`.")),
            (
                "traefik",
                json!({ "type": "boolean", "description": "Whether requests go to its containers; by default only to those of role `web`." }),
            ),
        ],
    );
    let role = json!({ "anyOf": [hosts("Hosts of the role."), role] });
    described(
        "Hosts: a list, which is the role `web`, or a map of roles.",
        json!({ "anyOf": [
            hosts("Hosts of the role `web`."),
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": { "pattern": ROLE_NAME },
                "additionalProperties": role,
            },
        ] }),
    )
}

fn registry() -> Value {
    let value = |description: &str| {
        let name =
            json!({ "type": "array", "items": name_of_variable(), "minItems": 1, "maxItems": 1 });
        described(
            description,
            json!({ "anyOf": [filled("The value."), described("The name of a variable of .env or the environment.", name)] }),
        )
    };
    record(
        "Where images are pushed to and pulled from.",
        [
            (
                "server",
                matching(
                    "Its name, and port if any; without it Docker Hub.",
                    "^[A-Za-z0-9.][A-Za-z0-9.-]*(:[0-9]{1,5})?$",
                ),
            ),
            (
                "username",
                value("Who logs in: the name, or a list with the name of a variable."),
            ),
            (
                "password",
                value(
                    "A list with the name of the variable that holds the password. The password itself is accepted, with a warning.",
                ),
            ),
        ],
    )
}

fn builder() -> Value {
    let arch =
        || json!({ "enum": ARCHITECTURES, "description": "Architecture that it builds for." });
    let host = |description| matching(description, "^(ssh|unix|tcp)://[^\\s]+$");
    let local = [
        ("arch", arch()),
        (
            "host",
            host("Address of its Docker; without it the one that docker uses on this machine."),
        ),
    ];
    let remote = [
        ("arch", arch()),
        (
            "host",
            host("Address of its Docker, such as `ssh://root@192.0.2.1`."),
        ),
    ];
    let secret = described(
        "Name of a variable of .env or the environment.",
        exported_name(),
    );
    record(
        "How the image is built.",
        [
            (
                "multiarch",
                json!({ "type": "boolean", "default": true, "description": "Whether to build for amd64 and arm64 with buildx; `false` is for this machine's architecture alone." }),
            ),
            (
                "local",
                record(
                    "The machine that builds one architecture, where `remote` builds another.",
                    local,
                ),
            ),
            ("remote", record("The other machine that builds.", remote)),
            (
                "dockerfile",
                with_default(filled("Path of the Dockerfile."), "Dockerfile"),
            ),
            (
                "context",
                with_default(
                    filled("Directory that docker builds, relative to the current one."),
                    ".",
                ),
            ),
            (
                "args",
                map(
                    "Arguments of the build (`--build-arg`): they stay in the image's history.",
                    "^[^=]+$",
                    &text("Value."),
                ),
            ),
            (
                "secrets",
                list(
                    "Secrets of the build (`--secret`), by the names of their variables.",
                    &secret,
                ),
            ),
        ],
    )
}

fn traefik() -> Value {
    let value = text("Value.");
    let values =
        json!({ "anyOf": [value, list("Values: the argument is repeated.", &text("Value."))] });
    record(
        "The proxy in front of the app, of which each host has one.",
        [
            (
                "image",
                with_default(reference("Image of Traefik 3."), DEFAULT_TRAEFIK_IMAGE),
            ),
            (
                "host_port",
                with_default(port("Port of the host that it listens on."), 80),
            ),
            (
                "args",
                map(
                    "Arguments of its command line, without the dashes.",
                    "^[^-=\\s][^=\\s]*$",
                    &values,
                ),
            ),
            (
                "options",
                options("Options of `docker create` for its container."),
            ),
            ("labels", labels("Labels of its container.")),
        ],
    )
}

fn healthcheck() -> Value {
    record(
        "When a new container gets requests.",
        [
            (
                "path",
                with_default(
                    matching(
                        "Path of the request that must be answered with 200.",
                        "^/[^\\s]*$",
                    ),
                    "/up",
                ),
            ),
            (
                "port",
                with_default(port("Port that the app listens on in its container."), 3000),
            ),
            (
                "max_attempts",
                with_default(
                    number("How often it is asked, with 4 seconds between.", 1),
                    7,
                ),
            ),
        ],
    )
}

fn logging() -> Value {
    record(
        "Where docker writes the containers' output; without it 10 MB per container.",
        [
            ("driver", filled("docker's `--log-driver`.")),
            (
                "options",
                map("Each becomes a `--log-opt`.", "^[^=]+$", &text("Value.")),
            ),
        ],
    )
}

fn ssh() -> Value {
    record(
        "How hosts are reached.",
        [
            (
                "user",
                with_default(
                    matching(
                        "User of the hosts that name none.",
                        "^[^-\\s'\"`$;&<>|(){}\\\\][^\\s'\"`$;&<>|(){}\\\\]*$",
                    ),
                    "root",
                ),
            ),
            (
                "port",
                port(
                    "Port of the hosts that name none; without it the one of ssh's own configuration, else 22.",
                ),
            ),
            (
                "proxy",
                matching(
                    "Jump host, as `host`, `user@host` or `user@host:port`; the user is root by default.",
                    HOST,
                ),
            ),
            (
                "proxy_command",
                filled("Command that connects to the host `%h`, port `%p`."),
            ),
        ],
    )
}

fn boot() -> Value {
    let limit = json!({ "anyOf": [
        { "type": "integer", "minimum": 1 },
        { "type": "string", "pattern": "^([1-9][0-9]*|([1-9][0-9]?|100)%)$" },
    ] });
    record(
        "How many hosts get a new version at the same time.",
        [
            (
                "limit",
                described(
                    "Hosts per group: a number, or a share such as `25%`; without it all at once.",
                    limit,
                ),
            ),
            (
                "wait",
                with_default(number("Seconds between groups.", 0), 0),
            ),
        ],
    )
}

fn accessories() -> Value {
    let role = described(
        "Name of a role.",
        json!({ "type": "string", "minLength": 1 }),
    );
    let mount = "^[^:]+:/[^:]+(:[A-Za-z]+(,[A-Za-z]+)*)?$";
    let accessory = record(
        "A service that the app depends on.",
        [
            ("image", reference("Its image, with tag.")),
            (
                "host",
                described("The host that it runs on.", nullable(host())),
            ),
            (
                "hosts",
                described("The hosts that it runs on.", nullable(hosts("Hosts."))),
            ),
            (
                "role",
                described(
                    "The role, or a list of roles, on whose hosts it runs.",
                    json!({ "anyOf": [role, list("Roles.", &role), { "type": "null" }] }),
                ),
            ),
            ("roles", list("The roles on whose hosts it runs.", &role)),
            (
                "port",
                matching(
                    "Published port: `PORT`, `HOST_PORT:PORT` or `ADDRESS:HOST_PORT:PORT`.",
                    "^(\\[[0-9a-fA-F:]+\\]:|[0-9.]+:)?([0-9]+(-[0-9]+)?)?:?[0-9]+(-[0-9]+)?(/(tcp|udp|sctp))?$",
                ),
            ),
            (
                "cmd",
                text("Command in place of the image's own, split into words as a shell does."),
            ),
            ("env", env("Environment of its container.")),
            (
                "files",
                list(
                    "Files to upload, as `LOCAL:PATH_IN_CONTAINER[:MODE]`; those that end in `.erb` are templates.",
                    &matching("File.", mount),
                ),
            ),
            (
                "directories",
                list(
                    "Directories to make on the host and mount, as `HOST:PATH_IN_CONTAINER[:MODE]`.",
                    &matching("Directory.", mount),
                ),
            ),
            ("volumes", texts("What docker's `--volume` takes.")),
            ("labels", labels("Labels of its container.")),
            ("options", options("Options of `docker create`.")),
        ],
    );
    described(
        "Services that the app depends on, such as a database, by name.",
        json!({
            "type": ["object", "null"],
            "propertyNames": { "pattern": ROLE_NAME, "not": { "const": ALL } },
            "additionalProperties": accessory,
        }),
    )
}
