-- Deletes the points before an instant.
-- $1 resolution in seconds, $2 until
DELETE FROM history_point WHERE resolution = $1 AND bucket < $2
