//! Tries all calls of the table and reports the results. Also runs on Lambda.
//!
//! All arguments are -1. With these, every call fails without an effect, even if it is allowed.

use std::io;

use libc::{c_int, c_long};

use crate::refused::{Answer, Call, REFUSED, When};

const NOTHING: c_long = -1;

/// One call that was tried, and its result.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The call, and the relevant part of its first argument.
    pub what: String,
    /// The table's answer; `None` if the call is allowed.
    pub wanted: Option<Answer>,
    /// The error number that the call returned, or 0.
    pub got: c_int,
}

/// Tries all rows except those on request.
pub fn run() -> Vec<Attempt> {
    let rows = REFUSED.iter().filter(|row| row.when != When::OnRequest);
    let mut attempts: Vec<Attempt> = rows
        .flat_map(|row| {
            row.calls
                .iter()
                .flat_map(|call| try_call(call, row.when, row.answer))
        })
        .collect();
    #[cfg(target_arch = "x86_64")]
    attempts.push(Attempt {
        what: "getpid of x32".into(),
        wanted: Some(Answer::Eperm),
        got: errno_of(libc::SYS_getpid | 0x4000_0000, NOTHING),
    });
    attempts
}

impl Attempt {
    /// Whether the result is the table's answer.
    pub fn is_as_in_table(&self) -> bool {
        match self.wanted {
            Some(answer) => self.got == answer.errno(),
            None => ![libc::EPERM, libc::ENOSYS].contains(&self.got),
        }
    }

    /// Tab-separated line: call, wanted answer, result.
    pub fn line(&self) -> String {
        let wanted = self.wanted.map_or("let pass", Answer::name);
        let got = match self.got {
            0 => "success".into(),
            errno => io::Error::from_raw_os_error(errno).to_string(),
        };
        format!("{}\t{wanted}\t{got}", self.what)
    }
}

fn try_call(call: &Call, when: When, answer: Answer) -> Vec<Attempt> {
    let attempt = |first: c_long, what: String, wanted| Attempt {
        what,
        wanted,
        got: errno_of(call.number, first),
    };
    match when {
        When::Always | When::OnRequest => vec![attempt(NOTHING, call.name().into(), Some(answer))],
        When::FirstIsNot(values) => (1..libc::PR_GET_NO_NEW_PRIVS + 1)
            .chain([libc::PR_SET_VMA, libc::PR_SET_PTRACER])
            .map(|value| {
                let wanted = (!values.contains(&value)).then_some(answer);
                attempt(value.into(), format!("{}({value})", call.name()), wanted)
            })
            .collect(),
        When::FirstHas(bits) => bits
            .iter()
            .map(|bit| {
                // A thread that shares no signal handlers is always an error.
                let first = c_long::from(bit | libc::CLONE_THREAD);
                attempt(first, format!("{}({bit:#x})", call.name()), Some(answer))
            })
            .collect(),
    }
}

#[expect(unsafe_code, reason = "arguments that no library would pass")]
fn errno_of(number: c_long, first: c_long) -> c_int {
    // SAFETY: as pointers, the arguments are addresses that no process has mapped, so the kernel
    // reads and writes nothing. As numbers they are out of range.
    let result =
        unsafe { libc::syscall(number, first, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING) };
    if result == -1 {
        io::Error::last_os_error().raw_os_error().unwrap_or(0)
    } else {
        0
    }
}
