//! tower-sessions: the three kinds of the framework's `Expiry`, and an expiry that is longer than the absolute
//! timeout.

macro_rules! tests {
    ($version:ident, $core:ident) => {
        mod $version {
            use std::sync::Arc;

            use session_store::Error as StoreError;
            use session_store::frameworks::tower_sessions::TowerSessions;
            use session_store_tests::TestBench;
            use time::{Duration, OffsetDateTime};
            use tracing::Level;
            use $core::Expiry;
            use $core::session::{Id, Session};

            use crate::log;
            use crate::tower::{App, Lasting};

            struct Site {
                bench: TestBench<Lasting>,
                store: Arc<TowerSessions<Lasting>>,
            }

            impl Site {
                /// The framework reads the clock of the host, and the store this one.
                async fn new() -> Self {
                    let bench = TestBench::<Lasting>::new().await;
                    let store = Arc::new(TowerSessions::new(bench.store.clone()));
                    let site = Self { bench, store };
                    site.set(now());
                    site
                }

                fn set(&self, time: OffsetDateTime) {
                    let millis = time.unix_timestamp_nanos() / 1_000_000;
                    self.bench.clock.set(millis.try_into().unwrap());
                }

                async fn stored(&self, expiry: Expiry) -> Id {
                    let session = Session::new(None, self.store.clone(), Some(expiry));
                    session.insert("theme", "dark").await.unwrap();
                    session.save().await.unwrap();
                    session.id().unwrap()
                }

                async fn is_live(&self, id: Id) -> bool {
                    let session = Session::new(Some(id), self.store.clone(), None);
                    session.get::<String>("theme").await.unwrap().is_some()
                }

                /// It lives until this moment, give or take the time that the test has taken so far.
                async fn ends_at(&self, id: Id, end: OffsetDateTime, since: OffsetDateTime) {
                    let took = now() - since;
                    self.set(end - Duration::milliseconds(1));
                    assert!(self.is_live(id).await);
                    self.set(end + took + Duration::milliseconds(1));
                    assert!(!self.is_live(id).await);
                }
            }

            fn now() -> OffsetDateTime {
                OffsetDateTime::now_utc()
            }

            /// By its docs, the time counts from the last change, and reading is none.
            #[tokio::test]
            async fn on_inactivity_counts_from_the_last_change() {
                let site = Site::new().await;
                for lasts in [
                    Duration::milliseconds(1500),
                    Duration::minutes(5),
                    Duration::days(2),
                ] {
                    let began = now();
                    site.set(began);
                    let id = site.stored(Expiry::OnInactivity(lasts)).await;
                    assert!(site.is_live(id).await);
                    site.ends_at(id, began + lasts, began).await;

                    // A change extends it.
                    let began = now();
                    site.set(began);
                    let expiry = Expiry::OnInactivity(lasts);
                    let session = Session::new(Some(id), site.store.clone(), Some(expiry));
                    session.insert("theme", "light").await.unwrap();
                    session.save().await.unwrap();
                    site.ends_at(id, began + lasts, began).await;
                }
            }

            #[tokio::test]
            async fn at_date_time_is_that_moment_to_the_millisecond() {
                let site = Site::new().await;
                let start = now().replace_nanosecond(0).unwrap() + Duration::seconds(2);
                for millis in [0, 1, 500, 999] {
                    site.set(start);
                    let end = start + Duration::seconds(90) + Duration::milliseconds(millis);
                    let id = site.stored(Expiry::AtDateTime(end)).await;
                    site.set(end - Duration::milliseconds(1));
                    assert!(site.is_live(id).await, "{millis}");
                    site.set(end);
                    assert!(!site.is_live(id).await, "{millis}");

                    // By `set_expiry` alone it ends sooner, or later.
                    for other in [
                        end - Duration::milliseconds(1300),
                        end + Duration::milliseconds(700),
                    ] {
                        site.set(start);
                        let session = Session::new(Some(id), site.store.clone(), None);
                        session.set_expiry(Some(Expiry::AtDateTime(other)));
                        session.save().await.unwrap();
                        site.set(other - Duration::milliseconds(1));
                        assert!(site.is_live(id).await, "{millis}");
                        site.set(other);
                        assert!(!site.is_live(id).await, "{millis}");
                    }
                }
            }

            /// The framework keeps a session for two weeks, if the browser keeps the cookie as long.
            #[tokio::test]
            async fn on_session_end_is_two_weeks_in_the_store() {
                let site = Site::new().await;
                let began = now();
                site.set(began);
                let id = site.stored(Expiry::OnSessionEnd).await;
                site.ends_at(id, began + Duration::weeks(2), began).await;
            }

            #[tokio::test]
            async fn an_expiry_beyond_the_absolute_timeout_is_refused_at_start() {
                let bench = TestBench::<App>::new().await;
                let store = || TowerSessions::new(bench.store.clone());
                let twelve_hours = Duration::hours(12);
                let now = OffsetDateTime::UNIX_EPOCH
                    + Duration::milliseconds(bench.clock.millis() as i64);
                for fits in [
                    Expiry::OnInactivity(twelve_hours),
                    Expiry::OnInactivity(Duration::minutes(5)),
                    Expiry::AtDateTime(now + twelve_hours),
                    Expiry::AtDateTime(now - Duration::days(400)),
                    Expiry::OnSessionEnd,
                ] {
                    assert!(store().check_expiry(fits).is_ok(), "{fits:?}");
                }
                for longer in [
                    Expiry::OnInactivity(Duration::days(30)),
                    Expiry::OnInactivity(twelve_hours + Duration::milliseconds(1)),
                    Expiry::AtDateTime(now + Duration::weeks(2)),
                ] {
                    let error = store().check_expiry(longer).unwrap_err();
                    let text = StoreError::from(error).to_string();
                    assert!(
                        text.contains("absolute_timeout") && text.contains("App"),
                        "{text}"
                    );
                }
            }

            #[tokio::test]
            async fn the_first_session_that_is_to_live_longer_leaves_a_warning() {
                log::capture();
                let bench = TestBench::<App>::new().await;
                // The framework's clock goes on while this one stands still.
                bench.clock.advance(std::time::Duration::from_secs(60));
                let insert = async |store: &TowerSessions<App>, expiry: Option<Expiry>| {
                    let session = Session::new(None, Arc::new(store.clone()), expiry);
                    session.insert("theme", "dark").await.unwrap();
                    session.save().await.unwrap();
                    session.insert("theme", "light").await.unwrap();
                    session.save().await.unwrap();
                };
                let store = TowerSessions::new(bench.store.clone());
                insert(&store, Some(Expiry::OnInactivity(Duration::hours(12)))).await;
                insert(&store, Some(Expiry::OnInactivity(Duration::minutes(30)))).await;
                assert_eq!(log::taken(), [""; 0]);
                let remember_me = Expiry::OnInactivity(Duration::days(30));
                insert(&store, Some(remember_me)).await;
                let log = log::taken();
                assert_eq!(log.len(), 1, "{log:?}");
                assert!(
                    log[0].starts_with("WARN") && log[0].contains("absolute_timeout"),
                    "{log:?}"
                );
                // Once is enough, for all clones.
                insert(&store, Some(remember_me)).await;
                assert_eq!(log::taken(), [""; 0]);

                // The framework's default is two weeks.
                let other = TowerSessions::new(bench.store.clone());
                insert(&other, None).await;
                assert_eq!(log::levels(), [Level::WARN]);
                let known =
                    TowerSessions::new(bench.store.clone()).check_expiry(Expiry::OnSessionEnd);
                insert(&known.unwrap(), None).await;
                assert_eq!(log::taken(), [""; 0]);
            }
        }
    };
}

tests!(v0_15, tower_sessions_core);
tests!(v0_14, tower_sessions_core_0_14);
