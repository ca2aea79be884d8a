//! What FFmpeg says on standard error at the level `level+verbose`, where each line names its
//! level: its complaints, and at the end how much it has read.

/// What FFmpeg said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FfmpegLog {
    /// The lines at the levels of errors, without the level.
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
                complaining = false;
                if let Some(bytes) = bytes_read(&line[start + level.len()..]) {
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
