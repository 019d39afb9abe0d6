-- Raises the fence of an ownership above one that was seen.
-- $1 now, $2 worker, $3 series, $4 fence to be above
UPDATE owner
SET fence = GREATEST(fence, $4 + 1)
WHERE series = $3 AND worker = $2 AND lease_until > tracker_now($1)
RETURNING fence
