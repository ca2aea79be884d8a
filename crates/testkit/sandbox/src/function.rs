//! The phase `function`: turns the process into a Lambda function.

use rustix::{
    process::{Resource, Rlimit, getuid, setrlimit},
    thread::UnshareFlags,
};

use crate::{
    error::{Error, While},
    filter::Filter,
    identity,
};

/// Limit of a function's open files and processes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MOST: u64 = 1024;

/// Applies Lambda's limits, user and filter to the calling process, which must have one thread. The
/// program executed next has no capabilities, unless root is to `keep_user`.
///
/// # Errors
/// The system refuses a step.
pub fn enter(filter: &Filter, keep_user: bool) -> Result<(), Error> {
    for resource in [Resource::Nofile, Resource::Nproc] {
        let limit = Rlimit {
            current: Some(MOST),
            maximum: Some(MOST),
        };
        setrlimit(resource, limit).when("limit open files and processes")?;
    }
    let is_root = getuid().is_root() && identity::is_mapped();
    if !is_root {
        // The new capabilities, which installing the filter needs, end with `exec`.
        identity::enter_user_namespace(identity::UID, identity::GID, UnshareFlags::empty())?;
    }
    filter.install()?;
    if is_root && !keep_user {
        identity::switch()?;
    }
    Ok(())
}
