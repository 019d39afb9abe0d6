-- Ends all ownerships of a worker.
-- $1 now, $2 worker
UPDATE owner
SET lease_until = tracker_now($1)
WHERE worker = $2 AND lease_until > tracker_now($1)
