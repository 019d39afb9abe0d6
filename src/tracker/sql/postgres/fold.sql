-- Folds appended counts into the kept ones; one transaction at a time does.
WITH turn AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(7202026) AS mine
), taken AS (
    DELETE FROM task_delta
    WHERE (SELECT mine FROM turn)
    RETURNING queue, status, n
)
INSERT INTO task_count (queue, status, n)
SELECT queue, status, SUM(n)
FROM taken
GROUP BY queue, status
ON CONFLICT (queue, status) DO UPDATE SET n = task_count.n + excluded.n
