-- The points of all writers of the metrics of a page.
-- $1 prefix or '', $2 first key, $3 last key, $4 resolution in seconds, $5 from, $6 until, $7 worker or ''
SELECT metric.key, point.bucket, point.count, point.sum, point.min, point.max, point.last,
    point.sampled_at, point.sketch
FROM history_metric AS metric
JOIN history_point AS point ON point.metric = metric.id
JOIN history_writer AS writer ON writer.id = point.writer
WHERE ($1 = '' OR metric.key = $1 OR (metric.key >= $1 || ':' AND metric.key < $1 || ';'))
    AND metric.key >= $2 AND metric.key <= $3
    AND point.resolution = $4 AND point.bucket >= $5 AND point.bucket < $6
    AND ($7 = '' OR writer.worker = $7)
