-- Adds the metrics that are new.
-- $1 JSON list of {key, kind, unit}
INSERT INTO history_metric (key, kind, unit)
SELECT key, kind, unit FROM jsonb_to_recordset($1::jsonb) AS own (key TEXT, kind TEXT, unit TEXT)
ON CONFLICT (key) DO NOTHING
