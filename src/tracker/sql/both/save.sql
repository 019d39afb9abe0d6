-- Writes a task back, if its fence is still the one it was read with.
-- $1 id, $2 fence as it was read, $3 to $17 the new values
UPDATE task
SET status = $3, attempts = $4, attempts_total = $5, fence = $6, run_at = $7, locked_by = $8,
    lock_time = $9, lease_until = $10, cancel_requested = $11, updated_at = $12, finished_at = $13,
    reason = $14, data = $15, window_from = $16, window_until = $17
WHERE id = $1 AND fence = $2
