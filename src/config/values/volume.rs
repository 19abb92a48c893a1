//! Volumes, as docker's `--volume` takes them.

use crate::config::decoder::{Decoder, Field, shown};

/// Reads a list of volumes.
pub(crate) fn decode_list(decoder: &mut Decoder<'_>, field: &Field<'_>) -> Vec<String> {
    let items = decoder.items(field).into_iter();
    let volumes = items.filter_map(|item| {
        let volume = decoder.filled(&item)?;
        check(decoder, &item, &volume).then_some(volume)
    });
    volumes.collect()
}

/// Reports a volume that docker would refuse when its container is created. Returns whether it would not.
pub(crate) fn check(decoder: &mut Decoder<'_>, field: &Field<'_>, volume: &str) -> bool {
    let Some(problem) = problem(volume) else {
        return true;
    };
    let message = format!("invalid volume `{}`: {problem}", shown(volume));
    let help = "use `/PATH/ON/HOST:/PATH`, `./PATH:/PATH` (below the SSH user's home) or `VOLUME_NAME:/PATH`";
    decoder.error(field.node.mark, message, help);
    false
}

fn problem(volume: &str) -> Option<String> {
    let mut parts = volume.split(':');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    let Some(container) = second else {
        // Without a colon docker makes a volume for a path of the container.
        return (!first.starts_with('/'))
            .then(|| "the path in the container must be absolute".to_owned());
    };
    if !container.starts_with('/') {
        return Some("the path in the container must be absolute".to_owned());
    }
    let is_path = first.starts_with(['/', '~', '$']) || is_relative(first);
    (!is_path && !is_name(first)).then(|| {
        format!(
            "`{}` is neither a path that begins with `/` or `./`, nor the name of a volume",
            shown(first)
        )
    })
}

/// Whether a path begins in the directory in which docker's command line starts, or in one above it.
fn is_relative(path: &str) -> bool {
    ["./", "../"].iter().any(|begin| path.starts_with(begin)) || [".", ".."].contains(&path)
}

/// Whether docker takes it as the name of a volume.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_would_refuse_is_known() {
        for volume in [
            "/srv/data:/data",
            "data:/data",
            "data:/data:ro,z",
            "./data:/data",
            ".:/data",
            "../x:/data",
            "~/data:/data",
            "$HOME/data:/data",
            "${PWD}/x:/x",
            "/anonymous",
        ] {
            assert_eq!(problem(volume), None, "{volume}");
        }
        for volume in [
            "data2/x:/data2",
            ".hidden:/data",
            "data:data",
            "data",
            "a b:/data",
            ":/data",
            "x:/data",
        ] {
            assert!(problem(volume).is_some(), "{volume}");
        }
    }
}
