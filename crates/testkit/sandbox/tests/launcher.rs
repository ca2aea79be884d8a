//! Tests of the launcher from the inside: as the current user, and as nobody if that is root.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

/// User and group id of an unprivileged user.
const NOBODY: &str = "65534";

/// The launcher, in a place that all users can reach.
struct Launcher {
    path: PathBuf,
    _folder: TempDir,
}

impl Launcher {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("gifgen-sandbox");
        // By another process: a file that this process has open for writing is also open in the
        // children of other tests, and then cannot be executed.
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_gifgen-sandbox")).arg(&path);
        assert!(copy.status().unwrap().success());
        Self {
            path,
            _folder: folder,
        }
    }

    /// Runs the launcher as each user, and returns their results.
    fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Vec<Output> {
        let mut commands = vec![Command::new(&self.path)];
        if rustix::process::getuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
            command.arg(&self.path);
            commands.push(command);
        }
        let run = |mut command: Command| {
            command
                .args(arguments)
                .env("SECRET", "of-the-emulator")
                .output()
                .unwrap()
        };
        commands.into_iter().map(run).collect()
    }

    /// Runs a shell script as a function on a machine with 4 MiB of `/tmp`, and returns its output.
    fn function(&self, script: &str) -> Vec<String> {
        let bind = format!("{}:gifgen-sandbox", self.path.display());
        let host = ["host", "--tmp-megabytes", "4", "--bind", &bind, "--"];
        let function = ["/mnt/gifgen-sandbox", "function", "--", "sh", "-c", script];
        let outputs = self.run(&[host.as_slice(), &function].concat());
        outputs.into_iter().map(said).collect()
    }
}

/// The output of a program that succeeded.
fn said(output: Output) -> String {
    let (said, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}{errors}");
    said
}

#[test]
fn every_call_of_the_table_gets_the_tables_answer() {
    for said in Launcher::new().function("/mnt/gifgen-sandbox probe") {
        assert!(said.lines().count() > 90, "{said}");
    }
}

#[test]
fn in_the_open_the_probe_finds_other_answers() {
    for output in Launcher::new().run(&["probe"]) {
        assert!(!output.status.success());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains("not answered as the table has it"),
            "{errors}"
        );
    }
}

#[test]
fn a_function_has_lambdas_user_and_limits_and_no_capabilities() {
    for said in
        Launcher::new().function("id -u; id -g; ulimit -n; cat /proc/self/status /proc/self/limits")
    {
        let words: Vec<Vec<&str>> = said
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[..3].concat(), ["993", "990", "1024"], "{said}");
        for line in [
            vec!["CapPrm:", "0000000000000000"],
            vec!["CapEff:", "0000000000000000"],
            vec!["CapInh:", "0000000000000000"],
            vec!["CapAmb:", "0000000000000000"],
            vec!["NoNewPrivs:", "0"],
            vec!["Seccomp:", "2"],
            vec!["Max", "open", "files", "1024", "1024", "files"],
            vec!["Max", "processes", "1024", "1024", "processes"],
        ] {
            assert!(words.contains(&line), "{line:?} is not in {said}");
        }
    }
}

#[test]
fn only_tmp_is_written_and_it_is_bounded() {
    let script = "for folder in / /usr /etc /var /var/tmp /dev /mnt /run /home \"$PWD\"; do
            touch \"$folder/gifgen-canary\" 2>/dev/null && echo \"$folder was written\"
        done
        head -c 3M /dev/zero >/tmp/fits && echo fits
        head -c 8M /dev/zero >/tmp/full 2>/dev/null || echo full
        ls /dev";
    for said in Launcher::new().function(script) {
        let words: Vec<&str> = said.split_whitespace().collect();
        let devices = ["fd", "full", "null", "random", "stderr", "urandom", "zero"];
        assert_eq!(words, [["fits", "full"].as_slice(), &devices].concat());
    }
}

#[test]
fn nothing_is_gained_by_programs_that_run_as_their_owner() {
    let mounts = Launcher::new().function("cat /proc/self/mountinfo");
    for said in mounts {
        for line in said.lines() {
            // "ID PARENT DEVICE ROOT POINT OPTIONS …"
            let options = line.split(' ').nth(5).unwrap();
            assert!(
                options.split(',').any(|option| option == "nosuid"),
                "{line}"
            );
        }
    }
}

#[test]
fn what_the_emulator_knows_is_closed_to_the_function() {
    let launcher = Launcher::new();
    let bind = format!("{}:gifgen-sandbox", launcher.path.display());
    // The shell acts as the emulator, which unsets the credentials before it starts a function.
    let emulator = "emulator=$$
        tr '\\0' '\\n' </proc/$emulator/environ | grep SECRET
        unset SECRET
        /mnt/gifgen-sandbox function -- sh -c \"
            for file in environ maps mem; do
                head -c 1 /proc/$emulator/\\$file >/dev/null 2>&1 && echo \\$file is open
            done
            kill -0 $emulator 2>/dev/null && echo it can be killed
            for open in /proc/$emulator/fd/*; do
                readlink \\$open
            done
            true\"";
    let outputs = launcher.run(&["host", "--bind", &bind, "--", "sh", "-c", emulator]);
    let is_root = rustix::process::getuid().is_root();
    for (at, output) in outputs.into_iter().enumerate() {
        let mut expected = "SECRET=of-the-emulator\n".to_owned();
        // Without root, both have the same user: the function may be killed, but not read.
        if at > 0 || !is_root {
            expected += "it can be killed\n";
        }
        assert_eq!(said(output), expected);
    }
}

#[test]
fn nothing_is_left_on_the_machine() {
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts();
    Launcher::new().function("touch /tmp/gifgen-canary");
    assert_eq!(mounts(), before);
    assert!(!PathBuf::from("/tmp/gifgen-canary").exists());
}

#[test]
fn who_may_have_no_namespaces_is_told_the_remedy() {
    let launcher = Launcher::new();
    let path = launcher.path.to_str().unwrap();
    // A function may not create namespaces.
    for output in launcher.run(&["function", "--", path, "host", "--", "true"]) {
        assert!(!output.status.success());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains("sysctl kernel.unprivileged_userns_clone=1"),
            "{errors}"
        );
    }
}
