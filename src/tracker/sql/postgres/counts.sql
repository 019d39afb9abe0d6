-- Tasks by queue and status.
SELECT queue, status, SUM(n)::bigint
FROM (
    SELECT queue, status, n
    FROM task_count
    UNION ALL
    SELECT queue, status, n
    FROM task_delta
) AS parts
GROUP BY queue, status
ORDER BY queue, status
