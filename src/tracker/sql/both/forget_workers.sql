-- Removes workers that were not seen since.
-- $1 before
DELETE FROM worker
WHERE last_seen < $1
