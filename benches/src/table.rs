//! Tables in Markdown.

use std::fmt;

/// A column: its title, and the function for its cells, which may compare a row with the others.
pub type Column<Row> = (&'static str, fn(&Row, &[Row]) -> String);

/// A table. The first column is text, the others are numbers.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a, Row> {
    /// Left to right.
    pub columns: &'a [Column<Row>],
    /// Top to bottom.
    pub rows: &'a [Row],
}

impl<Row> fmt::Display for Table<'_, Row> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, self.columns.iter().map(|(title, _)| (*title).into()))?;
        let numbers = self.columns.iter().skip(1).map(|_| "---:".into());
        line(f, std::iter::once("---".into()).chain(numbers))?;
        for row in self.rows {
            let cells = self.columns.iter().map(|(_, cell)| cell(row, self.rows));
            line(f, cells)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: impl Iterator<Item = String>) -> fmt::Result {
    for cell in cells {
        write!(f, "| {cell} ")?;
    }
    writeln!(f, "|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_may_compare_its_row_with_the_others() {
        let table = Table::<f64> {
            columns: &[
                ("s", |row, _| format!("{row:.0}")),
                ("ratio", |row, rows| format!("{:.2}", row / rows[0])),
            ],
            rows: &[4.0, 1.0],
        };
        let expected = "| s | ratio |\n| --- | ---: |\n| 4 | 1.00 |\n| 1 | 0.25 |\n";
        assert_eq!(table.to_string(), expected);
    }
}
