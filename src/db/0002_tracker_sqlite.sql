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
) WITHOUT ROWID;

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
) WITHOUT ROWID;

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
) WITHOUT ROWID;

-- How many tasks each queue has in each state, so that nobody counts a million rows.
CREATE TABLE task_count (
    queue  TEXT   NOT NULL,
    status BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    PRIMARY KEY (queue, status)
) WITHOUT ROWID;

CREATE TRIGGER task_added AFTER INSERT ON task BEGIN
    INSERT INTO task_count VALUES (NEW.queue, NEW.status, 1)
    ON CONFLICT (queue, status) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER task_moved AFTER UPDATE OF status ON task WHEN NEW.status <> OLD.status BEGIN
    UPDATE task_count SET n = n - 1 WHERE queue = OLD.queue AND status = OLD.status;
    INSERT INTO task_count VALUES (NEW.queue, NEW.status, 1)
    ON CONFLICT (queue, status) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER task_removed AFTER DELETE ON task BEGIN
    UPDATE task_count SET n = n - 1 WHERE queue = OLD.queue AND status = OLD.status;
END;
