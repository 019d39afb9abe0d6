-- Prolongs leases that are still those of the caller.
-- $1 now, $2 lease, $3 JSON list of {id, fence, data}
UPDATE task
SET lease_until = tracker_now($1) + $2, updated_at = tracker_now($1),
    data = COALESCE(held.data, task.data)
FROM jsonb_to_recordset($3::jsonb) AS held (id TEXT, fence BIGINT, data TEXT)
WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
RETURNING task.id, cancel_requested
