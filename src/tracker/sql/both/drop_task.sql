-- Removes a task.
-- $1 id
DELETE FROM task
WHERE id = $1
