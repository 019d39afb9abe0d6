-- The metrics under a prefix of whole segments that have a point in a range of buckets.
-- $1 prefix or '', $2 key to begin after, $3 most, $4 resolution in seconds, $5 from, $6 until, $7 worker or ''
SELECT metric.id, metric.key, metric.kind, metric.unit
FROM history_metric AS metric
WHERE ($1 = '' OR metric.key = $1 OR (metric.key >= $1 || ':' AND metric.key < $1 || ';'))
    AND metric.key > $2
    AND EXISTS (
        SELECT 1
        FROM history_point AS point
        CROSS JOIN history_writer AS writer
        WHERE writer.id = point.writer AND point.metric = metric.id AND point.resolution = $4
            AND point.bucket >= $5 AND point.bucket < $6
            AND ($7 = '' OR writer.worker = $7)
    )
ORDER BY metric.key
LIMIT $3
