//! What the benchmarks share: the two ways to make previews, and the CPU time that they take.

pub mod clip;
pub mod cpu_time;
pub mod gifgen;
pub mod rounds;
pub mod run;
pub mod sequential;
pub mod table;
