CREATE TABLE paused_jobs (
    series TEXT   PRIMARY KEY,
    since  BIGINT NOT NULL
);
