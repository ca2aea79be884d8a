//! HLS image playlists, by Roku's "Image Media Playlist" 0.4.
//! <https://github.com/image-media-playlist/spec>

use std::fmt::Write as _;

use crate::grid::Grid;

/// An image playlist, and the line that names it in the playlist of the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hls {
    /// The playlist of the images.
    pub images: String,
    /// The line for the multivariant playlist.
    pub stream: String,
}

/// The playlist of sheets for a film of `length` seconds. A tile has `width` × `height` pixels, all sheets together have
/// `bytes` bytes, `url` gives the address of a sheet, and `playlist` is that of the playlist itself.
pub fn hls(
    grid: &Grid,
    length: f64,
    (width, height): (u32, u32),
    bytes: u64,
    url: impl Fn(u32) -> String,
    playlist: &str,
) -> Hls {
    let sheet_seconds = grid.interval * f64::from(grid.tiles_per_sheet());
    let target = sheet_seconds.min(length).ceil().max(1.0);
    let mut images = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target:.0}\n#EXT-X-MEDIA-SEQUENCE:1\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n"
    );
    for sheet in 0..grid.sheets(length) {
        let start = f64::from(sheet) * sheet_seconds;
        let seconds = sheet_seconds.min(length - start).max(0.001);
        let slots =
            (grid.slots(length) - sheet * grid.tiles_per_sheet()).min(grid.tiles_per_sheet());
        // Roku's player shows the wrong tiles of a last sheet that claims rows which it lacks.
        let (columns, rows) = (grid.columns.min(slots), slots.div_ceil(grid.columns.max(1)));
        let (interval, url) = (grid.interval, url(sheet));
        // Writing to a string cannot fail.
        write!(
            images,
            "#EXTINF:{seconds:.3},\n\
             #EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={columns}x{rows},DURATION={interval:.3}\n{url}\n"
        )
        .ok();
    }
    images.push_str("#EXT-X-ENDLIST\n");
    let bandwidth = (bytes as f64 * 8.0 / length.max(0.001)).ceil();
    let stream = format!(
        "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH={bandwidth:.0},RESOLUTION={width}x{height},CODECS=\"jpeg\",URI=\"{playlist}\"\n"
    );
    Hls { images, stream }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sheet_claims_only_the_tiles_that_it_has() {
        let grid = Grid {
            interval: 10.0,
            columns: 10,
            rows: 10,
        };
        let url = |sheet| format!("{sheet:04}.jpg");
        let Hls { images, stream } = hls(&grid, 1125.5, (160, 90), 1_000_000, url, "images.m3u8");
        let last = "#EXTINF:125.500,\n#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=10x2,DURATION=10.000\n0001.jpg\n#EXT-X-ENDLIST\n";
        assert!(images.contains("#EXT-X-TARGETDURATION:1000\n"), "{images}");
        assert!(images.ends_with(last), "{images}");
        assert!(
            stream.contains("BANDWIDTH=7108,RESOLUTION=160x90,CODECS=\"jpeg\",URI=\"images.m3u8\""),
            "{stream}"
        );
    }
}
