-- Deletes metrics without points.
DELETE FROM history_metric
WHERE NOT EXISTS (SELECT 1 FROM history_point AS point WHERE point.metric = history_metric.id)
