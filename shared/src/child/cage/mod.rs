//! The cage of a program that handles hostile input: what is left to it if the input takes it over.
//!
//! Limits of its resources ([`limits`]), no privileges to gain, only the files that it needs and
//! no connection but the one it is for ([`files`], by Landlock), and no system calls that lead
//! around that ([`system_calls`], by seccomp). All is made ready before the fork, since between
//! fork and exec nothing may be allocated; there only system calls are made.
//!
//! Each part that the kernel or the platform refuses is left out, and said once ([`report`]): a
//! weaker cage is no reason to make no previews.

mod files;
mod limits;
mod network;
mod report;
mod system_calls;

use std::{ffi::OsStr, path::Path, time::Duration};

use landlock::{RulesetCreated, RulesetStatus};
use seccompiler::BpfProgram;

use self::{
    limits::Limit,
    report::{Part, Reporter, State, reporting},
};

pub use self::{limits::FILE_BYTES, network::Network};

pub(super) use self::report::Report;

/// What a cage is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inmate<'a> {
    /// The program.
    pub path: &'a Path,
    /// Where its libraries are, beside the system's, as `LD_LIBRARY_PATH` has it.
    pub libraries: Option<&'a OsStr>,
    /// The only directory that it may write to.
    pub directory: Option<&'a Path>,
    /// What it may connect to.
    pub network: Network,
    /// How long it may run.
    pub left: Duration,
}

/// A cage, ready to be entered after the fork.
pub(super) struct Cage {
    limits: [Limit; limits::COUNT],
    ruleset: Option<RulesetCreated>,
    filters: Option<[BpfProgram; 2]>,
    reporter: Option<Reporter>,
}

impl Cage {
    /// Makes a cage, and what tells whether it held together when it was entered.
    pub fn of(inmate: &Inmate<'_>) -> (Self, Report) {
        let (reporter, report) = reporting();
        let cage = Self {
            limits: limits::of(inmate.left),
            ruleset: files::ruleset(inmate).ok(),
            filters: system_calls::filters(inmate.network).ok(),
            reporter,
        };
        (cage, report)
    }

    /// Locks the calling process in, for good, with all that it will start.
    ///
    /// Async-signal-safe: system calls on what was made ready, and nothing is allocated or freed.
    pub fn enter(&mut self) {
        let mut states = [State::Refused; Part::ALL.len()];
        if self.limits.iter().all(Limit::set) {
            states[Part::Limits as usize] = State::Holds;
        }
        if rustix::thread::set_no_new_privs(true).is_ok() {
            states[Part::NoNewPrivileges as usize] = State::Holds;
        }
        // Before the filters, or else those would have to let its system calls pass.
        let restricted = self.ruleset.take().map(RulesetCreated::restrict_self);
        if let Some(Ok(status)) = restricted {
            states[Part::Landlock as usize] = match status.ruleset {
                RulesetStatus::FullyEnforced => State::Holds,
                RulesetStatus::PartiallyEnforced => State::HoldsInPart,
                RulesetStatus::NotEnforced => State::Refused,
            };
        }
        let filters = self.filters.as_ref();
        let filtered = |filters: &[BpfProgram; 2]| {
            filters
                .iter()
                .all(|filter| seccompiler::apply_filter(filter).is_ok())
        };
        if filters.is_some_and(filtered) {
            states[Part::Seccomp as usize] = State::Holds;
        }
        if let Some(reporter) = &self.reporter {
            reporter.say(states);
        }
    }
}
