//! When the last picture of a stream ends, where the file does not say: it is shown as long as most pictures.

/// The picture that is shown last is among so many that are stored last: codecs reorder sixteen at most. Fewer do
/// not tell the frame rate either.
pub(crate) const MIN_PICTURES: usize = 20;

/// The end of the last of the pictures with these pts, in ticks of which `timescale` are a second. `None` if they do
/// not tell.
pub(crate) fn end(mut pts: Vec<i64>, timescale: i64) -> Option<i64> {
    pts.sort_unstable();
    pts.dedup();
    let last = *pts.last()?;
    last.checked_add(usual_duration(pts, timescale)?)
}

/// The median of the durations from one of `timestamps` to the next. `None` if they are too few to tell, or if it is
/// longer than a second: such pictures have no frame rate.
pub(crate) fn usual_duration(
    timestamps: impl IntoIterator<Item = i64>,
    timescale: i64,
) -> Option<i64> {
    let mut timestamps = timestamps.into_iter();
    let mut before = timestamps.next()?;
    let durations = timestamps.map(|timestamp| {
        let duration = timestamp.saturating_sub(before);
        before = timestamp;
        duration
    });
    let mut durations: Vec<i64> = durations.collect();
    let middle = durations.len() / 2;
    if durations.len() + 1 < MIN_PICTURES {
        return None;
    }
    let (_, median, _) = durations.select_nth_unstable(middle);
    Some(*median).filter(|median| (1..=timescale).contains(median))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty of them, and then these.
    fn pictures(last: &[i64]) -> Vec<i64> {
        let first = (0..20).map(|picture| picture * 40);
        first.chain(last.iter().copied()).collect()
    }

    #[test]
    fn the_last_picture_stands_as_long_as_most() {
        assert_eq!(end(pictures(&[840, 800]), 1000), Some(880));
        assert_eq!(end(pictures(&[10_000]), 1000), Some(10_040));
    }

    #[test]
    fn no_two_steps_need_be_alike() {
        let jittering = (0..100).map(|picture| picture * 3600 + picture * picture % 97);
        let last = 99 * 3600 + 99 * 99 % 97;
        let stands = end(jittering.collect(), 90_000).unwrap() - last;
        assert!((3500..3700).contains(&stands), "{stands}");
    }

    #[test]
    fn few_pictures_and_slide_shows_tell_nothing() {
        assert_eq!(end(vec![0, 40, 80, 120, 160], 1000), None);
        assert_eq!(
            end((0..100).map(|slide| slide * 5000).collect(), 1000),
            None
        );
        assert_eq!(end(Vec::new(), 1000), None);
    }
}
