//! The video track of a `moov`.

use gifgen_shared::crop::ContainerCrop;
use mp4_atom::{Mdhd, Mvhd, Tkhd, Trex};

use super::{
    boxes::{Child, children, content, none, number, one, only},
    clean_aperture,
    edits::{EditList, Edits, edits},
    tables,
};
use crate::error::IndexError;

/// Most bytes of all boxes that are copied: they go into each excerpt.
const MAX_COPIED_BYTES: usize = 64 * 1024;

/// Sample entries of encrypted media.
const ENCRYPTED: [&[u8; 4]; 2] = [b"encv", b"drmi"];

/// A video track, without its sample tables. The boxes that FFmpeg needs are copied as they are.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) timescale: u32,
    /// The duration that it claims, in ticks.
    pub(super) duration: i64,
    pub(super) edits: Option<EditList>,
    /// Whether FFmpeg only shifts by the edit list: it does if this track, or one before it, has no samples in its
    /// tables.
    pub(super) only_shifts: bool,
    /// The defaults of fragments. `None` if there can be no fragments.
    pub(super) defaults: Option<Trex>,
    /// Has the movie's rotation, and its timescale.
    pub(super) mvhd: Vec<u8>,
    /// Has the rotation, and the display size.
    pub(super) tkhd: Vec<u8>,
    /// Without the duration of the track, which FFmpeg would take for that of the last picture.
    pub(super) mdhd: Vec<u8>,
    pub(super) hdlr: Vec<u8>,
    /// Has all that the decoder needs.
    pub(super) stsd: Vec<u8>,
    /// What it cuts off its pictures.
    pub(super) crop: Option<ContainerCrop>,
}

impl Track {
    /// The track that is FFmpeg's stream `index`, and its sample tables (`stbl`), from the content of a `moov`.
    pub(super) fn parse(moov: &[u8], index: u32) -> Result<(Self, &[u8]), IndexError> {
        let mvhd = one(moov, b"mvhd")?;
        let traks = || children(moov).filter(|child| child.kind == *b"trak");
        let trak = traks().nth(index as usize);
        let trak = trak.ok_or_else(|| none("there is no such track"))?.body;

        let mdia = one(trak, b"mdia")?.body;
        let hdlr = one(mdia, b"hdlr")?;
        if hdlr.body.get(8..12) != Some(b"vide") {
            return Err(none("the track is no video"));
        }
        let mdhd = one(mdia, b"mdhd")?;
        let Mdhd {
            timescale,
            duration,
            ..
        } = content::<Mdhd>(mdhd.body)?;
        // FFmpeg takes it as signed.
        if timescale == 0 || i32::try_from(timescale).is_err() {
            return Err(none("the track has no timescale"));
        }
        let stbl = one(one(mdia, b"minf")?.body, b"stbl")?.body;
        let stsd = one(stbl, b"stsd")?;
        // A film may start with some seconds that are not encrypted, and describe both kinds of samples.
        let mut entries = stsd.body.get(8..).into_iter().flat_map(children);
        if entries.any(|entry| ENCRYPTED.contains(&&entry.kind)) {
            return Err(IndexError::Encrypted);
        }
        if number(stsd.body, 4) != Some(1) {
            return Err(none("the samples are of several kinds"));
        }
        let tkhd = one(trak, b"tkhd")?;
        let id = content::<Tkhd>(tkhd.body)?.track_id;
        let copied = [mvhd.raw, tkhd.raw, mdhd.raw, hdlr.raw, stsd.raw];
        if copied.iter().map(|copy| copy.len()).sum::<usize>() > MAX_COPIED_BYTES {
            return Err(none("the description of the track is too long"));
        }
        let (movie, defaults) = (content::<Mvhd>(mvhd.body)?.timescale, defaults(moov, id)?);
        let track = Self {
            id,
            timescale,
            duration: i64::try_from(duration).unwrap_or(i64::MAX),
            edits: edits(trak, movie, timescale, defaults.is_some())?,
            only_shifts: traks().take(index as usize + 1).any(has_no_samples),
            defaults,
            mvhd: mvhd.raw.to_vec(),
            tkhd: tkhd.raw.to_vec(),
            mdhd: without_duration(mdhd),
            hdlr: hdlr.raw.to_vec(),
            stsd: stsd.raw.to_vec(),
            crop: clean_aperture::crop(stsd.body),
        };
        Ok((track, stbl))
    }
}

impl Track {
    /// The edit list, if FFmpeg follows it.
    pub(super) fn plain_edits(&self) -> Option<Edits> {
        match self.edits {
            Some(EditList::Plain(edits)) => Some(edits),
            Some(EditList::Cuts(_)) | None => None,
        }
    }

    /// Whether the samples of `other` can follow those of this track in one stream.
    pub(super) fn is_followed_by(&self, other: &Self) -> bool {
        self.timescale == other.timescale && self.stsd == other.stsd
    }

    /// The same with `finer` times as many ticks in a second.
    pub(super) fn with_finer_ticks(&self, finer: i64) -> Option<Self> {
        let ticks = i64::from(self.timescale).checked_mul(finer)?;
        let ticks = u32::try_from(i32::try_from(ticks).ok()?).ok()?;
        let mut mdhd = self.mdhd.clone();
        // Behind the box's header, its version, and the two times of the version's length.
        let at = match mdhd.get(8)? {
            1 => 28,
            _ => 20,
        };
        mdhd.get_mut(at..at + 4)?
            .copy_from_slice(&ticks.to_be_bytes());
        Some(Self {
            timescale: ticks,
            edits: None,
            defaults: None,
            mdhd,
            mvhd: self.mvhd.clone(),
            tkhd: self.tkhd.clone(),
            hdlr: self.hdlr.clone(),
            stsd: self.stsd.clone(),
            ..*self
        })
    }
}

/// An `mdhd` that claims no duration.
fn without_duration(mdhd: Child<'_>) -> Vec<u8> {
    let length = match mdhd.body.first() {
        Some(1) => 24..32,
        _ => 16..20,
    };
    let mut raw = mdhd.raw.to_vec();
    let start = mdhd.raw.len() - mdhd.body.len();
    if let Some(length) = raw.get_mut(start + length.start..start + length.end) {
        length.fill(0);
    }
    raw
}

/// The defaults of fragments of the track `id`.
fn defaults(moov: &[u8], id: u32) -> Result<Option<Trex>, IndexError> {
    let Some(mvex) = only(moov, b"mvex")? else {
        return Ok(None);
    };
    let trex = children(mvex.body).filter(|child| child.kind == *b"trex");
    let found: Vec<Trex> = trex
        .filter(|trex| number(trex.body, 4) == Some(id))
        .map(|trex| content(trex.body))
        .collect::<Result<_, _>>()?;
    let ids = children(moov).filter_map(|child| {
        let tkhd = only(child.body, b"tkhd").ok().flatten();
        (child.kind == *b"trak").then(|| content::<Tkhd>(tkhd?.body).ok())?
    });
    if found.len() > 1 || ids.filter(|tkhd| tkhd.track_id == id).count() > 1 {
        return Err(none("several tracks have the same number"));
    }
    Ok(found.into_iter().next())
}

/// Whether a track has no samples in the `moov`.
fn has_no_samples(trak: Child<'_>) -> bool {
    let inner = |body, kind| only(body, kind).ok().flatten().map(|child| child.body);
    let stbl = inner(trak.body, b"mdia")
        .and_then(|mdia| inner(mdia, b"minf"))
        .and_then(|minf| inner(minf, b"stbl"));
    stbl.is_none_or(tables::are_empty)
}
