//! When the last picture of a stream ends, by the times of the pictures near its end.

/// Fewer pictures than this say nothing of the step between them.
const FEWEST: usize = 4;

/// The end of the last picture, of pictures that are shown at `times`, in any unit: it stands as long
/// as most others. `None` if they are too few to tell.
pub fn end(mut times: Vec<i64>) -> Option<i64> {
    times.sort_unstable();
    times.dedup();
    let mut steps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if times.len() < FEWEST {
        return None;
    }
    steps.sort_unstable();
    let step = steps.get(steps.len() / 2)?;
    times.last()?.checked_add(*step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_picture_stands_as_long_as_most() {
        assert_eq!(end(vec![40, 0, 120, 80, 160]), Some(200));
        assert_eq!(end(vec![0, 33, 67, 100, 1000]), Some(1034));
    }

    #[test]
    fn few_pictures_tell_nothing() {
        assert_eq!(end(vec![0, 40, 40, 80]), None);
        assert_eq!(end(Vec::new()), None);
    }
}
