//! A form that was sent and refused. What shows it is [`form`](super::form).

/// A form that was refused: what was typed in it, and why.
#[derive(Clone, Debug)]
pub(in crate::http) struct RefusedForm {
    /// Its action.
    pub(super) action: String,
    /// The text of each field.
    pub(super) typed: Vec<(&'static str, String)>,
    pub(super) faults: Vec<Fault>,
}

/// The faults of a form.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// The field at fault; none if it is the form as a whole.
    pub(super) field: Option<String>,
    pub(super) why: String,
}

impl RefusedForm {
    /// The form with this action, as it was typed.
    pub(in crate::http) fn new(action: impl Into<String>, typed: Vec<(&'static str, String)>) -> Self {
        RefusedForm { action: action.into(), typed, faults: Vec::new() }
    }

    /// Adds why it is refused.
    pub(in crate::http) fn because(mut self, field: Option<&str>, why: &str) -> Self {
        self.faults.push(Fault { field: field.map(str::to_owned), why: why.trim().to_owned() });
        self
    }

    /// The name of its only field, if it has just one.
    pub(in crate::http) fn only_field(&self) -> Option<&'static str> {
        match *self.typed {
            [(only, _)] => Some(only),
            _ => None,
        }
    }
}
