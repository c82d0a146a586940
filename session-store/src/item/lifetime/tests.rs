use super::*;

const SCHEMA: Schema = Schema::new("sessions")
    .idle_timeout(Duration::from_millis(10_500))
    .absolute_timeout(Duration::from_millis(60_500));

fn own_idle(seconds: u64) -> OwnTimeouts {
    OwnTimeouts {
        idle: Some(Duration::from_secs(seconds)),
        ..OwnTimeouts::default()
    }
}

fn end(created: u64, touched: u64) -> u64 {
    Lifetime::new(&SCHEMA, Millis(created), OwnTimeouts::default()).expires_at(Millis(touched))
}

#[test]
fn idle_is_rounded_up_and_absolute_down() {
    assert_eq!(end(0, 0), 11);
    assert_eq!(end(0, 600), 12);
    assert_eq!(end(0, 55_000), 60);
    assert_eq!(end(400, 55_000), 60);
    assert_eq!(end(500, 55_000), 61);
}

#[test]
fn an_override_of_idle_stays_within_absolute() {
    let lifetime = Lifetime::new(&SCHEMA, Millis(0), own_idle(1_000_000));
    assert_eq!(lifetime.expires_at(Millis(0)), 60);
}

#[test]
fn nothing_overflows() {
    assert_eq!(end(u64::MAX, u64::MAX), u64::MAX / 1000);
    let forever = SCHEMA.absolute_timeout(Duration::MAX);
    let lifetime = Lifetime::new(&forever, Millis(u64::MAX), own_idle(u64::MAX));
    assert_eq!(lifetime.expires_at(Millis(u64::MAX)), u64::MAX / 1000);
    assert!(lifetime.roster_end() > lifetime.absolute_end());
    assert!(Millis(u64::MAX).time() > UNIX_EPOCH);
    assert!(seconds_to_time(u64::MAX) > UNIX_EPOCH);
    assert_eq!(Millis::of(UNIX_EPOCH - Duration::from_secs(1)), Millis(0));
}

/// With a type's idle timeout of 100 seconds.
fn is_due(policy: Touch, touched: u64, now: u64) -> bool {
    is_due_of(false, policy, touched, now)
}

fn is_due_of(is_large: bool, policy: Touch, touched: u64, now: u64) -> bool {
    let schema = Schema::new("sessions").idle_timeout(Duration::from_secs(100));
    let lifetime = Lifetime::new(&schema, Millis(0), OwnTimeouts::default());
    let touched = Millis(touched);
    let last_use = (touched, lifetime.expires_at(touched));
    lifetime.is_touch_due(policy, is_large, last_use, Millis(now))
}

#[test]
fn a_touch_is_due_when_its_part_of_the_idle_timeout_has_passed() {
    let half = Touch::After(0.5);
    assert!(!is_due(half, 1_000, 50_999));
    assert!(is_due(half, 1_000, 51_000));
    assert!(is_due(Touch::After(0.0), 1_000, 1_000));
}

#[test]
fn by_default_a_touch_is_due_after_a_tenth_of_the_idle_timeout_or_a_third_if_the_item_is_large() {
    let policy = Touch::default();
    for (is_large, due) in [(false, 11_000), (true, 34_334)] {
        assert!(!is_due_of(is_large, policy, 1_000, due - 1));
        assert!(is_due_of(is_large, policy, 1_000, due));
    }
    // No other policy asks for the size.
    for policy in [Touch::After(0.1), Touch::Every(Duration::MAX)] {
        assert!(!is_due_of(true, policy, 1_000, 10_999));
        assert!(is_due_of(true, policy, 1_000, 11_000));
    }
}

#[test]
fn a_touch_is_due_when_its_time_has_passed_or_a_tenth_of_the_idle_timeout() {
    let every = |seconds| Touch::Every(Duration::from_secs(seconds));
    assert!(!is_due(every(2), 1_000, 2_999));
    assert!(is_due(every(2), 1_000, 3_000));
    for seconds in [10, 11, u64::MAX] {
        assert!(!is_due(every(seconds), 1_000, 10_999));
        assert!(is_due(every(seconds), 1_000, 11_000));
    }
    assert!(is_due(Touch::Every(Duration::ZERO), 1_000, 1_000));
}

#[test]
fn a_touch_is_due_always_or_never_if_the_policy_says_so() {
    assert!(is_due(Touch::Always, 1_000, 1_000));
    assert!(!is_due(Touch::Never, 0, u64::MAX));
}

#[test]
fn a_session_that_was_touched_by_a_clock_ahead_of_this_one_is_not_due() {
    assert!(!is_due(Touch::After(0.1), 60_000, 1_000));
    assert!(is_due(Touch::Always, 60_000, 1_000));
}

#[test]
fn a_touch_is_due_by_the_sessions_own_idle_timeout() {
    let lifetime = Lifetime::new(&SCHEMA, Millis(0), own_idle(2));
    let last_use = (Millis(0), lifetime.expires_at(Millis(0)));
    let is_due = |now| lifetime.is_touch_due(Touch::After(0.5), false, last_use, Millis(now));
    assert!(!is_due(999));
    assert!(is_due(1_000));
}

#[test]
fn an_own_absolute_timeout_counts_if_it_is_shorter_than_that_of_the_type() {
    let own = |seconds| OwnTimeouts {
        absolute: Some(Duration::from_secs(seconds)),
        ..OwnTimeouts::default()
    };
    let lifetime = |seconds| Lifetime::new(&SCHEMA, Millis(500), own(seconds));
    assert_eq!(lifetime(20).absolute_end(), 20);
    assert_eq!(lifetime(20).expires_at(Millis(19_000)), 20);
    assert_eq!(lifetime(20).own, own(20));
    assert_eq!(lifetime(61).absolute_end(), 61);
    assert_eq!(lifetime(70).absolute_end(), 61);
    // Another session of the value can live as long as the type says.
    assert_eq!(lifetime(20).roster_end(), lifetime(61).roster_end());
}

#[test]
fn a_roster_is_kept_for_a_week_beyond_the_absolute_timeout_to_the_end_of_the_day() {
    let end =
        |created| Lifetime::new(&SCHEMA, Millis(created), OwnTimeouts::default()).roster_end();
    // The absolute timeout is 60.5 seconds: the second session ends as day 1 begins.
    let to_day_1 = (DAY - 60) * 1000 - 500;
    assert_eq!(end(0), 8 * DAY);
    assert_eq!(end(to_day_1), 8 * DAY);
    assert_eq!(end(to_day_1 + 1000), 9 * DAY);
}

#[cfg(feature = "_record")]
#[test]
fn the_earliest_creation_is_the_first_whose_absolute_timeout_allows_the_end() {
    let earliest = earliest_creation(&SCHEMA, OwnTimeouts::default(), 100);
    let last =
        |created| Lifetime::new(&SCHEMA, Millis(created), OwnTimeouts::default()).absolute_end();
    assert_eq!(last(earliest.0), 100);
    assert_eq!(last(earliest.0 - 1), 99);
    assert_eq!(
        earliest_creation(&SCHEMA, OwnTimeouts::default(), 1),
        Millis(0)
    );
}

#[test]
fn milliseconds_become_whole_seconds_rounded_down_and_a_time_comes_back() {
    assert_eq!(Millis(1_999).seconds(), 1);
    let time = UNIX_EPOCH + Duration::from_micros(1_234_567);
    assert_eq!(Millis::of(time), Millis(1_234));
    assert_eq!(Millis::of(Millis(1_234).time()), Millis(1_234));
    assert_eq!(seconds_to_time(2), Millis(2_000).time());
}

#[test]
fn a_touch_is_due_when_much_less_is_left_than_it_would_grant() {
    let schema = Schema::new("sessions")
        .idle_timeout(Duration::from_secs(1_000))
        .absolute_timeout(Duration::from_secs(10_000));
    let lifetime = Lifetime::new(&schema, Millis(0), OwnTimeouts::default());
    // A type with an idle timeout of 100 seconds has written last.
    let is_due = |policy, expires_at, now| {
        lifetime.is_touch_due(policy, false, (Millis(5_000), expires_at), Millis(now))
    };
    assert!(is_due(Touch::After(0.1), 105, 5_001));
    assert!(!is_due(Touch::After(0.1), 1_005, 5_001));
    assert!(!is_due(Touch::Never, 105, 5_001));
    // What the absolute timeout does not allow cannot be granted.
    let at_the_end = |now| {
        let last_use = (Millis(9_500_000), 10_000);
        lifetime.is_touch_due(Touch::After(0.1), false, last_use, Millis(now))
    };
    assert!(!at_the_end(9_599_999));
    assert!(at_the_end(9_600_000));
}

#[test]
fn the_stored_end_and_the_own_timeout_end_a_session_whichever_comes_first() {
    let ends = |expires_at, touched, own| {
        let own = match own {
            0 => OwnTimeouts::default(),
            own => own_idle(own),
        };
        super::end(&SCHEMA, expires_at, None, touched, own).0
    };
    // The idle timeout of the type is 10.5 seconds.
    assert_eq!(ends(11, Some(Millis(0)), 0), 10_500);
    assert_eq!(ends(60, Some(Millis(0)), 0), 10_500);
    assert_eq!(ends(5, Some(Millis(0)), 0), 5_000);
    assert_eq!(ends(60, Some(Millis(1)), 30), 30_001);
    assert_eq!(ends(60, None, 0), 60_000);
    let of_framework = Schema {
        ends_as_stored: true,
        ..SCHEMA
    };
    let ends = |own| super::end(&of_framework, 60, None, Some(Millis(0)), own).0;
    assert_eq!(ends(OwnTimeouts::default()), 60_000);
    assert_eq!(ends(own_idle(2)), 2_000);
    let own = OwnTimeouts {
        absolute: Some(Duration::from_secs(7)),
        ..own_idle(60)
    };
    let created_at = Some(Millis(900));
    let ends = super::end(&SCHEMA, 60, created_at, Some(Millis(900)), own);
    assert_eq!(ends.0, 7_000);
}
