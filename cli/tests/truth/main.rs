//! The truth about films against what the previews show: cases from practice, generated trouble, and the
//! test media.

mod cases;
mod decoded;
mod film;
mod likeness;
mod media;
mod number;
mod rendered;
mod trouble;
mod words;
