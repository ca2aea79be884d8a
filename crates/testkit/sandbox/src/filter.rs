//! Builds the seccomp filters from the table.

use std::{collections::BTreeMap, env::consts::ARCH, io};

use libc::{c_int, c_long};
#[cfg(target_arch = "x86_64")]
use seccompiler::sock_filter;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule,
};

use crate::{
    error::{Error, While},
    refused::{Answer, Call, REFUSED, Refusal, When},
};

/// On x86-64, calls with this bit belong to the x32 ABI, where most calls have another number.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The table with a user's changes.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    refuse: Vec<Call>,
    allow: Vec<Call>,
}

impl Filter {
    /// Adds the calls `refuse` to the table and removes `allow`.
    ///
    /// # Errors
    /// A name is not in the table.
    pub fn new(refuse: &[String], allow: &[String]) -> Result<Self, Error> {
        let found = |names: &[String]| {
            names
                .iter()
                .map(|name| find(name))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            refuse: found(refuse)?,
            allow: found(allow)?,
        })
    }

    /// Installs the filters for the calling thread and its descendants, irreversibly. Does not
    /// change no-new-privileges; if that is not set, the thread needs `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// The processor is not supported, or the kernel refuses.
    pub fn install(&self) -> Result<(), Error> {
        // The second filter refuses the call that installs filters.
        for answer in [Answer::Enosys, Answer::Eperm] {
            install(&self.program(answer).map_err(Error::Filter)?)
                .when("install the filter of system calls")?;
        }
        Ok(())
    }

    fn refuses(&self, row: &Refusal, call: Call) -> bool {
        let on_request = row.when == When::OnRequest;
        !self.allow.contains(&call) && (!on_request || self.refuse.contains(&call))
    }

    /// The filter of the rows with this `answer`.
    fn program(&self, answer: Answer) -> Result<BpfProgram, BackendError> {
        let mut rules = Rules::new();
        for row in REFUSED.iter().filter(|row| row.answer == answer) {
            for call in row.calls.iter().filter(|call| self.refuses(row, **call)) {
                rules.insert(call.number, conditions(row.when)?);
            }
        }
        let errno = answer.errno().cast_unsigned();
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(errno),
            ARCH.try_into()?,
        )?;
        let mut program = without_x32();
        program.append(&mut filter.try_into()?);
        Ok(program)
    }
}

fn find(name: &str) -> Result<Call, Error> {
    let mut calls = REFUSED.iter().flat_map(|row| row.calls);
    let call = calls.find(|call| call.name() == name);
    call.copied().ok_or_else(|| Error::UnknownCall(name.into()))
}

/// Rules of which one must match; an empty list always matches.
fn conditions(when: When) -> Result<Vec<SeccompRule>, BackendError> {
    let first = |operator, value: c_int| {
        // The kernel reads only the low half: both arguments are 32 bits wide.
        SeccompCondition::new(0, Dword, operator, value.cast_unsigned().into())
    };
    match when {
        When::Always | When::OnRequest => Ok(Vec::new()),
        When::FirstIsNot(values) => {
            let all = values.iter().map(|value| first(SeccompCmpOp::Ne, *value));
            Ok(vec![SeccompRule::new(all.collect::<Result<_, _>>()?)?])
        }
        When::FirstHas(bits) => bits
            .iter()
            .map(|bit| {
                let mask = SeccompCmpOp::MaskedEq(bit.cast_unsigned().into());
                SeccompRule::new(vec![first(mask, *bit)?])
            })
            .collect(),
    }
}

/// The start of a filter that returns EPERM for every x32 call.
#[cfg(target_arch = "x86_64")]
fn without_x32() -> BpfProgram {
    // <linux/bpf_common.h>: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JGE | BPF_K, BPF_RET | BPF_K.
    // The call's number is the first word of `struct seccomp_data`.
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let eperm = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
    vec![
        instruction(0x20, 0, 0, 0),
        instruction(0x35, 0, 1, X32),
        instruction(0x06, 0, 0, eperm),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn without_x32() -> BpfProgram {
    Vec::new()
}

/// `seccomp(2)`. [`seccompiler::apply_filter`] would set no-new-privileges, and it is unknown
/// whether Lambda sets that.
#[expect(
    unsafe_code,
    reason = "no library installs a filter without no-new-privileges"
)]
fn install(program: &BpfProgram) -> io::Result<()> {
    // <linux/filter.h>: struct sock_fprog.
    #[repr(C)]
    struct Program {
        length: libc::c_ushort,
        instructions: *const seccompiler::sock_filter,
    }
    let program = Program {
        length: program.len().try_into().map_err(io::Error::other)?,
        instructions: program.as_ptr(),
    };
    let install: c_long = libc::SECCOMP_SET_MODE_FILTER.into();
    // SAFETY: the program and its instructions outlive the call; the kernel copies them.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, install, 0, &raw const program) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
