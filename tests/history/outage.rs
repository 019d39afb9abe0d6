//! A state store that is away for ten minutes.

use dccd::history::Resolution;

use crate::world::{World, at, on_both_stores};

on_both_stores! {
    ten_minutes_without_the_store_lose_nothing
    values_beyond_the_bound_are_counted
}

async fn ten_minutes_without_the_store_lose_nothing(world: &World) {
    let process = world.process("a", "1");
    let mut recorded = 0.0;
    for minute in 0..15 {
        for second in [0, 30] {
            let now = at(&format!("10:{minute:02}:{second:02}"));
            for number in 0..20 {
                process.count(&format!("load:{number}"), f64::from(number), now);
                process.value(&format!("size:{number}"), f64::from(minute), now);
                recorded += f64::from(number);
            }
        }
        if minute == 2 {
            let _ = world.db.failed(sqlx::Error::WorkerCrashed);
        }
        if minute == 12 {
            world.db.answered();
        }
        let is_away = (2..12).contains(&minute);
        assert_eq!(process.history.write(at(&format!("10:{minute:02}:59"))).await, !is_away, "{minute}");
        let waiting = process.metric("dccd_queue_items", Some("history"));
        assert_eq!(waiting > 0.0, is_away, "{minute}: {waiting} points wait");
    }

    let now = at("10:14:59");
    for (resolution, buckets) in
        [(Resolution::Minute, 15), (Resolution::FiveMinutes, 3), (Resolution::Day, 1)]
    {
        let load = world.read("load", resolution, now, None).await;
        let sum: f64 = load.iter().flat_map(|metric| metric.points.values()).map(|point| point.sum).sum();
        assert_eq!(sum, recorded, "{resolution}");
        let sizes = world.read("size", resolution, now, None).await;
        assert_eq!(sizes.len(), 20);
        for metric in sizes {
            assert_eq!(metric.points.len(), buckets, "{resolution}");
            assert_eq!(metric.points.values().map(|point| point.count).sum::<u64>(), 30, "{resolution}");
        }
    }
    assert_eq!(process.metric("dccd_history_write_failures_total", None), 10.0);
    assert_eq!(process.metric("dccd_history_lost_observations_total", None), 0.0);
    assert_eq!(process.metric("dccd_queue_dropped_total", Some("history")), 0.0);
}

async fn values_beyond_the_bound_are_counted(world: &World) {
    let process = world.process("a", "1");
    let most = process.metric("dccd_queue_capacity_items", Some("history"));
    let fitting = (most / 4.0) as usize;
    for number in 0..fitting {
        process.history.increment_counter(&format!("load:{number}"), 1.0).unwrap();
    }

    let refused = process.history.increment_counter("one:more", 1.0).unwrap_err();

    assert!(refused.to_string().contains("points of the metric history wait"), "{refused}");
    assert_eq!(process.metric("dccd_queue_dropped_total", Some("history")), 1.0);
}
