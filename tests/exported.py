"""Reads an exported series of trades with pandas and with the XML of the workbook itself.

Called by export.rs in the folder of the files. Prints one line a file, and ends with an error at the
first difference.
"""

import xml.etree.ElementTree as ElementTree
import zipfile
from datetime import datetime, timedelta, timezone

import pandas

YEAR_2024 = datetime(2024, 1, 1, tzinfo=timezone.utc)
NAME = "binance_BTC-USDT_trades"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ROWS = [
    {
        "ts": YEAR_2024 + timedelta(microseconds=250_001 * index),
        "ts_recv": None,
        "id": None if index == 2 else f'T,"{index}"',
        "price": 42_000.01 + index / 3,
        "amount": 1e-8,
        "side": ["buy", None, "sell", "buy"][index],
    }
    for index in range(4)
]


def main() -> None:
    read_csv()
    read_xlsx()


def read_csv() -> None:
    frame = pandas.read_csv(f"{NAME}.csv", parse_dates=["ts"])
    assert list(frame.columns) == list(ROWS[0]), frame.columns
    assert str(frame["ts"].dtype).startswith("datetime64") and str(frame["ts"].dt.tz) == "UTC", frame.dtypes
    for found, expected in zip(frame.to_dict("records"), ROWS, strict=True):
        found = {name: None if pandas.isna(value) else value for name, value in found.items()}
        found["ts"] = found["ts"].to_pydatetime()
        assert found == expected, f"{found} instead of {expected}"
    print(f"csv {len(frame)} rows")


def read_xlsx() -> None:
    with zipfile.ZipFile(f"{NAME}.xlsx") as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        styles = book.read("xl/styles.xml").decode()
    assert 'formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"' in styles or "yyyy-mm-dd hh:mm:ss.000" in styles, styles
    pane = sheet.find(f".//{SHEET}pane")
    assert pane is not None and pane.get("ySplit") == "1" and pane.get("state") == "frozen"
    lines = [[cell_of(cell) for cell in row] for row in sheet.iter(f"{SHEET}row")]
    titles = {column: value for column, value in lines[0]}
    assert list(titles.values()) == [*ROWS[0], "ts_text", "ts_recv_text"], titles
    for line, expected in zip(lines[1:], ROWS, strict=True):
        found = {titles[column]: value for column, value in line}
        days = timedelta(days=found.pop("ts"))
        instant = datetime(1899, 12, 30, tzinfo=timezone.utc) + days
        assert abs(instant - expected["ts"]) < timedelta(microseconds=2), (instant, expected["ts"])
        text = datetime.fromisoformat(found.pop("ts_text"))
        assert text == expected["ts"], (text, expected["ts"])
        expected = {name: value for name, value in expected.items() if value is not None and name != "ts"}
        assert found == expected, f"{found} instead of {expected}"
    print(f"xlsx {len(lines) - 1} rows")


def cell_of(cell) -> tuple:
    """The column letters and the value of a cell; text is written in place, everything else is a number."""
    column = cell.get("r").rstrip("0123456789")
    if cell.get("t") == "inlineStr":
        return column, "".join(part.text for part in cell.iter(f"{SHEET}t"))
    return column, float(cell.find(f"{SHEET}v").text)


if __name__ == "__main__":
    main()
