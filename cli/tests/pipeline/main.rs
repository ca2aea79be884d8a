//! The program `gifgen`, from the outside.

mod damaged;
mod decoders;
mod endings;
mod media;
mod replay;
mod seams;
mod support;
mod template;
