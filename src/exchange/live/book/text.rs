//! The text of a number as it came, kept where a checksum is over it.

/// The longest text that is kept: a double with its sign and exponent is no longer.
const MOST: usize = 23;

/// A number as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireText {
    length: u8,
    bytes: [u8; MOST],
}

impl WireText {
    /// Keeps a text. Returns `None` if it is empty or longer than a number is.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let length = u8::try_from(text.len()).ok().filter(|length| (1..=MOST as u8).contains(length))?;
        let mut bytes = [0; MOST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(WireText { length, bytes })
    }

    /// The text.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Price and amount of a level as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) price: WireText,
    pub(crate) amount: WireText,
}
