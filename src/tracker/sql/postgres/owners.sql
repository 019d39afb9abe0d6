-- The owners of series.
-- $1 now, $2 series as a JSON list
SELECT series, worker, fence, since, lease_until, tracker_now($1) AS as_of
FROM owner
WHERE series IN (SELECT jsonb_array_elements_text($2::jsonb))
