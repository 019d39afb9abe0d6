-- Closes an attempt that is still open.
-- $1 task, $2 fence, $3 now, $4 outcome, $5 error class, $6 error, $7 causes
UPDATE attempt
SET ended_at = $3, outcome = $4, error_class = $5, error = $6, causes = $7
WHERE task_id = $1 AND fence = $2 AND ended_at IS NULL
