-- Exhausted windows that have rested long enough to be tried again.
-- $1 now, $2 rest, $3 most
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, $1 AS as_of
FROM task
WHERE status = 30 AND status IN (30, 40) AND finished_at <= $1 - $2 AND window_from IS NOT NULL
ORDER BY finished_at
LIMIT $3
