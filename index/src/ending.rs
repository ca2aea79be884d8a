//! When the last picture of a stream ends, where the file does not say: it stands as long as most.

use std::collections::HashMap;

/// The picture that is shown last is among so many that are stored last: codecs reorder over sixteen at
/// most.
pub const LAST: usize = 20;

/// Fewer pictures than this say nothing of the step between them.
const FEWEST: usize = 4;

/// The end of the last of the pictures that are shown at `times`, in any unit. `None` if they are too
/// few to tell.
pub fn end(mut times: Vec<i64>) -> Option<i64> {
    times.sort_unstable();
    times.dedup();
    let last = *times.last().filter(|_| times.len() >= FEWEST)?;
    last.checked_add(usual_step(times)?)
}

/// The step from one of `times` to the next that is most common, and of several such the longest.
/// `None` if there is no step.
pub fn usual_step(times: impl IntoIterator<Item = i64>) -> Option<i64> {
    let mut counts: HashMap<i64, u32> = HashMap::new();
    let mut times = times.into_iter();
    let mut before = times.next()?;
    for time in times {
        *counts.entry(time.saturating_sub(before)).or_default() += 1;
        before = time;
    }
    let counts = counts.into_iter();
    let (step, _) = counts.max_by_key(|(step, count)| (*count, *step))?;
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_picture_stands_as_long_as_most() {
        assert_eq!(end(vec![40, 0, 120, 80, 160]), Some(200));
        assert_eq!(end(vec![0, 33, 67, 100, 1000]), Some(1033));
    }

    #[test]
    fn few_pictures_tell_nothing() {
        assert_eq!(end(vec![0, 40, 40, 80]), None);
        assert_eq!(end(Vec::new()), None);
    }
}
