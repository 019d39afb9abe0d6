-- Gives series up, so that any worker may own them at once.
-- $1 now, $2 worker, $3 series as a JSON list
UPDATE owner
SET worker = '', lease_until = $1
WHERE worker = $2 AND series IN (SELECT value FROM json_each($3))
RETURNING series
