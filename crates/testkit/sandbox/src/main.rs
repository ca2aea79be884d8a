//! `gifgen-sandbox`: see the library.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use clap::{Parser, Subcommand};
use gifgen_sandbox::{
    docker,
    error::Error,
    filter::Filter,
    function,
    host::{self, Bind},
    probe, refused,
};

/// Runs a program under Lambda's rules.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Phase,
}

#[derive(Subcommand)]
enum Phase {
    /// Sets up a machine like Lambda's and executes COMMAND there, such as the runtime emulator
    Host {
        /// Size of /tmp in MiB
        #[arg(long, default_value_t = 512)]
        tmp_megabytes: u32,
        /// A file or directory that COMMAND finds as /mnt/NAME
        #[arg(long, value_name = "PATH:NAME")]
        bind: Vec<Bind>,
        /// The program to execute, with its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Executes COMMAND as Lambda runs a function: its user, limits and system calls
    Function {
        /// A system call to refuse as well; the table says which are possible
        #[arg(long, value_name = "CALL")]
        refuse: Vec<String>,
        /// Keep the current user, to test what Lambda's rules mean for root
        #[arg(long)]
        keep_user: bool,
        /// A system call of the table to allow
        #[arg(long, value_name = "CALL")]
        allow: Vec<String>,
        /// The program to execute, with its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Prints the table of refused system calls
    Refused,
    /// Prints the table as a seccomp profile for Docker
    SeccompProfile,
    /// Tries all refused calls and prints call, expected answer and result; fails if any differ
    Probe,
}

fn main() -> ExitCode {
    match enter(Options::parse().command) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(command)) => {
            let mut words = command.into_iter();
            let program = words.next().unwrap_or_default();
            let error = Command::new(&program).args(words).exec();
            eprintln!(
                "gifgen-sandbox: failed to execute {}: {error}",
                program.display()
            );
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("gifgen-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What to execute, if anything.
fn enter(phase: Phase) -> Result<Option<Vec<OsString>>, Error> {
    match phase {
        Phase::Host {
            tmp_megabytes,
            bind,
            command,
        } => host::enter(tmp_megabytes, &bind).map(|()| Some(command)),
        Phase::Function {
            refuse,
            keep_user,
            allow,
            command,
        } => function::enter(&Filter::new(&refuse, &allow)?, keep_user).map(|()| Some(command)),
        Phase::Refused => {
            println!("{}", refused::tab_separated());
            Ok(None)
        }
        Phase::SeccompProfile => {
            println!("{:#}", docker::profile());
            Ok(None)
        }
        Phase::Probe => {
            let attempts = probe::run();
            for attempt in &attempts {
                println!("{}", attempt.line());
            }
            let differ = |attempt: &&probe::Attempt| !attempt.is_as_in_table();
            match attempts.iter().filter(differ).count() {
                0 => Ok(None),
                count => Err(Error::NotAsInTable(count)),
            }
        }
    }
}
