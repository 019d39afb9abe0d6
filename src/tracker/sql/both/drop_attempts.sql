-- Removes all attempts at a task.
-- $1 task
DELETE FROM attempt
WHERE task_id = $1
