//! HLS image playlists, by "Image Media Playlist for HLS" 0.4 of Disney, Roku and WarnerMedia.
//! <https://github.com/image-media-playlist/spec>

use std::fmt::Write as _;

use crate::grid::Grid;

/// A sheet of the playlist.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Image {
    /// Its address, relative to the playlist.
    pub(crate) url: String,
    /// Seconds that it lasts.
    pub(crate) seconds: f64,
    /// Its length in bytes.
    pub(crate) bytes: u64,
}

/// The playlist of these sheets. A tile has `width` × `height` pixels.
///
/// All sheets have the same layout. Roku shows the wrong tiles of a sheet that lacks rows which it claims, and Shaka
/// takes the layout of the first sheet for the size of all. So the last sheet is whole, and its duration says where it
/// ends.
pub(crate) fn playlist(grid: &Grid, (width, height): (u32, u32), images: &[Image]) -> String {
    let longest = images.iter().map(|image| image.seconds).fold(1.0, f64::max);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{:.0}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-IMAGES-ONLY\n",
        longest.ceil()
    );
    let Grid {
        interval,
        columns,
        rows,
    } = grid;
    for Image { url, seconds, .. } in images {
        // Writing to a string cannot fail.
        write!(
            text,
            "#EXTINF:{seconds:.3},\n\
             #EXT-X-TILES:RESOLUTION={width}x{height},LAYOUT={columns}x{rows},DURATION={interval}\n{url}\n"
        )
        .ok();
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// A multivariant playlist that has only the line for a film's own one. `playlist` is the address of the image playlist.
pub(crate) fn stream((width, height): (u32, u32), images: &[Image], playlist: &str) -> String {
    let bandwidth = bandwidth(images.iter().map(|image| (image.bytes, image.seconds)));
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n\
         #EXT-X-IMAGE-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION={width}x{height},CODECS=\"jpeg\",URI=\"{playlist}\"\n"
    )
}

/// Highest bit rate of these sheets, each with its bytes and seconds.
pub(crate) fn bandwidth(sheets: impl Iterator<Item = (u64, f64)>) -> u64 {
    let rate = |(bytes, seconds): (u64, f64)| (bytes as f64 * 8.0 / seconds.max(0.001)).ceil();
    sheets.map(rate).fold(1.0, f64::max) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Vec<Image> {
        let grid = Grid::fitting(10, 1125.5);
        let image = |(sheet, seconds): (usize, f64)| Image {
            url: format!("{sheet:04}.jpg"),
            seconds,
            bytes: 100_000,
        };
        grid.durations(1125.5).enumerate().map(image).collect()
    }

    #[test]
    fn the_last_sheet_has_the_layout_of_all_and_ends_with_the_film() {
        let text = playlist(&Grid::fitting(10, 1125.5), (160, 90), &images());
        let last = "#EXTINF:125.500,\n#EXT-X-TILES:RESOLUTION=160x90,LAYOUT=10x10,DURATION=10\n0001.jpg\n#EXT-X-ENDLIST\n";
        assert!(text.contains("#EXT-X-TARGETDURATION:1000\n"), "{text}");
        assert!(text.ends_with(last), "{text}");
    }

    #[test]
    fn the_bandwidth_is_that_of_the_heaviest_sheet() {
        let text = stream((160, 90), &images(), "overview.m3u8");
        let line = "#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=6375,RESOLUTION=160x90,CODECS=\"jpeg\",URI=\"overview.m3u8\"\n";
        assert!(text.ends_with(line), "{text}");
    }
}
