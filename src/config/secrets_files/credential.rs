//! Credentials that stand in the text of a command.

use crate::config::secret_lines::{has_url_credentials, looks_secret};

/// Headers of HTTP whose value is a credential.
const HEADERS: [&str; 4] = [
    "authorization",
    "x-vault-token",
    "private-token",
    "x-api-key",
];

/// Returns where a command has a credential itself, and not as a variable: the name of an option, a variable or a header.
pub(super) fn credential_in(command: &str) -> Option<String> {
    let bare = |word: &'_ str| word.trim_matches(['"', '\'']).to_owned();
    let words: Vec<String> = command.split_whitespace().map(bare).collect();
    let mut following = words.iter().skip(1);
    for word in &words {
        let next = following.next().map_or("", String::as_str);
        if let Some((name, value)) = word.split_once('=') {
            if is_literal(value) && looks_secret(name.trim_start_matches('-'), value) {
                return Some(name.to_owned());
            }
        } else if word.starts_with("--") && is_literal(next) && looks_secret(&word[2..], next) {
            return Some(word.clone());
        } else if let Some(name) = word.strip_suffix(':')
            && HEADERS.contains(&name.to_lowercase().as_str())
            && is_literal(next)
            && !words.iter().any(|word| word.starts_with('$'))
        {
            return Some(name.to_owned());
        }
        if has_url_credentials(word) && !word.contains('$') {
            return Some("a URL".to_owned());
        }
    }
    None
}

/// Whether a word is the value itself: no variable, no file, no option, and no command.
fn is_literal(word: &str) -> bool {
    let is_other = |c: char| "$-@/.~`(<|&;".contains(c);
    !word.is_empty() && !word.starts_with(is_other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_a_command_is_found() {
        for (command, expected) in [
            ("vault kv get -field=x secret/app", None),
            ("vault login token=hvs.abc", Some("token")),
            ("VAULT_TOKEN=hvs.abc vault kv get x", Some("VAULT_TOKEN")),
            ("VAULT_TOKEN=$T vault kv get x", None),
            (
                "bws secret get --access-token 0.abc id",
                Some("--access-token"),
            ),
            ("bws secret get --access-token \"$BWS_TOKEN\" id", None),
            (
                "bws secret get --access-token=0.abc id",
                Some("--access-token"),
            ),
            ("gpg --passphrase-file key --decrypt x", None),
            ("cat config/master.key", None),
            (
                "curl -H 'X-Vault-Token: s.abc' https://v",
                Some("X-Vault-Token"),
            ),
            ("curl -H \"X-Vault-Token: $T\" https://v", None),
            (
                "curl -H 'Authorization: Bearer abc' https://v",
                Some("Authorization"),
            ),
            ("curl -H \"Authorization: Bearer $T\" https://v", None),
            ("curl https://user:hunter2@v/x", Some("a URL")),
            ("curl https://user:$P@v/x", None),
            (
                "mrsk secrets fetch --adapter 1password --account acme --from V/I DB_PASSWORD",
                None,
            ),
            ("mrsk secrets extract DB_PASSWORD $SECRETS", None),
            ("kubectl get secret app --token-file=/x", None),
        ] {
            assert_eq!(credential_in(command).as_deref(), expected, "{command}");
        }
    }
}
