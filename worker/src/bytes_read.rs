//! How much FFmpeg has read of the source, from its report: the same as its log, at the level that
//! has this number, in a file of its own.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

/// What tells FFmpeg to write the report: its name, in the work directory, and the level `verbose`.
/// <https://ffmpeg.org/ffmpeg.html#Generic-options>
pub const REPORT: (&str, &str) = ("FFREPORT", "file=report.log:level=40");

const REPORT_FILE: &str = "report.log";

/// The end of the report, in bytes, in which FFmpeg says what it has read when it closes its input.
const END_BYTES: i64 = 16 * 1024;

/// What FFmpeg read of its input, in bytes; `None` if its report does not say so.
///
/// # Errors
/// If the report is there and cannot be read.
pub fn bytes_read(directory: &Path) -> io::Result<Option<u64>> {
    let mut report = match File::open(directory.join(REPORT_FILE)) {
        Ok(report) => report,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = report.metadata()?.len();
    let end = END_BYTES.min(i64::try_from(length).unwrap_or(END_BYTES));
    report.seek(SeekFrom::End(-end))?;
    let mut text = Vec::new();
    report.read_to_end(&mut text)?;
    Ok(in_report(&String::from_utf8_lossy(&text)))
}

/// The number in the last `[AVIOContext @ 0x55] Statistics: 504961 bytes read, 1 seeks`: the input's
/// own, since whatever a file could make FFmpeg say of it comes before it is closed.
fn in_report(text: &str) -> Option<u64> {
    text.lines().rev().find_map(|line| {
        let (_, said) = line.split_once("Statistics: ")?;
        let (bytes, _) = said.split_once(" bytes read,")?;
        bytes.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let text = "[AVIOContext @ 0x1] Statistics: 99999999 bytes read, 1 seeks\n\
                    [AVIOContext @ 0x1] Statistics: 12 bytes written, 0 seeks, 0 writeouts\n\
                    [AVIOContext @ 0x1] Statistics: 504961 bytes read, 1 seeks\nConversion failed!\n";
        assert_eq!(in_report(text), Some(504_961));
        assert_eq!(in_report("nothing of it"), None);
    }
}
