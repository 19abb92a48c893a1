//! The arguments of `mrsk secrets fetch` and `mrsk secrets extract`.

use clap::Parser;
use zeroize::Zeroizing;

use super::call::StoreError;

/// What asks a store, and by which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Adapter {
    /// 1Password, by `op`
    #[value(name = "1password", alias = "one_password")]
    OnePassword,
    /// Bitwarden, by `bw`
    Bitwarden,
    /// Bitwarden Secrets Manager, by `bws`
    #[value(name = "bitwarden-sm", alias = "bitwarden_secrets_manager")]
    BitwardenSm,
    /// LastPass, by `lpass`
    #[value(name = "lastpass", alias = "last_pass")]
    LastPass,
    /// AWS Secrets Manager, by `aws`
    #[value(name = "aws_secrets_manager", alias = "aws")]
    Aws,
    /// GCP Secret Manager, by `gcloud`
    #[value(name = "gcp", alias = "gcp_secret_manager")]
    Gcp,
    /// Doppler, by `doppler`
    Doppler,
    /// A program of yours: `--from` names it, with arguments; it prints a JSON object
    Command,
}

/// Arguments of `mrsk secrets fetch`.
#[derive(Debug, Clone, clap::Args)]
pub struct FetchArgs {
    /// Which store is asked
    #[arg(short, long, value_name = "NAME", value_enum)]
    pub adapter: Adapter,

    /// Account or profile at the store
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Option<String>,

    /// Vault, folder, project or item that the names are below
    #[arg(long, value_name = "VAULT")]
    pub from: Option<String>,

    /// Taken for Kamal: what is printed is the same
    #[arg(long, hide = true)]
    pub inline: bool,

    /// Names of secrets, as the store has them
    #[arg(value_name = "SECRETS")]
    pub names: Vec<String>,
}

/// Arguments of `mrsk secrets extract`.
#[derive(Clone, clap::Args)]
pub struct ExtractArgs {
    /// Name of the secret
    pub name: String,

    /// What `mrsk secrets fetch` printed; `-` for standard input
    #[arg(value_name = "SECRETS-JSON")]
    pub secrets: String,

    /// Taken for Kamal: what is printed is the same
    #[arg(long, hide = true)]
    pub inline: bool,
}

impl std::fmt::Debug for ExtractArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtractArgs")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A command that a secrets file runs in this process.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(super) enum Inline {
    Fetch(FetchArgs),
    Extract(ExtractArgs),
}

/// Reads the words after `mrsk secrets`. The error repeats none of them: one may be a value.
pub(super) fn parse(words: &[Zeroizing<String>]) -> Result<Inline, StoreError> {
    let words = words.iter().map(|word| word.as_str());
    Inline::try_parse_from(words).map_err(|_| {
        let help = "see `mrsk secrets fetch --help` and `mrsk secrets extract --help`";
        StoreError::new("its arguments are not valid", help)
    })
}
