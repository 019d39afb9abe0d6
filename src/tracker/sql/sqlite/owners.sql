-- The owners of series.
-- $1 now, $2 series as a JSON list
SELECT series, worker, fence, since, lease_until, $1 AS as_of
FROM owner
WHERE series IN (SELECT value FROM json_each($2))
