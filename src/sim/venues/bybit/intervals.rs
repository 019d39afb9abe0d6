//! Bybit's names of spans.

use crate::model::Span;

pub(super) const INTERVALS: [(&str, Span); 13] = [
    ("1", Span::Fixed(60)),
    ("3", Span::Fixed(180)),
    ("5", Span::Fixed(300)),
    ("15", Span::Fixed(900)),
    ("30", Span::Fixed(1_800)),
    ("60", Span::Fixed(3_600)),
    ("120", Span::Fixed(7_200)),
    ("240", Span::Fixed(14_400)),
    ("360", Span::Fixed(21_600)),
    ("720", Span::Fixed(43_200)),
    ("D", Span::DAY),
    ("W", Span::WEEK),
    ("M", Span::Month),
];
