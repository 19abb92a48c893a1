//! What is asked for when requests are answered in place of the app: a maintenance, and a host that is drained.

/// What is answered in a maintenance, and to which requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Maintenance {
    /// Who asked for it.
    pub by: String,
    /// `--message`: what people are told.
    pub message: Option<String>,
    /// `--retry-after`: after how many seconds clients may ask again.
    pub retry_after: Option<u32>,
    /// `--page`: the path of a page of the app.
    pub page: Option<String>,
    /// `--allow`: addresses and networks of clients whose requests go to the app.
    pub allow: Vec<String>,
    /// `--except`: paths whose requests go to the app.
    pub except: Vec<String>,
}

/// What is done to a host as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostOperation {
    /// Its health checks are answered with 503; who asked for it.
    Drain(String),
    /// They are no longer.
    Undrain,
}

impl HostOperation {
    /// Returns the words of the command.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Drain(_) => "host drain",
            Self::Undrain => "host undrain",
        }
    }
}

impl Maintenance {
    /// Returns the words that follow the name of the command.
    pub fn arguments(&self) -> Vec<String> {
        let one = |option: &str, value: Option<String>| {
            value.map_or_else(Vec::new, |value| vec![format!("--{option}"), value])
        };
        let each = |option: &str, values: &[String]| {
            let values = values.iter();
            let words = values.flat_map(|value| [format!("--{option}"), value.clone()]);
            Vec::from_iter(words)
        };
        [
            one("message", self.message.clone()),
            one(
                "retry-after",
                self.retry_after.map(|seconds| seconds.to_string()),
            ),
            one("page", self.page.clone()),
            each("allow", &self.allow),
            each("except", &self.except),
        ]
        .concat()
    }
}
