//! The keyframes of an overview's sheet, by byte ranges only.
//!
//! [`plan_sheets`] says where the keyframes of each sheet are, or how they are searched. [`feed_sheet`] writes them to
//! FFmpeg as one file.

mod chunks;
mod cue_gaps;
mod cued;
mod feed_found;
mod feed_sheet;
mod fetches;
mod guess;
mod hints;
mod listed;
mod pictures;
mod plan;
mod plan_searched;
mod plan_sheets;
mod searched;
mod sheet_tile;
mod slot_search;
mod slots;
mod tags;
mod walk;

pub use feed_sheet::feed_sheet;
pub use plan::SheetPlan;
pub use plan_sheets::{has_plans_without_index, plan_sheets};
pub use sheet_tile::SheetTile;
