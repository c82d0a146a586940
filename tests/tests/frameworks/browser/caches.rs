//! The caches of the hosts.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use session_store::Cache;

/// How many hosts the shop has.
pub(super) const HOSTS: usize = 2;

/// For how many seconds each host uses a copy, if it has a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caches([Option<u64>; HOSTS]);

impl Caches {
    /// Half of the histories have none. In the others, all hosts have one of the same time, or each has another,
    /// or one host has none, as during a deploy.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        if rng.bool() {
            return Self::default();
        }
        let mut time = || rng.choice([2, 20, 120, 1800]);
        let (here, there) = (time(), time());
        Self(match rng.u8(..5) {
            0 => [here, None],
            1 => [None, here],
            2 => [here, there],
            _ => [here, here],
        })
    }

    pub(super) fn any(self) -> bool {
        self.0.iter().any(Option::is_some)
    }

    /// The cache of a host.
    pub(super) fn cache(self, host: usize) -> Option<Cache> {
        let seconds = self.0[host]?;
        Some(Cache::for_at_most(Duration::from_secs(seconds)))
    }

    pub(super) fn has(self, host: usize) -> bool {
        self.0[host].is_some()
    }

    /// For how many milliseconds a host may show what others have changed.
    pub(super) fn millis(self, host: usize) -> u64 {
        self.0[host].unwrap_or(0) * 1000
    }

    /// The time of one of the caches.
    pub(super) fn time(self, rng: &mut Rng) -> Option<u64> {
        let times: Vec<u64> = self.0.into_iter().flatten().collect();
        rng.choice(times)
    }

    /// A host for what the shop does by itself.
    pub(super) fn host(self, rng: &mut Rng) -> usize {
        match self.any() {
            true => rng.usize(..HOSTS),
            false => 0,
        }
    }

    /// The same with fewer caches.
    pub(super) fn smaller(self) -> impl Iterator<Item = Self> {
        let without = move |host: usize| {
            let mut fewer = self;
            fewer.0[host] = None;
            fewer
        };
        let none = self.any().then(Self::default);
        let one =
            (0..HOSTS).filter(move |&host| self.0.iter().all(Option::is_some) && self.has(host));
        none.into_iter().chain(one.map(without))
    }
}

impl fmt::Display for Caches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (host, seconds) in self.0.iter().enumerate() {
            if let Some(seconds) = seconds {
                write!(f, ", a cache of {seconds} s on host {host}")?;
            }
        }
        Ok(())
    }
}
