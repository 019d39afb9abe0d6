-- Closes the attempts of tasks that were just completed.
-- $1 now, $2 JSON list of {id, fence}
UPDATE attempt
SET ended_at = $1, outcome = 'succeeded'
FROM (SELECT value ->> 'id' AS id, value ->> 'fence' AS fence FROM json_each($2)) AS held
WHERE task_id = held.id AND attempt.fence = held.fence AND ended_at IS NULL
