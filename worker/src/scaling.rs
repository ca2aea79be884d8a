//! The filters that scale pictures.

/// How much wider than the result pictures are that are scaled in two steps. From there on the
/// first step makes at least one pixel of four; before, it would be but a blur.
const TWO_STEPS_FROM: u32 = 4;

/// The filters that scale pictures `from` pixels wide to a smaller `size`. Lanczos over all of a
/// 1080p picture costs four times as much as averages first, to twice the size, and Lanczos then;
/// and the two differ by 52 dB after the eye's blur, which a GIF's errors of 40 dB hide.
pub(crate) fn scale_down(from: u32, (width, height): (u32, u32)) -> String {
    let (middle, small) = ((2 * width, 2 * height), scale((width, height), "lanczos"));
    if from >= TWO_STEPS_FROM * width {
        format!("{},{small}", scale(middle, "area"))
    } else {
        small
    }
}

/// The filter that scales to a size, by one of FFmpeg's ways.
pub(crate) fn scale((width, height): (u32, u32), by: &str) -> String {
    format!("scale={width}:{height}:flags={by}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_four_times_as_wide_are_scaled_in_two_steps_and_others_in_one() {
        let two_steps = "scale=480:270:flags=area,scale=240:135:flags=lanczos";
        assert_eq!(scale_down(1920, (240, 135)), two_steps);
        assert_eq!(scale_down(960, (240, 135)), two_steps);
        let one_step = "scale=240:135:flags=lanczos";
        assert_eq!(scale_down(959, (240, 135)), one_step);
        assert_eq!(scale_down(480, (240, 135)), one_step);
    }
}
