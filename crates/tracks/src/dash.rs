//! A DASH adaptation set of thumbnails, by the DASH-IF's interoperability points (6.2.6, "Tiles of thumbnail images").
//! <https://dashif.org/docs/DASH-IF-IOP-v4.3.pdf>

use crate::grid::Grid;

/// A presentation that has only thumbnails, for a film of `length` seconds. A tile has `width` × `height` pixels,
/// `bandwidth` is the highest bit rate of a sheet, and `media` is the address of a sheet with `$Number%04d$` for its
/// number, from zero.
pub(crate) fn dash(
    grid: &Grid,
    length: f64,
    (width, height): (u32, u32),
    bandwidth: u64,
    media: &str,
) -> String {
    let Grid { columns, rows, .. } = grid;
    let seconds = grid.sheet_seconds();
    let (width, height) = (width * columns, height * rows);
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011" mediaPresentationDuration="PT{length:.3}S" minBufferTime="PT2S">
  <Period id="0" start="PT0S">
    <AdaptationSet id="1" contentType="image" mimeType="image/jpeg">
      <SegmentTemplate media="{media}" duration="{seconds:.0}" timescale="1" startNumber="0"/>
      <Representation id="thumbnails" bandwidth="{bandwidth}" width="{width}" height="{height}">
        <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" value="{columns}x{rows}"/>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_a_segment() {
        let grid = Grid::fitting(10, 1125.5);
        let text = dash(&grid, 1125.5, (160, 90), 7_109, "$Number%04d$.jpg");
        assert!(
            text.contains(r#"media="$Number%04d$.jpg" duration="1000""#),
            "{text}"
        );
        assert!(text.contains(r#"width="1600" height="900""#) && text.contains(r#"value="10x10""#));
        assert!(text.contains(r#"mediaPresentationDuration="PT1125.500S""#));
    }
}
