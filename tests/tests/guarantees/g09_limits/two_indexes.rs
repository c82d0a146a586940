//! A type with two consistent indexes: a session that both would evict is ended once, and counts for both.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Session, SessionAttributes};
use session_store_tests::TestBench;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
struct Device {
    #[dynamo(attr = "user_id", index(consistent, limit = 2))]
    user_id: Option<String>,
    #[dynamo(attr = "device", index(consistent, limit = 2))]
    device: Option<String>,
}

fn device(user: &str, device: &str) -> Device {
    Device {
        user_id: Some(user.to_owned()),
        device: Some(device.to_owned()),
    }
}

async fn log_in(bench: &TestBench<Device>, data: Device) -> Session<Device> {
    bench.clock.advance(Duration::from_millis(1));
    let mut session = bench.store.create(Device::default()).await.unwrap();
    *session = data;
    bench.store.cycle_id(&mut session).await.unwrap();
    session
}

#[tokio::test]
async fn a_session_that_is_the_oldest_of_both_is_evicted_once() {
    let bench = TestBench::<Device>::new().await;
    let first = log_in(&bench, device("u", "d")).await;
    let second = log_in(&bench, device("u", "d")).await;
    let third = log_in(&bench, device("u", "d")).await;
    assert_eq!(Session::evicted(&third), [first.handle()]);

    let mut fourth = bench.store.create(Device::default()).await.unwrap();
    *fourth = device("u", "d");
    bench.store.save(&mut fourth).await.unwrap();
    assert_eq!(Session::evicted(&fourth), [second.handle()]);
    let of_user = bench.store.sessions(Device::USER_ID, "u").all().await;
    let of_device = bench.store.sessions(Device::DEVICE, "d").all().await;
    assert_eq!(of_user.unwrap(), of_device.unwrap());
}

#[tokio::test]
async fn one_session_is_evicted_where_one_is_enough_for_both() {
    let bench = TestBench::<Device>::new().await;
    // The oldest of the user is on another device. Of the device, the oldest is another user's.
    let elsewhere = log_in(&bench, device("u", "other")).await;
    let of_another = log_in(&bench, device("v", "d")).await;
    let shared = log_in(&bench, device("u", "d")).await;

    let new = log_in(&bench, device("u", "d")).await;
    let evicted = Session::evicted(&new);
    assert_eq!(evicted, [elsewhere.handle(), of_another.handle()]);

    // Now the oldest of the user is also one of the device, which needs no victim of its own.
    let next = log_in(&bench, device("u", "d")).await;
    assert_eq!(Session::evicted(&next), [shared.handle()]);
    let of_user = bench.store.sessions(Device::USER_ID, "u").all().await;
    assert_eq!(of_user.unwrap().len(), 2);
    let of_device = bench.store.sessions(Device::DEVICE, "d").all().await;
    assert_eq!(of_device.unwrap().len(), 2);
}
