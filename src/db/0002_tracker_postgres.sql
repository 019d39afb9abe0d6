CREATE TABLE task (
    id               TEXT   PRIMARY KEY,
    queue            TEXT   NOT NULL,
    kind             TEXT   NOT NULL,
    series           TEXT   NOT NULL,
    window_from      BIGINT,
    window_until     BIGINT,
    status           BIGINT NOT NULL CHECK (status IN (0, 10, 20, 30, 40, 50)),
    priority         BIGINT NOT NULL CHECK (priority IN (0, 3, 5, 9)),
    run_at           BIGINT NOT NULL,
    attempts         BIGINT NOT NULL,
    attempts_total   BIGINT NOT NULL,
    max_attempts     BIGINT,
    retry_delay      BIGINT NOT NULL,
    fence            BIGINT NOT NULL,
    locked_by        TEXT,
    lock_time        BIGINT,
    lease_until      BIGINT,
    cancel_requested BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    finished_at      BIGINT,
    data             TEXT   NOT NULL,
    reason           TEXT
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE INDEX task_ready ON task (queue, priority, run_at, id) WHERE status IN (0, 20);
CREATE INDEX task_lease ON task (lease_until) WHERE status = 10;
CREATE INDEX task_done ON task (status, finished_at) WHERE status IN (30, 40);
CREATE INDEX task_window ON task (series, kind, window_from) WHERE status <> 40 AND window_from IS NOT NULL;

CREATE TABLE attempt (
    task_id     TEXT   NOT NULL,
    fence       BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    worker      TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    outcome     TEXT,
    error_class TEXT,
    error       TEXT,
    causes      TEXT,
    PRIMARY KEY (task_id, fence)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE worker (
    id         TEXT   PRIMARY KEY,
    place      TEXT   NOT NULL,
    started_at BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    slots      BIGINT NOT NULL,
    held       BIGINT NOT NULL,
    lag_micros BIGINT NOT NULL,
    rss_bytes  BIGINT NOT NULL,
    version    TEXT   NOT NULL
);

CREATE TABLE owner (
    series      TEXT   PRIMARY KEY,
    worker      TEXT   NOT NULL,
    fence       BIGINT NOT NULL,
    since       BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);

-- How many tasks each queue has in each state, so that nobody counts a million rows: what was folded so far,
-- and the changes since. One row of counts for each queue would make the workers wait for one another.
CREATE TABLE task_count (
    queue  TEXT   NOT NULL,
    status BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    PRIMARY KEY (queue, status)
);

CREATE TABLE task_delta (
    queue  TEXT   NOT NULL,
    status BIGINT NOT NULL,
    n      BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE FUNCTION task_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO task_delta SELECT queue, status, count(*) FROM added GROUP BY queue, status;
    RETURN NULL;
END $$;

CREATE FUNCTION task_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO task_delta
    SELECT queue, status, sum(n) FROM (
        SELECT queue, status, 1 AS n FROM added UNION ALL SELECT queue, status, -1 FROM removed
    ) AS change GROUP BY queue, status HAVING sum(n) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION task_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO task_delta SELECT queue, status, -count(*) FROM removed GROUP BY queue, status;
    RETURN NULL;
END $$;

CREATE TRIGGER task_added AFTER INSERT ON task
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION task_added();
CREATE TRIGGER task_moved AFTER UPDATE ON task
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION task_moved();
CREATE TRIGGER task_removed AFTER DELETE ON task
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION task_removed();

-- The time of the store, so that no worker's clock matters; or the one that is given.
CREATE FUNCTION tracker_now(given BIGINT) RETURNS BIGINT LANGUAGE sql STABLE
    RETURN COALESCE(given, (extract(epoch FROM statement_timestamp()) * 1000000)::BIGINT);
