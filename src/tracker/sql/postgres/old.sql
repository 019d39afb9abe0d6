-- Tasks that ended before an instant.
-- $1 status, $2 before, $3 most
SELECT id
FROM task
WHERE status = $1 AND status IN (30, 40) AND finished_at < $2
ORDER BY finished_at
LIMIT $3
FOR UPDATE SKIP LOCKED
