-- Counts every task and returns the differences from the kept counts.
SELECT queue, status, CAST(SUM(n) AS BIGINT)
FROM (
    SELECT queue, status, COUNT(*) AS n
    FROM task
    GROUP BY queue, status
    UNION ALL
    SELECT queue, status, -n
    FROM task_count
) AS both_ways
GROUP BY queue, status
HAVING SUM(n) <> 0
