//! How fast rows of one or many series are read in the order of time, against reading the same files bare with the
//! Parquet library, and how much memory that takes.
//!
//! Each measurement is a process of its own, so that its highest resident memory is its own too.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dccd::engine::read::{ReadRequest, read};
use dccd::export::rows::{RowFormat, RowTable, RowWriter};
use dccd::model::{Batch, Candle, Kind, Micros, Series, Side, Trade, fields};
use dccd::store::{Accepted, Layout, Store, StoreSettings, Writer};
use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader, SerializedFileReader};

const ROWS: i64 = 10_000_000;
const CASES: [(&str, Kind, i64); 4] = [
    ("trades of 1 series", Kind::Trades, 1),
    ("candles of 5 series", Kind::Ohlc, 5),
    ("candles of 50 series", Kind::Ohlc, 50),
    ("candles of 1 000 series", Kind::Ohlc, 1_000),
];
const MOST_MIB: f64 = 64.0;
const LEAST_SHARE: f64 = 0.5;
const MINUTE: i64 = 60_000_000;
/// Rows decoded at once by the bare reader.
const BARE_ROWS: usize = 8_192;

pub(crate) fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, _, how, case, folder] = &args[..] {
        let case: usize = case.parse().expect("a case");
        return measure(how, CASES[case].1, Path::new(folder));
    }
    for (number, (name, kind, count)) in CASES.into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), kind, count);
        let (bare, _) = apart("bare", number, folder.path());
        let (ours, mib) = apart("rows", number, folder.path());
        let met = if ours / bare >= LEAST_SHARE && mib <= MOST_MIB { "met" } else { "missed" };
        println!(
            "{name:<24} bare {:.1} M rows/s, in order {:.1} M rows/s ({:.2} of it), {mib:.0} MiB \
             (at least {LEAST_SHARE}, at most {MOST_MIB} MiB: {met})",
            bare / 1e6,
            ours / 1e6,
            ours / bare
        );
        for format in RowFormat::ALL.iter().filter(|_| number < 2) {
            let (rate, mib) = apart(format.name(), number, folder.path());
            println!("{:<24} as {:<7} {:.1} M rows/s, {mib:.0} MiB", "", format.name(), rate / 1e6);
        }
    }
}

/// Measures in a process of its own: the median rate of three, and the highest memory in MiB.
fn apart(how: &str, case: usize, folder: &Path) -> (f64, f64) {
    let run = || {
        let program = std::env::current_exe().expect("this program");
        let case = case.to_string();
        let ran = Command::new(program).args(["read", how, &case]).arg(folder).output().expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let text = String::from_utf8(ran.stdout).expect("figures");
        let (rate, mib) = text.trim().split_once(' ').expect("two figures");
        (rate.parse::<f64>().expect("a rate"), mib.parse::<f64>().expect("a size"))
    };
    let runs = [run(), run(), run()];
    let most = runs.iter().map(|run| run.1).fold(0.0, f64::max);
    (crate::common::median(runs.iter().map(|run| run.0).collect()), most)
}

fn measure(how: &str, kind: Kind, folder: &Path) {
    let layout = Layout::new(folder);
    let series = layout.series();
    let began = Instant::now();
    let rows = match how {
        "bare" => series.iter().map(|series| bare(&layout.folder(series))).sum(),
        "rows" => in_order(folder, series, kind, None),
        name => {
            let format = RowFormat::ALL.into_iter().find(|format| format.name() == name);
            in_order(folder, series, kind, format)
        }
    };
    assert_eq!(rows, ROWS as u64);
    let rate = rows as f64 / began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the highest memory");
    let kib: f64 = most.trim().trim_end_matches(" kB").parse().expect("a size");
    println!("{rate} {}", kib / 1_024.0);
}

fn in_order(folder: &Path, series: Vec<Series>, kind: Kind, format: Option<RowFormat>) -> u64 {
    let columns = (0..fields(kind).len()).collect();
    let request = ReadRequest { series, from: None, until: None, columns, limit: None };
    let mut rows = read(folder, &request).expect("a state");
    let table = RowTable::of(&request.series, &request.columns);
    let mut writer =
        format.map(|format| RowWriter::new(io::sink(), format, table).expect("nothing refuses it"));
    let mut read = 0;
    while let Some(run) = rows.next_run().expect("whole files") {
        read += run.rows.len() as u64;
        match &mut writer {
            Some(writer) => writer.write(&run).expect("nothing refuses it"),
            None => drop(black_box(run)),
        }
    }
    if let Some(writer) = writer {
        writer.finish().expect("nothing refuses it");
    }
    read
}

/// Decodes every column of every file in a folder.
fn bare(folder: &Path) -> u64 {
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let file = SerializedFileReader::new(File::open(&path).expect("a file")).expect("a Parquet file");
        for index in 0..file.num_row_groups() {
            let group = file.get_row_group(index).expect("a row group");
            let rows = usize::try_from(group.metadata().num_rows()).expect("a number");
            for column in 0..group.num_columns() {
                decode(group.get_column_reader(column).expect("a column"), rows);
            }
            read += rows as u64;
        }
    }
    read
}

fn decode(reader: ColumnReader, rows: usize) {
    macro_rules! decode {
        ($reader:expr) => {{
            let (mut reader, mut done) = ($reader, 0);
            while done < rows {
                let (mut values, mut levels) = (Vec::new(), Vec::new());
                let read = reader.read_records(BARE_ROWS, Some(&mut levels), None, &mut values);
                done += read.expect("whole pages").0;
                black_box((values, levels));
            }
        }};
    }
    match reader {
        ColumnReader::Int64ColumnReader(reader) => decode!(reader),
        ColumnReader::Int32ColumnReader(reader) => decode!(reader),
        ColumnReader::DoubleColumnReader(reader) => decode!(reader),
        ColumnReader::BoolColumnReader(reader) => decode!(reader),
        ColumnReader::ByteArrayColumnReader(reader) => decode!(reader),
        _ => unreachable!("no kind has such a column"),
    }
}

fn write(folder: &Path, kind: Kind, count: i64) {
    let (store, _) =
        Store::open(&Layout::new(folder), StoreSettings::of(7, crate::common::BEGIN)).expect("a data path");
    for number in 0..count {
        let name = match kind {
            Kind::Trades => format!("binance/C{number}-USDT/trades"),
            _ => format!("binance/C{number}-USDT/ohlc/1m"),
        };
        let (writer, _) = store.writer(&name.parse().expect("a series")).expect("a writer");
        let rows = ROWS / count;
        for first in (0..rows).step_by(200_000) {
            accept(&writer, kind, first..rows.min(first + 200_000), number);
            writer.flush().expect("it is published");
        }
    }
}

fn accept(writer: &Writer, kind: Kind, numbers: std::ops::Range<i64>, series: i64) {
    let mut rows = Batch::of(kind);
    for number in numbers {
        let odd = (number * 2_654_435 + series * 97) % 1_000_003;
        let price = 60_000.0 + odd as f64 / 100.0;
        match kind {
            Kind::Trades => rows.trades_mut().push(Trade {
                ts: Micros(crate::common::BEGIN.0 + number * 86_400 + odd % 1_000),
                ts_recv: None,
                id: Some(&(3_000_000_000 + number).to_string()),
                price,
                amount: odd as f64 / 1e5,
                side: Some(if odd % 2 == 0 { Side::Buy } else { Side::Sell }),
            }),
            _ => rows.candles_mut().push(Candle {
                ts: Micros(crate::common::BEGIN.0 + number * MINUTE),
                open: price,
                high: price + 1.25,
                low: price - 1.5,
                close: price + 0.5,
                volume: odd as f64 / 1e3,
                quote_volume: Some(odd as f64 * 60.0),
                trades: Some(odd),
            }),
        }
    }
    writer.accept(Accepted { rows, covered: None, empty: None, derived: false }).expect("it is accepted");
}
