-- The attempts at a task, oldest first.
-- $1 task
SELECT number, fence, worker, started_at, ended_at, outcome, error_class, error, causes
FROM attempt
WHERE task_id = $1
ORDER BY fence
