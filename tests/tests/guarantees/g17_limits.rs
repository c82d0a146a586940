//! G17. A log-in that meets a full roster ends as many sessions as it has to, and the right ones.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes};
use session_store_tests::TestBench;

macro_rules! devices {
    ($name:ident, $($on_limit:tt)*) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(table = "tests", idle_timeout = "30m", absolute_timeout = "12h")]
        struct $name {
            #[dynamo(attr = "user_id", index(consistent, limit = 2))]
            user_id: Option<String>,
            #[dynamo(attr = "device", index(consistent, limit = 2 $($on_limit)*))]
            device: Option<String>,
        }

        impl $name {
            fn on(user: &str, device: &str) -> Self {
                Self {
                    user_id: Some(user.to_owned()),
                    device: Some(device.to_owned()),
                }
            }
        }
    };
}

devices!(Devices,);
devices!(Kiosks, , on_limit = reject);

#[tokio::test]
async fn a_create_that_the_second_roster_refuses_has_ended_nobody_for_the_first() {
    let bench = TestBench::<Kiosks>::new().await;
    for (user, device) in [("u", "a"), ("u", "b"), ("v", "d"), ("w", "d")] {
        bench.clock.advance(Duration::from_millis(1));
        bench.store.create(Kiosks::on(user, device)).await.unwrap();
    }
    let refused = bench.store.create(Kiosks::on("u", "d")).await;
    assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
    let mut anonymous = bench.store.create(Kiosks::default()).await.unwrap();
    *anonymous = Kiosks::on("u", "d");
    let refused = bench.store.save(&mut anonymous).await;
    assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
    let refused = bench.store.cycle_id(&mut anonymous).await;
    assert!(matches!(refused, Err(Error::Limit(_))), "{refused:?}");
    assert_eq!(
        bench
            .store
            .sessions(Kiosks::USER_ID, "u")
            .count()
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        bench
            .store
            .sessions(Kiosks::DEVICE, "d")
            .count()
            .await
            .unwrap(),
        2
    );
}

#[tokio::test]
async fn one_session_ends_where_one_is_enough_for_both_rosters() {
    for way in ["create", "save", "cycle_id"] {
        let bench = TestBench::<Devices>::new().await;
        let mut sessions = Vec::new();
        // The oldest of the device is one of the user too, but not the user's oldest.
        for (user, device) in [("u", "x"), ("u", "d"), ("v", "d")] {
            bench.clock.advance(Duration::from_millis(1));
            let session = bench.store.create(Devices::on(user, device)).await.unwrap();
            sessions.push(session.handle());
        }
        let session = match way {
            "create" => bench.store.create(Devices::on("u", "d")).await.unwrap(),
            _ => {
                let mut session = bench.store.create(Devices::default()).await.unwrap();
                *session = Devices::on("u", "d");
                match way {
                    "save" => bench.store.save(&mut session).await.unwrap(),
                    _ => bench.store.cycle_id(&mut session).await.unwrap(),
                }
                session
            }
        };
        assert_eq!(Session::evicted(&session), [sessions[1]], "{way}");
        let of_user = bench.store.sessions(Devices::USER_ID, "u").count().await;
        let of_device = bench.store.sessions(Devices::DEVICE, "d").count().await;
        assert_eq!((of_user.unwrap(), of_device.unwrap()), (2, 2), "{way}");
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", idle_timeout = "7d", absolute_timeout = "30d")]
struct Recent {
    #[dynamo(attr = "user_id", index(consistent, limit = 2, on_limit = evict_least_recent))]
    user_id: Option<String>,
    theme: String,
}

/// A laptop in daily use stays, and a kiosk that was left behind goes.
#[tokio::test]
async fn the_least_recently_used_session_can_be_the_one_that_ends() {
    let bench = TestBench::<Recent>::new().await;
    let user_id = Some("u".to_owned());
    let recent = Recent {
        user_id,
        ..Recent::default()
    };
    let laptop = bench.store.create(recent.clone()).await.unwrap();
    bench.clock.advance(Duration::from_secs(3600));
    let kiosk = bench.store.create(recent.clone()).await.unwrap();
    for _ in 0..5 {
        bench.clock.advance(Duration::from_secs(24 * 3600));
        let mut laptop = bench.store.load(laptop.id()).await.unwrap().unwrap();
        bench.store.touch(&mut laptop).await.unwrap();
    }
    let phone = bench.store.create(recent.clone()).await.unwrap();
    assert_eq!(Session::evicted(&phone), [kiosk.handle()]);
    bench.clock.advance(Duration::from_secs(24 * 3600));
    let mut laptop = bench.store.load(laptop.id()).await.unwrap().unwrap();
    laptop.theme = "dark".into();
    bench.store.save(&mut laptop).await.unwrap();
    let tablet = bench.store.create(recent).await.unwrap();
    assert_eq!(Session::evicted(&tablet), [phone.handle()]);
}
