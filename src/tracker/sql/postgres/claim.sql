-- Takes tasks that are due, the most urgent first, each priority by its own probe of the index.
-- $1 now, $2 lease, $3 queue, $4 most, $5 worker
WITH ready AS MATERIALIZED (
    SELECT found.id
    FROM (VALUES (9), (5), (3), (0)) AS p (priority)
    CROSS JOIN LATERAL (
        SELECT id
        FROM task
        WHERE queue = $3
            AND priority = p.priority
            AND status IN (0, 20)
            AND run_at <= tracker_now($1)
        ORDER BY run_at, id
        LIMIT $4
        FOR UPDATE SKIP LOCKED
    ) AS found
    LIMIT $4
), claimed AS (
    UPDATE task
    SET status = 10, attempts = attempts + 1, attempts_total = attempts_total + 1, fence = fence + 1,
        locked_by = $5, lock_time = tracker_now($1), lease_until = tracker_now($1) + $2,
        updated_at = tracker_now($1), cancel_requested = 0
    FROM ready
    WHERE task.id = ready.id
    RETURNING task.id, task.queue, task.kind, task.series, task.window_from, task.window_until,
        task.priority, task.run_at, task.attempts, task.attempts_total, task.fence, task.data
), opened AS (
    INSERT INTO attempt (task_id, fence, number, worker, started_at)
    SELECT id, fence, attempts_total, $5, tracker_now($1)
    FROM claimed
)
SELECT *
FROM claimed
