-- Replaces totals of this writer.
-- $1 writer, then a list a column: $2 metric, $3 resolution, $4 bucket, $5 count, $6 sum, $7 min, $8 max, $9 last,
-- $10 sampled_at, $11 sketch
INSERT INTO history_point
    (metric, resolution, bucket, writer, count, sum, min, max, last, sampled_at, sketch)
SELECT metric, resolution, bucket, $1, count, sum, min, max, last, sampled_at, sketch
FROM unnest(
    $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::DOUBLE PRECISION[], $7::DOUBLE PRECISION[],
    $8::DOUBLE PRECISION[], $9::DOUBLE PRECISION[], $10::BIGINT[], $11::BYTEA[]
) AS own (metric, resolution, bucket, count, sum, min, max, last, sampled_at, sketch)
ON CONFLICT (metric, resolution, bucket, writer) DO UPDATE SET
    count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
    last = excluded.last, sampled_at = excluded.sampled_at, sketch = excluded.sketch
