-- For each queue, when the task waiting longest was due and how many are due. Paused jobs and streams do not wait: they are
-- subtracted, so that all others are counted in their index alone.
-- $1 now
SELECT q.queue, MIN(
    (
        SELECT MIN(run_at)
        FROM task
        WHERE queue = q.queue
            AND priority = p.priority
            AND status IN (0, 20)
            AND run_at <= tracker_now($1)
            AND id NOT IN (SELECT series FROM paused_jobs UNION ALL SELECT 'stream:' || series FROM paused_jobs)
    )
), CAST(
    SUM(
        (
            SELECT COUNT(*)
            FROM (
                SELECT 1
                FROM task
                WHERE queue = q.queue
                    AND priority = p.priority
                    AND status IN (0, 20)
                    AND run_at <= tracker_now($1)
                LIMIT 20000
            ) AS first_ones
        ) - (
            SELECT COUNT(*)
            FROM (
                SELECT series AS its_id FROM paused_jobs UNION ALL SELECT 'stream:' || series FROM paused_jobs
            ) AS paused
            CROSS JOIN task
            WHERE id = paused.its_id
                AND queue = q.queue
                AND priority = p.priority
                AND status IN (0, 20)
                AND run_at <= tracker_now($1)
        )
    ) AS BIGINT
)
FROM (
    SELECT queue
    FROM task_count
    UNION
    SELECT queue
    FROM task_delta
) AS q
CROSS JOIN (SELECT 9 AS priority UNION ALL SELECT 5 UNION ALL SELECT 3 UNION ALL SELECT 0) AS p
GROUP BY q.queue
