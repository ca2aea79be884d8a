//! Random numbers that hang on a seed and a name, and not on who asks first.

use std::hash::{DefaultHasher, Hash, Hasher};

use fastrand::Rng;

/// The generator of `name` under `seed`. It stays the same as long as the toolchain does.
pub(crate) fn generator(seed: u64, name: impl Hash) -> Rng {
    let mut hasher = DefaultHasher::new();
    (seed, name).hash(&mut hasher);
    Rng::with_seed(hasher.finish())
}
