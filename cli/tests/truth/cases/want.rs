//! What a case wants.

use std::path::PathBuf;

use super::folder;
use crate::{film::Film, rendered::Previews};

/// Looks at previews and says what is wrong with them.
pub type Look = fn(&Previews) -> Vec<String>;

/// A file with its right result.
pub struct Case {
    /// Path below the folder of the cases.
    pub file: &'static str,
    /// The right result.
    pub want: Want,
    /// Looks at stills and GIFs, besides.
    pub look: Option<Look>,
    /// Looks at the sheets, besides.
    pub sheets: Option<Look>,
}

/// The right result.
pub enum Want {
    /// Previews of the whole film, except for what is damaged.
    Film(Truth),
    /// The same, or a run that does not say that it is complete, or a rejection.
    FilmOrIncomplete(Truth),
    /// A rejection.
    Refused(Refusal),
    /// The film or a rejection.
    FilmOrRefused(Truth, Refusal),
}

/// What the film shows.
pub enum Truth {
    /// These numbers.
    Numbers(Film),
    /// The numbers that a plain decode gives, for this many seconds.
    Decoded(f64),
    /// The pictures that a plain decode gives.
    Pictures(Pictures),
    /// Anything, for this many seconds.
    Length(f64),
}

/// The pictures that a plain decode of a file gives.
pub struct Pictures {
    /// The file.
    pub of: PathBuf,
    /// The stream, as FFmpeg names it.
    pub stream: &'static str,
    /// Length in seconds.
    pub length: f64,
    /// Pictures at the start that are not compared.
    pub odd: usize,
    /// FFmpeg's filter that turns the pictures, where it does not do so by itself.
    pub turn: Option<&'static str>,
    /// Damaged seconds of the case.
    pub damaged: std::ops::Range<f64>,
}

/// A rejection.
pub struct Refusal {
    /// The class; `None` if only the sentence matters.
    pub reason: Option<&'static str>,
    /// The sentence has one of these, in any case of letters; empty if it may be any sentence.
    pub names: &'static [&'static str],
}

impl Case {
    /// A case without a special look.
    pub fn new(file: &'static str, want: Want) -> Self {
        Self {
            file,
            want,
            look: None,
            sheets: None,
        }
    }

    /// This film in tenths of a second, whole.
    pub fn film(file: &'static str, film: Film) -> Self {
        Self::new(file, Want::Film(Truth::Numbers(film)))
    }

    /// The film that a plain decode shows, whole.
    pub fn decoded(file: &'static str, length: f64) -> Self {
        Self::new(file, Want::Film(Truth::Decoded(length)))
    }

    /// A refusal for this reason.
    pub fn refused(file: &'static str, reason: &'static str) -> Self {
        let refusal = Refusal::new(reason, &[]);
        Self::new(file, Want::Refused(refusal))
    }

    /// The film that a plain decode shows, or a rejection that names the codec or container.
    pub fn decoded_or_named(
        file: &'static str,
        length: f64,
        reason: Option<&'static str>,
        names: &'static [&'static str],
    ) -> Self {
        let refusal = Refusal { reason, names };
        Self::new(file, Want::FilmOrRefused(Truth::Decoded(length), refusal))
    }

    /// The pictures that a plain decode of a stream shows, without numbers.
    pub fn pictures(file: &'static str, stream: &'static str, length: f64) -> Self {
        Self::new(file, Want::Film(Truth::pictures(file, stream, length)))
    }

    /// The same case with this look at stills and GIFs.
    pub fn with_look(self, look: Look) -> Self {
        Self {
            look: Some(look),
            ..self
        }
    }

    /// The same case with this look at sheets.
    pub fn with_sheets(self, look: Look) -> Self {
        Self {
            sheets: Some(look),
            ..self
        }
    }
}

impl Truth {
    /// The pictures of a stream of a case.
    pub fn pictures(file: &str, stream: &'static str, length: f64) -> Self {
        Self::Pictures(Pictures {
            of: folder().join(file),
            stream,
            length,
            odd: 0,
            turn: None,
            damaged: 0.0..0.0,
        })
    }
}

impl Refusal {
    /// For this reason, with one of these words.
    pub fn new(reason: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            reason: Some(reason),
            names,
        }
    }
}
