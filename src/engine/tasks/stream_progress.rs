//! How a live series stands, as its worker last saved it in its task.

use serde::Deserialize;

use crate::model::{Micros, Zone};
use crate::tracker::{Status, Task, TaskKind};

/// How a live series stands.
#[derive(Deserialize)]
pub(crate) struct StreamProgress {
    pub(crate) state: String,
    since: String,
    why: Option<String>,
}

impl StreamProgress {
    /// That of a task in progress.
    pub(crate) fn of(task: &Task) -> Option<Self> {
        let is_listened_to = task.kind == TaskKind::Stream && task.status == Status::InProgress;
        serde_json::from_str(&task.data).ok().filter(|_| is_listened_to)
    }

    /// The state in a sentence.
    pub(crate) fn sentence(&self, zone: &Zone) -> String {
        let since =
            Micros::parse(&self.since, &Zone::UTC).map_or_else(|_| self.since.clone(), |at| zone.minute(at));
        let why = self.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        format!("It is {} since {since}{why}.", self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_with_its_beginning_and_its_reason() {
        let told = r#"{"state":"connecting","since":"2023-11-14T22:13:20Z","why":"no route"}"#;
        let told: StreamProgress = serde_json::from_str(told).unwrap();
        assert_eq!(told.sentence(&Zone::UTC), "It is connecting since 2023-11-14 22:13: no route.");
    }
}
