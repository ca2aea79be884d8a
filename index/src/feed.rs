//! Feeds an excerpt to FFmpeg's standard input.
