//! Feeds the keyframes of a sheet to FFmpeg's standard input.

use std::{io::ErrorKind, sync::Arc};

use gifgen_reader::Reader;
use tokio::{io::AsyncWriteExt as _, net::unix::pipe::Sender};

use super::{
    plan::{Keyframes, SheetPlan},
    sheet_tile::SheetTile,
};
use crate::feed::FeedError;

/// Writes the keyframes of `plan`, read through `reader`, to `pipe` as one file, closes that, and says which tiles the
/// sheet has. If FFmpeg closes its end early, the rest of the tiles is as planned, and FFmpeg has not seen their
/// keyframes.
///
/// # Errors
/// If the source cannot be read.
pub async fn feed_sheet(
    plan: &SheetPlan,
    reader: &Arc<Reader>,
    mut pipe: Sender,
) -> Result<Vec<SheetTile>, FeedError> {
    write(&mut pipe, &plan.header).await?;
    // Boxed, or else the compiler gives up on the size of what awaits this.
    match &plan.keyframes {
        Keyframes::Listed(listed) => Box::pin(listed.feed(reader, &mut pipe)).await,
        Keyframes::Cued(cued) => Box::pin(cued.feed(reader, &mut pipe)).await,
        Keyframes::Searched(searched) => Box::pin(searched.feed(reader, &mut pipe)).await,
        Keyframes::Chunks(chunks) => Box::pin(chunks.feed(reader, &mut pipe)).await,
        Keyframes::Tags(tags) => Box::pin(tags.feed(reader, &mut pipe)).await,
    }
}

/// Writes `bytes`. Whether FFmpeg still reads: that it has closed its end is no error.
pub(super) async fn write(pipe: &mut Sender, bytes: &[u8]) -> Result<bool, FeedError> {
    match pipe.write_all(bytes).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
