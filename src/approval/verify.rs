//! Checking the signatures of a plan against a file of allowed signers, by `ssh-keygen`. Nothing is asked of the user.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::block;
use super::format::{ApprovalError, NAMESPACE, signed_line};
use crate::name::PlanDigest;
use crate::record::Ending;
use crate::secret::Secret;
use crate::transport::local::{self, LocalCommand};

/// How long `ssh-keygen` may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A good signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Whom the file of allowed signers knows by its key, in the order of the file; at least one.
    pub principals: Vec<String>,
}

/// What the signatures of a plan show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// The good signatures, in the order of the signature file.
    pub good: Vec<Signature>,
    /// Why the other signatures do not count.
    pub rejected: Vec<String>,
}

impl Verification {
    /// Returns how many people signed. Signatures whose keys share a principal count as one: a person may have several keys,
    /// and a key several names.
    pub fn signers(&self) -> usize {
        let mut groups: Vec<Vec<&String>> = Vec::new();
        for signature in &self.good {
            let mut merged: Vec<&String> = signature.principals.iter().collect();
            groups.retain(|group| {
                let apart = !group.iter().any(|name| merged.contains(name));
                if !apart {
                    merged.extend(group);
                }
                apart
            });
            groups.push(merged);
        }
        groups.len()
    }
}

/// Checks each block of `signatures`, the text of a signature file, against the file `allowed_signers` (ssh-keygen(1),
/// ALLOWED SIGNERS).
///
/// # Errors
///
/// Fails if the text has something else than signatures, or `ssh-keygen` cannot be started. A signature that is not good is no
/// error, but in [`Verification::rejected`].
pub async fn verify(
    plan: &PlanDigest,
    signatures: &str,
    allowed_signers: &Path,
) -> Result<Verification, ApprovalError> {
    let mut verification = Verification::default();
    for (index, block) in block::split(signatures)?.iter().enumerate() {
        match check(plan, block, allowed_signers).await {
            Ok(signature) => verification.good.push(signature),
            Err(ApprovalError::Refused(reason)) => verification
                .rejected
                .push(format!("signature {}: {reason}", index + 1)),
            Err(error) => return Err(error),
        }
    }
    Ok(verification)
}

async fn check(plan: &PlanDigest, block: &str, allowed: &Path) -> Result<Signature, ApprovalError> {
    let mut file = NamedTempFile::new().map_err(ApprovalError::Temporary)?;
    file.write_all(block.as_bytes())
        .map_err(ApprovalError::Temporary)?;
    let signature = file.path().to_string_lossy();
    let allowed = allowed.to_string_lossy();
    let line = signed_line(plan);
    let find = ["find-principals", "-s", &signature, "-f", &allowed];
    let names = ask(&find, None).await.map_err(|error| match error {
        ApprovalError::Refused(reason) => {
            ApprovalError::Refused(format!("its key is not an allowed signer ({reason})"))
        }
        error => error,
    })?;
    let mut principals = Vec::new();
    let mut refused = ApprovalError::Refused("its key is not an allowed signer".to_owned());
    for name in names.lines().filter(|name| !name.is_empty()) {
        let verify = [
            "verify", "-n", NAMESPACE, "-I", name, "-s", &signature, "-f", &allowed,
        ];
        match ask(&verify, Some(&line)).await {
            Ok(_) => principals.push(name.to_owned()),
            Err(ApprovalError::Refused(reason)) => refused = ApprovalError::Refused(reason),
            Err(error) => return Err(error),
        }
    }
    match principals.is_empty() {
        true => Err(refused),
        false => Ok(Signature { principals }),
    }
}

async fn ask(arguments: &[&str], input: Option<&str>) -> Result<String, ApprovalError> {
    let command = LocalCommand {
        argv: ["ssh-keygen", "-Y"]
            .iter()
            .chain(arguments)
            .map(|&argument| argument.to_owned())
            .collect(),
        stdin: Some(Secret::new(input.unwrap_or_default())),
        timeout: Some(LIMIT),
        ..LocalCommand::default()
    };
    let outcome = local::run(&command, |_| {})
        .await
        .map_err(ApprovalError::Start)?;
    match outcome.ending {
        Ending::Succeeded => Ok(outcome.stdout),
        _ => Err(ApprovalError::Refused(
            outcome.tail.trim().replace('\n', "; "),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_that_share_a_principal_count_once() {
        let rows: [(&[&[&str]], usize); 6] = [
            (&[], 0),
            (&[&["ann"]], 1),
            (&[&["ann"], &["ann"]], 1),
            (&[&["ann"], &["bob"]], 2),
            (&[&["ann", "team"], &["bob", "team"]], 1),
            (&[&["ann"], &["bob"], &["bob", "ann"]], 1),
        ];
        for (signatures, expected) in rows {
            let good = signatures.iter().map(|names| Signature {
                principals: names.iter().map(|&name| name.to_owned()).collect(),
            });
            let verification = Verification {
                good: good.collect(),
                rejected: Vec::new(),
            };
            assert_eq!(verification.signers(), expected, "{signatures:?}");
        }
    }
}
