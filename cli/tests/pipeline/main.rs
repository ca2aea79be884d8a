//! The program `gifgen`, from the outside.

mod endings;
mod media;
mod replay;
mod seams;
mod support;
