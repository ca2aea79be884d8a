//! Progress bar on a terminal.

use std::{fmt::Write, time::Duration};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// Shows the number of finished slices and sheets, their rate and the remaining time.
#[derive(Debug)]
pub struct Progress(ProgressBar);

const SPLITTING: &str = "{spinner} looking at the video {elapsed}";
const RENDERING: &str = "{spinner} {wide_bar} {pos}/{len} jobs, {rate}, {left} left";

impl Progress {
    /// Shows the bar on standard error, if that is a terminal.
    pub fn show() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style(SPLITTING));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub fn add(&self, jobs: u64) {
        if self.0.length() == Some(0) {
            self.0.set_style(style(RENDERING));
            self.0.reset_eta();
        }
        self.0.inc_length(jobs);
    }

    /// Counts one job as finished.
    pub fn advance(&self) {
        self.0.inc(1);
    }

    /// Stops the bar and leaves its last state visible.
    pub fn finish(&self) {
        self.0.abandon();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
            // A failed write only leaves text out of the bar.
            write!(text, "{:.1}/s", state.per_sec()).ok();
        })
        .with_key("left", |state: &ProgressState, text: &mut dyn Write| {
            match state.pos() {
                // No rate is known before the first job is finished.
                0 => write!(text, "?").ok(),
                _ => write!(text, "{:#}", HumanDuration(state.eta())).ok(),
            };
        })
}
