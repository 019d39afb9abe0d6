//! Excel workbooks: real dates, numbers as numbers, a frozen header, and further sheets when one is full.
//!
//! Rows are written as they arrive, so memory use is constant and no other file is needed. Excel displays and
//! keeps dates to the millisecond, so the instants of trades and books are repeated as text with their
//! microseconds, in a column `ts_text`. Integers of more than 15 digits are text, since Excel would round them.

use std::io::{self, Write};

use crate::export::stamp::Stamps;
use crate::export::zip::Zip;
use crate::model::{Batch, Column, Field, Kind, Micros, Type, Values, fields};

/// Rows per sheet, including the header.
const SHEET_ROWS: u32 = 1_048_576;
/// Characters per cell.
const CELL_CHARS: usize = 32_767;
/// The largest integer that is exact in Excel.
const EXACT: u64 = 999_999_999_999_999;
/// 1970-01-01 as Excel counts days.
const EPOCH_DAYS: f64 = 25_569.0;
/// Bytes of rows written at once.
const BUFFER_BYTES: usize = 1 << 16;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
/// The parts of a workbook besides its sheets. Every other part that ends in `.xml` is a sheet.
const TYPES: &str = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
    <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
    <Default Extension=\"xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>\
    <Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
    <Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>\
    </Types>";
const RELATIONS: &str =
    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">";
const KIND_OF_RELATION: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
/// Styles of plain cells, instants, and titles.
const STYLES: &str = "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">\
    <numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss.000\"/></numFmts>\
    <fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font><font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>\
    <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
    <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
    <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
    <cellXfs count=\"3\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>\
    <xf numFmtId=\"164\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\"/>\
    <xf numFmtId=\"0\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyFont=\"1\"/></cellXfs>\
    <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const INSTANT: u8 = 1;
const TITLE: u8 = 2;

/// Writes batches of one kind as a workbook.
pub struct Xlsx<W: Write> {
    zip: Zip<W>,
    kind: Kind,
    sheets: usize,
    next_row: u32,
    sheet_rows: u32,
    stamps: Stamps,
    /// Rows not written yet.
    text: Vec<u8>,
}

impl<W: Write> Xlsx<W> {
    /// Starts a workbook in `out`.
    ///
    /// # Errors
    /// If the stream refuses more bytes.
    pub fn new(kind: Kind, out: W) -> io::Result<Self> {
        Xlsx::with_sheets_of(SHEET_ROWS, kind, out)
    }

    fn with_sheets_of(sheet_rows: u32, kind: Kind, out: W) -> io::Result<Self> {
        let (stamps, text) = (Stamps::default(), Vec::with_capacity(2 * BUFFER_BYTES));
        let mut xlsx = Xlsx { zip: Zip::new(out), kind, sheets: 0, next_row: 0, sheet_rows, stamps, text };
        xlsx.part("[Content_Types].xml", TYPES)?;
        let workbook = format!(
            "{RELATIONS}<Relationship Id=\"rId1\" Type=\"{KIND_OF_RELATION}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        );
        xlsx.part("_rels/.rels", &workbook)?;
        xlsx.part("xl/styles.xml", STYLES)?;
        xlsx.begin_sheet()?;
        Ok(xlsx)
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// If the stream cannot be written, or a text does not fit into a cell.
    pub fn write(&mut self, rows: &Batch) -> io::Result<()> {
        debug_assert_eq!(self.kind, rows.kind());
        for row in 0..rows.len() {
            if self.next_row == self.sheet_rows {
                self.end_sheet()?;
                self.begin_sheet()?;
            }
            self.row(rows, row)?;
            if self.text.len() >= BUFFER_BYTES {
                self.hand_on()?;
            }
        }
        Ok(())
    }

    /// Ends the workbook.
    ///
    /// # Errors
    /// If the stream refuses more bytes.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_sheet()?;
        let (mut sheets, mut relations) = (String::new(), RELATIONS.to_owned());
        for sheet in 1..=self.sheets {
            sheets += &format!("<sheet name=\"rows {sheet}\" sheetId=\"{sheet}\" r:id=\"rId{sheet}\"/>");
            relations += &format!(
                "<Relationship Id=\"rId{sheet}\" Type=\"{KIND_OF_RELATION}/worksheet\" Target=\"worksheets/sheet{sheet}.xml\"/>"
            );
        }
        let styles = self.sheets + 1;
        relations += &format!(
            "<Relationship Id=\"rId{styles}\" Type=\"{KIND_OF_RELATION}/styles\" Target=\"styles.xml\"/></Relationships>"
        );
        let workbook = format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{KIND_OF_RELATION}\"><sheets>{sheets}</sheets></workbook>"
        );
        self.part("xl/workbook.xml", &workbook)?;
        self.part("xl/_rels/workbook.xml.rels", &relations)?;
        self.zip.finish()
    }

    fn part(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.zip.begin(name)?;
        self.zip.write_all(HEAD.as_bytes())?;
        self.zip.write_all(text.as_bytes())
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        self.zip.begin(&format!("xl/worksheets/sheet{}.xml", self.sheets))?;
        let titles = titles(self.kind);
        let widths: String = (1..)
            .zip(&titles)
            .map(|(column, title)| {
                let width = if title.starts_with("ts") { 28 } else { 16 };
                format!("<col min=\"{column}\" max=\"{column}\" width=\"{width}\" customWidth=\"1\"/>")
            })
            .collect();
        write!(
            self.text,
            "{HEAD}<worksheet xmlns=\"{MAIN}\"><sheetViews><sheetView workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>\
             <cols>{widths}</cols><sheetData><row r=\"1\">"
        )?;
        for (column, title) in titles.iter().enumerate() {
            text_cell(&mut self.text, (1, column), title, TITLE)?;
        }
        self.text.extend_from_slice(b"</row>");
        self.next_row = 1;
        self.hand_on()
    }

    fn end_sheet(&mut self) -> io::Result<()> {
        self.text.extend_from_slice(b"</sheetData></worksheet>");
        self.hand_on()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.zip.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }

    fn row(&mut self, rows: &Batch, row: usize) -> io::Result<()> {
        let columns = || fields(self.kind).iter().zip(rows.columns());
        self.next_row += 1;
        let number = self.next_row;
        write!(self.text, "<row r=\"{number}\">")?;
        let mut at = 0;
        for (field, column) in columns() {
            if column.has(row) {
                cell(&mut self.text, (number, at), field, (column, row))?;
            }
            at += 1;
        }
        for (_, column) in columns().filter(|(field, _)| has_text(self.kind, field)) {
            if let (Values::I64(values), true) = (&column.values, column.has(row)) {
                let mut stamp = Vec::with_capacity(27);
                self.stamps.write(Micros(values[row]), &mut stamp);
                text_cell(&mut self.text, (number, at), &String::from_utf8_lossy(&stamp), 0)?;
            }
            at += 1;
        }
        self.text.extend_from_slice(b"</row>");
        Ok(())
    }
}

/// Whether to repeat instants as text: if exchanges stamp more precisely than a millisecond.
fn has_text(kind: Kind, field: &Field) -> bool {
    field.ty == Type::Time && matches!(kind, Kind::Trades | Kind::OrderBook)
}

fn titles(kind: Kind) -> Vec<String> {
    let names = fields(kind).iter().map(|field| field.name.to_owned());
    let texts = fields(kind).iter().filter(|field| has_text(kind, field));
    names.chain(texts.map(|field| format!("{}_text", field.name))).collect()
}

fn cell(
    out: &mut Vec<u8>,
    at: (u32, usize),
    field: &Field,
    (column, index): (&Column, usize),
) -> io::Result<()> {
    match &column.values {
        Values::I64(values) if field.ty == Type::Time => {
            number_cell(out, at, values[index] as f64 / 86_400e6 + EPOCH_DAYS, INSTANT)
        }
        Values::I64(values) if values[index].unsigned_abs() > EXACT => {
            text_cell(out, at, &values[index].to_string(), 0)
        }
        Values::I64(values) => number_cell(out, at, values[index] as f64, 0),
        Values::I32(values) => number_cell(out, at, f64::from(values[index]), 0),
        Values::F64(values) if values[index].is_finite() => number_cell(out, at, values[index], 0),
        Values::F64(values) => text_cell(out, at, &values[index].to_string(), 0),
        Values::Bool(values) => {
            write!(out, "<c r=\"{}{}\" t=\"b\"><v>{}</v></c>", letter(at.1), at.0, u8::from(values[index]))
        }
        Values::Text(values) => text_cell(out, at, values.get(index), 0),
    }
}

fn number_cell(out: &mut Vec<u8>, (row, column): (u32, usize), value: f64, style: u8) -> io::Result<()> {
    write!(out, "<c r=\"{}{row}\" s=\"{style}\"><v>", letter(column))?;
    // Without a decimal point readers parse integers as integers.
    match value.fract() == 0.0 && value.abs() <= EXACT as f64 {
        true => write!(out, "{value}")?,
        false => write!(out, "{value:?}")?,
    }
    out.extend_from_slice(b"</v></c>");
    Ok(())
}

fn text_cell(out: &mut Vec<u8>, (row, column): (u32, usize), text: &str, style: u8) -> io::Result<()> {
    let chars = text.chars().count();
    if chars > CELL_CHARS {
        let why = format!("a text of {chars} characters does not fit into a cell of Excel; export CSV");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let column = letter(column);
    write!(out, "<c r=\"{column}{row}\" s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">")?;
    escape(out, text)?;
    out.extend_from_slice(b"</t></is></c>");
    Ok(())
}

/// The letter of a column: no kind has more columns than there are letters.
fn letter(column: usize) -> char {
    char::from(b'A' + u8::try_from(column).unwrap_or_default())
}

/// Escapes text for XML; characters that XML cannot represent are written as Excel writes them.
fn escape(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    for (at, char) in text.char_indices() {
        match char {
            '&' => out.extend_from_slice(b"&amp;"),
            '<' => out.extend_from_slice(b"&lt;"),
            '>' => out.extend_from_slice(b"&gt;"),
            '\t' | '\n' => out.push(char as u8),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => write!(out, "_x{:04X}_", u32::from(char))?,
            '_' if looks_escaped(&text.as_bytes()[at..]) => out.extend_from_slice(b"_x005F_"),
            _ => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(())
}

/// Whether readers would take this text for an escaped character.
fn looks_escaped(text: &[u8]) -> bool {
    text.len() >= 7 && text[1] == b'x' && text[2..6].iter().all(u8::is_ascii_hexdigit) && text[6] == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FundingRate;

    fn rates(rows: i64) -> Batch {
        let mut batch = Batch::of(Kind::Funding);
        for index in 0..rows {
            let ts = Micros::from_secs(1_704_067_200 + index * 28_800);
            batch.funding_mut().push(FundingRate { ts, rate: 1e-4, mark_price: None });
        }
        batch
    }

    /// Accepts this many bytes and then fails, like a full disk.
    struct Full(usize);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rows_past_the_end_of_a_sheet_go_to_the_next_one() {
        let mut xlsx = Xlsx::with_sheets_of(4, Kind::Funding, Vec::new()).unwrap();

        xlsx.write(&rates(7)).unwrap();

        // Three rows per sheet below the header: 3, 3 and 1.
        assert_eq!((xlsx.sheets, xlsx.next_row), (3, 2));
        assert!(xlsx.finish().unwrap().starts_with(b"PK"));
    }

    #[test]
    fn a_stream_that_is_full_at_any_byte_is_an_error_and_never_a_panic() {
        let whole = |out: &mut dyn Write| {
            let mut xlsx = Xlsx::new(Kind::Funding, out)?;
            xlsx.write(&rates(3_000))?;
            xlsx.finish().map(drop)
        };
        let mut all = Vec::new();
        whole(&mut all).unwrap();
        assert!(all.len() > 10_000);
        for room in (0..all.len()).step_by(97) {
            let refused = whole(&mut Full(room)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull, "with room for {room} bytes");
        }
    }

    #[test]
    fn numbers_are_written_to_the_last_bit_and_whole_ones_without_a_point() {
        let mut out = Vec::new();
        for value in [57_600.0, 0.1 + 0.2, 1e-7, 1e300, -3.0] {
            number_cell(&mut out, (2, 1), value, 0).unwrap();
        }

        let text = String::from_utf8(out).unwrap();
        let values: Vec<&str> =
            text.split("<v>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(values, ["57600", "0.30000000000000004", "1e-7", "1e300", "-3"]);
    }

    #[test]
    fn characters_that_xml_has_none_for_are_written_as_excel_does() {
        let mut out = Vec::new();
        escape(&mut out, "a<b>&\u{1b}[0m _x001B_ \u{202e}").unwrap();

        assert_eq!(String::from_utf8(out).unwrap(), "a&lt;b&gt;&amp;_x001B_[0m _x005F_x001B_ \u{202e}");
    }
}
