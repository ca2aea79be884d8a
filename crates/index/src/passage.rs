//! What happens to the bytes of an excerpt on their way to FFmpeg: those of a transport stream are watched, or given
//! the times of the film. All others pass as they are.

use std::borrow::Cow;

use crate::{
    excerpt::Excerpt,
    mpegts::{
        retime::{Packets, Retimer},
        watch::Watch,
    },
};

/// The way of the bytes of one excerpt.
#[derive(Debug)]
pub(crate) struct Passage<'a> {
    packets: Option<&'a Packets>,
    watch: Option<Watch>,
    retimer: Option<Retimer<'a>>,
}

impl<'a> Passage<'a> {
    pub(crate) fn of(excerpt: &'a Excerpt) -> Self {
        Self {
            packets: excerpt.packets.as_ref(),
            watch: None,
            retimer: None,
        }
    }

    /// Starts with the bytes from `offset` on. `before` is what FFmpeg gets first: the bytes from the keyframe to
    /// there, which have the times of the film already.
    pub(crate) fn start(&mut self, offset: u64, before: &[u8]) {
        let Some(packets) = self.packets else { return };
        if packets.pieces.is_empty() {
            let mut watch = Watch::new(packets, offset.saturating_sub(before.len() as u64));
            watch.push(before);
            self.watch = Some(watch);
        } else {
            self.retimer = Some(Retimer::new(packets, offset));
        }
    }

    /// The next `bytes`, as FFmpeg gets them.
    pub(crate) fn pass<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if let Some(watch) = &mut self.watch {
            watch.push(bytes);
        }
        match &mut self.retimer {
            Some(retimer) => Cow::Owned(retimer.push(bytes)),
            None => Cow::Borrowed(bytes),
        }
    }

    /// Where another recording starts in what has passed, if the splitter has not noticed it.
    pub(crate) fn joint(&self) -> Option<u64> {
        self.watch.as_ref()?.joint()
    }
}
