-- Raises the fence of an ownership above one that was seen.
-- $1 now, $2 worker, $3 series, $4 fence to be above
UPDATE owner
SET fence = MAX(fence, $4 + 1)
WHERE series = $3 AND worker = $2 AND lease_until > $1
RETURNING fence
