-- Prolongs leases that are still those of the caller.
-- $1 now, $2 lease, $3 JSON list of {id, fence, data}
UPDATE task
SET lease_until = $1 + $2, updated_at = $1, data = COALESCE(held.data, task.data)
FROM (
    SELECT value ->> 'id' AS id, value ->> 'fence' AS fence, value ->> 'data' AS data
    FROM json_each($3)
) AS held
WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
RETURNING id, cancel_requested
