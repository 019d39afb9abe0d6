-- Tasks held by other workers of a place.
-- $1 now, $2 place, $3 worker that stays, $4 most
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, tracker_now($1) AS as_of
FROM task
WHERE status = 10 AND locked_by <> $3 AND locked_by IN (SELECT id FROM worker WHERE place = $2)
ORDER BY id
LIMIT $4
FOR UPDATE SKIP LOCKED
