-- Tasks whose lease is over.
-- $1 now, $2 most
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, $1 AS as_of
FROM task
WHERE status = 10 AND lease_until <= $1
ORDER BY lease_until
LIMIT $2
