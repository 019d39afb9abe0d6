//! The cases of rollups: counters, gauges and histograms in buckets, over workers and restarts.

use dccd::history::{HistoryQuery, Kind, Resolution, RollupError};

use crate::world::{World, at, on_both_stores};

on_both_stores! {
    a_counter_sums_in_the_bucket_of_each_resolution
    a_gauge_is_its_newest_sample
    a_histogram_keeps_count_sum_and_bounds
    workers_are_merged_and_one_may_be_looked_at_alone
    sixty_minutes_are_read_with_the_open_one
    a_write_whose_answer_was_lost_counts_once
    a_first_write_whose_answer_was_lost_counts_once
    a_worker_that_is_killed_and_restarted_loses_and_doubles_nothing_that_was_written
    a_prefix_is_whole_segments_and_holds_nothing_special
    pages_follow_one_another_in_the_order_of_keys
    a_metric_that_the_store_knows_as_another_is_refused_and_counted
    a_process_that_was_overtaken_writes_nothing_more
    a_late_value_is_added_to_a_minute_that_was_stored_long_ago
}

async fn a_counter_sums_in_the_bucket_of_each_resolution(world: &World) {
    let process = world.process("a", "1");
    for (time, by) in [("10:03:59", 1.0), ("10:04:00", 2.0), ("10:04:59", -1.0), ("10:05:00", 5.0)] {
        process.count("runs", by, at(time));
    }
    let now = at("10:06:00");
    process.write(now).await;

    let sums = async |resolution| world.sums("runs", resolution, now).await;
    let of = |time: &str, sum| (time.to_owned(), sum);
    assert_eq!(sums(Resolution::Minute).await, [of("10:03", 1.0), of("10:04", 1.0), of("10:05", 5.0)]);
    assert_eq!(sums(Resolution::FiveMinutes).await, [of("10:00", 2.0), of("10:05", 5.0)]);
    assert_eq!(sums(Resolution::Hour).await, [of("10:00", 7.0)]);
    assert_eq!(sums(Resolution::Day).await, [of("00:00", 7.0)]);
    let points = world.points("runs", Resolution::Hour, now, None).await;
    assert_eq!(points[0].1.quantile(0.5), None);
}

async fn a_gauge_is_its_newest_sample(world: &World) {
    let process = world.process("a", "1");
    for (time, level) in [("10:06:00", 5.0), ("10:06:00", 3.0), ("10:06:01", 4.0)] {
        process.level("depth", level, at(time));
    }
    process.write(at("10:07:00")).await;

    let points = world.points("depth", Resolution::Minute, at("10:07:00"), None).await;
    assert_eq!(points.len(), 1);
    assert_eq!(points[0].1.value(Kind::Gauge), 4.0);
}

async fn a_histogram_keeps_count_sum_and_bounds(world: &World) {
    let process = world.process("a", "1");
    for (time, value) in [("10:06:00", 1.0), ("10:06:01", 2.0), ("10:06:02", 9.0), ("10:07:00", 0.0)] {
        process.value("latency", value, at(time));
    }
    let now = at("10:07:30");
    process.write(now).await;

    let figures = async |resolution| {
        let points = world.points("latency", resolution, now, None).await;
        points.into_iter().map(|(_, p)| (p.count, p.sum, p.mean(), p.min, p.max)).collect::<Vec<_>>()
    };
    assert_eq!(figures(Resolution::Minute).await, [(3, 12.0, 4.0, 1.0, 9.0), (1, 0.0, 0.0, 0.0, 0.0)]);
    assert_eq!(figures(Resolution::FiveMinutes).await, [(4, 12.0, 3.0, 0.0, 9.0)]);
}

async fn workers_are_merged_and_one_may_be_looked_at_alone(world: &World) {
    let (one, other) = (world.process("a", "1"), world.process("b", "2"));
    one.count("runs", 5.0, at("10:05:00"));
    one.level("depth", 4.0, at("10:06:01"));
    for value in [1.0, 2.0, 9.0, 0.0] {
        one.value("latency", value, at("10:06:00"));
    }
    other.count("runs", 10.0, at("10:07:00"));
    other.level("depth", 100.0, at("10:07:00"));
    other.value("latency", 20.0, at("10:07:00"));
    let now = at("10:08:00");
    one.write(now).await;
    other.write(now).await;

    let only = async |key, worker| {
        let points = world.points(key, Resolution::FiveMinutes, now, worker).await;
        assert_eq!(points.len(), 1, "{key}");
        points[0].1.clone()
    };
    assert_eq!(only("runs", None).await.sum, 15.0);
    assert_eq!(only("runs", Some("b")).await.sum, 10.0);
    assert_eq!(only("depth", None).await.last, 100.0);
    let all = only("latency", None).await;
    assert_eq!((all.count, all.sum, all.mean(), all.min, all.max), (5, 32.0, 6.4, 0.0, 20.0));
    let median = all.quantile(0.5).unwrap();
    assert!((median / 2.0 - 1.0).abs() <= 0.01, "{median}");
    assert_eq!(world.db.history_workers().await.unwrap(), ["a", "b"]);
    assert!(world.points("runs", Resolution::Minute, now, Some("c")).await.is_empty());
}

async fn sixty_minutes_are_read_with_the_open_one(world: &World) {
    let process = world.process("a", "1");
    for minute in 0..61 {
        process.count("runs", 1.0, at(&format!("{:02}:{:02}:00", 10 + minute / 60, minute % 60)));
    }
    let now = at("11:00:30");
    process.write(now).await;

    let minutes = world.sums("runs", Resolution::Minute, now).await;
    assert_eq!((minutes.len(), minutes[0].0.as_str(), minutes[59].0.as_str()), (60, "10:01", "11:00"));
    let total = |sums: &[(String, f64)]| sums.iter().map(|(_, sum)| sum).sum::<f64>();
    assert_eq!(total(&minutes), 60.0);
    assert_eq!(total(&world.sums("runs", Resolution::FiveMinutes, now).await), 61.0);
    let hours = world.sums("runs", Resolution::Hour, now).await;
    assert_eq!(hours, [("10:00".to_owned(), 60.0), ("11:00".to_owned(), 1.0)]);
    // Two hours and 23 minutes later the minutes are hidden, though none was deleted.
    let later = at("13:23:30");
    assert!(world.sums("runs", Resolution::Minute, later).await.is_empty());
    assert_eq!(total(&world.sums("runs", Resolution::FiveMinutes, later).await), 61.0);
}

async fn a_write_whose_answer_was_lost_counts_once(world: &World) {
    let process = world.process("a", "1");
    process.count("runs", 1.0, at("10:00:00"));
    process.write(at("10:00:01")).await;
    process.count("runs", 2.0, at("10:00:02"));
    lose_the_answer(world, &process).await;

    process.count("runs", 4.0, at("10:00:03"));
    process.write(at("10:00:04")).await;
    process.write(at("10:00:05")).await;

    assert_eq!(world.sums("runs", Resolution::Day, at("10:01:00")).await, [("00:00".to_owned(), 7.0)]);
}

async fn a_first_write_whose_answer_was_lost_counts_once(world: &World) {
    let before = world.process("a", "0");
    before.count("runs", 10.0, at("09:59:59"));
    before.write(at("09:59:59")).await;
    let process = world.process("a", "1");
    process.count("runs", 3.0, at("10:00:00"));
    lose_the_answer(world, &process).await;

    process.write(at("10:00:01")).await;

    assert_eq!(world.sums("runs", Resolution::Day, at("10:01:00")).await, [("00:00".to_owned(), 13.0)]);
    assert_eq!(world.sums("runs", Resolution::Minute, at("10:00:30")).await[1], ("10:00".to_owned(), 3.0));
}

/// Writes what waits in a process that never learns of it.
async fn lose_the_answer(world: &World, process: &crate::world::Process) {
    let mut writer = world.db.claim_history(("a", "a:place"), "1", at("10:00:00")).await.unwrap();
    let baseless = process.telemetry.history().fold().baseless();
    for (resolution, range) in baseless {
        let stored = world.db.stored_history(writer.id(), resolution, range.clone()).await.unwrap();
        process.telemetry.history().fold().rebase(resolution, &range, &stored);
    }
    let points = process.telemetry.history().fold().unwritten();
    assert!(!points.is_empty());
    world.db.write_history(&mut writer, &points, at("10:00:00")).await.unwrap();
}

async fn a_worker_that_is_killed_and_restarted_loses_and_doubles_nothing_that_was_written(world: &World) {
    let (other, first) = (world.process("b", "9"), world.process("a", "1"));
    other.count("runs", 100.0, at("10:00:30"));
    other.write(at("10:00:31")).await;
    first.count("runs", 3.0, at("10:00:00"));
    first.value("latency", 2.0, at("10:00:00"));
    first.level("depth", 5.0, at("10:00:00"));
    first.write(at("10:00:01")).await;
    // Killed.
    drop(first);

    let second = world.process("a", "2");
    second.count("runs", 4.0, at("10:00:40"));
    second.value("latency", 8.0, at("10:00:40"));
    second.level("depth", 1.0, at("10:00:40"));
    second.write(at("10:00:41")).await;
    second.write(at("10:00:42")).await;

    let now = at("10:00:50");
    for resolution in Resolution::ALL {
        let only = async |key, worker| world.points(key, resolution, now, worker).await[0].1.clone();
        assert_eq!(only("runs", Some("a")).await.sum, 7.0, "{resolution}");
        assert_eq!(only("runs", None).await.sum, 107.0, "{resolution}");
        let latency = only("latency", Some("a")).await;
        assert_eq!((latency.count, latency.sum, latency.min, latency.max), (2, 10.0, 2.0, 8.0));
        assert!((latency.quantile(1.0).unwrap() / 8.0 - 1.0).abs() <= 0.01);
        assert_eq!(only("depth", Some("a")).await.last, 1.0);
    }
}

async fn a_prefix_is_whole_segments_and_holds_nothing_special(world: &World) {
    let process = world.process("a", "1");
    let now = at("10:00:00");
    let keys = ["queue:def", "queue:default:x", "queue:de%", "queuex", "Queue:def", "queue:d_f", "ключ:x"];
    keys.iter().for_each(|key| process.count(key, 1.0, now));
    process.write(now).await;

    let found = async |prefix: &str| {
        let metrics = world.read(prefix, Resolution::Minute, now, None).await;
        metrics.into_iter().map(|metric| metric.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("queue").await, ["queue:d_f", "queue:de%", "queue:def", "queue:default:x"]);
    assert_eq!(found("queue:def").await, ["queue:def"]);
    assert_eq!(found("queue:de%").await, ["queue:de%"]);
    assert_eq!(found("ключ").await, ["ключ:x"]);
    assert_eq!(found("").await.len(), keys.len());
    for none in ["que", "queue:", "%", "queue:d_", "' OR 1=1 --"] {
        assert!(found(none).await.is_empty(), "{none}");
    }
}

async fn pages_follow_one_another_in_the_order_of_keys(world: &World) {
    let process = world.process("a", "1");
    let now = at("10:00:00");
    for number in 0..450 {
        process.count(&format!("load:{number:03}"), f64::from(number), now);
    }
    process.write(now).await;

    let query = HistoryQuery {
        prefix: "load".into(),
        worker: None,
        resolution: Resolution::Minute,
        range: Resolution::Minute.kept(now),
        after: Some("load:199".into()),
        most: 200,
    };
    let page = process.history.read(&query).await.unwrap();

    assert!(page.has_more);
    let keys: Vec<String> = page.metrics.iter().map(|metric| metric.key.to_string()).collect();
    assert_eq!(keys, (200..400).map(|number| format!("load:{number:03}")).collect::<Vec<_>>());
    assert!(page.metrics.iter().zip(200..).all(|(metric, sum)| metric.points[&now].sum == f64::from(sum)));
}

async fn a_metric_that_the_store_knows_as_another_is_refused_and_counted(world: &World) {
    let (one, other) = (world.process("a", "1"), world.process("b", "2"));
    let now = at("10:00:00");
    one.count("runs", 1.0, now);
    one.write(now).await;
    other.level("runs", 7.0, now);
    other.count("fine", 2.0, now);
    other.write(now).await;

    assert_eq!(world.sums("runs", Resolution::Hour, now).await, [("10:00".to_owned(), 1.0)]);
    assert_eq!(world.sums("fine", Resolution::Hour, now).await, [("10:00".to_owned(), 2.0)]);
    assert_eq!(other.metric("dccd_history_lost_observations_total", Some("invalid")), 1.0);
    // It may still record under that key as the store has it.
    assert_eq!(other.history.increment_counter("runs", 1.0), Ok(()));
    assert!(matches!(other.history.record_gauge("fine", 1.0), Err(RollupError::OtherKind { .. })));
    assert_eq!(other.metric("dccd_history_lost_observations_total", Some("invalid")), 2.0);
}

async fn a_process_that_was_overtaken_writes_nothing_more(world: &World) {
    let (frozen, next) = (world.process("a", "1"), world.process("a", "2"));
    let now = at("10:00:00");
    frozen.count("runs", 1.0, now);
    frozen.write(now).await;
    next.count("runs", 2.0, now);
    next.write(now).await;

    frozen.count("runs", 50.0, now);
    frozen.write(now).await;
    frozen.count("runs", 50.0, now);
    frozen.write(now).await;
    next.count("runs", 4.0, now);
    next.write(now).await;

    assert_eq!(world.sums("runs", Resolution::Minute, now).await, [("10:00".to_owned(), 7.0)]);
    assert_eq!(frozen.metric("dccd_history_lost_observations_total", Some("overtaken")), 8.0);
}

async fn a_late_value_is_added_to_a_minute_that_was_stored_long_ago(world: &World) {
    let process = world.process("a", "1");
    process.count("runs", 1.0, at("10:00:00"));
    process.write(at("10:20:00")).await;
    process.count("runs", 2.0, at("10:00:10"));
    process.write(at("10:20:30")).await;

    let now = at("10:21:00");
    assert_eq!(world.sums("runs", Resolution::Minute, now).await, [("10:00".to_owned(), 3.0)]);
    assert_eq!(world.sums("runs", Resolution::Hour, now).await, [("10:00".to_owned(), 3.0)]);
}
