-- Ends tasks that succeeded, as far as their leases are still those of the caller.
-- $1 now, $2 JSON list of {id, fence, data}
UPDATE task
SET status = 40, attempts = 0, locked_by = NULL, lock_time = NULL, lease_until = NULL,
    cancel_requested = 0, reason = NULL, finished_at = $1, updated_at = $1,
    data = COALESCE(held.data, task.data)
FROM (
    SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'data' AS data
    FROM json_each($2)
) AS held
WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
RETURNING id
