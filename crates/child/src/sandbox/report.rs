//! Which parts of a sandbox hold, told by the process inside to the one that made it, and by that
//! one, once, to the log.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    io::{read, write},
    pipe::{PipeFlags, pipe_with},
};

/// A part of the sandbox.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Part {
    DeathSignal,
    Descriptors,
    Limits,
    NoNewPrivileges,
    Landlock,
    Seccomp,
}

/// Whether a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    Refused,
    HoldsInPart,
    Holds,
}

/// The states of all parts; what nothing is known of was refused.
pub(super) struct States([State; Part::ALL.len()]);

/// The process's end, in the sandbox.
pub(super) struct Reporter(OwnedFd);

/// The caller's end.
pub(in super::super) struct Report(Option<OwnedFd>);

/// Set once something was said.
static SAID: AtomicBool = AtomicBool::new(false);

/// Both ends; where there are no more file descriptors, nothing will be told.
pub(super) fn reporting() -> (Option<Reporter>, Report) {
    // Nobody waits for a report: it is there when the program has been started.
    match pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK) {
        Ok((inner, outer)) => (Some(Reporter(outer)), Report(Some(inner))),
        Err(_) => (None, Report(None)),
    }
}

impl Part {
    pub const ALL: [Self; 6] = [
        Self::DeathSignal,
        Self::Descriptors,
        Self::Limits,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::Seccomp,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::DeathSignal => "death with the parent",
            Self::Descriptors => "closed files",
            Self::Limits => "limits",
            Self::NoNewPrivileges => "no new privileges",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp",
        }
    }
}

impl Default for States {
    fn default() -> Self {
        Self([State::Refused; Part::ALL.len()])
    }
}

impl States {
    /// Notes that `part` is in `state`.
    pub fn set(&mut self, part: Part, state: State) {
        self.0[part as usize] = state;
    }

    /// Notes whether `part` holds.
    pub fn note(&mut self, part: Part, holds: bool) {
        let state = if holds { State::Holds } else { State::Refused };
        self.set(part, state);
    }
}

impl Reporter {
    /// Tells the other end. Async-signal-safe.
    pub fn say(&self, states: &States) {
        // Who does not hear it takes it for the worst.
        write(&self.0, &states.0.map(|state| state as u8)).ok();
    }
}

impl Report {
    /// Logs what does not hold, the first time in this process that something does not.
    pub fn log(&self) {
        let weak = self.weaknesses();
        if !weak.is_empty() && !SAID.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                weak = weak.join(", "),
                "the platform refuses a part of FFmpeg's sandbox"
            );
        }
    }

    /// The parts that do not hold.
    fn weaknesses(&self) -> Vec<String> {
        let mut states = [State::Refused as u8; Part::ALL.len()];
        if let Some(pipe) = &self.0 {
            read(pipe, &mut states).ok();
        }
        Part::ALL
            .into_iter()
            .zip(states)
            .filter(|(_, state)| *state != State::Holds as u8)
            .map(|(part, state)| {
                let degree = if state == State::HoldsInPart as u8 {
                    " (in part)"
                } else {
                    ""
                };
                format!("{}{degree}", part.name())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_hold_is_named() {
        let (reporter, report) = reporting();
        let mut states = States([State::Holds; Part::ALL.len()]);
        states.set(Part::Landlock, State::HoldsInPart);
        states.note(Part::Seccomp, false);
        reporter.unwrap().say(&states);
        assert_eq!(report.weaknesses(), ["Landlock (in part)", "seccomp"]);
    }

    #[test]
    fn silence_is_taken_for_the_worst() {
        let (reporter, report) = reporting();
        assert_eq!(report.weaknesses().len(), Part::ALL.len());
        drop(reporter);
    }
}
