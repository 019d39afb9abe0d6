-- Prolongs all ownerships of a worker.
-- $1 now, $2 lease, $3 worker
UPDATE owner
SET lease_until = tracker_now($1) + $2
WHERE worker = $3
RETURNING series
