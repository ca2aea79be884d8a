//! The sheets of an overview in a folder, as its manifest and its receipts name them.

use std::{io, path::Path};

use gifgen_ledger::{Manifest, Receipt, Sha256};
use gifgen_shared::{JobId, OutputKeys};

use crate::regular::{is_folder, read_regular};

/// What is wrong with the sheets that `manifest` names, if they cannot be.
pub fn problem(manifest: &Manifest) -> Option<&'static str> {
    let sheets = manifest.sheets();
    if !sheets.is_sorted_by(|one, next| one.index < next.index) {
        return Some("the indexes of its sheets do not ascend");
    }
    let mut sheets = sheets.iter().filter_map(|sheet| sheet.outcome.sheet());
    let has_all = sheets.all(|outputs| {
        let images = outputs.sheet.iter();
        let mut places = images.map(|image| u64::from(image.columns) * u64::from(image.rows));
        let tiles = &outputs.tiles;
        places.all(|places| tiles.iter().all(|tile| u64::from(tile.place) < places))
    });
    (!has_all).then_some("a tile is outside of its sheet")
}

/// Reads the sheet at `url`, relative to the video's folder. If its receipt is there, it must be as that says.
///
/// # Errors
/// If it is no regular file, is too long, or differs from what the receipt says.
pub fn read_sheet(folder: &Path, manifest: &Manifest, url: &str) -> io::Result<Vec<u8>> {
    let path = folder.join(url);
    if path.parent().is_some_and(|parent| !is_folder(parent)) {
        return Err(io::Error::other("it is in no folder, or in a link to one"));
    }
    let sheet = read_regular(&path)?;
    let prefix = format!("{}/", manifest.source.key);
    let (key, keys) = (prefix.clone() + url, OutputKeys::of(&manifest.source.key));
    let mut indexes = manifest.sheets().iter().map(|sheet| sheet.index);
    let Some(index) = indexes.find(|index| keys.sheet(*index) == key) else {
        return Err(io::Error::other("the manifest does not name it"));
    };
    let receipt = keys.receipt(manifest.run, JobId::Overview(index));
    let receipt = receipt.strip_prefix(&prefix).unwrap_or(&receipt);
    let text = match read_regular(&folder.join(receipt)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(sheet),
        Err(error) => return Err(io::Error::other(format!("{receipt}: {error}"))),
    };
    let parsed: Receipt = serde_json::from_slice(&text)
        .map_err(|error| io::Error::other(format!("{receipt} makes no sense: {error}")))?;
    let recorded = parsed.objects.iter().find(|object| object.key == key);
    let is_same = recorded.is_some_and(|object| {
        let sum = object.sha256.as_ref();
        object.bytes == sheet.len() as u64 && sum.is_none_or(|sum| *sum == Sha256::of(&sheet))
    });
    if !is_same {
        let problem = format!("it is not the sheet that {receipt} names");
        return Err(io::Error::other(problem));
    }
    Ok(sheet)
}
