-- Attempts that match a filter, with their tasks, the last begun first. A filter that is NULL matches everything.
-- $1 queue, $2 series, $3 kind, $4 outcome, empty for attempts that last, $5 begun at or before, $6 after this task among
-- those, $7 before this fence of it, $8 most
SELECT attempt.task_id, attempt.number, attempt.fence, attempt.worker, attempt.started_at, attempt.ended_at,
    attempt.outcome, attempt.error_class, attempt.error, attempt.causes, task.queue, task.kind, task.series,
    task.window_from, task.window_until
FROM attempt
JOIN task ON task.id = attempt.task_id
WHERE (CAST($1 AS TEXT) IS NULL OR task.queue = $1)
    AND (CAST($2 AS TEXT) IS NULL OR task.series = $2)
    AND (CAST($3 AS TEXT) IS NULL OR task.kind = $3)
    AND (CAST($4 AS TEXT) IS NULL OR COALESCE(attempt.outcome, '') = $4)
    AND attempt.started_at <= $5
    AND (attempt.started_at < $5 OR attempt.task_id > $6 OR (attempt.task_id = $6 AND attempt.fence < $7))
ORDER BY attempt.started_at DESC, attempt.task_id, attempt.fence DESC
LIMIT $8
