//! The table of the system calls that Lambda refuses.
//!
//! The complete list is not public. AWS says that it exists ("seccomp-bpf – To limit the system
//! calls", Security Overview of AWS Lambda), and failed programs reveal parts of it. Where nothing
//! is known, this table may be stricter than Lambda: a function that works here needs none of these
//! calls. Each row names its source; "assumed" means that there is no report.

use libc::{c_int, c_long};

/// A row: calls that get the same answer for the same reason.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The refused calls.
    pub calls: &'static [Call],
    /// When they are refused.
    pub when: When,
    /// The error that they get.
    pub answer: Answer,
    /// Reports from Lambda, or "assumed" and why.
    pub known: &'static str,
}

/// A system call on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The name in [`libc`], with `SYS_`.
    name: &'static str,
    /// Its number.
    pub number: c_long,
}

/// When a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Only on request.
    OnRequest,
    /// If its first argument, an `int`, is none of these.
    FirstIsNot(&'static [c_int]),
    /// If its first argument has any of these bits.
    FirstHas(&'static [c_int]),
}

/// The error of a refused call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// "Operation not permitted".
    Eperm,
    /// "Function not implemented".
    Enosys,
}

macro_rules! calls {
    ($($name:ident)*) => {
        &[$(Call { name: stringify!($name), number: libc::$name }),*]
    };
}

/// The options of `prctl` that only read, and are allowed. `PR_CAP_AMBIENT` also reads, but its
/// first argument does not show it.
pub const PRCTL_READS: &[c_int] = &[
    libc::PR_GET_PDEATHSIG,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_UNALIGN,
    libc::PR_GET_KEEPCAPS,
    libc::PR_GET_FPEMU,
    libc::PR_GET_FPEXC,
    libc::PR_GET_TIMING,
    libc::PR_GET_NAME,
    libc::PR_GET_ENDIAN,
    libc::PR_GET_SECCOMP,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_TSC,
    libc::PR_GET_SECUREBITS,
    libc::PR_GET_TIMERSLACK,
    libc::PR_MCE_KILL_GET,
    libc::PR_GET_CHILD_SUBREAPER,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_GET_TID_ADDRESS,
    libc::PR_GET_THP_DISABLE,
    libc::PR_GET_SPECULATION_CTRL,
];

/// Upper bound (exclusive) of the options of `prctl`, including future ones.
pub const PRCTL_END: c_int = 128;

/// The flags of `clone` that create namespaces.
pub const NAMESPACES: &[c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The refused system calls.
pub const REFUSED: &[Refusal] = &[
    Refusal {
        calls: calls![SYS_prctl],
        when: When::FirstIsNot(PRCTL_READS),
        answer: Answer::Eperm,
        known: "death signal: hashicorp/terraform-exec#172, vansante/go-ffprobe#23, \
                chromedp/chromedp#562 and #720; others: ClickHouse/ClickHouse#43589 and #53117, \
                krallin/tini#218, magJ/cypress-lambda-example#2; that it is all that write: assumed",
    },
    Refusal {
        calls: calls![SYS_unshare SYS_setns],
        when: When::Always,
        answer: Answer::Eperm,
        known: "user namespaces: aws/containers-roadmap#2102, aws/aws-lambda-base-images#143; \
                setns: assumed",
    },
    Refusal {
        calls: calls![SYS_clone],
        when: When::FirstHas(NAMESPACES),
        answer: Answer::Eperm,
        known: "aws/containers-roadmap#2102",
    },
    Refusal {
        // The flags of `clone3` are in memory, which no filter can read. On ENOSYS, programs fall
        // back on `clone`.
        calls: calls![SYS_clone3],
        when: When::Always,
        answer: Answer::Enosys,
        known: "assumed: as container engines answer it",
    },
    Refusal {
        calls: calls![SYS_landlock_create_ruleset SYS_landlock_add_rule SYS_landlock_restrict_self],
        when: When::Always,
        answer: Answer::Enosys,
        known: "assumed: firecracker-microvm/firecracker#5997 (its guest kernels have no Landlock)",
    },
    Refusal {
        // Installs a filter, like prctl's PR_SET_SECCOMP.
        calls: calls![SYS_seccomp],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: no-new-privileges, which it needs, is refused (see prctl)",
    },
    Refusal {
        calls: calls![
            SYS_ptrace SYS_process_vm_readv SYS_process_vm_writev SYS_pidfd_getfd SYS_kcmp
            SYS_process_madvise
        ],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed",
    },
    Refusal {
        calls: calls![
            SYS_mount SYS_umount2 SYS_pivot_root SYS_chroot SYS_move_mount SYS_open_tree
            SYS_mount_setattr SYS_fsopen SYS_fsconfig SYS_fsmount SYS_fspick SYS_open_by_handle_at
            SYS_fanotify_init SYS_quotactl SYS_quotactl_fd SYS_swapon SYS_swapoff SYS_acct
        ],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: all but fanotify_init need privileges that a function does not have",
    },
    Refusal {
        calls: calls![SYS_keyctl SYS_add_key SYS_request_key],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: as container engines refuse it",
    },
    Refusal {
        calls: calls![SYS_bpf SYS_perf_event_open SYS_userfaultfd],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: as container engines refuse it",
    },
    Refusal {
        calls: calls![SYS_io_uring_setup SYS_io_uring_enter SYS_io_uring_register],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: as container engines refuse it",
    },
    Refusal {
        calls: calls![
            SYS_kexec_load SYS_init_module SYS_finit_module SYS_delete_module SYS_reboot SYS_syslog
            SYS_sethostname SYS_setdomainname SYS_settimeofday SYS_clock_settime
        ],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: needs privileges that a function does not have",
    },
    #[cfg(target_arch = "x86_64")]
    Refusal {
        calls: calls![SYS_kexec_file_load SYS_iopl SYS_ioperm SYS_modify_ldt],
        when: When::Always,
        answer: Answer::Eperm,
        known: "assumed: as container engines refuse it",
    },
    Refusal {
        calls: calls![SYS_memfd_create SYS_execveat SYS_pidfd_open SYS_prlimit64 SYS_close_range],
        when: When::OnRequest,
        answer: Answer::Eperm,
        known: "assumed to be let pass; `--refuse` shows what a function does without it",
    },
];

impl Call {
    /// The name without `SYS_`.
    pub fn name(&self) -> &'static str {
        self.name.strip_prefix("SYS_").unwrap_or(self.name)
    }
}

impl Answer {
    /// Error number.
    pub fn errno(self) -> c_int {
        match self {
            Self::Eperm => libc::EPERM,
            Self::Enosys => libc::ENOSYS,
        }
    }

    /// Name of the error.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eperm => "EPERM",
            Self::Enosys => "ENOSYS",
        }
    }
}

impl When {
    /// Words for the printed table.
    pub fn words(self) -> String {
        let list = |values: &[c_int]| -> String {
            let values: Vec<String> = values.iter().map(|value| format!("{value:#x}")).collect();
            values.join(" ")
        };
        match self {
            Self::Always => "always".into(),
            Self::OnRequest => "with --refuse".into(),
            Self::FirstIsNot(values) => format!("first argument is none of {}", list(values)),
            Self::FirstHas(bits) => format!("first argument has a bit of {}", list(bits)),
        }
    }
}

/// The table as tab-separated text: call, condition, answer and source.
pub fn tab_separated() -> String {
    let mut lines = vec!["call\trefused\tanswer\tknown from".to_owned()];
    for row in REFUSED {
        for call in row.calls {
            let (when, answer) = (row.when.words(), row.answer.name());
            lines.push(format!("{}\t{when}\t{answer}\t{}", call.name(), row.known));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_call_stands_there_twice_and_each_row_says_where_it_comes_from() {
        let mut seen = HashSet::new();
        for row in REFUSED {
            assert!(
                row.known.contains('#') || row.known.starts_with("assumed"),
                "{row:?}"
            );
            for call in row.calls {
                assert!(seen.insert(call.number), "{}", call.name());
            }
        }
    }

    #[test]
    fn all_options_of_prctl_that_read_are_below_the_end() {
        assert!(
            PRCTL_READS
                .iter()
                .all(|option| (0..PRCTL_END).contains(option))
        );
    }
}
