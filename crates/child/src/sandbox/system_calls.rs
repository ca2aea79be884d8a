//! Seccomp filters: which system calls a sandboxed program may not make.
//!
//! This is a deny list, not an allow list. FFmpeg is built against many versions of many libraries,
//! and a call missing from an allow list would cost all previews. A denied call returns an error
//! instead of killing the program, so that it can do without.

use std::{collections::BTreeMap, env::consts::ARCH};

#[cfg(target_arch = "x86_64")]
use seccompiler::sock_filter;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule,
};

use super::Network;

/// Calls that decoders never need, and that lead out of a sandbox or deep into the kernel.
const DENIED: &[libc::c_long] = &[
    // Makes system calls that no filter sees.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Leaving the process group, which is what the deadline kills.
    libc::SYS_setpgid,
    libc::SYS_setsid,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // Parts of the kernel with a history of vulnerabilities.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

/// Socket calls that are denied with and without a network.
const SOCKET_CALLS_ALWAYS_DENIED: [libc::c_long; 5] = [
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
];

/// Calls that a program without a network does not need either.
const CONNECTING: [libc::c_long; 2] = [libc::SYS_socket, libc::SYS_connect];

/// The flags of `clone` that create namespaces.
const NAMESPACES: [libc::c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Requests that inject input into the terminal (`TIOCSTI` and `TIOCLINUX`; the numbers are the
/// same on all supported processors).
const TERMINAL_REQUESTS: [u64; 2] = [0x5412, 0x541c];

/// The bits of a socket's type that are not flags (`SOCK_TYPE_MASK` in Linux).
const SOCKET_TYPE_BITS: u64 = 0xf;

/// On x86-64, calls with this bit belong to the x32 ABI, where most calls have another number.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters for a program with access to `network`, to be installed in this order.
///
/// # Errors
/// The processor is not supported.
pub(super) fn filters(network: Network) -> Result<[BpfProgram; 2], BackendError> {
    let whatever_its_arguments = |call: &libc::c_long| (*call, Vec::new());
    let mut denied: Rules = (DENIED.iter().chain(&SOCKET_CALLS_ALWAYS_DENIED))
        .map(whatever_its_arguments)
        .collect();
    denied.extend(rules_on_arguments()?);
    denied.extend(match network {
        Network::None => CONNECTING.iter().map(whatever_its_arguments).collect(),
        Network::Loopback { .. } => rules_on_sockets()?,
    });
    // The flags of `clone3` are in memory, which no filter can read. With `ENOSYS`, C libraries
    // fall back on `clone`.
    let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
    Ok([
        program(clone3, libc::ENOSYS)?,
        program(denied, libc::EPERM)?,
    ])
}

/// Installs `filter` for the calling process. Async-signal-safe.
///
/// seccompiler's own function insists on setting no-new-privileges by `prctl`, which Lambda refuses
/// even if it is set already.
pub(super) fn install(filter: &BpfProgram) -> bool {
    let program = libc::sock_fprog {
        len: filter.len() as libc::c_ushort,
        filter: filter.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the kernel copies the program, which outlives the call, and changes nothing.
    #[expect(
        unsafe_code,
        reason = "seccompiler has no safe way that does without prctl"
    )]
    let answer = unsafe {
        let mode = libc::SECCOMP_SET_MODE_FILTER;
        libc::syscall(libc::SYS_seccomp, mode, 0, &raw const program)
    };
    answer == 0
}

fn rules_on_arguments() -> Result<Rules, BackendError> {
    let flags = NAMESPACES.map(|flag| vec![has_bits(0, bits(flag))]);
    let requests = TERMINAL_REQUESTS.map(|request| vec![is(1, request)]);
    Ok(Rules::from([
        (libc::SYS_clone, rules(flags)?),
        (libc::SYS_ioctl, rules(requests)?),
        // Limits of other processes.
        (libc::SYS_prlimit64, rules([vec![is_not(0, 0)]])?),
    ]))
}

/// Allows only TCP over IPv4, and only by `connect`, which Landlock checks. [`SOCKET_CALLS_ALWAYS_DENIED`] denies what
/// would listen.
fn rules_on_sockets() -> Result<Rules, BackendError> {
    let mut denied = Rules::new();
    let mut sockets = vec![
        vec![is_not(0, bits(libc::AF_INET))],
        // Neither MPTCP nor another stream protocol of the kernel.
        vec![is_not(2, 0), is_not(2, bits(libc::IPPROTO_TCP))],
    ];
    let others = (0..=SOCKET_TYPE_BITS).filter(|kind| *kind != bits(libc::SOCK_STREAM));
    sockets.extend(others.map(|kind| {
        let of_kind = SeccompCmpOp::MaskedEq(SOCKET_TYPE_BITS);
        vec![SeccompCondition::new(1, Dword, of_kind, kind)]
    }));
    denied.insert(libc::SYS_socket, rules(sockets)?);
    // TCP Fast Open connects without `connect`.
    for (call, flags) in [
        (libc::SYS_sendto, 3),
        (libc::SYS_sendmsg, 2),
        (libc::SYS_sendmmsg, 3),
    ] {
        let fast_open = has_bits(flags, bits(libc::MSG_FASTOPEN));
        denied.insert(call, rules([vec![fast_open]])?);
    }
    let fast_open = vec![
        is(1, bits(libc::IPPROTO_TCP)),
        is(2, bits(libc::TCP_FASTOPEN_CONNECT)),
    ];
    denied.insert(libc::SYS_setsockopt, rules([fast_open])?);
    Ok(denied)
}

type Condition = Result<SeccompCondition, BackendError>;

/// Each rule is a list of conditions that must all hold.
fn rules(
    rules: impl IntoIterator<Item = Vec<Condition>>,
) -> Result<Vec<SeccompRule>, BackendError> {
    rules
        .into_iter()
        .map(|conditions| SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?))
        .collect()
}

// `Dword` is the low half of an argument. The kernel reads no more of an `int`.
fn is(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Ne, value)
}

fn has_bits(argument: u8, bits: u64) -> Condition {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(bits), bits)
}

/// A C constant as an argument.
fn bits(value: libc::c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

/// A filter that returns `errno` if a rule of `denied` matches.
fn program(denied: Rules, errno: libc::c_int) -> Result<BpfProgram, BackendError> {
    let errno = errno.cast_unsigned();
    let filter = SeccompFilter::new(
        denied,
        SeccompAction::Allow,
        SeccompAction::Errno(errno),
        ARCH.try_into()?,
    )?;
    let mut program = without_x32(errno);
    program.append(&mut filter.try_into()?);
    Ok(program)
}

/// The start of a filter that returns `errno` for every x32 call.
#[cfg(target_arch = "x86_64")]
fn without_x32(errno: u32) -> BpfProgram {
    // <linux/bpf_common.h>: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JGE | BPF_K, BPF_RET | BPF_K.
    // The call's number is the first word of `struct seccomp_data`.
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        instruction(0x20, 0, 0, 0),
        instruction(0x35, 0, 1, X32),
        instruction(0x06, 0, 0, libc::SECCOMP_RET_ERRNO | errno),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn without_x32(_errno: u32) -> BpfProgram {
    Vec::new()
}
