//! Why rows are left out of an import, and how others are corrected.

/// Why a row was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// 2.x fills holes with the previous row.
    Copied,
    /// 2.x writes rows without values where it has none.
    Null,
    /// Kraken candles of four hours and longer are cut at the wrong instants by 2.x and 3.x.
    KrakenLong,
    /// Kraken candles of 2.x from windows not aligned with them.
    KrakenPartial,
    /// The last candle stored by 3.x may have been running.
    MayRun,
    /// 2.x keeps one level, or sums of levels, of a book.
    PartOfBook,
    /// No candle of its span opens at its instant.
    OffGrid,
    /// Its values or its instant are impossible.
    Impossible,
    /// The imported files have the same key twice.
    Twice,
    /// A different row with its key is stored already, and stays.
    Differs,
    /// Its window is covered already, without such a row.
    Covered,
    /// It cannot be told from a stored trade with an id, or cannot be ordered relative to a stored book.
    Doubtful,
}

impl Reason {
    /// The name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Copied => "copy_of_row_before",
            Reason::Null => "null",
            Reason::KrakenLong => "kraken_4h_or_longer",
            Reason::KrakenPartial => "kraken_misaligned",
            Reason::MayRun => "may_be_running",
            Reason::PartOfBook => "part_of_a_book",
            Reason::OffGrid => "off_grid",
            Reason::Impossible => "impossible",
            Reason::Twice => "twice",
            Reason::Differs => "differs_from_row_held",
            Reason::Covered => "already_covered",
            Reason::Doubtful => "doubtful",
        }
    }

    /// The ledger's note on a window whose row was left out; `None` if the window is no gap because of it.
    #[must_use]
    pub(crate) fn note(self) -> Option<&'static str> {
        match self {
            Reason::Copied => {
                Some("left out of the import: a copy of the row before, which dccd 2.x fills holes with")
            }
            Reason::Null => Some("left out of the import: a row without values"),
            Reason::KrakenLong => {
                Some("left out of the import: Python dccd cuts Kraken candles of 4 h and more wrongly")
            }
            Reason::KrakenPartial => {
                Some("left out of the import: a Kraken candle that may be a part of one")
            }
            Reason::MayRun => {
                Some("left out of the import: the last candle of dccd 3.x may have been running")
            }
            Reason::Impossible => Some("left out of the import: values that cannot be"),
            _ => None,
        }
    }
}

/// A correction made to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// 2.x invented Coinbase's quote volume; it is null now.
    QuoteVolume,
    /// Coinbase states the maker's side; it is the taker's now.
    Side,
    /// BitMEX stamps candles with their end; they have their open now.
    Open,
}

impl Change {
    /// The name in tables and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Change::QuoteVolume => "invented_quote_volume_nulled",
            Change::Side => "maker_side_turned",
            Change::Open => "stamp_moved_to_open",
        }
    }
}
