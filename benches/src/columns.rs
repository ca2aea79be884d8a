//! The columns of the two tables. `README.md` explains them.

use crate::{
    previews::PreviewTotals, quality::Quality, rounds::cores, run::Run, table::Column,
    variant::Variant,
};

/// Columns of `whole_video`. The other rows are compared with the first.
pub const WHOLE_VIDEO: &[Column<Variant>] = &[
    ("variant", |row, _| row.name.clone()),
    ("wall s", |row, _| {
        format!("{:.1}", row.median(Run::wall_seconds))
    }),
    ("CPU s", |row, _| {
        format!("{:.1}", row.median(Run::cpu_seconds))
    }),
    ("wall ratio", |row, rows| {
        ratio(row, rows.first(), Run::wall_seconds)
    }),
    ("CPU ratio", |row, rows| {
        ratio(row, rows.first(), Run::cpu_seconds)
    }),
    ("wall × cores ÷ CPU", |row, _| {
        let cores = f64::from(cores());
        let idle = row.median(|run| run.wall_seconds() * cores / run.cpu_seconds());
        format!("{idle:.2}")
    }),
    ("GIFs", |row, _| row.last().previews.gifs.to_string()),
    ("MB", |row, _| megabytes(row.last().previews.gif_bytes)),
    ("JPGs", |row, _| row.last().previews.jpgs.to_string()),
    ("MB", |row, _| megabytes(row.last().previews.jpg_bytes)),
];

/// A row of `rendering`.
#[derive(Clone, Debug)]
pub struct RenderingRow {
    /// The method, and its runs.
    pub variant: Variant,
    /// Peak memory in bytes; `None` if the system does not tell.
    pub peak_memory: Option<u64>,
    /// Quality of the GIF, if there is one.
    pub quality: Option<Quality>,
}

/// Columns of `rendering`. The first row is the AWS sample; the last one only decodes.
pub const RENDERING: &[Column<RenderingRow>] = &[
    ("variant", |row, _| row.variant.name.clone()),
    ("CPU s", |row, _| {
        format!("{:.2}", row.variant.median(Run::cpu_seconds))
    }),
    ("wall s", |row, _| {
        format!("{:.2}", row.variant.median(Run::wall_seconds))
    }),
    ("CPU ÷ sample", |row, rows| {
        let sample = rows.first().map(|row| &row.variant);
        ratio(&row.variant, sample, Run::cpu_seconds)
    }),
    ("CPU ÷ decode", |row, rows| {
        let decode = rows.last().map(|row| &row.variant);
        ratio(&row.variant, decode, Run::cpu_seconds)
    }),
    ("peak MB", |row, _| {
        or_dash(row.peak_memory, |bytes| {
            format!("{:.0}", bytes as f64 / 1e6)
        })
    }),
    ("GIF MB", |row, _| {
        preview_megabytes(row, |previews| previews.gif_bytes)
    }),
    ("JPG MB", |row, _| {
        preview_megabytes(row, |previews| previews.jpg_bytes)
    }),
    ("SSIM", |row, _| quality(row, |q| format!("{:.4}", q.ssim))),
    ("PSNR", |row, _| quality(row, |q| format!("{:.1}", q.psnr))),
    ("blurred SSIM", |row, _| {
        quality(row, |q| format!("{:.4}", q.blurred_ssim))
    }),
    ("blurred PSNR", |row, _| {
        quality(row, |q| format!("{:.1}", q.blurred_psnr))
    }),
];

fn ratio(row: &Variant, base: Option<&Variant>, value: fn(&Run) -> f64) -> String {
    or_dash(base, |base| format!("{:.2}", row.ratio_to(base, value)))
}

fn preview_megabytes(row: &RenderingRow, bytes: fn(PreviewTotals) -> u64) -> String {
    let bytes = Some(bytes(row.variant.last().previews)).filter(|bytes| *bytes > 0);
    or_dash(bytes, |bytes| format!("{:.2}", bytes as f64 / 1e6))
}

fn quality(row: &RenderingRow, text: fn(Quality) -> String) -> String {
    or_dash(row.quality, text)
}

fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".into(), text)
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::table::Table;

    fn row(name: &str, cpu: u64) -> RenderingRow {
        let mut variant = Variant::new(name);
        variant.runs.push(Run {
            wall: Duration::from_secs(1),
            cpu: Duration::from_secs(cpu),
            ..Run::default()
        });
        RenderingRow {
            variant,
            peak_memory: Some(7_000_000),
            quality: None,
        }
    }

    #[test]
    fn renderings_are_compared_with_the_first_row_and_with_the_last() {
        let rows = [row("sample", 8), row("ours", 4), row("decode only", 2)];
        let table = Table {
            columns: RENDERING,
            rows: &rows,
        };
        let expected = "| ours | 4.00 | 1.00 | 0.50 | 2.00 | 7 | – | – | – | – | – | – |";
        assert_eq!(table.to_string().lines().nth(3), Some(expected));
    }
}
