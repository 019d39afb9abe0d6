//! The statements, one text a store. `$1` is bound in the same order in both, so the code around is one.
//!
//! Instants are microseconds. Where a text says `now` it is bound in SQLite, whose only clock is the process's,
//! and may be NULL in PostgreSQL, which then takes its own.

/// The columns of a task, in no particular order.
macro_rules! task {
    () => {
        "id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts, attempts_total, \
         max_attempts, retry_delay, fence, locked_by, lock_time, lease_until, cancel_requested, created_at, \
         updated_at, finished_at, data, reason"
    };
}
/// The columns of a claim, of the table named `t`.
macro_rules! claim {
    ($t:literal) => {
        concat!(
            $t,
            "id, ",
            $t,
            "queue, ",
            $t,
            "kind, ",
            $t,
            "series, ",
            $t,
            "window_from, ",
            $t,
            "window_until, ",
            $t,
            "priority, ",
            $t,
            "run_at, ",
            $t,
            "attempts, ",
            $t,
            "attempts_total, ",
            $t,
            "fence, ",
            $t,
            "data"
        )
    };
}
/// What ends with an attempt that is done.
macro_rules! done {
    () => {
        "status = 40, attempts = 0, locked_by = NULL, lock_time = NULL, lease_until = NULL, cancel_requested = 0, \
         reason = NULL"
    };
}
macro_rules! probe {
    ($priority:literal, $now:literal) => {
        concat!(
            "SELECT id FROM (SELECT id FROM task WHERE queue = $3 AND priority = ",
            $priority,
            " AND status IN (0, 20) AND run_at <= ",
            $now,
            " ORDER BY run_at, id LIMIT $4)"
        )
    };
}
/// A row for each of the queues: when the task waiting longest was due, and how many are due. A paused job waits
/// for nobody: the few there are are looked up, so that the many others are counted in their index alone.
macro_rules! due {
    ($now:literal, $queues:literal) => {
        concat!(
            "SELECT q.queue,
                 MIN((SELECT MIN(run_at) FROM task
                      WHERE queue = q.queue AND priority = p.priority AND status IN (0, 20) AND run_at <= ", $now, "
                          AND id NOT IN (SELECT series FROM paused_jobs))),
                 CAST(SUM((SELECT COUNT(*) FROM (
                      SELECT 1 FROM task WHERE queue = q.queue AND priority = p.priority AND status IN (0, 20)
                          AND run_at <= ", $now, " LIMIT 20000) AS first_ones)
                      - (SELECT COUNT(*) FROM paused_jobs CROSS JOIN task
                         WHERE id = paused_jobs.series AND queue = q.queue AND priority = p.priority
                             AND status IN (0, 20) AND run_at <= ", $now, ")) AS BIGINT)
             FROM (",
            $queues,
            ") AS q
             CROSS JOIN (SELECT 9 AS priority UNION ALL SELECT 5 UNION ALL SELECT 3 UNION ALL SELECT 0) AS p
             GROUP BY q.queue"
        )
    };
}
/// Tasks that wait and are due, each queue and priority by its own probe, so that what is deferred is never read.
macro_rules! waiting {
    ($columns:expr, $now:literal, $queues:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM (",
            $queues,
            ") AS q
             CROSS JOIN (SELECT 9 AS level UNION ALL SELECT 5 UNION ALL SELECT 3 UNION ALL SELECT 0) AS p
             CROSS JOIN task
             WHERE queue = q.its_queue AND priority = p.level AND status IN (0, 20) AND run_at <= ",
            $now,
            " AND ",
            $more,
            " ORDER BY priority DESC, run_at, id LIMIT $2"
        )
    };
}
const SAVE: &str = "UPDATE task SET status = $3, attempts = $4, attempts_total = $5, fence = $6, run_at = $7,
    locked_by = $8, lock_time = $9, lease_until = $10, cancel_requested = $11, updated_at = $12,
    finished_at = $13, reason = $14, data = $15, window_from = $16, window_until = $17
    WHERE id = $1 AND fence = $2";
const OPEN_ATTEMPT: &str =
    "INSERT INTO attempt (task_id, fence, number, worker, started_at) VALUES ($1, $2, $3, $4, $5)";
const CLOSE_ATTEMPT: &str =
    "UPDATE attempt SET ended_at = $3, outcome = $4, error_class = $5, error = $6, causes = $7
    WHERE task_id = $1 AND fence = $2 AND ended_at IS NULL";
const ATTEMPTS: &str =
    "SELECT number, fence, worker, started_at, ended_at, outcome, error_class, error, causes
    FROM attempt WHERE task_id = $1 ORDER BY fence";
const FORGET_ATTEMPTS: &str = "DELETE FROM attempt WHERE task_id = $1 AND number <= $2";
const DROP_ATTEMPTS: &str = "DELETE FROM attempt WHERE task_id = $1";
const FORGET_WORKERS: &str = "DELETE FROM worker WHERE last_seen < $1";
const LEAVE: &str = "DELETE FROM worker WHERE id = $1";
const FORGET_PLACE: &str = "DELETE FROM worker WHERE place = $1 AND id <> $2";
const JOBS_OF_PLACE: &str = "SELECT task.id FROM task JOIN owner ON owner.series = task.series
    WHERE task.kind = 'job' AND task.status IN (0, 20) AND owner.place = $1 ORDER BY task.id";
const DROP_TASK: &str = "DELETE FROM task WHERE id = $1";
const RECOUNT: &str = "SELECT queue, status, CAST(SUM(n) AS BIGINT) FROM (
        SELECT queue, status, COUNT(*) AS n FROM task GROUP BY queue, status
        UNION ALL SELECT queue, status, -n FROM task_count) AS both_ways
    GROUP BY queue, status HAVING SUM(n) <> 0";
const RECOUNT_APPENDED: &str = "SELECT queue, status, CAST(SUM(n) AS BIGINT) FROM (
        SELECT queue, status, COUNT(*) AS n FROM task GROUP BY queue, status
        UNION ALL SELECT queue, status, -n FROM task_count
        UNION ALL SELECT queue, status, -n FROM task_delta) AS both_ways
    GROUP BY queue, status HAVING SUM(n) <> 0";
const NEAR: &str = "SELECT id, status, window_from, window_until, finished_at FROM task
    WHERE series = $1 AND kind = $2 AND status <> 40 AND window_from IS NOT NULL
        AND window_from <= $4 AND window_until >= $3
    ORDER BY window_from, id";

/// Every statement of a store.
pub(super) struct Sql {
    /// `[now, id]`
    pub(super) load: &'static str,
    /// The same, for reading alone.
    pub(super) show: &'static str,
    /// See [`SAVE`].
    pub(super) save: &'static str,
    /// `[now, id, queue, kind, series, from, until, priority, run_at, most attempts, delay]`: a new task, or
    /// one that succeeded again; no row where it is not.
    pub(super) add: &'static str,
    /// Tasks near a window: `[series, kind, from, until]`.
    pub(super) near: &'static str,
    /// Lets one planner at a time at a series: `[name]`.
    pub(super) lock_name: &'static str,
    /// `[now, lease, queue, most, worker]`
    pub(super) claim: &'static str,
    /// Opens the attempts of a claim: `[now, ids, worker]`; empty where the claim does it.
    pub(super) open_attempts: &'static str,
    pub(super) open_attempt: &'static str,
    pub(super) close_attempt: &'static str,
    /// `[now, [{id, fence, data}]]`
    pub(super) complete: &'static str,
    /// Closes the attempts of what was completed: `[now, [{id, fence}]]`; empty where `complete` does it.
    pub(super) close_attempts: &'static str,
    /// `[now, lease, [{id, fence, data}]]`
    pub(super) renew: &'static str,
    /// Tasks whose lease is over: `[now, most]`.
    pub(super) expired: &'static str,
    /// Tasks that workers of a place hold, but for one worker: `[now, place, worker, most]`.
    pub(super) orphaned: &'static str,
    pub(super) attempts: &'static str,
    pub(super) forget_attempts: &'static str,
    pub(super) drop_attempts: &'static str,
    pub(super) drop_task: &'static str,
    /// `[now, queue, status, kind, series prefix, most]`, the first four may be NULL.
    pub(super) list: &'static str,
    /// Ids of tasks that ended before: `[status, before, most]`.
    pub(super) old: &'static str,
    /// Tasks by queue and state.
    pub(super) counts: &'static str,
    /// See [`due`].
    pub(super) due: &'static str,
    /// `[now, most]`
    pub(super) due_windows: &'static str,
    /// `[now, most]`
    pub(super) due_jobs: &'static str,
    /// Exhausted windows that have rested: `[now, rest, most]`.
    pub(super) rested: &'static str,
    /// Folds appended counts; nothing to do where there are none.
    pub(super) fold: &'static str,
    /// Counts every row and gives what the kept counts lack: queue, state, difference.
    pub(super) recount: &'static str,
    /// Makes a count true: `[queue, status, difference]`.
    pub(super) adjust: &'static str,
    /// `[now, id, place, started_at, slots, held, lag, rss, version]`
    pub(super) beat: &'static str,
    /// `[worker]`
    pub(super) leave: &'static str,
    /// `[now]`
    pub(super) workers: &'static str,
    /// Workers not seen since: `[before]`.
    pub(super) forget_workers: &'static str,
    /// `[place, worker]`: other workers of a place.
    pub(super) forget_place: &'static str,
    /// `[place]`: recurring jobs that wait and whose series was last written there.
    pub(super) jobs_of_place: &'static str,
    /// `[now, lease, series, worker]`: what of it is the worker's now, with its fence.
    pub(super) own: &'static str,
    /// `[now, lease, worker]`: renews all a worker owns.
    pub(super) keep: &'static str,
    /// `[now, worker]`: gives up all a worker owns.
    pub(super) disown: &'static str,
    /// `[now, place, worker]`: gives up what other workers of a place owned.
    pub(super) disown_place: &'static str,
    /// now, worker, JSON list of series.
    pub(super) give_up: &'static str,
    /// now, worker, series, fence to be above.
    pub(super) raise: &'static str,
    /// now, JSON list of series.
    pub(super) owners: &'static str,
}

pub(super) static SQLITE: Sql = Sql {
    load: concat!("SELECT ", task!(), ", $1 AS as_of FROM task WHERE id = $2"),
    show: concat!("SELECT ", task!(), ", $1 AS as_of FROM task WHERE id = $2"),
    save: SAVE,
    add: "INSERT INTO task (id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
              attempts_total, max_attempts, retry_delay, fence, cancel_requested, created_at, updated_at, data)
          VALUES ($2, $3, $4, $5, $6, $7, 0, $8, $9, 0, 0, $10, $11, 0, 0, $1, $1, '{}')
          ON CONFLICT (id) DO UPDATE SET status = 0, attempts = 0, fence = task.fence + 1,
              run_at = excluded.run_at, priority = excluded.priority, max_attempts = excluded.max_attempts,
              retry_delay = excluded.retry_delay, window_from = excluded.window_from,
              window_until = excluded.window_until, finished_at = NULL, updated_at = excluded.updated_at, data = '{}'
          WHERE task.status = 40
          RETURNING id",
    near: NEAR,
    lock_name: "SELECT $1",
    claim: concat!(
        "UPDATE task SET status = 10, attempts = attempts + 1, attempts_total = attempts_total + 1,
             fence = fence + 1, locked_by = $5, lock_time = $1, lease_until = $1 + $2, updated_at = $1,
             cancel_requested = 0
         WHERE id IN (SELECT id FROM (", probe!("9", "$1"), " UNION ALL ", probe!("5", "$1"), " UNION ALL ",
        probe!("3", "$1"), " UNION ALL ", probe!("0", "$1"), ") LIMIT $4)
         RETURNING ", claim!("")
    ),
    open_attempts: "INSERT INTO attempt (task_id, fence, number, worker, started_at)
        SELECT id, fence, attempts_total, $3, $1 FROM task WHERE id IN (SELECT value FROM json_each($2))",
    open_attempt: OPEN_ATTEMPT,
    close_attempt: CLOSE_ATTEMPT,
    complete: concat!(
        "UPDATE task SET ", done!(), ", finished_at = $1, updated_at = $1, data = COALESCE(held.data, task.data)
         FROM (SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'data' AS data
               FROM json_each($2)) AS held
         WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
         RETURNING id"
    ),
    close_attempts: "UPDATE attempt SET ended_at = $1, outcome = 'succeeded'
        FROM (SELECT value ->> 'id' AS id, value ->> 'fence' AS fence FROM json_each($2)) AS held
        WHERE task_id = held.id AND attempt.fence = held.fence AND ended_at IS NULL",
    renew: "UPDATE task SET lease_until = $1 + $2, updated_at = $1, data = COALESCE(held.data, task.data)
        FROM (SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'data' AS data
              FROM json_each($3)) AS held
        WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
        RETURNING id, cancel_requested",
    expired: concat!(
        "SELECT ", task!(), ", $1 AS as_of FROM task WHERE status = 10 AND lease_until <= $1
         ORDER BY lease_until LIMIT $2"
    ),
    orphaned: concat!(
        "SELECT ", task!(), ", $1 AS as_of FROM task WHERE status = 10 AND locked_by <> $3
             AND locked_by IN (SELECT id FROM worker WHERE place = $2)
         ORDER BY id LIMIT $4"
    ),
    attempts: ATTEMPTS,
    forget_attempts: FORGET_ATTEMPTS,
    drop_attempts: DROP_ATTEMPTS,
    drop_task: DROP_TASK,
    list: concat!(
        "SELECT ", task!(), ", $1 AS as_of FROM task
         WHERE ($2 IS NULL OR queue = $2) AND ($3 IS NULL OR status = $3) AND ($4 IS NULL OR kind = $4)
             AND ($5 IS NULL OR substr(series, 1, length($5)) = $5)
         ORDER BY updated_at DESC, id LIMIT $6"
    ),
    old: "SELECT id FROM task WHERE status = $1 AND status IN (30, 40) AND finished_at < $2
        ORDER BY finished_at LIMIT $3",
    counts: "SELECT queue, status, n FROM task_count ORDER BY queue, status",
    due: due!("$1", "SELECT DISTINCT queue FROM task_count"),
    due_windows: waiting!(
        concat!(task!(), ", $1 AS as_of"),
        "$1",
        "SELECT DISTINCT queue AS its_queue FROM task_count",
        "window_from IS NOT NULL"
    ),
    due_jobs: waiting!(
        "id, run_at",
        "$1",
        "SELECT DISTINCT queue AS its_queue FROM task_count",
        "kind = 'job' AND id NOT IN (SELECT series FROM paused_jobs)"
    ),
    rested: concat!(
        "SELECT ", task!(), ", $1 AS as_of FROM task
         WHERE status = 30 AND status IN (30, 40) AND finished_at <= $1 - $2 AND window_from IS NOT NULL
         ORDER BY finished_at LIMIT $3"
    ),
    fold: "",
    recount: RECOUNT,
    adjust: "INSERT INTO task_count (queue, status, n) VALUES ($1, $2, $3)
        ON CONFLICT (queue, status) DO UPDATE SET n = n + excluded.n",
    beat: "INSERT INTO worker (id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version)
        VALUES ($2, $3, $4, $1, $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, slots = excluded.slots,
            held = excluded.held, lag_micros = excluded.lag_micros, rss_bytes = excluded.rss_bytes",
    leave: LEAVE,
    workers: "SELECT id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version, $1 AS as_of
        FROM worker ORDER BY id",
    forget_workers: FORGET_WORKERS,
    forget_place: FORGET_PLACE,
    jobs_of_place: JOBS_OF_PLACE,
    own: "INSERT INTO owner (series, worker, fence, since, lease_until, place)
        SELECT value, $4, 1, $1, $1 + $2, COALESCE((SELECT place FROM worker WHERE id = $4), '')
        FROM json_each($3) WHERE true
        ON CONFLICT (series) DO UPDATE SET
            fence = owner.fence + (owner.worker <> excluded.worker),
            since = CASE WHEN owner.worker <> excluded.worker THEN excluded.since ELSE owner.since END,
            worker = excluded.worker, lease_until = excluded.lease_until, place = excluded.place
        WHERE owner.worker = excluded.worker OR owner.lease_until <= $1
        RETURNING series, fence",
    keep: "UPDATE owner SET lease_until = $1 + $2 WHERE worker = $3 RETURNING series",
    disown: "UPDATE owner SET lease_until = $1 WHERE worker = $2 AND lease_until > $1",
    disown_place: "UPDATE owner SET lease_until = $1 WHERE worker <> $3 AND lease_until > $1
        AND worker IN (SELECT id FROM worker WHERE place = $2)",
    give_up: "UPDATE owner SET worker = '', lease_until = $1
        WHERE worker = $2 AND series IN (SELECT value FROM json_each($3)) RETURNING series",
    raise: "UPDATE owner SET fence = MAX(fence, $4 + 1) WHERE series = $3 AND worker = $2 AND lease_until > $1
        RETURNING fence",
    owners: "SELECT series, worker, fence, since, lease_until, $1 AS as_of FROM owner
        WHERE series IN (SELECT value FROM json_each($2))",
};

pub(super) static POSTGRES: Sql = Sql {
    load: concat!("SELECT ", task!(), ", tracker_now($1) AS as_of FROM task WHERE id = $2 FOR UPDATE"),
    show: concat!("SELECT ", task!(), ", tracker_now($1) AS as_of FROM task WHERE id = $2"),
    save: SAVE,
    add: "INSERT INTO task (id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
              attempts_total, max_attempts, retry_delay, fence, cancel_requested, created_at, updated_at, data)
          VALUES ($2, $3, $4, $5, $6, $7, 0, $8, COALESCE($9, tracker_now($1)), 0, 0, $10, $11, 0, 0,
              tracker_now($1), tracker_now($1), '{}')
          ON CONFLICT (id) DO UPDATE SET status = 0, attempts = 0, fence = task.fence + 1,
              run_at = excluded.run_at, priority = excluded.priority, max_attempts = excluded.max_attempts,
              retry_delay = excluded.retry_delay, window_from = excluded.window_from,
              window_until = excluded.window_until, finished_at = NULL, updated_at = excluded.updated_at, data = '{}'
          WHERE task.status = 40
          RETURNING id",
    near: "SELECT id, status, window_from, window_until, finished_at FROM task
         WHERE series = $1 AND kind = $2 AND status <> 40 AND window_from IS NOT NULL
             AND window_from <= $4 AND window_until >= $3
         ORDER BY window_from, id FOR UPDATE",
    lock_name: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))::text",
    claim: concat!(
        "WITH ready AS MATERIALIZED (
             SELECT found.id FROM (VALUES (9), (5), (3), (0)) AS p (priority) CROSS JOIN LATERAL (
                 SELECT id FROM task WHERE queue = $3 AND priority = p.priority AND status IN (0, 20)
                     AND run_at <= tracker_now($1)
                 ORDER BY run_at, id LIMIT $4 FOR UPDATE SKIP LOCKED) AS found
             LIMIT $4),
         claimed AS (
             UPDATE task SET status = 10, attempts = attempts + 1, attempts_total = attempts_total + 1,
                 fence = fence + 1, locked_by = $5, lock_time = tracker_now($1),
                 lease_until = tracker_now($1) + $2, updated_at = tracker_now($1), cancel_requested = 0
             FROM ready WHERE task.id = ready.id RETURNING ", claim!("task."), "),
         opened AS (
             INSERT INTO attempt (task_id, fence, number, worker, started_at)
             SELECT id, fence, attempts_total, $5, tracker_now($1) FROM claimed)
         SELECT * FROM claimed"
    ),
    open_attempts: "",
    open_attempt: OPEN_ATTEMPT,
    close_attempt: CLOSE_ATTEMPT,
    complete: concat!(
        "WITH held AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS held (id TEXT, fence BIGINT, data TEXT)),
         ended AS (
             UPDATE task SET ", done!(), ", finished_at = tracker_now($1), updated_at = tracker_now($1),
                 data = COALESCE(held.data, task.data)
             FROM held WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
             RETURNING task.id, task.fence),
         closed AS (
             UPDATE attempt SET ended_at = tracker_now($1), outcome = 'succeeded'
             FROM ended WHERE task_id = ended.id AND attempt.fence = ended.fence AND ended_at IS NULL)
         SELECT id FROM ended"
    ),
    close_attempts: "",
    renew: "UPDATE task SET lease_until = tracker_now($1) + $2, updated_at = tracker_now($1),
            data = COALESCE(held.data, task.data)
        FROM jsonb_to_recordset($3::jsonb) AS held (id TEXT, fence BIGINT, data TEXT)
        WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
        RETURNING task.id, cancel_requested",
    expired: concat!(
        "SELECT ", task!(), ", tracker_now($1) AS as_of FROM task
         WHERE status = 10 AND lease_until <= tracker_now($1)
         ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED"
    ),
    orphaned: concat!(
        "SELECT ", task!(), ", tracker_now($1) AS as_of FROM task WHERE status = 10 AND locked_by <> $3
             AND locked_by IN (SELECT id FROM worker WHERE place = $2)
         ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED"
    ),
    attempts: ATTEMPTS,
    forget_attempts: FORGET_ATTEMPTS,
    drop_attempts: DROP_ATTEMPTS,
    drop_task: DROP_TASK,
    list: concat!(
        "SELECT ", task!(), ", tracker_now($1) AS as_of FROM task
         WHERE ($2::text IS NULL OR queue = $2) AND ($3::bigint IS NULL OR status = $3)
             AND ($4::text IS NULL OR kind = $4) AND ($5::text IS NULL OR starts_with(series, $5))
         ORDER BY updated_at DESC, id LIMIT $6"
    ),
    old: "SELECT id FROM task WHERE status = $1 AND status IN (30, 40) AND finished_at < $2
        ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED",
    counts: "SELECT queue, status, SUM(n)::bigint FROM (
            SELECT queue, status, n FROM task_count UNION ALL SELECT queue, status, n FROM task_delta) AS parts
        GROUP BY queue, status ORDER BY queue, status",
    due: due!("tracker_now($1)", "SELECT queue FROM task_count UNION SELECT queue FROM task_delta"),
    due_windows: waiting!(
        concat!(task!(), ", tracker_now($1) AS as_of"),
        "tracker_now($1)",
        "SELECT queue AS its_queue FROM task_count UNION SELECT queue FROM task_delta",
        "window_from IS NOT NULL"
    ),
    due_jobs: waiting!(
        "id, run_at",
        "tracker_now($1)",
        "SELECT queue AS its_queue FROM task_count UNION SELECT queue FROM task_delta",
        "kind = 'job' AND id NOT IN (SELECT series FROM paused_jobs)"
    ),
    rested: concat!(
        "SELECT ", task!(), ", tracker_now($1) AS as_of FROM task
         WHERE status = 30 AND status IN (30, 40) AND finished_at <= tracker_now($1) - $2
             AND window_from IS NOT NULL
         ORDER BY finished_at LIMIT $3 FOR UPDATE SKIP LOCKED"
    ),
    fold: "WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(7202026) AS mine),
        taken AS (DELETE FROM task_delta WHERE (SELECT mine FROM turn) RETURNING queue, status, n)
        INSERT INTO task_count (queue, status, n) SELECT queue, status, SUM(n) FROM taken GROUP BY queue, status
        ON CONFLICT (queue, status) DO UPDATE SET n = task_count.n + excluded.n",
    recount: RECOUNT_APPENDED,
    adjust: "INSERT INTO task_delta (queue, status, n) VALUES ($1, $2, $3)",
    beat: "INSERT INTO worker (id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version)
        VALUES ($2, $3, COALESCE($4, tracker_now($1)), tracker_now($1), $5, $6, $7, $8, $9)
        ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, slots = excluded.slots,
            held = excluded.held, lag_micros = excluded.lag_micros, rss_bytes = excluded.rss_bytes",
    leave: LEAVE,
    workers: "SELECT id, place, started_at, last_seen, slots, held, lag_micros, rss_bytes, version,
            tracker_now($1) AS as_of
        FROM worker ORDER BY id",
    forget_workers: FORGET_WORKERS,
    forget_place: FORGET_PLACE,
    jobs_of_place: JOBS_OF_PLACE,
    own: "INSERT INTO owner (series, worker, fence, since, lease_until, place)
        SELECT series, $4, 1, tracker_now($1), tracker_now($1) + $2,
            COALESCE((SELECT place FROM worker WHERE id = $4), '')
        FROM jsonb_array_elements_text($3::jsonb) AS wanted (series) ORDER BY series
        ON CONFLICT (series) DO UPDATE SET
            fence = owner.fence + CASE WHEN owner.worker <> excluded.worker THEN 1 ELSE 0 END,
            since = CASE WHEN owner.worker <> excluded.worker THEN excluded.since ELSE owner.since END,
            worker = excluded.worker, lease_until = excluded.lease_until, place = excluded.place
        WHERE owner.worker = excluded.worker OR owner.lease_until <= tracker_now($1)
        RETURNING series, fence",
    keep: "UPDATE owner SET lease_until = tracker_now($1) + $2 WHERE worker = $3 RETURNING series",
    disown: "UPDATE owner SET lease_until = tracker_now($1) WHERE worker = $2 AND lease_until > tracker_now($1)",
    disown_place: "UPDATE owner SET lease_until = tracker_now($1)
        WHERE worker <> $3 AND lease_until > tracker_now($1)
            AND worker IN (SELECT id FROM worker WHERE place = $2)",
    give_up: "UPDATE owner SET worker = '', lease_until = tracker_now($1)
        WHERE worker = $2 AND series IN (SELECT jsonb_array_elements_text($3::jsonb)) RETURNING series",
    raise: "UPDATE owner SET fence = GREATEST(fence, $4 + 1)
        WHERE series = $3 AND worker = $2 AND lease_until > tracker_now($1) RETURNING fence",
    owners: "SELECT series, worker, fence, since, lease_until, tracker_now($1) AS as_of FROM owner
        WHERE series IN (SELECT jsonb_array_elements_text($2::jsonb))",
};
