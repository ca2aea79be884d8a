//! Converts the table to a seccomp profile for Docker: `dockerd --seccomp-profile=FILE`.

use libc::c_int;
use serde_json::{Value, json};

use crate::refused::{PRCTL_END, REFUSED, Refusal, When};

/// The profile.
///
/// The container must have no-new-privileges (`--no-new-privileges` of `dockerd`, or
/// `--security-opt no-new-privileges`). Otherwise runc installs the profile before it drops its own
/// privileges, which needs `prctl`.
pub fn profile() -> Value {
    let rows = REFUSED.iter().filter(|row| row.when != When::OnRequest);
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        // No other architectures: system calls of 32-bit and x32 programs end the program.
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": rows.flat_map(entries).collect::<Vec<_>>(),
    })
}

/// A row's entries, one of which must match.
fn entries(row: &Refusal) -> Vec<Value> {
    let arguments: Vec<Value> = match row.when {
        When::Always | When::OnRequest => vec![json!([])],
        // libseccomp allows one condition per argument, so all other values are listed.
        When::FirstIsNot(values) => (0..PRCTL_END)
            .filter(|value| !values.contains(value))
            .map(|value| first("SCMP_CMP_EQ", value, 0))
            .chain([first("SCMP_CMP_GE", PRCTL_END, 0)])
            .collect(),
        When::FirstHas(bits) => {
            let has = |bit: &c_int| first("SCMP_CMP_MASKED_EQ", *bit, *bit);
            bits.iter().map(has).collect()
        }
    };
    let names: Vec<&str> = row.calls.iter().map(|call| call.name()).collect();
    let entry = |args: Value| {
        json!({
            "names": names,
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": row.answer.errno(),
            "args": args,
            "comment": row.known,
        })
    };
    arguments.into_iter().map(entry).collect()
}

/// A condition on the first argument.
fn first(operator: &str, value: c_int, second: c_int) -> Value {
    json!([{"index": 0, "value": value, "valueTwo": second, "op": operator}])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the profile refuses `prctl` with this option.
    fn refuses_prctl(option: c_int) -> bool {
        let profile = profile();
        let entries = profile["syscalls"].as_array().unwrap();
        entries
            .iter()
            .filter(|entry| entry["names"] == json!(["prctl"]))
            .any(|entry| {
                let condition = &entry["args"][0];
                let value = condition["value"].as_i64().unwrap();
                match condition["op"].as_str().unwrap() {
                    "SCMP_CMP_EQ" => i64::from(option) == value,
                    "SCMP_CMP_GE" => i64::from(option) >= value,
                    other => panic!("{other}"),
                }
            })
    }

    #[test]
    fn prctl_is_refused_but_for_what_reads() {
        for option in [
            libc::PR_SET_PDEATHSIG,
            libc::PR_SET_NO_NEW_PRIVS,
            libc::PR_SET_VMA,
        ] {
            assert!(refuses_prctl(option), "{option}");
        }
        for option in [libc::PR_GET_DUMPABLE, libc::PR_GET_NO_NEW_PRIVS] {
            assert!(!refuses_prctl(option), "{option}");
        }
    }

    #[test]
    fn every_call_that_is_always_refused_has_one_entry_without_conditions() {
        let profile = profile();
        let entries = profile["syscalls"].as_array().unwrap();
        for row in REFUSED.iter().filter(|row| row.when == When::Always) {
            for call in row.calls {
                let named = |entry: &&Value| {
                    let names = entry["names"].as_array().unwrap();
                    names.contains(&json!(call.name()))
                };
                let found: Vec<&Value> = entries.iter().filter(named).collect();
                assert_eq!(found.len(), 1, "{}", call.name());
                assert_eq!(found[0]["args"], json!([]));
                assert_eq!(found[0]["errnoRet"], row.answer.errno());
            }
        }
    }
}
