//! Variables that change how programs start: what they load, run or read before they do what they were asked for. A `.env` that
//! a repository brings along must not set them for the commands of templates.

/// Variables by name.
const NAMES: &[&str] = &[
    // The shell.
    "BASHOPTS",
    "BASH_ENV",
    "CDPATH",
    "ENV",
    "GLOBIGNORE",
    "HOME",
    "IFS",
    "PATH",
    "PROMPT_COMMAND",
    "PS4",
    "SHELL",
    "SHELLOPTS",
    "TMPDIR",
    "ZDOTDIR",
    // The C library.
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TERMCAP",
    "TERMINFO",
    "TZDIR",
    // Interpreters.
    "CLASSPATH",
    "DOTNET_STARTUP_HOOKS",
    "GODEBUG",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PERLLIB",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "R_ENVIRON",
    "R_PROFILE",
    "TCLLIBPATH",
    "_JAVA_OPTIONS",
    // What other programs load or run.
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "BROWSER",
    "CLOUDSDK_CONFIG",
    "CLOUDSDK_PYTHON",
    "CURL_CA_BUNDLE",
    "CURL_HOME",
    "EDITOR",
    "GNUPGHOME",
    "GREP_OPTIONS",
    "KUBECONFIG",
    "LESSCLOSE",
    "LESSOPEN",
    "MAKEFILES",
    "MAKEFLAGS",
    "MANPAGER",
    "NETRC",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PAGER",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SUDO_ASKPASS",
    "TAR_OPTIONS",
    "VISUAL",
    "WGETRC",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_DATA_DIRS",
    "XDG_RUNTIME_DIR",
];

/// What the names of more such variables begin with.
const PREFIXES: &[&str] = &[
    "BASH_FUNC_",
    "BUNDLE_",
    "DOCKER_",
    "DYLD_",
    "GEM_",
    "GIT_",
    "LD_",
    "NPM_CONFIG_",
    "PERL5",
    "PYTHON",
    "RUBY",
    "SSH_",
    "npm_config_",
];

/// Returns whether the variable `name` changes how programs start.
pub fn changes_start(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_change_how_programs_start_are_known() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "RUBYOPT",
            "RUBYLIB",
            "BASH_ENV",
            "ENV",
            "PATH",
            "IFS",
            "PERL5OPT",
            "PERL5LIB",
            "PYTHONSTARTUP",
            "PYTHONPATH",
            "NODE_OPTIONS",
            "GIT_SSH_COMMAND",
            "GIT_EXTERNAL_DIFF",
            "BASH_FUNC_id%%",
            "DOCKER_HOST",
            "SSH_ASKPASS",
        ] {
            assert!(changes_start(name), "{name}");
        }
        for name in [
            "DATABASE_URL",
            "RAILS_ENV",
            "NODE_ENV",
            "ENVIRONMENT",
            "PATH_PREFIX",
            "AWS_PROFILE",
            "OP_SERVICE_ACCOUNT_TOKEN",
            "HTTPS_PROXY",
        ] {
            assert!(!changes_start(name), "{name}");
        }
    }
}
