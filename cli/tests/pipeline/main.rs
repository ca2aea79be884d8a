//! Runs the program `gifgen` from outside.

mod channels;
mod codecs;
mod colour;
mod damaged;
mod decoders;
mod endings;
mod judged;
mod lost_pictures;
mod media;
mod overview;
mod real_media;
mod replay;
mod seams;
mod support;
mod template;
mod transport_streams;
