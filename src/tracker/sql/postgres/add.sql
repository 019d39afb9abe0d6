-- Adds a task, or opens one again that succeeded. Returns no row for any other task of that id.
-- $1 now, $2 id, $3 queue, $4 kind, $5 series, $6 from, $7 until, $8 priority, $9 run_at, $10 most attempts, $11 retry delay
INSERT INTO task (id, queue, kind, series, window_from, window_until, status, priority, run_at,
    attempts, attempts_total, max_attempts, retry_delay, fence, cancel_requested, created_at,
    updated_at, data)
VALUES ($2, $3, $4, $5, $6, $7, 0, $8, COALESCE($9, tracker_now($1)), 0, 0, $10, $11, 0, 0,
    tracker_now($1), tracker_now($1), '{}')
ON CONFLICT (id) DO UPDATE SET status = 0, attempts = 0, fence = task.fence + 1,
    run_at = excluded.run_at, priority = excluded.priority, max_attempts = excluded.max_attempts,
    retry_delay = excluded.retry_delay, window_from = excluded.window_from,
    window_until = excluded.window_until, finished_at = NULL, updated_at = excluded.updated_at, data = '{}'
WHERE task.status = 40
RETURNING id
