-- Replaces totals of this writer. ROWS stands for one tuple a point:
-- (metric, resolution, bucket, writer, count, sum, min, max, last, sampled_at, sketch)
INSERT INTO history_point
    (metric, resolution, bucket, writer, count, sum, min, max, last, sampled_at, sketch)
VALUES ROWS
ON CONFLICT (metric, resolution, bucket, writer) DO UPDATE SET
    count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
    last = excluded.last, sampled_at = excluded.sampled_at, sketch = excluded.sketch
