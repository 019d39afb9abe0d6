-- The points of a writer in a range of buckets.
-- $1 writer, $2 resolution in seconds, $3 from, $4 until
SELECT metric.key, point.bucket, point.count, point.sum, point.min, point.max, point.last,
    point.sampled_at, point.sketch
FROM history_point AS point
JOIN history_metric AS metric ON metric.id = point.metric
WHERE point.resolution = $2 AND point.bucket >= $3 AND point.bucket < $4 AND point.writer = $1
