//! Tables for people.

/// The rows with aligned columns, the first row being the headings. Empty cells are shown as "-".
pub fn table<R: AsRef<[String]>>(rows: &[R]) -> String {
    let columns = rows.first().map_or(0, |headings| headings.as_ref().len());
    let width = |column: usize, row: &R| row.as_ref()[column].chars().count().max(1);
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| width(column, row)).max().unwrap_or(0)).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.as_ref().iter().zip(&widths).map(|(cell, width)| {
            let cell = if cell.is_empty() { "-" } else { cell.as_str() };
            format!("{cell:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
