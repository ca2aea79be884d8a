//! Shared by the benchmarks: methods to make previews, their cost, and the previews' quality.

pub mod bytes;
pub mod clip;
pub mod columns;
pub mod cpu_time;
pub mod decode_only;
pub mod gifgen;
pub mod long_film;
pub mod memory;
pub mod one_decode;
pub mod previews;
pub mod quality;
pub mod raw_pictures;
pub mod rounds;
pub mod run;
pub mod sequential;
pub mod table;
pub mod variant;
pub mod ways;
