-- The oldest bucket of a resolution.
-- $1 resolution in seconds
SELECT MIN(bucket) FROM history_point WHERE resolution = $1
