-- Windows that are due, the most urgent first, each queue and priority by its own probe of the index.
-- $1 now, $2 most
SELECT id, queue, kind, series, window_from, window_until, status, priority, run_at, attempts,
    attempts_total, max_attempts, retry_delay, fence, locked_by, lock_time, lease_until,
    cancel_requested, created_at, updated_at, finished_at, data, reason, tracker_now($1) AS as_of
FROM (
    SELECT queue AS its_queue
    FROM task_count
    UNION
    SELECT queue
    FROM task_delta
) AS q
CROSS JOIN (SELECT 9 AS level UNION ALL SELECT 5 UNION ALL SELECT 3 UNION ALL SELECT 0) AS p
CROSS JOIN task
WHERE queue = q.its_queue
    AND priority = p.level
    AND status IN (0, 20)
    AND run_at <= tracker_now($1)
    AND window_from IS NOT NULL
ORDER BY priority DESC, run_at, id
LIMIT $2
