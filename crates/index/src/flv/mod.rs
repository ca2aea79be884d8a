//! Flash video: what its start says, and the tags of keyframes.

mod head;
mod keyframe_tag;
mod metadata;

pub(crate) use head::{FlvCodec, FlvHead};
pub(crate) use keyframe_tag::{SIZE_BYTES, TAG_BYTES, Tag, changes_setup, keyframe_tag};
pub(crate) use metadata::ListedKeyframe;
