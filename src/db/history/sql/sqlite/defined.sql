-- The metrics of these keys.
-- $1 JSON list of {key, kind, unit}
SELECT metric.id, metric.key, metric.kind, metric.unit
FROM json_each($1) AS own JOIN history_metric AS metric ON metric.key = own.value ->> 'key'
