//! What the runs of FFmpeg for a slice have in common.

use std::{ffi::OsString, os::fd::OwnedFd, path::Path};

use gifgen_child::{Program, memory};
use gifgen_shared::Deadline;

use crate::{ffmpeg_args::Rendering, ffmpeg_run::reserve};

/// A run of FFmpeg that is about to start.
pub(crate) struct Launch<'a> {
    /// What it reads and makes.
    pub rendering: Rendering<'a>,
    /// Its standard input, if that is a pipe.
    pub stdin: Option<OwnedFd>,
    /// Absolute path of FFmpeg.
    pub ffmpeg: &'a Path,
    /// Its working directory.
    pub directory: &'a Path,
    /// When it is ended.
    pub deadline: Deadline,
}

impl<'a> Launch<'a> {
    /// The program with these arguments.
    pub(crate) fn program(self, args: Vec<OsString>) -> Program<'a> {
        Program {
            path: self.ffmpeg,
            args,
            directory: Some(self.directory),
            network: self.rendering.input.network(),
            variables: &[],
            stdin: self.stdin,
            memory: memory::left(reserve(&self.rendering)),
            deadline: self.deadline,
        }
    }
}
