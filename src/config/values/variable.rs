//! Names of variables of the environment.

use serde_json::{Value, json};

use crate::config::decoder::{Decoder, Field};
use crate::config::node::Kind;
use crate::config::schema::described;
use crate::diagnostic::Diagnostic;
use crate::name::SecretVariable;

/// The variable by which a container knows its own name.
pub const CONTAINER_NAME: &str = "MRSK_CONTAINER_NAME";

/// Other variables that mrsk sets itself.
const RESERVED: [&str; 3] = [CONTAINER_NAME, "MRSK_CLAIM", "MRSK_CLEANUP"];

/// What the names of the variables of mrsk's scripts begin with.
const RESERVED_PREFIX: &str = "mrsk_";

/// Variables that `sh`, the loader, libc, Go, docker's client or ssh read when they start. Exported on a host they would change
/// what the docker command itself does. Sources: sh(1), bash(1), ld.so(8), environ(7), resolver(5), Go's net/http and runtime,
/// Docker's "Environment variables" of the CLI and of buildx, ssh(1).
#[rustfmt::skip]
const READ_AT_START: &[&str] = &[
    // sh and bash
    "PATH", "HOME", "IFS", "ENV", "PWD", "OLDPWD", "SHELL", "PS4", "CDPATH", "TMPDIR",
    "BASH_ENV", "BASHOPTS", "SHELLOPTS", "BASH_XTRACEFD", "POSIXLY_CORRECT",
    // ld.so and libc
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "LD_BIND_NOW", "LD_BIND_NOT", "LD_DEBUG",
    "LD_DEBUG_OUTPUT", "LD_DYNAMIC_WEAK", "LD_HWCAP_MASK", "LD_ORIGIN_PATH", "LD_PROFILE",
    "LD_PROFILE_OUTPUT", "LD_SHOW_AUXV", "LD_TRACE_LOADED_OBJECTS", "LD_VERBOSE", "LD_WARN",
    "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "HOSTALIASES", "LOCALDOMAIN",
    "RESOLV_HOST_CONF", "RES_OPTIONS", "TZDIR",
    // Go
    "GODEBUG", "GOTRACEBACK", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "no_proxy",
    // docker, buildx
    "DOCKER_API_VERSION", "DOCKER_AUTH_CONFIG", "DOCKER_BUILDKIT", "DOCKER_CERT_PATH",
    "DOCKER_CONFIG", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER", "DOCKER_CONTEXT",
    "DOCKER_CUSTOM_HEADERS", "DOCKER_DEFAULT_PLATFORM", "DOCKER_HIDE_LEGACY_COMMANDS",
    "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "BUILDX_BUILDER", "BUILDX_CONFIG",
    "BUILDX_GIT_INFO", "BUILDX_METADATA_PROVENANCE", "BUILDX_NO_DEFAULT_ATTESTATIONS",
    "BUILDX_NO_DEFAULT_LOAD", "BUILDKIT_HOST", "BUILDKIT_PROGRESS", "BUILDKIT_COLORS",
    // ssh, for engines of other machines; directories of a session
    "SSH_AUTH_SOCK", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE", "SSH_SK_PROVIDER", "DISPLAY",
    "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
];

/// Returns the schema of a name.
pub(crate) fn schema() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" })
}

/// Returns the schema of the name of a container's secret, or of `NAME:SECRET`.
pub(crate) fn secret_schema() -> Value {
    named_schema(&[])
}

/// Returns the schema of the name of a build secret, which is exported to docker's command line.
pub(crate) fn exported_schema() -> Value {
    named_schema(READ_AT_START)
}

fn named_schema(refused: &[&str]) -> Value {
    let mut name = schema();
    let refused = [&RESERVED[..], refused].concat();
    name["pattern"] = json!("^[A-Za-z_][A-Za-z0-9_]*(:[A-Za-z_][A-Za-z0-9_]*)?$");
    let refused = refused.join("|");
    name["not"] = json!({ "anyOf": [
        { "pattern": format!("^({refused})(:|$)") },
        { "pattern": format!("(^|:){RESERVED_PREFIX}") },
        { "pattern": format!(":({})$", RESERVED.join("|")) },
    ] });
    let what = "Name of a variable of .env or the environment; `NAME:SECRET` gives the value of SECRET to the variable NAME.";
    described(what, name)
}

/// Reads the name of a container's secret, or `NAME:SECRET`. One that docker's own command line would read travels another way.
pub(crate) fn decode_secret(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
) -> Option<SecretVariable> {
    if !matches!(field.node.kind, Kind::Scalar { .. }) && !field.is_null() {
        let message = format!("`{}` is not the name of a variable", field.path);
        let help = "write only the name here, and the value into .env";
        let error = Diagnostic::error(message).at(decoder.place(field.key));
        decoder.diagnostics.push(error.help(help).hide_source());
        return None;
    }
    let text = decoder.filled(field)?;
    let variable = SecretVariable::parse(&text);
    if !is_name(&variable.name) || !is_name(&variable.secret) {
        return invalid(decoder, field);
    }
    for name in [&variable.name, &variable.secret] {
        if RESERVED.contains(&name.as_str()) || name.starts_with(RESERVED_PREFIX) {
            let message = format!("variable `{name}` is reserved");
            decoder.error(field.key, message, "mrsk sets it: choose another name");
            return None;
        }
    }
    Some(variable)
}

/// Reads the name of a build secret, or `NAME:SECRET`. It is exported to docker's command line.
pub(crate) fn decode_exported(
    decoder: &mut Decoder<'_>,
    field: &Field<'_>,
) -> Option<SecretVariable> {
    let variable = decode_secret(decoder, field)?;
    let name = &variable.name;
    if is_read_at_start(name) {
        let why = "it would change how the docker command itself runs";
        let message = format!("`{name}` cannot be a build secret: {why}");
        let help = format!("choose another name; `OTHER:{name}` has the same value");
        decoder.error(field.key, message, help);
        return None;
    }
    Some(variable)
}

/// Reads the name of a variable of the environment.
pub(crate) fn decode(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<String> {
    let name = decoder.filled(field)?;
    match is_name(&name) {
        true => Some(name),
        false => invalid(decoder, field),
    }
}

/// Reports what is not a name, and may be a value.
fn invalid<T>(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Option<T> {
    let message = format!("`{}` is not a valid variable name", field.path);
    let help = "use the name of a variable, not its value: letters, digits and `_`, not starting with a digit";
    let error = Diagnostic::error(message).at(decoder.place(field.key));
    decoder.diagnostics.push(error.help(help).hide_source());
    None
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(allowed)
}

/// Returns whether a secret may have this name: that of a variable, and none that mrsk sets itself.
pub fn is_secret_name(name: &str) -> bool {
    is_name(name) && !RESERVED.contains(&name) && !name.starts_with(RESERVED_PREFIX)
}

/// Returns whether `sh`, the loader, docker's client or ssh read the variable `name` when they start.
pub fn is_read_at_start(name: &str) -> bool {
    READ_AT_START.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_programs_read_is_special() {
        for name in [
            "PATH",
            "HOME",
            "DOCKER_HOST",
            "LD_PRELOAD",
            "BASH_ENV",
            "HTTP_PROXY",
        ] {
            assert!(is_read_at_start(name), "{name}");
        }
        for name in [
            "HOMEPAGE",
            "DATABASE_URL",
            "PATH_PREFIX",
            "_",
            "DOCKER_REGISTRY_TOKEN",
            "LD_SDK_KEY",
            "SSH_PRIVATE_KEY",
            "BASHFUL",
            "BUILDKITE_TOKEN",
        ] {
            assert!(!is_read_at_start(name), "{name}");
        }
    }
}
