//! The keys of the configuration as data: one table per mapping, used both for the checks' bounds and defaults and
//! for the reference (`docs/configuration.md`, `docs/config.schema.json`).

/// One key of a mapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// The default in words, if `form` does not have it.
    pub(super) otherwise: Option<&'static str>,
    pub(super) role: Role,
    /// Whether its value is never shown.
    pub(super) is_secret: bool,
    pub(super) meaning: &'static str,
}

/// The values of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Non-blank text.
    Text,
    /// A candle length in seconds.
    Span,
    /// A date, `origin` or `last`.
    Start,
    /// An integer within inclusive bounds, and its default.
    Whole(i64, i64, Option<i64>),
    /// A number within inclusive bounds, and its default.
    Real(f64, f64, Option<f64>),
    /// A boolean, and its default.
    Flag(bool),
    /// One of a few words, and the default.
    Word(fn() -> Vec<&'static str>, Option<&'static str>),
    /// A list of texts.
    Texts,
    /// A list of a few words.
    Words(fn() -> Vec<&'static str>),
    /// A list of candle lengths.
    Spans,
    /// A mapping with these keys.
    Section(&'static [Key]),
    /// A mapping from names to mappings with these keys.
    Named(fn() -> Vec<&'static str>, &'static [Key]),
    /// A list of mappings.
    Each(&'static [Key]),
}

/// The status of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// In use.
    Used,
    /// It has to be there.
    Required,
    /// A key of older versions, and its replacement.
    Older(&'static str),
}

impl Key {
    /// An optional key.
    pub(super) const fn new(name: &'static str, form: Form, meaning: &'static str) -> Self {
        Key { name, form, otherwise: None, role: Role::Used, is_secret: false, meaning }
    }

    /// States the default in words.
    pub(super) const fn otherwise(self, otherwise: &'static str) -> Self {
        Key { otherwise: Some(otherwise), ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Key { is_secret: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Key { role: Role::Required, ..self }
    }

    pub(super) const fn older(self, instead: &'static str) -> Self {
        Key { role: Role::Older(instead), ..self }
    }
}
