//! How long a session can still be read on other hosts after it was ended on one.

use std::time::Duration;

use session_store::Cache;

use crate::histogram;
use crate::lab::{heading, row, thousands};

use super::hosts::Way;
use super::visitors::{Visitor, Visitors, version};
use super::{FIVE_SECONDS, HOSTS};

/// Between two reads of a session that has ended, on each host.
const STEP: Duration = Duration::from_millis(50);

/// The bars of the histogram.
const BAR: u64 = 500;

/// Ends this many sessions, half of them by a log-out and half by a revocation, and asks the other hosts until no one
/// answers with the session. All times are by the clock that the run moves.
pub(super) async fn measure(visitors: &mut Visitors, endings: usize) {
    let cache = Some(Cache::for_at_most(FIVE_SECONDS));
    let hosts = visitors.hosts(cache, Way::Near).await;
    let clock = visitors.bench.clock.clone();
    let mut delays = Vec::new();
    for ending in 0..endings {
        let user = format!("ended-{ending}");
        let first = visitors.random.usize(..HOSTS);
        let session = hosts.stores[first]
            .create(Visitor::of(&user))
            .await
            .unwrap();
        let (id, version) = (session.id().clone(), version(&session));
        // For a while the browser asks hosts of chance, which then have copies of different ages.
        for _ in 0..30 {
            let millis = visitors.random.u64(50..=550);
            clock.advance(Duration::from_millis(millis));
            let host = &hosts.stores[visitors.random.usize(..HOSTS)];
            let read = host.load_at_least(&id, version).await.unwrap();
            assert!(read.is_some(), "it has not ended");
        }

        let here = visitors.random.usize(..HOSTS);
        if ending % 2 == 0 {
            hosts.stores[here].delete(&id).await.unwrap();
        } else {
            let revoke = hosts.stores[here].revoke(Visitor::USER_ID, user.as_str());
            assert_eq!(revoke.await.unwrap().deleted(), 1);
        }
        let ended = clock.millis();
        let read = hosts.stores[here].load_at_least(&id, version).await;
        assert!(read.unwrap().is_none(), "this host sees it at once");

        // The last time at which each other host has answered with it.
        let mut open: Vec<_> = (0..HOSTS).filter(|host| *host != here).collect();
        let mut last = [None; HOSTS];
        while !open.is_empty() {
            let mut left = Vec::new();
            for host in open {
                let read = hosts.stores[host].load_at_least(&id, version).await;
                if read.unwrap().is_some() {
                    last[host] = Some(clock.millis() - ended);
                    left.push(host);
                } else {
                    delays.push(last[host]);
                }
            }
            open = left;
            clock.advance(STEP);
        }
    }
    delays.sort_unstable();
    show(&delays);
}

fn show(delays: &[Option<u64>]) {
    let most = FIVE_SECONDS.as_millis() as u64;
    assert!(
        delays.iter().flatten().all(|delay| *delay < most),
        "beyond the bound"
    );
    let bars = most / BAR;
    let mut counts = vec![0_usize; bars as usize];
    let mut at_once = 0;
    for delay in delays {
        match delay {
            None => at_once += 1,
            Some(delay) => counts[(delay / BAR) as usize] += 1,
        }
    }
    let share = |count: usize| count as f64 / delays.len() as f64;
    heading(
        &format!(
            "The last read of an ended session on each other host, {} times",
            thousands(delays.len() as f64)
        ),
        &["after", "hosts"],
    );
    let percent = |count| format!("{:.1} %", 100.0 * share(count));
    row(&["not at all".to_owned(), percent(at_once)]);
    let mut shares = vec![("none".to_owned(), share(at_once))];
    for (bar, count) in counts.into_iter().enumerate() {
        let to = (bar as u64 + 1) * BAR;
        let name = format!("{:.1}", to as f64 / 1e3);
        row(&[format!("up to {name} s"), percent(count)]);
        shares.push((name, share(count)));
    }
    let at = |part: f64| {
        let rank = ((delays.len() - 1) as f64 * part) as usize;
        delays[rank].unwrap_or_default() as f64 / 1e3
    };
    println!(
        "\nmedian {:.2} s, 99 % within {:.2} s, the longest {:.2} s",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let title = "From the end of a session to its last read on another host, caches of 5 s";
    histogram::write("cache-delay", title, "seconds, up to", &shares);
}
