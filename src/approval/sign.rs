//! Signing a plan with an SSH key, by `ssh-keygen`: so agents and hardware keys work, and may ask on the terminal.

use std::path::Path;

use super::format::{ApprovalError, NAMESPACE, signed_line};
use crate::name::PlanDigest;
use crate::record::Ending;
use crate::secret::Secrets;
use crate::transport::foreground::{self, Foreground, Input};

/// The greatest size of a signature, in bytes.
const LONGEST_SIGNATURE: usize = 64 * 1024;

/// Returns an armored signature of `plan` by the private key in the file `key`; if that file has a public key, by the agent.
///
/// # Errors
///
/// Fails as `ssh-keygen -Y sign` does.
pub fn sign(plan: &PlanDigest, key: &Path) -> Result<String, ApprovalError> {
    let key = key.to_string_lossy();
    let argv = ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", &key].map(str::to_owned);
    let line = signed_line(plan);
    let request = Foreground {
        argv: &argv,
        variables: &Secrets::new(),
        input: Input::Text(&line),
        limit: LONGEST_SIGNATURE,
    };
    let captured = foreground::capture(&request).map_err(ApprovalError::Start)?;
    match captured.ending {
        Ending::Succeeded => Ok(String::from_utf8_lossy(&captured.stdout).into_owned()),
        _ => Err(ApprovalError::Refused(captured.stderr.trim().to_owned())),
    }
}
