//! Password managers and other stores of secrets: each is asked by its own program, whose arguments hold no secret.

mod arguments;
mod aws;
mod bitwarden;
mod bitwarden_sm;
mod call;
mod command;
mod doppler;
mod gcp;
mod last_pass;
mod one_password;
mod request;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

pub use arguments::{ExtractArgs, FetchArgs};

use arguments::Adapter;
pub use call::StoreError;

use crate::secret::Secret;
use request::Request;

/// Returns the secrets that are asked for, as a JSON object in one line.
pub fn fetch(args: &FetchArgs) -> Result<Secret, StoreError> {
    let request = Request {
        account: args.account.as_deref(),
        from: args.from.as_deref(),
        names: &args.names,
    };
    let found = match args.adapter {
        Adapter::OnePassword => one_password::fetch(&request),
        Adapter::Bitwarden => bitwarden::fetch(&request),
        Adapter::BitwardenSm => bitwarden_sm::fetch(&request),
        Adapter::LastPass => last_pass::fetch(&request),
        Adapter::Aws => aws::fetch(&request),
        Adapter::Gcp => gcp::fetch(&request),
        Adapter::Doppler => doppler::fetch(&request),
        Adapter::Command => command::fetch(&request),
    }?;
    let object: Map<String, Value> = found
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    Ok(Secret::new(Value::from(object).to_string()))
}

/// Returns the value of `name` in what [`fetch`] returned: of that name, or of one that ends with `/` and it.
pub fn extract(name: &str, secrets: &str) -> Result<Secret, StoreError> {
    let not_json = || {
        let help =
            "pass the JSON object that `mrsk secrets fetch` prints, in one argument: \"$SECRETS\"";
        StoreError::new("the secrets are not a JSON object", help)
    };
    let object: Map<String, Value> = serde_json::from_str(secrets).map_err(|_| not_json())?;
    let end = format!("/{name}");
    let mut entries = object.iter();
    let below = || entries.find_map(|(key, value)| key.ends_with(&end).then_some(value));
    let value = object.get(name).or_else(below).and_then(Value::as_str);
    value.map(Secret::new).ok_or_else(|| {
        let help = "name one that was fetched";
        StoreError::new(format!("no secret `{name}` among the fetched ones"), help)
    })
}

/// Runs `mrsk secrets` with these words in this process, and returns what it would print.
pub fn run(words: &[Zeroizing<String>]) -> Result<Secret, StoreError> {
    match arguments::parse(words)? {
        arguments::Inline::Fetch(args) => fetch(&args),
        arguments::Inline::Extract(args) => extract(&args.name, &args.secrets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_name_or_the_end_of_it() {
        let secrets = r#"{"Vault/Item/A": "one", "B": "two", "Vault/B": "three", "C": 1}"#;
        for (name, expected) in [
            ("A", Some("one")),
            ("B", Some("two")),
            ("Item/A", Some("one")),
            ("C", None),
            ("em/A", None),
        ] {
            let found = extract(name, secrets).ok();
            assert_eq!(found.as_ref().map(Secret::reveal), expected, "{name}");
        }
        let error = extract("A", "hunter2").err().unwrap();
        assert!(!error.message.contains("hunter2"));
    }

    #[test]
    fn words_that_are_no_arguments_are_not_repeated() {
        let words = ["extract", "A", "hunter2", "hunter3"];
        let words = words.map(|word| Zeroizing::new(word.to_owned()));
        let error = run(&words).err().unwrap();
        assert!(!format!("{}{}", error.message, error.help).contains("hunter"));
    }
}
