//! G16, G17. Two session types in one table, with the same users and devices, a second deployment behind a
//! key prefix, and an operator who changes items by hand: random sequences of log-ins, log-outs, revocations
//! and damage. Whatever came before, an id is nothing to another type or deployment, no log-in fails for
//! good, limits hold, and a revocation ends what it should.
//!
//! Each type has two versions, of which one runs, or both: the old one has numbers as keys and stores a map,
//! the new one has texts and stores bytes. Each reads, lists and ends what the other has stored.
//!
//! `SESSION_STORE_NEIGHBOURS` is the number of sequences, `SESSION_STORE_SEED` the first of them.

mod app;
mod operator;
mod types;

use std::time::Duration;

use fastrand::Rng;
use session_store_tests::TestBench;

use self::app::App;
use self::operator::Operator;
use self::types::{Customer, PackedCustomer, PackedStaff, Staff};

/// Of the second deployment of the customers' type.
const PREFIX: &str = "blue/";

async fn sequence(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let bench = TestBench::<Customer>::new().await;
    let mut shop = App::<Customer, PackedCustomer>::new(&bench, "", &mut rng).await;
    let mut blue = App::<Customer, PackedCustomer>::new(&bench, PREFIX, &mut rng).await;
    let mut office = App::<Staff, PackedStaff>::new(&bench, "", &mut rng).await;
    let mut operator = Operator::default();
    for _ in 0..50 {
        bench.clock.advance(Duration::from_secs(rng.u64(1..200)));
        match rng.u8(..10) {
            0..=3 => shop.step(&mut rng).await,
            4..=6 => office.step(&mut rng).await,
            7 | 8 => blue.step(&mut rng).await,
            _ => operator.meddle(&bench, &mut rng).await,
        }
    }
    shop.lists_its_own().await;
    blue.lists_its_own().await;
    office.lists_its_own().await;
    office.is_nothing_to(&shop).await;
    office.is_nothing_to(&blue).await;
    shop.is_nothing_to(&office).await;
    shop.is_nothing_to(&blue).await;
    blue.is_nothing_to(&office).await;
    blue.is_nothing_to(&shop).await;
    // At the end, "log out everywhere" for all: nothing is left that anybody could use.
    shop.end_all(&mut rng).await;
    office.end_all(&mut rng).await;
    blue.end_all(&mut rng).await;
    let unindexed = operator::unindexed(&bench).await;
    shop.has_ended(&unindexed).await;
    blue.has_ended(&unindexed).await;
    office.has_ended(&unindexed).await;
}

#[tokio::test]
async fn two_types_and_an_operator_leave_each_other_alone() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("SESSION_STORE_SEED").unwrap_or(0);
    let count = number("SESSION_STORE_NEIGHBOURS").unwrap_or(12);
    for seed in first..first + count {
        println!("SESSION_STORE_SEED={seed} SESSION_STORE_NEIGHBOURS=1 repeats it");
        sequence(seed).await;
    }
}
