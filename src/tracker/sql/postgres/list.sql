-- Tasks that match a filter, the last changed first. A filter that is NULL matches everything.
-- $1 now, $2 queue, $3 status, $4 kind, $5 series, $6 changed at or before, $7 after this id among those, $8 most
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, tracker_now($1) AS as_of
FROM task
WHERE ($2::text IS NULL OR queue = $2)
    AND ($3::bigint IS NULL OR status = $3)
    AND ($4::text IS NULL OR kind = $4)
    AND ($5::text IS NULL OR series = $5)
    AND updated_at <= $6
    AND (updated_at < $6 OR id > $7)
ORDER BY updated_at DESC, id
LIMIT $8
