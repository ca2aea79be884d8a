//! The sandbox of a program that handles hostile input: what is left to it if the input takes it over.
//!
//! Death with its parent, limits of its resources ([`limits`]), no open files but its own
//! ([`descriptors`]), no privileges to gain, only the files that it needs and no connection but the
//! one it is for ([`files`], by Landlock), and no system calls that lead around that
//! ([`system_calls`], by seccomp). All is made ready before the fork, since between fork and exec
//! nothing may be allocated; there only system calls are made.
//!
//! Each part that the kernel or the platform refuses is left out, and logged once ([`report`]): a
//! weaker sandbox is no reason to make no previews. Lambda refuses every `prctl`, and with it all but
//! the limits and the closed files. What protects the function's credentials there is
//! [`sealed`](crate::sealed).

mod descriptors;
mod files;
mod limits;
mod network;
mod report;
mod system_calls;

use std::{
    ffi::OsStr,
    io::{self, ErrorKind},
    path::Path,
    time::Duration,
};

use landlock::{RulesetCreated, RulesetStatus};
use rustix::{
    process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal},
    thread::{no_new_privs, set_no_new_privs},
};
use seccompiler::BpfProgram;

use self::{
    limits::Limit,
    report::{Part, Reporter, State, States, reporting},
};

pub use self::{limits::FILE_BYTES, network::Network};

pub(super) use self::report::Report;

/// What a sandbox is made for.
#[derive(Clone, Copy, Debug)]
pub(super) struct SandboxSpec<'a> {
    /// The program.
    pub path: &'a Path,
    /// Where its libraries are, beside the system's, as `LD_LIBRARY_PATH` has it.
    pub libraries: Option<&'a OsStr>,
    /// The only directory that it may write to.
    pub directory: Option<&'a Path>,
    /// What it may connect to.
    pub network: Network,
    /// Most bytes that it may allocate.
    pub memory: Option<u64>,
    /// How long it may run.
    pub left: Duration,
}

/// A sandbox, ready to be entered after the fork.
pub(super) struct Sandbox {
    parent: Pid,
    limits: [Limit; limits::COUNT],
    ruleset: Option<RulesetCreated>,
    filters: Option<[BpfProgram; 2]>,
    reporter: Option<Reporter>,
}

impl Sandbox {
    /// Makes a sandbox, and what tells whether it held together when it was entered.
    pub fn of(sandboxed: &SandboxSpec<'_>) -> (Self, Report) {
        let (reporter, report) = reporting();
        let sandbox = Self {
            parent: getpid(),
            limits: limits::of(sandboxed.left, sandboxed.memory),
            ruleset: files::ruleset(sandboxed).ok(),
            filters: system_calls::filters(sandboxed.network).ok(),
            reporter,
        };
        (sandbox, report)
    }

    /// Locks the calling process in, for good, with all that it will start.
    ///
    /// Async-signal-safe: system calls on what was made ready, and nothing is allocated or freed.
    ///
    /// # Errors
    /// If the parent is dead, so that nobody waits for what this process would do.
    pub fn enter(&mut self) -> io::Result<()> {
        let mut states = States::default();
        states.note(
            Part::DeathSignal,
            set_parent_process_death_signal(Some(Signal::KILL)).is_ok(),
        );
        // A parent that died before gives no signal any more.
        if getppid() != Some(self.parent) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        states.note(Part::Descriptors, descriptors::close_at_exec());
        // Each is tried, whatever became of the one before.
        let refused = self.limits.iter().filter(|limit| !limit.set()).count();
        states.note(Part::Limits, refused == 0);
        // Refused where `prctl` is, but somebody may have set it before.
        let privileges = set_no_new_privs(true).is_ok() || no_new_privs().is_ok_and(|set| set);
        states.note(Part::NoNewPrivileges, privileges);
        // Before the filters, or else those would have to let its system calls pass.
        let restricted = self.ruleset.take().map(RulesetCreated::restrict_self);
        if let Some(Ok(status)) = restricted {
            let state = match status.ruleset {
                RulesetStatus::FullyEnforced => State::Holds,
                RulesetStatus::PartiallyEnforced => State::HoldsInPart,
                RulesetStatus::NotEnforced => State::Refused,
            };
            states.set(Part::Landlock, state);
        }
        let filtered = |filters: &[BpfProgram; 2]| filters.iter().all(system_calls::install);
        states.note(Part::Seccomp, self.filters.as_ref().is_some_and(filtered));
        if let Some(reporter) = &self.reporter {
            reporter.say(&states);
        }
        Ok(())
    }
}
