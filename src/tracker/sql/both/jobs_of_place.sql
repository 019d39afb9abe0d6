-- Jobs and streams that wait and whose series was last written at a place.
-- $1 place
SELECT task.id
FROM task
JOIN owner ON owner.series = task.series
WHERE task.kind IN ('job', 'stream') AND task.status IN (0, 20) AND owner.place = $1
ORDER BY task.id
