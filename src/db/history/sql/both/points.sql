-- The points of all writers of the metrics of a page. SQLite joins in this order, so that it does not read the points of
-- every metric.
-- $1 prefix or '', $2 first key, $3 last key, $4 resolution in seconds, $5 from, $6 until, $7 worker or ''
SELECT metric.key, point.bucket, point.count, point.sum, point.min, point.max, point.last,
    point.sampled_at, point.sketch
FROM history_metric AS metric
CROSS JOIN history_point AS point
CROSS JOIN history_writer AS writer
WHERE point.metric = metric.id AND writer.id = point.writer
    AND ($1 = '' OR metric.key = $1 OR (metric.key >= $1 || ':' AND metric.key < $1 || ';'))
    AND metric.key >= $2 AND metric.key <= $3
    AND point.resolution = $4 AND point.bucket >= $5 AND point.bucket < $6
    AND ($7 = '' OR writer.worker = $7)
