-- The metrics of these keys.
-- $1 JSON list of {key, kind, unit}
SELECT metric.id, metric.key, metric.kind, metric.unit
FROM jsonb_to_recordset($1::jsonb) AS own (key TEXT) JOIN history_metric AS metric ON metric.key = own.key
