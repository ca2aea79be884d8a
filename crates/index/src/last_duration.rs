//! When the last picture of a stream ends, where the file does not say: it stands as long as most.

/// The picture that is shown last is among so many that are stored last: codecs reorder over sixteen at
/// most. Fewer say nothing of their rate either.
pub const LAST: usize = 20;

/// The end of the last of the pictures that are shown at `times`, in any unit, of which a second has
/// `second`. `None` if they do not tell.
pub fn end(mut times: Vec<i64>, second: i64) -> Option<i64> {
    times.sort_unstable();
    times.dedup();
    let last = *times.last()?;
    last.checked_add(usual_step(times, second)?)
}

/// The step from one of `times` to the next: that in the middle, if they are sorted by length. `None` if
/// they are too few to tell, or if it is longer than a `second`: such pictures have no rate.
pub fn usual_step(times: impl IntoIterator<Item = i64>, second: i64) -> Option<i64> {
    let mut times = times.into_iter();
    let mut before = times.next()?;
    let steps = times.map(|time| {
        let step = time.saturating_sub(before);
        before = time;
        step
    });
    let mut steps: Vec<i64> = steps.collect();
    let middle = steps.len() / 2;
    if steps.len() + 1 < LAST {
        return None;
    }
    let (_, step, _) = steps.select_nth_unstable(middle);
    Some(*step).filter(|step| (1..=second).contains(step))
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
