//! Ten hosts with caches on one table, and browsers that ask any of them.

mod delay;
mod hosts;
mod visitors;

use std::time::Duration;

use session_store::Cache;

use crate::HEAP;
use crate::growth::largest;
use crate::lab::{heading, row, thousands, timed};

use self::hosts::{Hosts, Way};
use self::visitors::{Tally, Visitors};

/// The number of hosts.
const HOSTS: usize = 10;

/// How old a copy may be, unless the table says otherwise.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// A line of the table.
struct Setting {
    name: &'static str,
    cache: Option<Cache>,
    /// Whether each browser has one host.
    sticky: bool,
    views: usize,
}

/// Measures the run itself with a million requests, and others to compare with it with a tenth of that.
pub(crate) async fn caches() {
    let views = views();
    let sessions = largest().min(100_000);
    let (mut visitors, filling) = timed(Visitors::new(sessions)).await;
    println!(
        "\n{} sessions after {}, each of {} bytes",
        thousands(sessions as f64),
        crate::lab::time(filling),
        thousands(visitors.item_size().await as f64)
    );
    let five_seconds = Some(Cache::for_at_most(FIVE_SECONDS));
    let sixty_seconds = Some(Cache::for_at_most(Duration::from_secs(60)));
    let setting = |name, cache, sticky, views| Setting {
        name,
        cache,
        sticky,
        views,
    };
    let settings = [
        setting("no cache", None, false, views / 10),
        setting("5 s, any host", five_seconds, false, views),
        setting(
            "5 s, a host for each browser",
            five_seconds,
            true,
            views / 10,
        ),
        setting("60 s, any host", sixty_seconds, false, views / 10),
    ];
    heading(
        &format!("{HOSTS} hosts"),
        &[
            "cache",
            "views",
            "views a second",
            "ratio",
            "loads from memory",
            "requests of 1,000 views",
            "read units",
            "write units",
            "$ of a million views",
            "memory of all caches",
            "of the largest",
        ],
    );
    let mut without = None;
    let mut kinds = Vec::new();
    for setting in &settings {
        let (speed, tally) = measure(&mut visitors, setting, without).await;
        without.get_or_insert(speed);
        kinds.push(format!("- {}: {}", setting.name, tally.kinds()));
    }
    println!("\n{}", kinds.join("\n"));
    delay::measure(&mut visitors, (views / 1_000).clamp(20, 1_000)).await;
}

fn views() -> usize {
    match std::env::var("SESSION_STORE_VIEWS") {
        Ok(views) => views.parse().expect("SESSION_STORE_VIEWS is a number"),
        Err(_) => 1_000_000,
    }
}

/// Prints a line, and returns the views of a second. The speed of the first is what others are compared with.
async fn measure(visitors: &mut Visitors, setting: &Setting, without: Option<f64>) -> (f64, Tally) {
    let hosts = visitors.hosts(setting.cache, Way::Near).await;
    // The caches are empty at first.
    let warm_up = setting.views / 5;
    visitors.run(&hosts, setting.sticky, warm_up).await;
    let run = visitors.run(&hosts, setting.sticky, setting.views);
    let (tally, took) = timed(run).await;
    let speed = setting.views as f64 / took.as_secs_f64();
    let memory = memory(hosts);

    // The cost in a run of its own: to ask for it takes time.
    let metered = visitors.hosts(setting.cache, Way::Metered).await;
    let views = setting.views.min(views() / 10);
    visitors.run(&metered, setting.sticky, views / 5).await;
    let billed = visitors.run(&metered, setting.sticky, views).await;
    let of = |sum: f64| format!("{:.1}", sum * 1e3 / views as f64);
    let dollars = (billed.read_units * 0.125 + billed.write_units * 0.625) / views as f64;
    row(&[
        setting.name.to_owned(),
        thousands(setting.views as f64),
        thousands(speed.round()),
        format!("{:.2}", speed / without.unwrap_or(speed)),
        share(&tally),
        of(billed.requests as f64),
        of(billed.read_units),
        of(billed.write_units),
        format!("{dollars:.3}"),
        megabytes(memory.iter().sum()),
        megabytes(memory.iter().copied().max().unwrap_or_default()),
    ]);
    (speed, tally)
}

fn share(tally: &Tally) -> String {
    format!("{:.1} %", 100.0 * tally.hits as f64 / tally.loads as f64)
}

/// What each host gives back when it is dropped, of which nearly all is its cache.
fn memory(hosts: Hosts) -> Vec<usize> {
    let of_each = hosts.stores.into_iter().map(|store| {
        let before = HEAP.current_usage();
        drop(store);
        before.saturating_sub(HEAP.current_usage())
    });
    of_each.collect()
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / f64::from(1 << 20))
}
