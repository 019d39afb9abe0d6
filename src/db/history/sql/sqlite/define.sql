-- Adds the metrics that are new.
-- $1 JSON list of {key, kind, unit}
INSERT INTO history_metric (key, kind, unit)
SELECT value ->> 'key', value ->> 'kind', value ->> 'unit' FROM json_each($1) WHERE TRUE
ON CONFLICT (key) DO NOTHING
