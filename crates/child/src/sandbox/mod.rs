//! The sandbox of a program that handles hostile input. It limits what the input can do if it takes
//! the program over.
//!
//! The program dies with its parent, has resource limits ([`limits`]) and no inherited files
//! ([`descriptors`]), and cannot gain privileges. Landlock restricts its files and connections
//! ([`files`]), and seccomp denies the system calls that would get around that ([`system_calls`]).
//! Everything is prepared before the fork, because nothing may be allocated between fork and exec;
//! only system calls are made there.
//!
//! Each part that the kernel or the platform refuses is left out, and that is logged once
//! ([`report`]): previews with a weaker sandbox are better than no previews. Lambda refuses every
//! `prctl`, so only the limits and the closed files hold there. The function's credentials are then
//! protected by [`sealed`](crate::sealed).

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

/// What to build a sandbox for.
#[derive(Clone, Copy, Debug)]
pub(super) struct SandboxSpec<'a> {
    /// The program.
    pub path: &'a Path,
    /// Its library path besides the system's, in the format of `LD_LIBRARY_PATH`.
    pub libraries: Option<&'a OsStr>,
    /// The only directory that it may write to.
    pub directory: Option<&'a Path>,
    /// What it may connect to.
    pub network: Network,
    /// Allocation limit in bytes.
    pub memory: Option<u64>,
    /// Time until the deadline.
    pub left: Duration,
}

/// A prepared sandbox, to be entered after the fork.
pub(super) struct Sandbox {
    parent: Pid,
    limits: [Limit; limits::COUNT],
    ruleset: Option<RulesetCreated>,
    filters: Option<[BpfProgram; 2]>,
    reporter: Option<Reporter>,
}

impl Sandbox {
    /// Prepares a sandbox, and the report of which parts held when it was entered.
    pub fn of(spec: &SandboxSpec<'_>) -> (Self, Report) {
        let (reporter, report) = reporting();
        let sandbox = Self {
            parent: getpid(),
            limits: limits::of(spec.left, spec.memory),
            ruleset: files::ruleset(spec).ok(),
            filters: system_calls::filters(spec.network).ok(),
            reporter,
        };
        (sandbox, report)
    }

    /// Confines the calling process and all processes that it starts, irreversibly.
    ///
    /// Async-signal-safe: it makes system calls on prepared data, and allocates and frees nothing.
    ///
    /// # Errors
    /// The parent is dead, so nobody waits for this process.
    pub fn enter(&mut self) -> io::Result<()> {
        let mut states = States::default();
        states.note(
            Part::DeathSignal,
            set_parent_process_death_signal(Some(Signal::KILL)).is_ok(),
        );
        // A parent that died earlier sends no death signal.
        if getppid() != Some(self.parent) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        states.note(Part::Descriptors, descriptors::close_at_exec());
        // Each part is tried, even if the previous one was refused.
        let refused = self.limits.iter().filter(|limit| !limit.set()).count();
        states.note(Part::Limits, refused == 0);
        // Refused where `prctl` is, but the flag may be set already.
        let privileges = set_no_new_privs(true).is_ok() || no_new_privs().is_ok_and(|set| set);
        states.note(Part::NoNewPrivileges, privileges);
        // Before the filters, which would otherwise have to allow Landlock's system calls.
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
            reporter.send(&states);
        }
        Ok(())
    }
}
