-- Removes the other workers of a place.
-- $1 place, $2 worker that stays
DELETE FROM worker
WHERE place = $1 AND id <> $2
