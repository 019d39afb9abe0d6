//! The hundred faults by name, in the order of their families: REST, sockets, storage, copies, the process, the task store,
//! HTTP, and what stands outside.

/// One fault.
pub(crate) struct Fault {
    /// Its number.
    pub(crate) number: usize,
    /// Its name.
    pub(crate) name: &'static str,
    pub(crate) proof: Proof,
}

/// The proof that a fault is borne.
#[derive(Clone, Copy)]
pub(crate) enum Proof {
    /// Tests that bring it about: the file and the name of each.
    Tests(&'static [(&'static str, &'static str)]),
    /// Why no test does.
    None(&'static str),
}

const fn by(number: usize, name: &'static str, tests: &'static [(&'static str, &'static str)]) -> Fault {
    Fault { number, name, proof: Proof::Tests(tests) }
}

const fn untested(number: usize, name: &'static str, why: &'static str) -> Fault {
    Fault { number, name, proof: Proof::None(why) }
}

pub(crate) const FAULTS: [Fault; 100] = [
    by(
        1,
        "A limit with the time to wait",
        &[
            ("src/net/client_tests/limits.rs", "no_request_is_sent_before_retry_after_is_over"),
            ("src/net/client_tests/limits.rs", "retry_after_as_a_date_counts_from_the_date_of_the_answer"),
        ],
    ),
    by(
        2,
        "A limit without the time to wait",
        &[
            ("src/net/client_tests/limits.rs", "a_429_without_a_time_backs_off_by_about_a_second"),
            ("src/net/limit_tests.rs", "back_off_is_jittered_and_obeyed"),
            ("src/net/strikes.rs", "refusals_without_a_time_double_from_one_second_to_sixty"),
        ],
    ),
    by(
        3,
        "A ban",
        &[
            ("src/net/client_tests/limits.rs", "a_418_without_a_time_is_a_ban_of_two_minutes"),
            ("src/net/client_tests/limits.rs", "a_ban_holds_every_later_request_until_stopped"),
            ("tests/commands/held.rs", "page_metrics_and_health_tell_a_limit_from_a_ban"),
        ],
    ),
    by(
        4,
        "Used weight near the limit",
        &[
            ("src/net/client_tests/limits.rs", "the_used_weight_an_answer_names_slows_the_next_request"),
            ("tests/runs/bitmex.rs", "a_limit_that_headers_announce_is_followed_and_never_met"),
        ],
    ),
    by(
        5,
        "Faults of the server",
        &[
            ("tests/runs/faults.rs", "one_answer_in_ten_broken_leaves_exactly_the_rows_of_the_exchange"),
            (
                "tests/runs/faults.rs",
                "a_page_that_keeps_failing_is_a_gap_with_its_reason_and_the_next_run_fills_exactly_it",
            ),
        ],
    ),
    by(
        6,
        "A web page with status 200",
        &[
            (
                "src/net/client_tests/answers.rs",
                "a_page_of_html_with_status_200_is_handed_on_for_the_parser_to_refuse",
            ),
            ("tests/conformance/bodies.rs", "a_body_that_is_no_answer_at_all_gives_no_rows"),
        ],
    ),
    by(
        7,
        "An error object with status 200",
        &[("tests/conformance/bodies.rs", "an_error_body_with_status_200_is_the_refusal_it_says")],
    ),
    by(
        8,
        "A truncated body",
        &[
            ("tests/conformance/bodies.rs", "a_truncated_body_is_an_error_wherever_it_is_cut"),
            (
                "src/net/client_tests/connections.rs",
                "a_body_shorter_than_announced_is_broken_and_not_asked_again",
            ),
            ("src/net/client_tests/connections.rs", "a_chunked_body_that_ends_early_is_broken"),
        ],
    ),
    by(
        9,
        "A field of another type",
        &[
            ("tests/conformance/bodies.rs", "a_field_of_another_type_is_an_error_unless_nobody_reads_it"),
            (
                "tests/conformance/mutated/mod.rs",
                "no_changed_body_gives_a_wrong_row_or_loses_one_that_it_does_not_name",
            ),
        ],
    ),
    by(
        10,
        "Values that cannot be true",
        &[
            ("tests/conformance/bodies.rs", "a_row_that_cannot_be_true_is_never_among_the_rows"),
            ("tests/conformance/odd_rows.rs", "a_price_or_an_amount_that_is_none_costs_its_row_and_no_other"),
            ("src/fuzz/twins.rs", "answers_bent_at_random_give_rows_within_bounds_or_an_error"),
        ],
    ),
    untested(
        11,
        "Prices beyond a double",
        "prices and amounts are the nearest doubles by design, as the documents of the format say; more digits are kept nowhere",
    ),
    by(
        12,
        "Rows twice in a page and over pages",
        &[
            ("src/store/merge/tests.rs", "an_answer_out_of_order_with_repeats_is_tidied"),
            ("tests/runs/trades.rs", "broken_answers_lose_no_trade_and_double_none"),
        ],
    ),
    by(
        13,
        "Rows out of order",
        &[
            ("tests/conformance/odd_rows.rs", "rows_in_the_other_order_are_told_and_come_out_oldest_first"),
            ("tests/runs/trades.rs", "broken_answers_lose_no_trade_and_double_none"),
        ],
    ),
    by(
        14,
        "An unfinished last candle",
        &[(
            "tests/runs/backfill.rs",
            "the_running_candle_is_never_stored_and_a_revised_one_ends_as_its_last_answer",
        )],
    ),
    by(
        15,
        "A closed candle revised late",
        &[
            (
                "tests/runs/backfill.rs",
                "thirty_days_are_stored_exactly_and_the_next_run_asks_only_for_the_last_three_candles_again",
            ),
            (
                "tests/live/hourly.rs",
                "a_candle_that_the_exchange_corrects_is_counted_and_the_later_answer_stays",
            ),
        ],
    ),
    by(
        16,
        "A time without data",
        &[(
            "tests/runs/backfill.rs",
            "an_outage_of_the_exchange_is_covered_or_confirmed_empty_and_never_filled_with_inventions",
        )],
    ),
    by(
        17,
        "A clock other than the exchange's",
        &[
            ("src/net/client_tests/answers.rs", "the_clock_is_the_exchanges_once_measured"),
            ("tests/runs/online.rs", "a_clock_far_from_the_exchanges_is_crossed_with_the_offset"),
        ],
    ),
    by(
        18,
        "A pair that is not listed any more",
        &[("tests/runs/refusals.rs", "an_unknown_pair_fails_with_the_exchanges_words_and_the_others_go_on")],
    ),
    by(
        19,
        "A pair listed after the start that is asked for",
        &[(
            "tests/runs/backfill.rs",
            "the_years_before_the_first_row_cost_two_requests_and_are_confirmed_empty",
        )],
    ),
    by(
        20,
        "An empty page before more data",
        &[
            ("tests/runs/backfill.rs", "empty_answers_that_a_later_row_contradicts_are_not_believed"),
            ("tests/runs/empties.rs", "two_false_empties_in_a_row_lose_no_row_at_either_end_of_history"),
        ],
    ),
    by(
        21,
        "Pages that do not advance",
        &[("tests/runs/backfill.rs", "an_exchange_that_ignores_what_it_is_asked_confirms_nothing")],
    ),
    by(
        22,
        "A page of one instant",
        &[
            (
                "tests/runs/bitmex.rs",
                "trades_of_an_instant_with_more_than_two_pages_are_all_there_and_in_order",
            ),
            (
                "tests/runs/bitfinex.rs",
                "an_instant_with_more_trades_than_a_page_is_a_gap_with_its_reason_and_all_around_it_is_stored",
            ),
        ],
    ),
    by(
        23,
        "A huge body and a bomb",
        &[
            ("src/net/client_tests/answers.rs", "a_gzip_body_is_decoded_and_a_bomb_is_stopped_at_the_cap"),
            ("src/net/client_tests/answers.rs", "a_listing_may_be_larger_than_a_page"),
        ],
    ),
    by(
        24,
        "A slow body, silence, a redirect elsewhere",
        &[
            ("src/net/client_tests/connections.rs", "a_body_that_only_drips_ends_with_the_total_timeout"),
            ("src/net/client_tests/connections.rs", "an_exchange_that_never_answers_is_a_timeout"),
            ("src/net/client_tests/connections.rs", "a_redirect_to_another_host_is_refused_and_named"),
            (
                "src/net/client_tests/connections.rs",
                "a_redirect_to_the_same_host_is_followed_but_not_for_ever",
            ),
        ],
    ),
    by(25, "A silent stall", &[("tests/live/quiet.rs", "topics_that_stall_are_live_again_within_a_minute")]),
    by(
        26,
        "A topic acknowledged and never sent",
        &[("tests/live/quiet.rs", "topics_that_are_acknowledged_and_never_sent_are_live_within_a_minute")],
    ),
    by(
        27,
        "A half-open connection",
        &[
            ("tests/live/quiet.rs", "a_connection_that_neither_sends_nor_closes_is_replaced_within_a_minute"),
            ("src/net/ws/tests/broken.rs", "a_peer_that_says_nothing_is_pinged_and_then_given_up"),
        ],
    ),
    by(
        28,
        "A disconnect amid a book",
        &[(
            "tests/live/books.rs",
            "stored_books_of_binance_are_those_of_the_exchange_or_not_known_by_what_broke_them",
        )],
    ),
    by(
        29,
        "A hole in the numbers",
        &[
            ("tests/sim/driven.rs", "a_trade_that_was_left_out_is_reported_as_a_hole_and_no_other_is"),
            ("src/exchange/live/book/rules.rs", "one_more_is_the_next_and_every_other_number_a_hole"),
        ],
    ),
    by(
        30,
        "Numbers that begin anew",
        &[
            (
                "src/exchange/live/numbers_tests.rs",
                "numbers_that_begin_anew_are_believed_at_the_second_trade_and_lose_none_after_it",
            ),
            ("src/exchange/live/numbers_tests.rs", "one_wrong_number_costs_itself_and_what_follows_are_rows"),
        ],
    ),
    by(
        31,
        "A wrong checksum of a book",
        &[(
            "tests/live/books.rs",
            "stored_books_of_kraken_are_those_of_the_exchange_or_not_known_by_what_broke_them",
        )],
    ),
    by(
        32,
        "Checksums that are always wrong",
        &[(
            "tests/live/books.rs",
            "one_book_whose_checksums_are_always_wrong_is_begun_anew_ever_less_often_and_disturbs_no_other",
        )],
    ),
    by(
        33,
        "Changes before their whole book",
        &[
            (
                "tests/conformance/live/books.rs",
                "changes_that_wait_for_the_whole_book_give_the_same_book_as_those_that_come_behind_it",
            ),
            (
                "tests/conformance/live/books.rs",
                "where_too_many_changes_wait_the_oldest_go_and_the_whole_book_is_asked_for_again",
            ),
        ],
    ),
    by(
        34,
        "A whole book older than the changes",
        &[(
            "tests/conformance/live/books.rs",
            "a_whole_book_older_than_the_first_change_is_asked_for_again_and_the_newer_one_is_joined",
        )],
    ),
    by(
        35,
        "A crossed book",
        &[
            ("src/exchange/live/book/kept_tests.rs", "a_book_is_open_locked_or_crossed"),
            (
                "tests/conformance/live/books_damaged.rs",
                "a_damaged_frame_puts_a_book_out_of_step_or_changes_nothing_wherever_anything_can_show_it",
            ),
        ],
    ),
    by(
        36,
        "A message of an unknown kind",
        &[
            (
                "tests/conformance/live/messages.rs",
                "the_frames_of_others_are_left_out_and_new_ones_are_counted",
            ),
            ("tests/conformance/odd_rows.rs", "added_columns_and_members_are_passed_over"),
        ],
    ),
    by(
        37,
        "A binary frame",
        &[
            (
                "tests/conformance/live/fuzz.rs",
                "nothing_that_comes_makes_a_session_panic_or_send_without_end",
            ),
            ("src/fuzz/twins.rs", "frames_bent_at_random_leave_a_session_useful"),
        ],
    ),
    by(
        38,
        "A message too long, one against the protocol",
        &[(
            "src/net/ws/tests/broken.rs",
            "a_reset_a_message_too_long_and_one_against_the_protocol_end_a_connection_by_name",
        )],
    ),
    untested(
        39,
        "A flood of pings",
        "answering them is left to the library of WebSockets, which keeps one pong at most; no count of ours is involved",
    ),
    by(
        40,
        "A connection that ends at its lifetime",
        &[
            (
                "tests/live/lifetimes.rs",
                "connections_that_end_after_a_notice_lose_no_trade_and_with_a_second_left_ask_for_none",
            ),
            ("src/net/ws/tests/takeover.rs", "before_its_announced_lifetime_ends_a_connection_is_replaced"),
        ],
    ),
    by(
        41,
        "All connections lost at once",
        &[(
            "src/net/ws/tests/scale.rs",
            "connections_come_back_at_the_pace_of_their_host_and_none_waits_for_ever",
        )],
    ),
    by(
        42,
        "Whole books asked for by many at once",
        &[
            (
                "tests/live/books.rs",
                "many_books_that_begin_at_once_come_into_step_without_asking_for_more_than_the_exchange_allows",
            ),
            (
                "src/exchange/live/book/resync.rs",
                "a_book_that_is_never_right_is_asked_for_twelve_times_in_ten_minutes_at_most",
            ),
        ],
    ),
    by(
        43,
        "One topic refused",
        &[(
            "tests/live/refused.rs",
            "an_unlisted_pair_is_refused_in_the_exchanges_words_and_two_hundred_others_are_live",
        )],
    ),
    by(
        44,
        "A disk slower than the feed",
        &[
            ("src/net/ws/tests/flow.rs", "a_socket_is_left_unread_while_nobody_takes_what_was_read"),
            (
                "src/jobs/stream/acceptor_tests.rs",
                "a_series_that_is_published_for_long_delays_neither_its_own_rows_nor_those_of_others",
            ),
        ],
    ),
    by(
        45,
        "More topics than a connection bears",
        &[
            ("tests/conformance/live/lines.rs", "a_line_takes_no_more_topics_than_it_bears"),
            (
                "tests/conformance/live/messages.rs",
                "a_thousand_topics_are_asked_for_within_what_the_line_bears",
            ),
        ],
    ),
    by(
        46,
        "One trade by socket and by REST",
        &[
            (
                "src/store/accept/live_tests.rs",
                "a_trade_that_comes_by_socket_and_by_rest_is_one_and_keeps_when_it_was_received",
            ),
            (
                "src/store/accept/live_tests.rs",
                "what_contradicts_a_trade_is_counted_whether_it_waits_or_is_published",
            ),
        ],
    ),
    by(
        47,
        "A kill at any time",
        &[
            ("tests/durability/killed.rs", "what_a_process_killed_at_any_moment_had_accepted_is_there_once"),
            (
                "tests/durability/killed.rs",
                "what_a_process_killed_at_any_system_call_had_accepted_is_there_once",
            ),
            ("tests/live/kills.rs", "a_program_that_is_killed_while_it_listens_loses_and_doubles_nothing"),
        ],
    ),
    by(
        48,
        "A power cut",
        &[("tests/power/cuts.rs", "a_power_cut_loses_no_durable_row_and_what_it_lost_is_a_gap")],
    ),
    by(
        49,
        "An end amid recovery",
        &[("src/store/model_tests/mod.rs", "whatever_happens_the_store_holds_what_the_model_says")],
    ),
    by(
        50,
        "A full disk under the journal",
        &[(
            "tests/power/storage.rs",
            "rows_that_the_journal_has_no_room_for_are_refused_and_are_gaps_with_the_reason",
        )],
    ),
    by(
        51,
        "A full disk under a publish",
        &[
            (
                "tests/power/storage.rs",
                "on_a_full_disk_the_daemon_keeps_what_it_accepted_and_goes_on_once_there_is_room",
            ),
            (
                "tests/power/full.rs",
                "starting_on_a_full_disk_says_that_it_is_full_and_leaves_nothing_that_looks_damaged",
            ),
        ],
    ),
    untested(
        52,
        "Little room on the disk",
        "nothing stops a backfill before the disk is full, which faults 50 and 51 are about; below `storage.min_free_gb` files that remotes hold are dropped, which the tests of remotes try by `dccd purge`",
    ),
    by(
        53,
        "No more inodes",
        &[(
            "tests/power/storage.rs",
            "without_inodes_the_daemon_keeps_what_it_accepted_and_goes_on_once_there_are_some",
        )],
    ),
    by(
        54,
        "A file system that becomes read-only",
        &[(
            "tests/power/storage.rs",
            "on_a_read_only_disk_the_daemon_keeps_what_it_accepted_and_goes_on_once_it_can_write",
        )],
    ),
    by(
        55,
        "An error of a write or a sync",
        &[
            ("tests/power/errors.rs", "frames_whose_sync_failed_once_are_written_anew_and_nothing_is_lost"),
            (
                "tests/power/errors.rs",
                "a_disk_that_cannot_sync_at_all_ends_the_daemon_with_74_and_nothing_is_accepted_falsely",
            ),
        ],
    ),
    by(
        56,
        "An error of a read",
        &[("src/store/model_tests/mod.rs", "whatever_happens_the_store_holds_what_the_model_says")],
    ),
    by(
        57,
        "A damaged file",
        &[
            ("tests/durability/flipped.rs", "every_flipped_bit_is_noticed_kept_and_repaired"),
            ("tests/store.rs", "a_truncated_file_is_set_aside"),
            ("src/fuzz/twins.rs", "parquet_files_bent_at_random_are_damaged_or_hold_what_they_say"),
        ],
    ),
    by(
        58,
        "Files of others",
        &[
            ("tests/store.rs", "a_foreign_file_is_left_alone_and_named"),
            ("tests/store.rs", "temporary_files_of_the_dead_are_swept_and_nothing_else"),
            ("tests/older/main.rs", "an_older_tree_is_renamed_when_it_is_opened_and_nothing_of_it_is_lost"),
        ],
    ),
    by(
        59,
        "Two daemons on one data path",
        &[
            (
                "tests/durability/owners.rs",
                "of_two_owners_one_ends_and_says_who_won_and_no_accepted_row_is_lost",
            ),
            (
                "tests/runs/owners.rs",
                "a_daemon_that_stands_still_is_not_taken_over_though_its_lock_file_is_gone",
            ),
        ],
    ),
    by(
        60,
        "A clock that jumps",
        &[(
            "tests/runs/outages.rs",
            "a_clock_that_is_set_an_hour_on_or_back_ends_no_run_and_holds_up_no_job",
        )],
    ),
    by(
        61,
        "Midnight",
        &[
            ("tests/live/books.rs", "books_over_midnight_have_two_files_each_of_which_can_be_read_alone"),
            (
                "tests/runs/trades.rs",
                "every_trade_is_stored_once_and_in_order_over_midnight_and_through_crowded_instants",
            ),
        ],
    ),
    by(
        62,
        "A name that is lost though its file was published",
        &[("src/store/model_tests/mod.rs", "leaving_out_any_guarantee_of_the_disk_is_noticed")],
    ),
    by(
        63,
        "rclone is missing",
        &[("tests/remotes/rclone.rs", "without_rclone_nothing_is_marked_and_it_says_what_to_install")],
    ),
    by(
        64,
        "rclone hangs",
        &[
            (
                "src/remote/process.rs",
                "a_program_that_hangs_ends_when_its_time_is_over_even_if_what_it_started_holds_its_outputs",
            ),
            (
                "tests/remotes/rclone.rs",
                "a_remote_that_hangs_ends_at_once_when_the_command_is_stopped_with_all_it_started",
            ),
        ],
    ),
    by(
        65,
        "A sync in part, or of nothing",
        &[
            ("tests/remotes/rclone.rs", "a_remote_that_fails_or_copies_less_than_it_says_marks_nothing"),
            ("tests/remotes/rclone.rs", "a_copy_cut_short_does_not_count_and_the_next_sync_mends_it"),
        ],
    ),
    by(
        66,
        "A remote that is gone or refuses",
        &[
            (
                "tests/remotes/answers.rs",
                "a_remote_that_does_not_answer_is_not_synced_though_nothing_waits_for_it",
            ),
            ("tests/runs/online.rs", "a_refusal_of_rclone_never_repeats_credentials"),
        ],
    ),
    by(
        67,
        "A file replaced while it is copied",
        &[(
            "tests/remotes/meanwhile.rs",
            "a_series_published_anew_while_rclone_copies_it_is_copied_as_it_was_and_the_rest_is_pending",
        )],
    ),
    by(
        68,
        "Hostile names of remotes",
        &[
            (
                "tests/runs/online.rs",
                "rclone_is_given_its_arguments_as_they_are_and_only_the_environment_it_needs",
            ),
            (
                "tests/commands/hostile_configs.rs",
                "a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory",
            ),
        ],
    ),
    by(
        69,
        "A stop amid work",
        &[
            (
                "tests/runs/refusals.rs",
                "a_stop_in_the_middle_keeps_what_was_accepted_and_the_next_run_asks_for_the_rest",
            ),
            ("tests/runs/scheduler.rs", "stopping_waits_for_no_answer_that_does_not_come"),
        ],
    ),
    by(
        70,
        "A reload of a wrong configuration",
        &[("tests/runs/reload.rs", "fifty_reloads_good_and_bad_interrupt_no_run_and_lose_no_row")],
    ),
    by(
        71,
        "A reload that adds and removes pairs",
        &[
            (
                "tests/live/reload.rs",
                "a_reload_with_ten_pairs_more_and_ten_fewer_leaves_ninety_of_binance_alone",
            ),
            (
                "tests/runs/reload.rs",
                "a_removed_job_ends_its_run_normally_and_then_is_gone_and_a_new_one_runs_at_once",
            ),
        ],
    ),
    untested(
        72,
        "Memory runs out",
        "the end is a kill, which fault 47 is about; a control group of memory is nothing a test may count on",
    ),
    by(
        73,
        "A panic in a task",
        &[
            (
                "src/engine/streams/tests.rs",
                "the_series_of_a_connection_that_panics_are_listened_to_anew_later",
            ),
            ("src/engine/streams/tests.rs", "accepting_and_publishing_begin_anew_where_they_panic"),
        ],
    ),
    by(
        74,
        "No more descriptors",
        &[
            ("tests/runs/limits.rs", "six_hundred_idle_clients_on_the_socket_hold_up_no_command"),
            ("tests/http.rs", "a_connection_beyond_the_limit_waits_until_another_ends"),
        ],
    ),
    untested(
        75,
        "No more threads",
        "threads are made at the start and are few; a limit below them fails the start, and a control group is nothing a test may count on",
    ),
    by(
        76,
        "Thousands of pairs",
        &[
            (
                "tests/commands/hostile.rs",
                "what_an_exchange_and_a_remote_say_is_text_on_terminals_pages_and_in_logs_and_ledgers",
            ),
            ("tests/runs/api/questions.rs", "page_by_page_every_series_comes_once_in_every_order"),
        ],
    ),
    by(
        77,
        "A process that stands still",
        &[
            ("tests/runs/health.rs", "a_stopped_daemon_falls_silent_and_is_healthy_again_when_it_goes_on"),
            (
                "tests/fleet/frozen.rs",
                "nothing_of_a_worker_frozen_past_its_lease_becomes_visible_and_its_attempt_reads_lease_lost",
            ),
        ],
    ),
    by(
        78,
        "Outputs that nobody reads or that are closed",
        &[
            ("src/telemetry/logs/stderr.rs", "a_full_queue_refuses_lines_instead_of_waiting"),
            (
                "tests/commands/shown.rs",
                "a_reader_that_went_away_ends_a_command_as_its_signal_would_and_without_a_word",
            ),
        ],
    ),
    by(
        79,
        "A store that is locked",
        &[("tests/runs/health.rs", "a_store_that_somebody_keeps_locked_is_out_of_reach_until_he_lets_go")],
    ),
    by(
        80,
        "A store that is damaged or gone",
        &[
            (
                "tests/runs/damaged.rs",
                "a_daemon_on_a_damaged_store_is_ready_within_two_seconds_and_says_what_is_lost",
            ),
            ("src/db/sqlite.rs", "a_damaged_page_anywhere_is_found_at_the_start_and_set_aside_whole"),
        ],
    ),
    by(
        81,
        "PostgreSQL is away",
        &[(
            "tests/runs/outages.rs",
            "without_postgres_for_a_while_collection_goes_on_health_says_so_and_results_settle_later",
        )],
    ),
    by(
        82,
        "A lease that ends amid work",
        &[
            (
                "tests/tracker/crashes.rs",
                "a_process_that_was_stopped_past_its_lease_changes_nothing_when_it_goes_on",
            ),
            ("tests/tracker/guard.rs", "work_that_lasts_longer_than_its_lease_keeps_the_task"),
        ],
    ),
    by(
        83,
        "A worker that comes back from the dead",
        &[
            ("tests/tracker/cases.rs", "unlock_fences_the_holder_out_of_everything"),
            ("tests/remotes/s3.rs", "of_two_writers_the_late_one_is_refused_and_changes_nothing"),
        ],
    ),
    by(
        84,
        "A clock other than the store's",
        &[(
            "tests/tracker/crashes.rs",
            "clocks_that_are_an_hour_off_steal_no_lease_and_leave_no_task_behind",
        )],
    ),
    by(
        85,
        "A task that always crashes",
        &[(
            "tests/tracker/crashes.rs",
            "a_task_that_aborts_its_process_every_time_is_exhausted_and_holds_up_no_other",
        )],
    ),
    by(
        86,
        "A schema of a newer program",
        &[("src/db/sqlite.rs", "a_store_that_is_whole_stays_and_one_of_a_newer_program_is_refused")],
    ),
    by(
        87,
        "Slow clients",
        &[
            (
                "tests/load.rs",
                "an_honest_scrape_is_answered_beside_two_hundred_slow_clients_which_are_then_cut_off",
            ),
            ("tests/http.rs", "a_client_that_is_slow_with_its_head_is_cut_off"),
        ],
    ),
    by(
        88,
        "Hostile requests",
        &[
            ("tests/runs/api/questions.rs", "hostile_names_are_not_found_and_touch_nothing"),
            ("tests/web.rs", "a_page_of_another_name_cannot_read_what_only_this_machine_may"),
            ("src/fuzz/twins.rs", "requests_bent_at_random_are_never_answered_by_a_fault_of_the_daemon"),
        ],
    ),
    by(
        89,
        "Guessed passwords",
        &[
            ("tests/web.rs", "who_guesses_is_refused_for_a_while_and_others_are_not"),
            ("src/http/auth/passwords.rs", "somebody_unknown_is_wrong_with_any_password"),
        ],
    ),
    by(
        90,
        "A storm of scrapes and hostile labels",
        &[
            ("tests/load.rs", "a_thousand_scrapes_leave_no_memory_behind"),
            ("tests/http.rs", "the_sixth_scrape_at_once_is_refused_and_the_next_one_served"),
            ("tests/http.rs", "the_page_shows_jobs_and_lets_no_markup_through"),
        ],
    ),
    by(
        91,
        "A configuration with mistakes",
        &[
            ("tests/config.rs", "ten_mistakes_are_ten_problems_each_with_its_place"),
            (
                "tests/commands/hostile_configs.rs",
                "a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory",
            ),
        ],
    ),
    by(
        92,
        "A configuration that is a bomb",
        &[
            (
                "tests/commands/hostile_configs.rs",
                "a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory",
            ),
            (
                "src/fuzz/twins.rs",
                "configurations_bent_at_random_are_refused_in_words_or_load_the_same_again",
            ),
        ],
    ),
    by(
        93,
        "Names of pairs that lead elsewhere",
        &[
            (
                "tests/commands/hostile_configs.rs",
                "a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory",
            ),
            ("tests/config.rs", "what_no_path_and_no_server_can_have_for_a_name_is_refused_where_it_stands"),
            ("src/store/layout.rs", "only_the_folder_of_a_series_is_read_as_one"),
        ],
    ),
    by(
        94,
        "Links in place of our files",
        &[
            (
                "tests/runs/owners.rs",
                "a_link_in_place_of_our_own_files_is_named_and_nothing_is_written_through_it",
            ),
            ("src/store/set_aside/tests.rs", "a_link_is_followed_neither_to_read_nor_to_write"),
        ],
    ),
    by(
        95,
        "Addresses that lead elsewhere",
        &[
            (
                "tests/commands/hostile_configs.rs",
                "a_hundred_hostile_configurations_are_refused_by_name_within_bounds_of_time_and_memory",
            ),
            ("src/net/client_tests/connections.rs", "a_redirect_to_another_host_is_refused_and_named"),
        ],
    ),
    by(
        96,
        "Certificates that are not trusted",
        &[(
            "src/net/ws/tests/dialling.rs",
            "tls_is_spoken_with_a_certificate_that_is_trusted_and_with_no_other",
        )],
    ),
    by(
        97,
        "Proxies, and addresses that hang",
        &[
            ("src/net/ws/tests/dialling.rs", "the_way_leads_through_the_proxy_unless_the_host_is_excepted"),
            (
                "src/net/ws/tests/dialling.rs",
                "every_address_is_tried_and_one_that_hangs_leaves_time_for_the_others",
            ),
        ],
    ),
    by(
        98,
        "Secrets in addresses, bodies and outputs",
        &[
            ("tests/web.rs", "nothing_that_is_printed_logged_or_served_holds_a_secret"),
            ("tests/web.rs", "what_a_running_daemon_prints_logs_writes_and_serves_holds_no_secret"),
        ],
    ),
    untested(
        99,
        "Secret files that others may read",
        "a file that its owner made readable is the owner's decision; nothing refuses it, and secrets that dccd makes are for their owner alone",
    ),
    by(
        100,
        "Metrics and pages amid faults",
        &[
            (
                "tests/http.rs",
                "a_scrape_that_is_not_ready_in_its_time_is_refused_and_keeps_its_place_until_it_ends",
            ),
            (
                "tests/runs/outages.rs",
                "without_postgres_for_a_while_collection_goes_on_health_says_so_and_results_settle_later",
            ),
        ],
    ),
];
