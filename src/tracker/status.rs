//! The six states of a task with their numbers, the kinds of work, and priorities.

use std::fmt;

/// The state of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// 0: waits to become due, or for a worker.
    Pending,
    /// 10: a worker holds it under a lease.
    InProgress,
    /// 20: the last attempt failed; it will be retried.
    Failed,
    /// 30: it has used up its attempts.
    Exhausted,
    /// 40: it is done.
    Succeeded,
    /// 50: skipped until it is retried.
    Ignored,
}

impl Status {
    /// Every state, in the order of their numbers.
    pub const ALL: [Status; 6] = [
        Status::Pending,
        Status::InProgress,
        Status::Failed,
        Status::Exhausted,
        Status::Succeeded,
        Status::Ignored,
    ];

    /// The number in the store.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Status::Pending => 0,
            Status::InProgress => 10,
            Status::Failed => 20,
            Status::Exhausted => 30,
            Status::Succeeded => 40,
            Status::Ignored => 50,
        }
    }

    /// The state with this number.
    #[must_use]
    pub(crate) fn of_code(code: i64) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The name in tables, JSON and labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::InProgress => "in_progress",
            Status::Failed => "failed",
            Status::Exhausted => "exhausted",
            Status::Succeeded => "succeeded",
            Status::Ignored => "ignored",
        }
    }

    /// The state with this name.
    #[must_use]
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the work is still to be done or under way; only one such task may cover a window.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.is_waiting() || self == Status::InProgress
    }

    /// Whether a worker may claim it once it is due.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Status::Pending | Status::Failed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of work of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskKind {
    /// A configured job of one series: a single row that recurs.
    Job,
    /// A window of history that was requested.
    Backfill,
    /// A hole between stored rows.
    Repair,
    /// A live series: a single row, in progress while it is listened to.
    Stream,
}

impl TaskKind {
    /// Every kind.
    pub const ALL: [TaskKind; 4] = [TaskKind::Job, TaskKind::Backfill, TaskKind::Repair, TaskKind::Stream];

    /// The name in the store and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TaskKind::Job => "job",
            TaskKind::Backfill => "backfill",
            TaskKind::Repair => "repair",
            TaskKind::Stream => "stream",
        }
    }

    /// Whether its task is a configured one that never ends, rather than a window.
    #[must_use]
    pub fn recurs(self) -> bool {
        matches!(self, TaskKind::Job | TaskKind::Stream)
    }

    /// The kind with this name.
    #[must_use]
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        TaskKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for TaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The urgency of a task; claims take the most urgent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// 0: whenever nothing else is due.
    #[default]
    Idle,
    /// 3: history.
    Low,
    /// 5: regular updates.
    Normal,
    /// 9: a user waits for it.
    High,
}

impl Priority {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Priority::Idle => 0,
            Priority::Low => 3,
            Priority::Normal => 5,
            Priority::High => 9,
        }
    }

    /// The priority of a number, rounded down.
    #[must_use]
    pub(crate) fn of_code(code: i64) -> Self {
        match code {
            9.. => Priority::High,
            5..9 => Priority::Normal,
            3..5 => Priority::Low,
            _ => Priority::Idle,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_numbers_of_the_record_and_are_found_by_number_and_word() {
        assert_eq!(Status::ALL.map(Status::code), [0, 10, 20, 30, 40, 50]);
        assert!(Status::ALL.iter().all(|status| Status::of_code(status.code()) == Some(*status)));
        assert!(Status::ALL.iter().all(|status| Status::of_name(status.name()) == Some(*status)));
        assert_eq!(Status::of_code(15), None);
    }

    #[test]
    fn priorities_have_four_numbers() {
        let all = [Priority::Idle, Priority::Low, Priority::Normal, Priority::High];
        assert_eq!(all.map(Priority::code), [0, 3, 5, 9]);
        assert_eq!(all.map(|own| Priority::of_code(own.code())), all);
    }
}
