//! Hostile uploads through the whole pipeline. Each ends with a clear rejection, a failed slice or
//! correct previews, within limits, and FFmpeg opens nothing else.

mod bombs;
mod bounded;
mod boxes;
mod canary;
mod mp4;
mod playlists;
mod references;
mod streams;
mod traced;
mod words;
