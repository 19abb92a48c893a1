//! The cache of a build that lies beside the image, and what may be told about it.

use crate::config::model::{BuildCache, CacheKind, Config};

/// Returns the options that read and write the cache of the configuration; none without one.
pub(super) fn arguments(config: &Config) -> Vec<String> {
    let Some(cache) = &config.builder.cache else {
        return Vec::new();
    };
    let (from, to) = match cache.kind {
        CacheKind::Gha => ("type=gha".to_owned(), "type=gha".to_owned()),
        CacheKind::Registry => {
            let place = format!("type=registry,ref={}", image(config, cache));
            (place.clone(), place)
        }
    };
    let to = match &cache.options {
        Some(options) => format!("{to},{options}"),
        None => to,
    };
    ["--cache-from".into(), from, "--cache-to".into(), to].into()
}

/// Returns the image that the cache is kept as: `IMAGE-build-cache` of the registry, as the original.
fn image(config: &Config, cache: &BuildCache) -> String {
    let own = format!("{}-build-cache", config.image);
    let image = cache.image.as_deref().unwrap_or(&own);
    match &config.registry.server {
        Some(server) => format!("{server}/{image}"),
        None => image.to_owned(),
    }
}
