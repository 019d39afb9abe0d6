-- Opens the attempts of tasks that were just claimed.
-- $1 now, $2 ids as a JSON list, $3 worker
INSERT INTO attempt (task_id, fence, number, worker, started_at)
SELECT id, fence, attempts_total, $3, $1
FROM task
WHERE id IN (SELECT value FROM json_each($2))
