-- Ends the ownerships of the other workers of a place.
-- $1 now, $2 place, $3 worker that stays
UPDATE owner
SET lease_until = $1
WHERE worker <> $3 AND lease_until > $1 AND worker IN (SELECT id FROM worker WHERE place = $2)
