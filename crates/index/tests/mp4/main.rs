//! Excerpts of MP4 and QuickTime files, held against what FFmpeg shows of the whole file.

mod edits;
mod fragments;
mod hostile;
mod keyframes;
mod long;
mod media;
mod plain;
mod support;
