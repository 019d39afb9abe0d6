//! Tables of commands. Programs that read a pipe get fixed columns, whatever the cells hold; on a terminal, columns are
//! as wide as their cells and wrap where the whole would not fit.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Row, TableStyle, presets};

use crate::cli::output::Output;
use crate::model::escaped;

/// A column: its head, and how it stands in a pipe.
#[derive(Clone)]
pub(crate) struct Column {
    head: String,
    width: usize,
    is_right: bool,
    /// Spaces before it.
    gap: usize,
}

impl Column {
    /// Text, padded to a width in a pipe.
    pub(crate) fn left(head: &str, width: usize) -> Self {
        Column { head: head.to_owned(), width, is_right: false, gap: 1 }
    }

    /// Times, with their zone in the head.
    pub(crate) fn time(head: &str, width: usize, zone: &str) -> Self {
        let head = format!("{head} ({zone})");
        Column::left(&head, width.max(head.chars().count()))
    }

    /// Figures, padded to a width in a pipe.
    pub(crate) fn right(head: &str, width: usize) -> Self {
        Column { is_right: true, ..Column::left(head, width) }
    }

    /// The same with two spaces before it.
    pub(crate) fn apart(self) -> Self {
        Column { gap: 2, ..self }
    }

    fn padded(&self, cell: &str) -> String {
        let width = self.width;
        if self.is_right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
    }
}

/// Rows under heads. A row may have fewer cells than there are columns, and a note at its end.
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<(Vec<String>, String)>,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Table { columns: columns.into(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl Into<Vec<String>>) {
        self.noted(cells, String::new());
    }

    /// A row with a note, which in a pipe follows the cells as it is.
    pub(crate) fn noted(&mut self, cells: impl Into<Vec<String>>, note: String) {
        let cells = cells.into().iter().map(|cell| escaped(cell).into_owned()).collect();
        self.rows.push((cells, note));
    }

    pub(crate) fn print(&self, out: &mut Output) {
        let lines = match out.width() {
            Some(width) => self.fitted(width),
            None => self.fixed(),
        };
        lines.iter().for_each(|line| out.line(line));
    }

    /// Columns of their own widths; what is longer moves the rest of its row.
    fn fixed(&self) -> Vec<String> {
        let heads: Vec<String> = self.columns.iter().map(|column| column.head.clone()).collect();
        let head = self.joined(&heads);
        let rule = "-".repeat(head.chars().count());
        let rows = self.rows.iter().map(|(cells, note)| (self.joined(cells) + note).trim_end().to_owned());
        [head.trim_end().to_owned(), rule].into_iter().chain(rows).collect()
    }

    fn joined(&self, cells: &[String]) -> String {
        let mut line = String::new();
        for (number, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            line.push_str(&" ".repeat(if number == 0 { 0 } else { column.gap }));
            line.push_str(&column.padded(cell));
        }
        line
    }

    /// No line is longer than the terminal is wide, as far as there is room for a letter a column.
    fn fitted(&self, width: u16) -> Vec<String> {
        let is_noted = self.rows.iter().any(|(_, note)| !note.is_empty());
        let notes = is_noted.then(|| Column::left("", 0).apart());
        let columns: Vec<&Column> = self.columns.iter().chain(&notes).collect();
        let mut table = comfy_table::Table::new();
        table.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        table.set_header(columns.iter().map(|column| column.head.as_str()));
        for (cells, note) in &self.rows {
            let mut row = Row::from(cells);
            (cells.len()..self.columns.len()).for_each(|_| {
                row.add_cell("".into());
            });
            if is_noted {
                row.add_cell(note.trim_start().into());
            }
            table.add_row(row);
        }
        for (number, (own, column)) in table.column_iter_mut().zip(columns).enumerate() {
            own.set_padding((u16::from(number > 0) * 2, 0));
            own.set_cell_alignment(if column.is_right { CellAlignment::Right } else { CellAlignment::Left });
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

/// A rule below the heads, and nothing else.
const RULED: TableStyle = presets::NOTHING.header_separator(LineStyle::none().fill('-'));

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new([
            Column::left("series", 8),
            Column::right("rows", 6),
            Column::left("state", 0).apart(),
        ]);
        table.row(["binance/BTC-USDT".to_owned(), "12".to_owned(), "every request was refused".to_owned()]);
        table.noted(["okx".to_owned()], " 2 file(s) not counted".to_owned());
        table
    }

    #[test]
    fn a_pipe_gets_columns_of_fixed_widths_whatever_the_cells_hold() {
        assert_eq!(
            table().fixed(),
            [
                "series     rows  state",
                "----------------------",
                "binance/BTC-USDT     12  every request was refused",
                "okx      2 file(s) not counted",
            ]
        );
    }

    #[test]
    fn a_terminal_gets_columns_as_wide_as_their_cells_and_no_line_longer_than_it_is_wide() {
        let wide = table().fitted(120);
        assert_eq!(wide[0], "series            rows  state");
        assert_eq!(wide[2], "binance/BTC-USDT    12  every request was refused");
        assert_eq!(wide[3].split_whitespace().collect::<Vec<_>>().join(" "), "okx 2 file(s) not counted");

        for width in [50, 40, 30] {
            let lines = table().fitted(width);
            assert!(lines.iter().all(|line| line.chars().count() <= width.into()), "{width}: {lines:#?}");
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
            assert!(["rows", "12", "refused", "okx"].iter().all(|word| words.contains(word)), "{lines:#?}");
        }
    }

    #[test]
    fn what_would_drive_the_terminal_is_as_wide_as_it_is_shown() {
        let mut table = Table::new([Column::left("a", 0), Column::left("b", 0)]);
        table.row(["\u{1b}[2J".to_owned(), "x".to_owned()]);
        assert_eq!(table.fitted(80)[2], "\\u{1b}[2J  x");
    }
}
