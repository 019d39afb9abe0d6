-- Tasks by queue and status.
SELECT queue, status, n
FROM task_count
ORDER BY queue, status
