//! The description of a route: its purpose, its parameters and its body, and its answers.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Adds the schema of a shape to a document.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The description of a route.
#[derive(Default)]
pub(super) struct Operation {
    /// One sentence without a full stop.
    pub(super) summary: &'static str,
    /// The parameters of its query, as an object.
    pub(super) parameters: Option<Shape>,
    /// The JSON that it takes, and whether it may be left out.
    pub(super) body: Option<(Shape, bool)>,
    /// The fields of the form that it takes.
    pub(super) form: Option<Shape>,
    /// Its answers, but for refusals.
    pub(super) answers: Vec<Answer>,
    /// Whether its answer has an entity tag.
    pub(super) is_tagged: bool,
    /// Whether it takes an `Idempotency-Key`.
    pub(super) is_once: bool,
    /// Whether its parameters name what may not be there.
    pub(super) selects: bool,
}

/// An answer of a route.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: &'static str,
    /// Of JSON, and of each line of JSON lines.
    pub(super) shape: Option<Shape>,
}

const JSON: &str = "application/json";

fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// An object written out rather than named, so that its parameters can be listed.
fn object<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl Operation {
    pub(super) fn about(summary: &'static str) -> Self {
        Operation { summary, ..Operation::default() }
    }

    /// It takes these parameters.
    pub(super) fn asking<Q: JsonSchema>(self) -> Self {
        Operation { parameters: Some(object::<Q>), ..self }
    }

    /// It takes this body.
    pub(super) fn taking<B: JsonSchema>(self) -> Self {
        Operation { body: Some((shape::<B>, false)), ..self }
    }

    /// It takes this body, or none.
    pub(super) fn maybe_taking<B: JsonSchema>(self) -> Self {
        Operation { body: Some((shape::<B>, true)), ..self }
    }

    /// It takes the fields of a form.
    pub(super) fn taking_form<F: JsonSchema>(self) -> Self {
        Operation { form: Some(shape::<F>), ..self }
    }

    /// It answers with JSON.
    pub(super) fn answering<A: JsonSchema>(self, status: u16) -> Self {
        self.with(Answer { status, content: JSON, shape: Some(shape::<A>) })
    }

    /// It answers with JSON that has an entity tag.
    pub(super) fn reading<A: JsonSchema>(self) -> Self {
        Operation { is_tagged: true, ..self.answering::<A>(200) }
    }

    /// It answers with lines of JSON.
    pub(super) fn streaming<L: JsonSchema>(self) -> Self {
        self.with(Answer { status: 200, content: "application/x-ndjson", shape: Some(shape::<L>) })
    }

    /// It answers with text.
    pub(super) fn sending(self, status: u16, content: &'static str) -> Self {
        self.with(Answer { status, content, shape: None })
    }

    /// It is done once for each `Idempotency-Key`.
    pub(super) fn once(self) -> Self {
        Operation { is_once: true, ..self }
    }

    /// Its parameters name what may not be there.
    pub(super) fn selecting(self) -> Self {
        Operation { selects: true, ..self }
    }

    fn with(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }
}
