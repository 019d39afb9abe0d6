//! The keys of the configuration as data: one table for each mapping, which the checks read bounds and defaults from
//! and the reference (`docs/configuration.md`, `docs/config.schema.json`) is written from.

/// One key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// The default in words, where `form` does not hold it.
    pub(super) otherwise: Option<&'static str>,
    pub(super) role: Role,
    pub(super) meaning: &'static str,
}

/// The values a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Text that is not blank.
    Text,
    /// A number of seconds that candles are long.
    Span,
    /// A date, `origin` or `last`.
    Start,
    /// A whole number within bounds, both included, and its default.
    Whole(i64, i64, Option<i64>),
    /// A number within bounds, both included, and its default.
    Real(f64, f64, Option<f64>),
    /// `true` or `false`, and which of them by default.
    Flag(bool),
    /// One of a few words, and the one it is by default.
    Word(fn() -> Vec<&'static str>, Option<&'static str>),
    /// A list of texts.
    Texts,
    /// A list of a few words.
    Words(fn() -> Vec<&'static str>),
    /// A list of candle lengths.
    Spans,
    /// A mapping.
    Section(&'static [Key]),
    /// A mapping from names, each with a mapping.
    Named(fn() -> Vec<&'static str>, &'static [Key]),
    /// A list of mappings.
    Each(&'static [Key]),
}

/// How a key is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// This version acts on it.
    Used,
    /// It has to be there.
    Required,
    /// It loads, and nothing acts on it for this reason.
    Unused(&'static str),
    /// A key of older versions that loads, and what stands in its place.
    Older(&'static str),
}

impl Key {
    /// A key that may be left out.
    pub(super) const fn new(name: &'static str, form: Form, meaning: &'static str) -> Self {
        Key { name, form, otherwise: None, role: Role::Used, meaning }
    }

    /// The default in words.
    pub(super) const fn otherwise(self, otherwise: &'static str) -> Self {
        Key { otherwise: Some(otherwise), ..self }
    }

    pub(super) const fn required(self) -> Self {
        Key { role: Role::Required, ..self }
    }

    pub(super) const fn unused(self, why: &'static str) -> Self {
        Key { role: Role::Unused(why), ..self }
    }

    pub(super) const fn older(self, instead: &'static str) -> Self {
        Key { role: Role::Older(instead), ..self }
    }
}
