//! Reports which parts of a sandbox hold: from the sandboxed process to its parent, and once from
//! there to the log.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    io::{read, write},
    pipe::{PipeFlags, pipe_with},
};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    Refused,
    HoldsInPart,
    Holds,
}

/// The states of all parts. A part that was not reported counts as refused.
pub(super) struct States([State; Part::ALL.len()]);

/// The sandboxed process's end.
pub(super) struct Reporter(OwnedFd);

/// The parent's end.
pub(in super::super) struct Report(Option<OwnedFd>);

/// Whether a weakness was logged.
static LOGGED: AtomicBool = AtomicBool::new(false);

/// Returns both ends. If the file descriptors have run out, nothing is reported.
pub(super) fn reporting() -> (Option<Reporter>, Report) {
    // Non-blocking: the report is complete once the program has started.
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
    pub fn set(&mut self, part: Part, state: State) {
        self.0[part as usize] = state;
    }

    /// Records whether `part` holds.
    pub fn note(&mut self, part: Part, holds: bool) {
        let state = if holds { State::Holds } else { State::Refused };
        self.set(part, state);
    }
}

impl Reporter {
    /// Sends the states to the parent. Async-signal-safe.
    pub fn send(&self, states: &States) {
        // If the write fails, the parent assumes the worst.
        write(&self.0, &states.0.map(|state| state as u8)).ok();
    }
}

impl Report {
    /// Logs the parts that do not hold, once per process.
    pub fn log(&self) {
        let weak = self.weaknesses();
        if !weak.is_empty() && !LOGGED.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                weak = weak.join(", "),
                "the platform refuses a part of FFmpeg's sandbox"
            );
        }
    }

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
        reporter.unwrap().send(&states);
        assert_eq!(report.weaknesses(), ["Landlock (in part)", "seccomp"]);
    }

    #[test]
    fn silence_is_taken_for_the_worst() {
        let (reporter, report) = reporting();
        assert_eq!(report.weaknesses().len(), Part::ALL.len());
        drop(reporter);
    }
}
