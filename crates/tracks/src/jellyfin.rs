//! Jellyfin's trickplay folders, as its server writes and imports them since 10.10 (`TrickplayManager.cs`).
//!
//! A folder says the width of a tile and the shape of a sheet, nothing more. The time between tiles is a setting of the
//! server, and so are width and shape: a server looks only into the folder that its own settings name.

use crate::{grid::Grid, storyboard::Storyboard};

/// Seconds between two tiles, unless the server is set otherwise (`TrickplayOptions.cs`: 10,000 ms).
const INTERVAL: u32 = 10;

/// The grid of a server with its defaults. All sheets are whole, because the server divides the height of a sheet by
/// the number of its rows.
pub(crate) const GRID: Grid = Grid {
    interval: INTERVAL,
    columns: Grid::COLUMNS,
    rows: Grid::ROWS,
};

/// The name of the folder.
pub(crate) fn folder(storyboard: &Storyboard) -> String {
    let (width, columns, rows) = (storyboard.width, GRID.columns, GRID.rows);
    format!("{width} - {columns}x{rows}")
}
