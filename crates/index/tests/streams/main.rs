//! Excerpts of Matroska files and transport streams, held against the whole files by FFmpeg.

mod clocks;
mod hostile;
mod joins;
mod lengths;
mod matroska;
mod mpegts;
mod support;
