//! Which run a slice event belongs to.

use gifgen_ledger::{
    Ledger,
    run::{Run, SourceFacts},
};
use gifgen_shared::{
    deadline::Deadline, output_keys::OutputKeys, slice::Slice, slice_event::SliceEvent,
    source::Source,
};

use crate::{
    error::{PermanentError, SliceError},
    worker::Worker,
};

/// Which run a slice event belongs to.
pub(crate) enum Membership {
    /// This one, as this slice of it.
    Of(Box<Run>, Slice),
    /// None, since its source has no run, and none can begin with it: it names no version, or a
    /// range that is no slice. It is rendered, and nobody keeps count.
    Untracked,
}

/// Whether a run may begin with a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MayStartRun {
    /// One may.
    One,
    /// None may.
    None,
}

impl Worker {
    /// Finds the run of `event`, and begins one if its source has none in this version and `begins`
    /// says so: events can come without a splitter, from tests and scripts. Where none may begin, the
    /// source is not looked at: it may be gone, and what is there changes nothing.
    ///
    /// # Errors
    /// [`PermanentError::Superseded`] if another run is current, and what goes wrong on the way.
    pub(crate) async fn membership(
        &self,
        event: &SliceEvent,
        source: &Source,
        begins: MayStartRun,
        deadline: Deadline,
    ) -> Result<Membership, SliceError> {
        let superseded = || Err(PermanentError::Superseded(source.clone()).into());
        for _ in 0..Ledger::ATTEMPTS {
            let current = self.ledger.current_run(&source.key).await?;
            let before = current.as_ref().map(|(run, _)| run);
            if source.etag.is_none() {
                // It means whatever is there.
                return match before {
                    None => Ok(Membership::Untracked),
                    Some(run) => slice_from(run, source, event.start),
                };
            }
            if let Some(run) = before
                && run.source() == *source
            {
                // Other settings slice otherwise, in a run of their own.
                return match run.slice(&event.slice()) {
                    Some(slice) => Ok(Membership::Of(Box::new(run.clone()), slice)),
                    None => superseded(),
                };
            }
            // Which of two buckets' videos a key means is the splitter's to decide, not each slice's.
            let other = before.map(|run| &run.source.bucket);
            if other.is_some_and(|bucket| *bucket != source.bucket) {
                return superseded();
            }
            if begins == MayStartRun::None {
                return match before {
                    Some(_) => superseded(),
                    None => Ok(Membership::Untracked),
                };
            }
            let reader = self.reader(source).await?;
            let (header, length) = self.measure(&reader, deadline).await?;
            let (facts, video) = SourceFacts::of(reader.pinned(), header, length);
            let run = Run::new(facts, video, self.settings.look, before);
            let Some(slice) = run.slice(&event.slice()) else {
                return Ok(Membership::Untracked);
            };
            if self.ledger.begin(&run, current.as_ref()).await? {
                return Ok(Membership::Of(Box::new(run), slice));
            }
        }
        Err(self
            .ledger
            .contended(OutputKeys::of(&source.key).run())
            .into())
    }
}

/// The slice of `run` that starts at second `start`, for an event that names no version: the AWS
/// sample counts ends otherwise. Anything else would be written over what the run keeps count of.
fn slice_from(run: &Run, source: &Source, start: u32) -> Result<Membership, SliceError> {
    let mut slices = run.plan().into_iter();
    match slices.find(|slice| slice.start == start) {
        Some(slice) if run.source.bucket == source.bucket => {
            Ok(Membership::Of(Box::new(run.clone()), slice))
        }
        _ => Err(PermanentError::NoSlice {
            of: source.clone(),
            start,
            run: run.run,
        }
        .into()),
    }
}
