-- Removes the older attempts at a task.
-- $1 task, $2 number of the last one to go
DELETE FROM attempt
WHERE task_id = $1 AND number <= $2
