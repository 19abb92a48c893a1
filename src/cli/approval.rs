//! Approval of a plan before it is applied: by its digest, or by signatures.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::{git, input, output};
use crate::approval::{self, Verification};
use crate::diagnostic::Diagnostic;
use crate::digest;
use crate::exit_code::ExitCode;
use crate::name::PlanDigest;
use crate::plan::{Plan, trust};
use crate::text;

/// Whose signatures count, and where they are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SignerOptions {
    /// Require a signature by a principal of FILE, which has the format of ssh-keygen(1), ALLOWED SIGNERS [env:
    /// MRSK_ALLOWED_SIGNERS]
    #[arg(long, value_name = "FILE")]
    allowed_signers: Option<PathBuf>,

    /// Require signatures by N principals [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    signatures: Option<u16>,

    /// Signature file [default: PLAN.sig]
    #[arg(long, value_name = "FILE")]
    signature_file: Option<PathBuf>,
}

/// What `mrsk apply` requires of a plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ApprovalOptions {
    /// Apply only the plan with this digest, as `mrsk digest --bare` prints it
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    expect: Option<PlanDigest>,
    #[command(flatten)]
    signers: SignerOptions,
}

impl SignerOptions {
    /// Returns the file of allowed signers that was named.
    fn allowed(&self) -> Option<PathBuf> {
        let from_environment = || std::env::var_os("MRSK_ALLOWED_SIGNERS").map(PathBuf::from);
        self.allowed_signers.clone().or_else(from_environment)
    }

    /// Returns the file of allowed signers that was named, else the one that git uses.
    pub async fn allowed_or_configured(&self) -> Result<PathBuf, Failure> {
        if let Some(file) = self.allowed() {
            return Ok(file);
        }
        git::allowed_signers().await.ok_or_else(|| {
            Failure::new(ExitCode::Usage, "no file of allowed signers").help(
                "name it with --allowed-signers FILE, in MRSK_ALLOWED_SIGNERS, or as git's gpg.ssh.allowedSignersFile",
            )
        })
    }
}

/// How a plan was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approved {
    /// The options of `mrsk apply` that require the same again when the plan is resumed; empty if nothing was required.
    pub arguments: Vec<String>,
    /// The text of the signature file, if signatures were required.
    pub signatures: Option<String>,
}

impl ApprovalOptions {
    /// Refuses a plan that was not approved as these options require.
    pub async fn check(&self, path: &Path, plan: &Plan) -> Result<Approved, Failure> {
        let mut approved = Approved::default();
        if let Some(expected) = &self.expect {
            if *expected != plan.digest {
                let message = format!(
                    "the plan was not approved: its digest is {}, expected {expected}",
                    plan.digest
                );
                return Err(Failure::new(ExitCode::Damaged, message)
                    .help("apply the approved plan, or review this one and approve its digest"));
            }
            approved.require("--expect", expected.as_str());
        }
        let Some(allowed) = self.signers.allowed() else {
            if self.signers.signatures.is_some() || self.signers.signature_file.is_some() {
                let message = "--signatures and --signature-file need --allowed-signers FILE";
                return Err(Failure::new(ExitCode::Usage, message));
            }
            return Ok(approved);
        };
        let checked = check_signatures(path, &plan.digest, &self.signers, &allowed).await?;
        approved.require("--allowed-signers", &allowed.display().to_string());
        if let Some(number) = self.signers.signatures {
            approved.require("--signatures", &number.to_string());
        }
        approved.signatures = Some(checked.text);
        Ok(approved)
    }
}

impl Approved {
    /// Returns the approval of a plan that was compiled here, from this checkout: of its very bytes, if it does what needs one.
    /// So the command that resumes the run needs no other.
    pub fn of_own(plan: &Plan) -> Self {
        let mut approved = Self::default();
        if !trust::concerns(plan).is_empty() {
            approved.require("--expect", plan.digest.as_str());
        }
        approved
    }

    /// Whether somebody approved the very bytes of the plan.
    pub fn is_given(&self) -> bool {
        !self.arguments.is_empty()
    }

    fn require(&mut self, option: &str, value: &str) {
        self.arguments.extend([option.to_owned(), value.to_owned()]);
    }
}

/// The signatures of a plan that has enough of them.
pub struct Checked {
    /// The text of the signature file.
    pub text: String,
    /// What they show.
    pub verification: Verification,
}

fn parse_digest(text: &str) -> Result<PlanDigest, String> {
    match digest::digits(text) {
        Some(_) => Ok(PlanDigest::from(text)),
        None => Err("expected `sha256:` and 64 hexadecimal digits".to_owned()),
    }
}

/// Returns the file with the signatures of the plan in the file `plan`.
pub fn signature_file(plan: &Path, named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(file) => Ok(file.to_path_buf()),
        None if plan.as_os_str() == "-" => Err(Failure::new(
            ExitCode::Usage,
            "a plan from standard input has no signature file",
        )
        .help("name the file of the plan, or its signature file with --signature-file")),
        None => {
            let mut file = plan.as_os_str().to_owned();
            file.push(".sig");
            Ok(PathBuf::from(file))
        }
    }
}

/// Checks the signatures of a plan, and warns about those that do not count; fails if fewer principals signed it than
/// `options` require.
pub async fn check_signatures(
    path: &Path,
    plan: &PlanDigest,
    options: &SignerOptions,
    allowed: &Path,
) -> Result<Checked, Failure> {
    let file = signature_file(path, options.signature_file.as_deref())?;
    if !allowed.is_file() {
        let message = format!("cannot read the allowed signers {}", allowed.display());
        return Err(Failure::new(ExitCode::Usage, message));
    }
    let refuse = |message: String| Failure::new(ExitCode::Damaged, message);
    if !file.exists() {
        let message = format!("the plan is not signed: {} does not exist", file.display());
        return Err(refuse(message).help("sign it with `mrsk sign PLAN --key FILE`"));
    }
    let text = input::read_signatures(&file, approval::LONGEST_FILE)?;
    let verification = approval::verify(plan, &text, allowed)
        .await
        .map_err(|error| refuse(format!("{}: {error}", file.display())))?;
    let rejected = verification
        .rejected
        .iter()
        .map(|reason| Diagnostic::warning(format!("{}: {}", file.display(), text::escape(reason))));
    output::print_diagnostics(&rejected.collect::<Vec<_>>());
    let required = usize::from(options.signatures.unwrap_or(1));
    match verification.signers() {
        signers if signers >= required => Ok(Checked { text, verification }),
        signers => Err(refuse(format!(
            "the plan is signed by {}, {required} required",
            text::count(signers, "principal"),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::wire;

    #[test]
    fn a_run_of_an_own_plan_is_resumed_without_another_approval() {
        let text = include_str!("../../fixtures/plans/second-version/plan.json");
        let mut plan = wire::read_strict(text).unwrap();
        assert_eq!(Approved::of_own(&plan), Approved::default());
        for host in plan.hosts.values_mut() {
            host.ssh.proxy_command = Some("ssh -W %h:%p bastion".to_owned());
        }
        let approved = Approved::of_own(&plan);
        assert_eq!(approved.arguments, ["--expect", plan.digest.as_str()]);
    }
}
