//! Uploads that were made to do harm, through the whole pipeline: what becomes of each is a clear
//! rejection, a failed slice or right previews, within bounds, and with nothing touched that is
//! none of FFmpeg's business.

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
