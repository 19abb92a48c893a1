//! A script in the making: the functions it is made of, its variables, and the call that ends it.

use zeroize::Zeroizing;

use super::parts::BASE64;
use crate::record::Scope;
use crate::transport::quote::{NulError, quote};
use crate::transport::request::{AttemptRef, Place};

const PRELUDE: &str = include_str!("prelude.sh");

/// A script. It may hold secrets: it has no `Debug`, and its memory is wiped.
pub struct Script(Zeroizing<String>);

impl Script {
    pub(super) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Returns the text that `sh` is to read.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Why a request cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A text holds a NUL.
    #[error(transparent)]
    Nul(#[from] NulError),
    /// A secret's name cannot be that of a variable, or is one that the scripts use.
    #[error(
        "`{0}` is not a valid secret name: use letters, digits and _, and do not begin with mrsk_"
    )]
    SecretName(String),
    /// A value with a line break for a variable that docker reads from a file of lines.
    #[error(
        "the value of {0} has a line break, which docker cannot take for a variable of this name"
    )]
    LineBreak(String),
    /// A step names a secret, variable, content or file that was not handed over.
    #[error("missing value of {0}")]
    Missing(String),
    /// A file mode is not three or four octal digits.
    #[error("`{0}` is not a valid file mode")]
    Mode(String),
    /// A file's owner is neither `USER` nor `USER:GROUP`.
    #[error("`{0}` is not a valid file owner")]
    Owner(String),
    /// A network's name holds what docker's templates would read.
    #[error("`{0}` is not a valid network name")]
    Network(String),
    /// A poll has no port, path, host or expectation, which its kind needs.
    #[error("the poll of {container} has no {field}")]
    Poll {
        /// The container.
        container: String,
        /// What is missing.
        field: &'static str,
    },
    /// A name that becomes part of a path holds a `/`, or is not what it should be.
    #[error("`{0}` is not a valid part of a path")]
    Path(String),
}

/// A script in the making.
pub(super) struct Builder {
    text: Zeroizing<String>,
}

impl Builder {
    pub fn new(parts: &[&str]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(64 * 1024));
        text.push_str("{\n");
        for part in [PRELUDE, BASE64].iter().chain(parts) {
            text.push_str(part);
        }
        Self { text }
    }

    pub fn line(&mut self, line: &str) -> &mut Self {
        self.text.push_str(line);
        self.text.push('\n');
        self
    }

    /// Assigns `value` to the variable `name`.
    pub fn set(&mut self, name: &str, value: &str) -> Result<&mut Self, NulError> {
        let value = Zeroizing::new(quote(value)?);
        self.text.push_str(name);
        self.text.push('=');
        self.text.push_str(&value);
        self.text.push('\n');
        Ok(self)
    }

    pub fn place(&mut self, place: &Place) -> Result<&mut Self, RenderError> {
        let digest = place.plan.as_str();
        let digits = digest.strip_prefix("sha256:").unwrap_or(digest);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(RenderError::Path(digest.to_owned()));
        }
        let base = format!(
            "{}/{}",
            place.state_dir,
            path_part(&place.scope.directory())?
        );
        self.set("mrsk_plan", digest)?
            .set("mrsk_runs", &format!("{base}/runs/{digits}"))?
            .set("mrsk_base", &base)?;
        Ok(self)
    }

    pub fn attempt(&mut self, attempt: &AttemptRef) -> Result<&mut Self, RenderError> {
        self.set("mrsk_step", path_part(&attempt.step)?)?
            .set("mrsk_number", &attempt.number.to_string())?
            .line("mrsk_dir=$mrsk_runs/$mrsk_step/$mrsk_number");
        Ok(self)
    }

    /// Sets what the audit log says of an attempt, as the second line of its claim.
    pub fn subject(&mut self, subject: &str) -> Result<&mut Self, RenderError> {
        Ok(self.set("mrsk_subject", &one_line(subject))?)
    }

    /// Sets the name of the audit log of `scope`, which is in the login directory.
    pub fn audit_log(&mut self, scope: &Scope) -> Result<&mut Self, RenderError> {
        Ok(self.set("mrsk_log", path_part(&scope.audit_log())?)?)
    }

    /// Ends the script with `call`, which ends the answer by itself.
    pub fn end_with(&mut self, call: &str) -> Script {
        self.line(call).line("exit 0");
        self.text.push_str("}\n");
        Script(std::mem::take(&mut self.text))
    }

    /// Ends the script with `call`, whose standard input is empty.
    pub fn call(&mut self, call: &str) -> Script {
        self.line(&format!("{call} </dev/null"))
            .line("say end")
            .line("exit 0");
        self.text.push_str("}\n");
        Script(std::mem::take(&mut self.text))
    }
}

pub(super) fn path_part(text: &str) -> Result<&str, RenderError> {
    if text.is_empty() || text.contains('/') || text.starts_with('.') {
        return Err(RenderError::Path(text.to_owned()));
    }
    Ok(text)
}

/// Returns `text` with a space for each control character, so that it is one line of a file, whatever it holds.
pub(super) fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
