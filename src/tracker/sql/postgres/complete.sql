-- Ends tasks that succeeded, as far as their leases are still those of the caller.
-- $1 now, $2 JSON list of {id, fence, data}
WITH held AS (
    SELECT *
    FROM jsonb_to_recordset($2::jsonb) AS held (id TEXT, fence BIGINT, data TEXT)
), ended AS (
    UPDATE task
    SET status = 40, attempts = 0, locked_by = NULL, lock_time = NULL, lease_until = NULL,
        cancel_requested = 0, reason = NULL, finished_at = tracker_now($1),
        updated_at = tracker_now($1), data = COALESCE(held.data, task.data)
    FROM held
    WHERE task.id = held.id AND task.fence = held.fence AND task.status = 10
    RETURNING task.id, task.fence
), closed AS (
    UPDATE attempt
    SET ended_at = tracker_now($1), outcome = 'succeeded'
    FROM ended
    WHERE task_id = ended.id AND attempt.fence = ended.fence AND ended_at IS NULL
)
SELECT id
FROM ended
