//! Feeds keyframes of which it is known where they start, but not how long they are: each one is read, and proves to be a
//! keyframe or not.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::net::unix::pipe::Sender;

use super::{feed_sheet::write, fetches::concurrent, sheet_tile::SheetTile};
use crate::feed::FeedError;

/// Awaits `reads`, of up to `longest` bytes each, several at once and in order, writes what `keyframe` makes of each, and
/// says which tiles there are. A tile without a keyframe is exact. `unread` has the tiles of `reads` as they are if FFmpeg
/// closes its end before it has seen them.
///
/// `keyframe` gets the unread tile, what was read, and how many keyframes were written before.
///
/// # Errors
/// If the source cannot be read.
pub(super) async fn feed_found<T>(
    reads: Vec<impl Future<Output = Result<Option<T>, FeedError>>>,
    longest: u64,
    unread: Vec<SheetTile>,
    pipe: &mut Sender,
    mut keyframe: impl FnMut(SheetTile, T, usize) -> Option<(SheetTile, Vec<u8>)>,
) -> Result<Vec<SheetTile>, FeedError> {
    let mut reads = stream::iter(reads).buffered(concurrent(longest));
    let mut unread = unread.into_iter();
    let (mut fed, mut tiles, mut is_open) = (0, Vec::new(), true);
    while is_open && let Some(found) = reads.try_next().await? {
        let Some(tile) = unread.next() else {
            break;
        };
        match found.and_then(|found| keyframe(tile, found, fed)) {
            Some((tile, written)) => {
                is_open = write(pipe, &written).await?;
                fed += 1;
                tiles.push(tile);
            }
            None => tiles.push(SheetTile::exact(tile.slot)),
        }
    }
    tiles.extend(unread);
    Ok(tiles)
}
