//! A server and a file that nobody may touch.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

/// A server that nobody may connect to, and a file that nobody may open.
pub struct Canaries {
    listener: TcpListener,
    file: PathBuf,
    watch: rustix::fd::OwnedFd,
}

impl Canaries {
    /// Creates the file in `folder`.
    pub fn new(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let file = folder.join("canary.mp4");
        // A valid video, so that a successful attack really opens it.
        fs::copy(gifgen_testkit::media::video("d02"), &file).unwrap();
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        add_watch(&watch, &file, WatchFlags::OPEN | WatchFlags::ACCESS).unwrap();
        Self {
            listener,
            file,
            watch,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/secret.mp4", self.listener.local_addr().unwrap())
    }

    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All ways to name the server and the file.
    pub fn targets(&self) -> [String; 6] {
        let (url, path) = (self.url(), self.file.display());
        [
            format!("crypto+{url}"),
            format!("concat:{path}|{path}"),
            format!("file:{path}"),
            format!("file://{path}"),
            path.to_string(),
            url,
        ]
    }

    /// Panics if one was touched.
    pub fn assert_untouched(&self) {
        let (connected, opened) = self.touched();
        assert!(!connected, "somebody connected");
        assert!(!opened, "somebody opened the file");
    }

    /// Whether the server got a connection, and the file was opened, since the last call.
    pub fn touched(&self) -> (bool, bool) {
        let mut space = [std::mem::MaybeUninit::uninit(); 4096];
        let opened = Reader::new(&self.watch, &mut space).next().is_ok();
        (self.listener.accept().is_ok(), opened)
    }
}

#[test]
fn a_canary_notices_who_touches_it() {
    let folder = tempfile::tempdir().unwrap();
    let canaries = Canaries::new(folder.path());
    assert_eq!(canaries.touched(), (false, false));
    fs::read(canaries.file()).unwrap();
    assert_eq!(canaries.touched(), (false, true));
    std::net::TcpStream::connect(canaries.listener.local_addr().unwrap()).unwrap();
    assert!(canaries.touched().0);
}
