-- Ends all ownerships of a worker.
-- $1 now, $2 worker
UPDATE owner
SET lease_until = $1
WHERE worker = $2 AND lease_until > $1
