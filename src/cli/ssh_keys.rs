//! The texts of private keys that `ssh.key_data` names: needed before anything is asked, so that no command is run for them.

use crate::apply::preflight::Value;
use crate::diagnostic::Diagnostic;
use crate::exit_code::ExitCode;
use crate::secret::{Secret, Secrets};

use super::failure::Failure;

/// What the text of a key begins with.
const BEGIN: &str = "-----BEGIN ";

/// Returns the keys by their names, which `value` looks up.
///
/// # Errors
/// Every name without a key.
pub fn read(names: &[String], value: impl Fn(&str) -> Value) -> Result<Secrets, Failure> {
    let (mut keys, mut problems) = (Secrets::new(), Vec::new());
    let mut exit_code = ExitCode::Configuration;
    for name in names {
        match value(name) {
            Value::Known(key) if is_key(&key) => drop(keys.insert(name.clone(), key)),
            Value::Known(_) => problems.push(
                Diagnostic::error(format!("secret `{name}` is not a private key in PEM form"))
                    .help("it begins with `-----BEGIN OPENSSH PRIVATE KEY-----`, and has several lines"),
            ),
            Value::Late => problems.push(
                Diagnostic::error(format!(
                    "secret `{name}` is printed by a command, and needed to connect"
                ))
                .help("no command runs before the hosts are asked: set it in the environment"),
            ),
            Value::Unset => problems.push(
                Diagnostic::error(format!("secret `{name}` is not set; ssh needs its key"))
                    .help("set it in the environment, in .env or in a secrets file"),
            ),
            Value::Invalid(problem) => problems.push(problem),
            Value::Stale(how) => {
                exit_code = ExitCode::Stale;
                problems.push(Diagnostic::error(how).help("plan again; nothing was changed"));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(keys),
        false => Err(Failure::of(exit_code, problems)),
    }
}

fn is_key(text: &Secret) -> bool {
    let text = text.reveal();
    text.starts_with(BEGIN) && text.contains("PRIVATE KEY-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_that_is_there_is_a_key() {
        let key =
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----";
        let read = |value: Value| read(&["KEY".to_owned()], |_| value.clone());
        let known = |text: &str| read(Value::Known(Secret::new(text)));
        assert_eq!(known(key).unwrap()["KEY"].reveal(), key);
        let said =
            |failed: Result<Secrets, Failure>| failed.unwrap_err().diagnostics[0].message.clone();
        assert_eq!(
            said(known("~/.ssh/id")),
            "secret `KEY` is not a private key in PEM form"
        );
        assert!(said(read(Value::Late)).contains("printed by a command"));
        assert!(said(read(Value::Unset)).contains("is not set"));
        let stale = read(Value::Stale("the file differs".to_owned()));
        assert_eq!(stale.unwrap_err().exit_code, ExitCode::Stale);
    }
}
