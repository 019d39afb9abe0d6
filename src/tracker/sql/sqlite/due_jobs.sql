-- Recurring jobs that are due and not paused, each queue and priority by its own probe of the index.
-- $1 now, $2 most
SELECT id, run_at
FROM (SELECT DISTINCT queue AS its_queue FROM task_count) AS q
CROSS JOIN (SELECT 9 AS level UNION ALL SELECT 5 UNION ALL SELECT 3 UNION ALL SELECT 0) AS p
CROSS JOIN task
WHERE queue = q.its_queue
    AND priority = p.level
    AND status IN (0, 20)
    AND run_at <= $1
    AND kind = 'job'
    AND id NOT IN (SELECT series FROM paused_jobs)
ORDER BY priority DESC, run_at, id
LIMIT $2
