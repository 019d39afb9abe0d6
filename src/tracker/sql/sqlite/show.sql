-- One task, to be read.
-- $1 now, $2 id
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, $1 AS as_of
FROM task
WHERE id = $2
