//! FFmpeg's and ffprobe's log at [`LOG_LEVEL`], where each line names its level. More verbose levels print the file's
//! metadata, which can contain anything, also what looks like an error: a file that does that is refused.

use gifgen_child::{Ending, Finished, STDERR_BYTES};

use crate::picture_log::{BROKEN_PACKET, EDIT_UNITS_MISSING, MARK, SKIPPED};

/// Errors and warnings, each prefixed with its level.
pub const LOG_LEVEL: &str = "level+warning";

/// Like [`LOG_LEVEL`], with all that [`Remarks`] hears, and with much that it drops.
pub const DETAILED_LOG_LEVEL: &str = "level+debug";

/// Prefixes of lower levels.
const DETAILS: [&str; 4] = ["[info] ", "[verbose] ", "[debug] ", "[trace] "];

/// Prefixes of errors. <https://ffmpeg.org/ffmpeg.html#Generic-options>
const COMPLAINTS: [&str; 3] = ["[error] ", "[fatal] ", "[panic] "];

/// Prefix of the next lower level.
const WARNING: &str = "[warning] ";

/// The system's text for `ENOMEM`.
const NO_MEMORY: &str = "Cannot allocate memory";

/// FFmpeg's messages where it does not pass `ENOMEM` on: for a picture, a thread's stack, H.264's
/// error concealment, and an output buffer. It prints the first for pictures of impossible size
/// too.
const PERHAPS_NO_MEMORY: [&str; 4] = [
    "get_buffer() failed",
    "pthread_create() failed",
    "is out of memory",
    "Could not open file :",
];

/// Printed for pictures of impossible size.
const NO_SUCH_PICTURE: &str = "image parameters invalid";

/// Returns FFmpeg's error lines without the level. A line without a level belongs to the line
/// before it. At the beginning such a line counts as an error, because then another program than
/// FFmpeg wrote it.
pub fn complaints(text: &str) -> String {
    let whole = text.len() < STDERR_BYTES;
    let mut complaining = whole;
    let mut complaints = String::new();
    // The first line may be cut.
    for line in text.lines().skip(usize::from(!whole)) {
        let (speakers, words) = split_line(line);
        let said = if let Some(said) = COMPLAINTS.iter().find_map(|l| words.strip_prefix(l)) {
            complaining = true;
            said
        } else if let Some(said) = words.strip_prefix(WARNING) {
            complaining = false;
            said
        } else {
            words
        };
        if complaining {
            complaints.push_str(speakers);
            complaints.push_str(said);
            complaints.push('\n');
        }
    }
    complaints
}

/// FFmpeg's message for a format that is not allowed, and for a protected Windows Media file.
const FORMAT_REFUSED: &str = "Format not on whitelist";
const DRM: &str = "DRM protected stream detected";

/// FFmpeg's name of the format that it refused, because it is not allowed.
pub(crate) fn name_of_refused_format(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.contains(FORMAT_REFUSED))?;
    let (speakers, _) = split_line(line);
    let (before, _) = speakers.rsplit_once(" @ ")?;
    Some(before.rsplit_once('[')?.1)
}

/// Whether FFmpeg said that the file has copy protection. Nothing else tells for Windows Media.
pub(crate) fn reports_copy_protection(text: &str) -> bool {
    text.contains(DRM)
}

/// Whether the program ran out of memory. `remarks` are what it wrote when something was wrong, and
/// `complaints` the errors among them.
///
/// A program that was ended from outside is not judged. One that had problems near its memory limit
/// counts: a decoder that gets no memory may only warn of a packet that it cannot parse, and
/// ffprobe then takes a later picture for the first.
pub fn was_short_of_memory<T>(finished: &Finished<T>, remarks: &str, complaints: &str) -> bool {
    let is_well = finished.ending == Ending::Exited(0) && remarks.is_empty();
    let is_unwell_near_bound = finished.near_memory_bound && !is_well;
    finished.ending.is_its_own()
        && (is_unwell_near_bound || is_short_of_memory(complaints, finished.memory_bounded))
}

/// Whether FFmpeg's errors say that memory ran out; `bounded` says whether it had a limit. Exit
/// codes do not tell, neither FFmpeg's nor ffprobe's: both continue with the next picture.
fn is_short_of_memory(complaints: &str, bounded: bool) -> bool {
    let has = |words: &&str| complaints.contains(*words);
    let perhaps = bounded && !has(&NO_SUCH_PICTURE);
    has(&NO_MEMORY) || perhaps && PERHAPS_NO_MEMORY.iter().any(has)
}

/// Whether a line without its speakers is an error.
pub(crate) fn is_complaint(words: &str) -> bool {
    COMPLAINTS.iter().any(|level| words.starts_with(level))
}

/// Whether the pictures of the log's video may be damaged: the decoder marks one, the demuxer marks or misses a packet,
/// or the log is too long to be known.
pub fn marks_a_picture(text: &str) -> bool {
    let marks = [MARK, BROKEN_PACKET, EDIT_UNITS_MISSING];
    text.len() >= STDERR_BYTES || marks.iter().any(|mark| text.contains(mark))
}

/// Whether a decoder of Microsoft's MPEG-4 ignored that a block had too many numbers: some old encoders wrote that, and
/// damage looks alike. With [`STRICT`] it tells them apart. Also if the log is too long to be known.
pub fn ignored_an_overflow(text: &str) -> bool {
    text.len() >= STDERR_BYTES || text.contains("ignoring overflow at")
}

/// FFmpeg's options for an input whose decoder does not ignore what may be damage.
pub const STRICT: [&str; 2] = ["-err_detect", "bitstream"];

/// Whether FFmpeg's filters were given pictures of another size or format than at their start.
pub fn says_pictures_change(text: &str) -> bool {
    text.contains("Changing video frame properties on the fly")
}

/// Listens to a log at [`DETAILED_LOG_LEVEL`], line by line.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Whether the last line with a level was left out, and what belongs to it with it.
    is_left_out: bool,
    last: String,
    /// Whether H.264's decoder hints that numbers of pictures skip. It does so, too, where it starts at a keyframe that
    /// is no IDR picture, and where a stream in layers leaves some out.
    pub numbers_skip: bool,
}

impl Remarks {
    /// Whether `line` would be in a log at [`LOG_LEVEL`]. A line without a level belongs to the line before it. FFmpeg
    /// collapses repeats unless details are between them.
    pub fn keeps(&mut self, line: &str) -> bool {
        let (speakers, words) = split_line(line);
        if DETAILS.iter().any(|level| words.starts_with(level)) {
            self.is_left_out = true;
            self.numbers_skip |= speakers.contains(SKIPPED.0) && words.starts_with(SKIPPED.1);
        } else if is_complaint(words) || words.starts_with(WARNING) {
            self.is_left_out = self.last == line;
            line.clone_into(&mut self.last);
        }
        !self.is_left_out
    }
}

/// The last number that stands alone in a warning: what an expression with `print` found.
pub fn printed_number(text: &str) -> Option<f64> {
    let number = |line: &str| {
        let (_, words) = split_line(line);
        words.strip_prefix(WARNING)?.trim().parse().ok()
    };
    text.lines().rev().find_map(number)
}

/// Splits off the components that wrote the line (`[https @ 0x55] `; several since FFmpeg 6).
pub(crate) fn split_line(line: &str) -> (&str, &str) {
    let mut end = 0;
    while line[end..].starts_with('[')
        && let Some(length) = line[end..].find("] ")
        && line[end..end + length].contains(" @ 0x")
    {
        end += length + 2;
    }
    line.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_number_is_found_whatever_wrote_it() {
        let log = "[warning] 1.777778\n[Eval @ 0x7f] [warning] 0.562500\n[h264 @ 0x1] [error] 3\n";
        assert_eq!(printed_number(log), Some(0.5625));
        assert_eq!(printed_number("[warning] 3 packets"), None);
    }

    #[test]
    fn of_a_detailed_log_the_warnings_are_kept_and_what_belongs_to_them() {
        let log = "ld.so: odd\n\
                   [info] Input #0, mov:\n  title : [error] no\n\
                   [h264 @ 0x1] [warning] once\nand more of it\n\
                   [h264 @ 0x1] [debug] nal_unit_type: 1\n\
                   [h264 @ 0x1] [warning] once\nand more of it\n\
                   [h264 @ 0x1] [error] another\n\
                   [h264 @ 0x1] [warning] once\n";
        let mut remarks = Remarks::default();
        let lines = log.split_inclusive('\n');
        let kept: String = lines.filter(|line| remarks.keeps(line)).collect();
        assert_eq!(
            kept,
            "ld.so: odd\n\
             [h264 @ 0x1] [warning] once\nand more of it\n\
             [h264 @ 0x1] [error] another\n\
             [h264 @ 0x1] [warning] once\n"
        );
        assert!(!remarks.numbers_skip);
    }

    #[test]
    fn of_a_detailed_log_a_skip_in_the_numbers_of_pictures_is_heard_and_not_kept() {
        let mut remarks = Remarks::default();
        let skip = "[h264 @ 0x5597c99648c0] [debug] Frame num gap 4 0\n";
        assert!(!remarks.keeps(&skip.replace("h264", "mov")) && !remarks.numbers_skip);
        assert!(!remarks.keeps(skip) && remarks.numbers_skip);
    }

    #[test]
    fn complaints_keep_their_speaker_and_lose_their_level() {
        let said = complaints(
            "[mov,mp4 @ 0x55] [warning] Could not find codec parameters\n\
             Consider increasing the value\n\
             [https @ 0x55] [error] Stream ends prematurely at 90, should be 1000\n\
             and more of it\n\
             [vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] [error] no frame!\n\
             [warning] Guessed Channel Layout\n\
             [fatal] Error marking filters as finished\n",
        );
        assert_eq!(
            said,
            "[https @ 0x55] Stream ends prematurely at 90, should be 1000\nand more of it\n\
             [vist#0:0/h264 @ 0x1] [dec:h264 @ 0x2] no frame!\nError marking filters as finished\n"
        );
    }

    #[test]
    fn a_picture_that_fails_is_short_of_memory_only_where_that_is_bounded_and_its_size_is_possible()
    {
        let short = "[h264 @ 0x1] get_buffer() failed\n";
        assert!(is_short_of_memory(short, true));
        assert!(!is_short_of_memory(short, false));
        let damaged = format!("[h264 @ 0x1] video_get_buffer: image parameters invalid\n{short}");
        assert!(!is_short_of_memory(&damaged, true));
        assert!(is_short_of_memory("Cannot allocate memory", false));
        let output = "[image2 @ 0x1] Could not open file : storyboard.jpg\n";
        assert!(is_short_of_memory(output, true) && !is_short_of_memory(output, false));
    }

    #[test]
    fn what_the_loader_says_is_a_complaint() {
        let said = "ffmpeg: error while loading shared libraries: libx264.so.164\n";
        assert_eq!(complaints(said), said);
    }

    #[test]
    fn a_line_that_lost_its_beginning_is_none() {
        let flood = "[h264 @ 0x55] [warning] Increasing reorder buffer\n".repeat(1000);
        let cut = &flood[flood.len() - STDERR_BYTES..];
        assert!(!cut.starts_with('['), "{cut}");
        assert_eq!(complaints(cut), "");
    }
}
