//! What FFmpeg and ffprobe say on standard error at a level like `level+verbose`, where each line
//! names its level: their complaints, and at the end how much was read.

/// What FFmpeg said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FfmpegLog {
    /// The lines at the levels of errors, without the level; and what a server refused, which is
    /// only a warning to FFmpeg.
    pub complaints: String,
    /// What it read of its input, in bytes; `None` if it did not come to say so.
    pub bytes_read: Option<u64>,
}

/// The levels of errors.
/// <https://ffmpeg.org/ffmpeg.html#Generic-options>
const COMPLAINTS: [&str; 3] = ["[error] ", "[fatal] ", "[panic] "];

/// The levels below them.
const OTHERS: [&str; 5] = [
    "[warning] ",
    "[info] ",
    "[verbose] ",
    "[debug] ",
    "[trace] ",
];

/// How a refusal starts for which FFmpeg does not connect again, as it does for 429 and 5xx. After
/// one on a later request it goes on with what it has, and blames the content.
const REFUSED: &str = "HTTP error 4";
const WAITED_FOR: &str = "HTTP error 429";

impl FfmpegLog {
    /// Reads what FFmpeg wrote. A line without a level goes with the one before it; at the
    /// beginning it is a complaint, since then something else than FFmpeg is speaking.
    pub fn parse(text: &str) -> Self {
        let mut log = Self::default();
        let mut complaining = true;
        for line in text.lines() {
            if let Some((level, start)) = level(line, &COMPLAINTS) {
                complaining = true;
                log.complain(&line[..start], &line[start + level.len()..]);
            } else if let Some((level, start)) = level(line, &OTHERS) {
                let words = &line[start + level.len()..];
                complaining = words.starts_with(REFUSED) && !words.starts_with(WAITED_FOR);
                if complaining {
                    log.complain(&line[..start], words);
                }
                if let Some(bytes) = bytes_read(words) {
                    log.bytes_read = Some(log.bytes_read.unwrap_or(0).saturating_add(bytes));
                }
            } else if complaining {
                log.complain("", line);
            }
        }
        log
    }

    fn complain(&mut self, speaker: &str, words: &str) {
        self.complaints.push_str(speaker);
        self.complaints.push_str(words);
        self.complaints.push('\n');
    }
}

/// Which of `levels` a line has, and where: at its start, or behind the name of who speaks.
fn level<'a>(line: &str, levels: &[&'a str]) -> Option<(&'a str, usize)> {
    let start = if line.starts_with('[') && line.contains(" @ 0x") {
        line.find("] ").map_or(0, |end| end + 2)
    } else {
        0
    };
    [0, start].into_iter().find_map(|start| {
        let level = levels
            .iter()
            .find(|level| line[start..].starts_with(**level))?;
        Some((*level, start))
    })
}

/// The number in `Statistics: 504961 bytes read, 1 seeks`, which FFmpeg says of each input that it
/// closes.
fn bytes_read(words: &str) -> Option<u64> {
    let (bytes, _) = words
        .strip_prefix("Statistics: ")?
        .split_once(" bytes read,")?;
    bytes.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_keep_their_speaker_and_lose_their_level() {
        let log = FfmpegLog::parse(
            "[tcp @ 0x55] [verbose] Starting connection attempt\n\
             [mov,mp4 @ 0x55] [warning] Could not find codec parameters\n\
             Consider increasing the value\n\
             [https @ 0x55] [error] Stream ends prematurely at 90, should be 1000\n\
             and more of it\n\
             [info] Stream mapping:\n\
             \x20 Stream #0:0 (h264) -> fps:default\n\
             [fatal] Error marking filters as finished\n\
             [AVIOContext @ 0x55] [verbose] Statistics: 12 bytes written, 0 seeks, 0 writeouts\n\
             [AVIOContext @ 0x55] [verbose] Statistics: 504961 bytes read, 1 seeks\n",
        );
        assert_eq!(
            log.complaints,
            "[https @ 0x55] Stream ends prematurely at 90, should be 1000\nand more of it\n\
             Error marking filters as finished\n"
        );
        assert_eq!(log.bytes_read, Some(504_961));
    }

    #[test]
    fn a_refusal_is_a_complaint_and_one_that_is_waited_for_is_not() {
        let said = |words: &str| {
            let line = format!("[http @ 0x55] [warning] HTTP error {words}\n");
            FfmpegLog::parse(&line).complaints
        };
        assert_eq!(
            said("403 Forbidden"),
            "[http @ 0x55] HTTP error 403 Forbidden\n"
        );
        assert_eq!(said("503 Slow Down"), "");
        assert_eq!(said("429 Too Many Requests"), "");
    }

    #[test]
    fn what_the_loader_says_is_a_complaint() {
        let said = "ffmpeg: error while loading shared libraries: libx264.so.164\n";
        assert_eq!(FfmpegLog::parse(said).complaints, said);
    }

    #[test]
    fn several_inputs_add_up() {
        let line = "[AVIOContext @ 0x55] [verbose] Statistics: 100 bytes read, 0 seeks\n";
        assert_eq!(FfmpegLog::parse(&line.repeat(2)).bytes_read, Some(200));
        assert_eq!(FfmpegLog::parse("").bytes_read, None);
    }
}
