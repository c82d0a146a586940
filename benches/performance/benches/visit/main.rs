//! The cost of the standard visit through each integration: requests, capacity units and dollars, as tables
//! in Markdown. docs/performance.md explains them.
//!
//! ```sh
//! cargo bench --manifest-path benches/performance/Cargo.toml --bench visit
//! ```

mod sites;

use std::time::Duration;

use session_store_benchmarks::engine;
use session_store_benchmarks::meter::{Charge, Meter};
use session_store_benchmarks::session::{AppSession, CompressedSession, prose};

use crate::sites::Reads::{Cached, Consistent, OwnWrites};
use crate::sites::{Cookies, Lab, Site};

/// The requests of a visit, and how often each is sent.
const VISIT: [(&str, usize); 5] = [
    ("/", 1),
    ("/login", 1),
    ("/page", 16),
    ("/cart", 2),
    ("/logout", 1),
];
const REQUESTS: usize = 21;

/// On-demand capacity in us-east-1, in dollars per million units.
const READ_PRICE: f64 = 0.125;
const WRITE_PRICE: f64 = 0.625;

#[actix_web::main]
async fn main() {
    // Without this argument, Cargo runs it as a test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (config, http, engine) = engine::near().await;
    let profile = prose(sites::PROFILE);
    let compressed = zstd::bulk::compress(profile.as_bytes(), 3).unwrap();
    println!("Engine: {}", engine.name());
    println!(
        "Profile: {} bytes, {} by zstd alone",
        profile.len(),
        compressed.len()
    );
    let meter = Meter::new(http, engine);
    let lab = Lab::new(config, meter.clone()).await;
    integrations(&lab, &meter).await;
    requests(&lab, &meter).await;
    paces(&lab, &meter).await;
    visitors(&lab, &meter).await;
}

async fn integrations(lab: &Lab, meter: &Meter) {
    let extends = "reading extends the session";
    heading("A visit", &[&["", extends, "reads"], &TOTALS[..]].concat());
    let plain = lab.axum::<AppSession>(Consistent);
    let compressed = lab.axum::<CompressedSession>(Consistent);
    let own = lab.axum::<AppSession>(OwnWrites);
    let own_compressed = lab.axum::<CompressedSession>(OwnWrites);
    let cached = lab.axum::<AppSession>(Cached);
    let cached_compressed = lab.axum::<CompressedSession>(Cached);
    let [consistent, eventual] = ["consistent", "eventual"];
    for (name, extends, reads, site) in [
        (
            "session-store, its layer for axum",
            "yes",
            consistent,
            plain,
        ),
        ("compressed", "yes", consistent, compressed),
        ("`ReadYourWrites`", "yes", "read your writes", own),
        (
            "compressed, with that",
            "yes",
            "read your writes",
            own_compressed,
        ),
        ("with a cache", "yes", "from memory for 5 s", cached),
        (
            "compressed, with a cache",
            "yes",
            "from memory for 5 s",
            cached_compressed,
        ),
        (
            "session-store behind tower-sessions 0.14",
            "no",
            consistent,
            lab.tower(false),
        ),
        ("with `always_save`", "yes", consistent, lab.tower(true)),
        (
            "session-store behind actix-session 0.11",
            "no",
            consistent,
            lab.actix(false).await,
        ),
        (
            "with `OnEveryRequest`",
            "yes",
            consistent,
            lab.actix(true).await,
        ),
        (
            "tower-sessions-dynamodb-store 0.3",
            "no",
            eventual,
            lab.peer(false),
        ),
        ("with `always_save`", "yes", eventual, lab.peer(true)),
    ] {
        let visit = visit(lab, &site, meter, Duration::ZERO).await;
        row(&[
            &[name, extends, reads].map(str::to_owned)[..],
            &totals(&visit),
        ]
        .concat());
    }
}

async fn requests(lab: &Lab, meter: &Meter) {
    let [ours, theirs] = ["session-store", "tower-sessions-dynamodb-store 0.3"];
    heading(
        "Request by request",
        &["request", ours, "units", theirs, "units"],
    );
    let [ours, theirs] = [lab.axum::<AppSession>(Consistent), lab.peer(false)];
    let ours = visit(lab, &ours, meter, Duration::ZERO).await;
    let theirs = visit(lab, &theirs, meter, Duration::ZERO).await;
    for (i, (path, times)) in VISIT.into_iter().enumerate() {
        let request = format!("{times} × `{path}`");
        row(&[&[request][..], &bill(&ours[i]), &bill(&theirs[i])].concat());
    }
}

async fn paces(lab: &Lab, meter: &Meter) {
    heading(
        "By pace",
        &[
            &["a request every"],
            &TOTALS[..],
            &["compressed, `ReadYourWrites`", "compressed, with a cache"],
        ]
        .concat(),
    );
    for (name, pace) in [("5 s", 5), ("30 s", 30), ("minute", 60), ("3 minutes", 180)] {
        let pace = Duration::from_secs(pace);
        let plain = visit(lab, &lab.axum::<AppSession>(Consistent), meter, pace).await;
        let mut dollars = Vec::new();
        for reads in [OwnWrites, Cached] {
            let site = lab.axum::<CompressedSession>(reads);
            let [.., of_site] = totals(&visit(lab, &site, meter, pace).await);
            dollars.push(of_site);
        }
        row(&[&[name.to_owned()][..], &totals(&plain), &dollars].concat());
    }
}

async fn visitors(lab: &Lab, meter: &Meter) {
    heading("By visitor", &[&[""], &TOTALS[..]].concat());
    let site = lab.axum::<AppSession>(Consistent);
    for name in ["the first visit of a user", "a later one"] {
        let visit = visit(lab, &site, meter, Duration::ZERO).await;
        row(&[&[name.to_owned()][..], &totals(&visit)].concat());
    }
}

const TOTALS: [&str; 4] = [
    "requests",
    "read units",
    "write units",
    "$ per million requests",
];

/// The cost of each request, with the same requests grouped.
async fn visit(lab: &Lab, site: &Site, meter: &Meter, pace: Duration) -> Vec<Vec<Charge>> {
    meter.charges();
    let mut cookies = Cookies::new();
    let mut visit = Vec::new();
    for (path, times) in VISIT {
        for _ in 0..times {
            lab.clock.advance(pace);
            site(path, &mut cookies).await;
        }
        visit.push(meter.charges());
    }
    // Its handler finds nobody logged in.
    site("/", &mut cookies).await;
    visit
}

fn totals(visit: &[Vec<Charge>]) -> [String; 4] {
    let charges: Vec<_> = visit.iter().flatten().collect();
    let read: f64 = charges.iter().map(|charge| charge.read).sum();
    let write: f64 = charges.iter().map(|charge| charge.write).sum();
    let dollars = (read * READ_PRICE + write * WRITE_PRICE) / REQUESTS as f64;
    [
        charges.len().to_string(),
        read.to_string(),
        write.to_string(),
        format!("{dollars:.2}"),
    ]
}

/// The operations of some requests, and their units.
fn bill(charges: &[Charge]) -> [String; 2] {
    let mut operations: Vec<(&str, usize, f64)> = Vec::new();
    for charge in charges {
        let units = charge.read + charge.write;
        match operations.last_mut() {
            Some((last, count, each)) if *last == charge.operation && *each == units => *count += 1,
            _ => operations.push((&charge.operation, 1, units)),
        }
    }
    let counted = |count: usize| match count {
        1 => String::new(),
        count => format!("{count} "),
    };
    let names = operations
        .iter()
        .map(|(name, count, _)| format!("{}{name}", counted(*count)));
    let units = operations.iter().map(|(_, count, each)| match count {
        1 => each.to_string(),
        count => format!("{count} × {each}"),
    });
    [
        names.collect::<Vec<_>>().join(", "),
        units.collect::<Vec<_>>().join(" + "),
    ]
}

fn heading(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    row(&columns
        .iter()
        .map(|&column| column.to_owned())
        .collect::<Vec<_>>());
    println!("|{}", "---|".repeat(columns.len()));
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}
