//! Plans the sheets of a source.

use std::sync::Arc;

use gifgen_reader::BlockCache;
use gifgen_shared::{
    VideoStream,
    overview::{Sheet, tiles},
    video_stream::FROM_BEGINNING,
};

use super::{
    chunks, cue_gaps, cued, listed, plan::SheetPlan, plan_searched, sheet_tile::rounded, tags,
};
use crate::{
    container_index::{Container, ContainerIndex},
    error::IndexError,
    mp4::Mp4Index,
};

/// Containers whose keyframes are listed, without an index of where all pictures are: FFmpeg's names.
const AVI: &str = "avi";
const FLV: &str = "flv";

/// Whether a source in `container` may have plans although there is no index of it.
pub fn has_plans_without_index(container: &str) -> bool {
    [AVI, FLV].contains(&container)
}

/// Where the keyframes of each of `sheets` are, in a film of `length` seconds. The sheets are all of a film, or some,
/// with one interval. `index` is that of the source, if it has been read; a film with a timeline needs one that knows
/// it. `None` stands for a sheet of which FFmpeg cannot be given keyframes, so that all its tiles are exact.
///
/// # Errors
/// If the source cannot be read, or not all of it can be shown.
pub async fn plan_sheets(
    blocks: &Arc<BlockCache>,
    container: &str,
    video: &VideoStream,
    index: Option<&ContainerIndex>,
    length: f64,
    sheets: &[Sheet],
) -> Result<Vec<Option<SheetPlan>>, IndexError> {
    let none = || sheets.iter().map(|_| None).collect();
    if video.hidden_keyframes || video.seek_margin == FROM_BEGINNING || sheets.is_empty() {
        return Ok(none());
    }
    match Box::pin(plans(blocks, container, video, index, length, sheets)).await {
        Err(IndexError::None(_) | IndexError::Backwards) => Ok(none()),
        planned => planned,
    }
}

async fn plans(
    blocks: &Arc<BlockCache>,
    container: &str,
    video: &VideoStream,
    index: Option<&ContainerIndex>,
    length: f64,
    sheets: &[Sheet],
) -> Result<Vec<Option<SheetPlan>>, IndexError> {
    match container {
        AVI => return Ok(Box::pin(chunks::plan(blocks, video, length, sheets)).await?),
        FLV => return Ok(Box::pin(tags::plan(blocks, video, length, sheets)).await?),
        _ => {}
    }
    let read;
    let index = match index {
        Some(index) => index,
        None => {
            read = ContainerIndex::read(Arc::clone(blocks), container, *video).await?;
            &read
        }
    };
    let video = index.video();
    match index.container() {
        Container::Mov(index) => Ok(in_mp4(index, video.start_time, length, sheets)),
        Container::Matroska(head) => {
            let reader = blocks.reader();
            let are_enough = cue_gaps::are_enough(reader, head, &video, length, sheets);
            Ok(if Box::pin(are_enough).await? {
                cued::plan(head, &video, length, sheets)
            } else {
                plan_searched::in_matroska(head, &video, length, sheets)
            })
        }
        Container::MpegTs(stream) => {
            Box::pin(plan_searched::in_transport_stream(
                blocks, stream, &video, length, sheets,
            ))
            .await
        }
    }
}

fn in_mp4(
    index: &Mp4Index,
    start_time: f64,
    length: f64,
    sheets: &[Sheet],
) -> Vec<Option<SheetPlan>> {
    let (Some(keyframes), Some(first)) = (index.keyframes(), sheets.first()) else {
        return sheets.iter().map(|_| None).collect();
    };
    let keyframes = keyframes.map(|(at, keyframe)| (rounded(at), keyframe));
    let shown = keyframes.filter(|(at, _)| *at >= 0.0);
    let tiles = tiles(length, first.interval, shown);
    let plans = sheets
        .iter()
        .map(|sheet| listed::plan(index, start_time, sheet, &tiles));
    plans.collect()
}
