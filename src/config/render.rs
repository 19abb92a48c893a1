//! placeholder until the branch lands
/// f
pub fn fingerprint(config: &super::model::Config) -> crate::name::Sha256Hex {
    crate::name::Sha256Hex::of(&serde_json::to_vec(config).unwrap_or_default())
}
