//! Random numbers that depend on a seed and a name, not on the order of calls.

use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;

/// The generator of `name` for `seed`. It is stable for one version of the toolchain.
pub(crate) fn generator(seed: u64, name: impl Hash) -> Rng {
    let mut hasher = DefaultHasher::new();
    (seed, name).hash(&mut hasher);
    Rng::with_seed(hasher.finish())
}
