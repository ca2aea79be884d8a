//! Feeds an excerpt to FFmpeg's standard input, as fast as FFmpeg takes it.

use std::{
    io::{self, ErrorKind},
    ops::Range,
    os::fd::OwnedFd,
    sync::Arc,
    time::Duration,
};

use gifgen_reader::{RangeStream, ReadError, Reader};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::ioctl_fionread,
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};
use tokio::{io::AsyncWriteExt as _, net::unix::pipe::Sender, time::sleep};

use crate::{
    excerpt::Excerpt,
    keyframe_search::{bytes_from_keyframe, first_range},
    passage::Passage,
};

/// What is read first if the estimated end of an excerpt was too early, in bytes. It doubles each time.
const FIRST_STEP: u64 = 64 * 1024;

/// How often the pipe is checked until FFmpeg has read all that is in it.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Size of the pipe, in bytes. A small one tells early whether FFmpeg needs more.
const PIPE_BYTES: usize = 64 * 1024;

/// Why FFmpeg does not get all of an excerpt.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The source cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The keyframe is too far before its slice. The slice can be read without an excerpt.
    #[error("there is no keyframe shortly before the slice")]
    NoKeyframe,
    /// Another recording starts within the excerpt, which the splitter did not notice.
    #[error("its clock starts again at byte {offset}")]
    NewClock {
        /// Where the other recording starts.
        offset: u64,
    },
    /// The pipe failed for another reason than that FFmpeg had enough.
    #[error("failed to write to FFmpeg's input")]
    Pipe(#[from] io::Error),
}

/// A pipe to FFmpeg: the end to write to, and the one that becomes FFmpeg's standard input.
///
/// # Errors
/// If the kernel refuses it.
pub fn pipe() -> io::Result<(Sender, OwnedFd)> {
    let (stdin, feed) = pipe_with(PipeFlags::CLOEXEC)?;
    // If it fails, the pipe keeps its default size.
    fcntl_setpipe_size(&feed, PIPE_BYTES).ok();
    Ok((Sender::from_owned_fd(feed)?, stdin))
}

/// Writes `excerpt`, read through `reader`, to `pipe`, and closes that at the end. That FFmpeg closes its end early
/// is no error.
///
/// # Errors
/// If the source cannot be read.
pub async fn feed(
    excerpt: &Excerpt,
    reader: &Arc<Reader>,
    mut pipe: Sender,
) -> Result<(), FeedError> {
    match write(excerpt, reader, &mut pipe).await {
        Err(FeedError::Pipe(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        fed => fed,
    }
}

async fn write(
    excerpt: &Excerpt,
    reader: &Arc<Reader>,
    pipe: &mut Sender,
) -> Result<(), FeedError> {
    let mut passage = Passage::of(excerpt);
    let written = write_all(excerpt, reader, pipe, &mut passage).await;
    match (passage.joint(), written) {
        (_, Err(error @ (FeedError::Read(_) | FeedError::NoKeyframe))) => Err(error),
        (Some(offset), _) => Err(FeedError::NewClock { offset }),
        (None, written) => written,
    }
}

async fn write_all(
    excerpt: &Excerpt,
    reader: &Arc<Reader>,
    pipe: &mut Sender,
    passage: &mut Passage<'_>,
) -> Result<(), FeedError> {
    let mut fetches = excerpt.fetches();
    let Some((fetch, all)) = fetches.next().and_then(|fetch| Some((fetch, span(fetch)?))) else {
        return Ok(());
    };
    let first = first_range(excerpt);
    let mut stream = reader.stream(first.start..all.end);
    let first_bytes = stream.take(first.end - first.start).await?;
    let keyframe = bytes_from_keyframe(reader, excerpt, first_bytes).await?;
    let keyframe = keyframe.ok_or(FeedError::NoKeyframe)?;
    pipe.write_all(&excerpt.header).await?;
    pipe.write_all(&passage.start(all.start, &keyframe)).await?;
    copy(stream, all.start, fetch, pipe, passage).await?;
    for fetch in fetches {
        let Some(all) = span(fetch) else { continue };
        copy(reader.stream(all.clone()), all.start, fetch, pipe, passage).await?;
    }
    let mut at = excerpt.ranges.last().map_or(0, |range| range.end);
    let mut step = FIRST_STEP;
    while at < excerpt.until {
        until_drained(pipe).await?;
        let next = at..excerpt.until.min(at + step);
        step *= 2;
        let stream = reader.stream(next.clone());
        copy(stream, at, std::slice::from_ref(&next), pipe, passage).await?;
        at = next.end;
    }
    pipe.write_all(&passage.finish()).await?;
    Ok(())
}

/// Writes the ranges `wanted` of `stream`, which starts at the offset `at`.
async fn copy(
    mut stream: RangeStream,
    mut at: u64,
    wanted: &[Range<u64>],
    pipe: &mut Sender,
    passage: &mut Passage<'_>,
) -> Result<(), FeedError> {
    while let Some(piece) = stream.next().await? {
        let end = at + piece.len() as u64;
        for wanted in within(wanted, &(at..end)) {
            let (from, to) = ((wanted.start - at) as usize, (wanted.end - at) as usize);
            pipe.write_all(&passage.pass(&piece[from..to])).await?;
        }
        at = end;
    }
    Ok(())
}

/// Waits until FFmpeg has read all that is in the pipe. That it has closed its end is an error.
async fn until_drained(pipe: &Sender) -> io::Result<()> {
    while ioctl_fionread(pipe)? > 0 {
        let mut state = [PollFd::new(pipe, PollFlags::empty())];
        poll(&mut state, Some(&Timespec::default()))?;
        if state[0].revents().contains(PollFlags::ERR) {
            return Err(ErrorKind::BrokenPipe.into());
        }
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// From the start of the first to the end of the last.
fn span(ranges: &[Range<u64>]) -> Option<Range<u64>> {
    Some(ranges.first()?.start..ranges.last()?.end)
}

/// The parts of `ranges`, which are in order, that lie within `piece`.
fn within(ranges: &[Range<u64>], piece: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let first = ranges.partition_point(|range| range.end <= piece.start);
    ranges[first..]
        .iter()
        .take_while(|range| range.start < piece.end)
        .map(|range| range.start.max(piece.start)..range.end.min(piece.end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_pipe_that_nobody_reads_any_more_is_not_waited_for() {
        let (mut sender, stdin) = pipe().unwrap();
        sender.write_all(b"more than FFmpeg wants").await.unwrap();
        drop(stdin);
        let error = until_drained(&sender).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    proptest! {
        #[test]
        fn every_wanted_byte_is_written_once_however_the_answer_is_cut(
            lengths in prop::collection::vec((0u64..9, 1u64..9), 1..20),
            cuts in prop::collection::vec(1u64..20, 1..200))
        {
            let mut at = 0;
            let ranges: Vec<Range<u64>> = lengths.iter().map(|(gap, length)| {
                let start = at + gap;
                at = start + length;
                start..at
            }).collect();
            let all = span(&ranges).unwrap();
            let mut written = Vec::new();
            let mut at = all.start;
            for cut in cuts.into_iter().chain([u64::MAX]) {
                let end = at.saturating_add(cut).min(all.end);
                written.extend(within(&ranges, &(at..end)).flatten());
                at = end;
            }
            prop_assert_eq!(written, ranges.into_iter().flatten().collect::<Vec<_>>());
        }
    }
}
