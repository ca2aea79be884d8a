//! Renders a sheet of the overview. Tiles are keyframes where these prove right, and exact pictures elsewhere.

mod exact_tiles;
mod keyframe_tiles;
mod logged_keyframes;
mod losses;
mod render_sheet;
mod sheet_file;
mod sheet_job;
mod sought_keyframes;

pub(crate) use self::{render_sheet::RenderedSheet, sheet_job::SheetJob};

#[cfg(test)]
pub(crate) mod tests;
