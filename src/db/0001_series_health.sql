CREATE TABLE series_health (
    series             TEXT   PRIMARY KEY,
    last_run_at        BIGINT,
    last_success_at    BIGINT,
    rows               BIGINT NOT NULL,
    consecutive_errors BIGINT NOT NULL,
    last_error         TEXT
);
