//! Excerpts of Matroska files.
