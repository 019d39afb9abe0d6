-- Gives series up, so that any worker may own them at once.
-- $1 now, $2 worker, $3 series as a JSON list
UPDATE owner
SET worker = '', lease_until = tracker_now($1)
WHERE worker = $2 AND series IN (SELECT jsonb_array_elements_text($3::jsonb))
RETURNING series
