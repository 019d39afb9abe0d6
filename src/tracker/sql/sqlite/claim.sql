-- Takes tasks that are due, the most urgent first, each priority by its own probe of the index.
-- $1 now, $2 lease, $3 queue, $4 most, $5 worker
UPDATE task
SET status = 10, attempts = attempts + 1, attempts_total = attempts_total + 1, fence = fence + 1,
    locked_by = $5, lock_time = $1, lease_until = $1 + $2, updated_at = $1, cancel_requested = 0
WHERE id IN (
    SELECT id
    FROM (
        SELECT id
        FROM (
            SELECT id
            FROM task
            WHERE queue = $3 AND priority = 9 AND status IN (0, 20) AND run_at <= $1
            ORDER BY run_at, id
            LIMIT $4
        )
        UNION ALL
        SELECT id
        FROM (
            SELECT id
            FROM task
            WHERE queue = $3 AND priority = 5 AND status IN (0, 20) AND run_at <= $1
            ORDER BY run_at, id
            LIMIT $4
        )
        UNION ALL
        SELECT id
        FROM (
            SELECT id
            FROM task
            WHERE queue = $3 AND priority = 3 AND status IN (0, 20) AND run_at <= $1
            ORDER BY run_at, id
            LIMIT $4
        )
        UNION ALL
        SELECT id
        FROM (
            SELECT id
            FROM task
            WHERE queue = $3 AND priority = 0 AND status IN (0, 20) AND run_at <= $1
            ORDER BY run_at, id
            LIMIT $4
        )
    )
    LIMIT $4
)
RETURNING id, queue, kind, series, window_from, window_until, priority, run_at, attempts,
    attempts_total, fence, data
