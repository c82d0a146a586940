//! G20. The memory of a cache is bounded: what it counts of a copy is at least what the copy takes.
//!
//! The allocator of this test counts what each thread takes and gives back. The copies of a cache are given back when its
//! store is dropped.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::time::Duration;

use allocation_counter::measure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_store::{Cache, DynamoDbStore, Session, SessionAttributes, private};
use session_store_tests::TestBench;

const HOUR: Duration = Duration::from_secs(3600);

/// How many sessions of each kind are kept.
const COPIES: usize = 12;

/// What a session has in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    text: String,
    cart: Vec<String>,
    numbers: Vec<u64>,
    bytes: Vec<u8>,
    tree: BTreeMap<String, Vec<Node>>,
    by_number: HashMap<u64, Option<bool>>,
    sparse: Vec<Sparse>,
}

/// Takes more in the struct than as values, which are counted: most of it is left out of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Sparse {
    id: u32,
    #[serde(skip_serializing_if = "is_empty")]
    notes: Notes,
}

/// Three kilobytes, without a text in them.
type Notes = [[String; 32]; 4];

fn is_empty(notes: &Notes) -> bool {
    notes.as_flattened().iter().all(String::is_empty)
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Node {
    name: String,
    quantity: u32,
    tags: Vec<String>,
    more: Option<Box<Node>>,
}

trait Kind:
    SessionAttributes + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    fn of(content: Content) -> Self;
}

macro_rules! kinds {
    ($($name:ident: $data:literal $(, $compress:literal)?;)*) => {$(
        #[derive(Clone, Debug, Default, Serialize, Deserialize, SessionAttributes)]
        #[dynamo(
            table = "tests",
            type_name = "app",
            idle_timeout = "30m",
            absolute_timeout = "12h",
            data = $data
            $(, compress = $compress)?
        )]
        struct $name {
            #[dynamo(attr = "user_id", index)]
            user_id: Option<String>,
            content: Content,
        }

        impl Kind for $name {
            fn of(content: Content) -> Self {
                Self { user_id: Some("u-17".to_owned()), content }
            }
        }
    )*};
}

kinds! {
    AsMap: "map";
    AsBytes: "binary";
    Compressed: "binary", "zstd";
}

/// Half of it one text, half the lines of a cart.
fn texts(bytes: usize) -> Content {
    let line = "a line of a cart that is long".to_owned();
    Content {
        text: "a text that has nothing to say ".repeat(bytes / 62),
        cart: vec![line; bytes / 60],
        ..Content::default()
    }
}

fn nested() -> Content {
    let leaf = |i: u32| Node {
        name: format!("leaf {i}"),
        quantity: i,
        tags: vec![String::new(), "a tag".to_owned()],
        more: None,
    };
    let node = |i: u32| Node {
        more: Some(Box::new(leaf(i))),
        ..leaf(i + 1)
    };
    let branch = |i: u32| (format!("branch {i}"), (0..i).map(node).collect());
    Content {
        tree: (0..8).map(branch).collect(),
        ..Content::default()
    }
}

fn numbers() -> Content {
    Content {
        numbers: (0..300).map(|i| i * 1_000_003).collect(),
        bytes: vec![7; 300],
        by_number: (0..300).map(|i| (i, Some(i % 2 == 0))).collect(),
        ..Content::default()
    }
}

async fn host<S: Kind>(bench: &TestBench<S>, cache: Option<Cache>) -> DynamoDbStore<S> {
    let builder = DynamoDbStore::builder().client(bench.store.client().clone());
    let builder = builder.table_name(bench.store.table_name());
    match cache {
        Some(cache) => builder.cache(cache).build().await.unwrap(),
        None => builder.build().await.unwrap(),
    }
}

/// What a store gives back.
#[derive(Clone, Copy, Debug)]
struct GivenBack {
    /// The bytes that were asked for.
    bytes: i64,
    blocks: i64,
}

impl GivenBack {
    /// With the 16 bytes that glibc adds to a block in the mean, for its header and to round it up.
    fn held(self) -> i64 {
        self.bytes + 16 * self.blocks
    }
}

fn given_back<S>(store: DynamoDbStore<S>) -> GivenBack {
    let mut store = Some(store);
    let change = measure(|| drop(store.take()));
    GivenBack {
        bytes: -change.bytes_current,
        blocks: -change.count_current,
    }
}

/// What copies of such sessions take, and the bytes that are counted for them.
async fn copies<S: Kind>(content: Content) -> (GivenBack, i64) {
    let bench = TestBench::<S>::new().await;
    let cache = Some(Cache::for_at_most(HOUR));
    let [empty, kept] = [host(&bench, cache).await, host(&bench, cache).await];
    for i in 0..COPIES {
        // Half of them as a write has stored them, half as a read has found them.
        let session = match i % 2 {
            0 => kept.create(S::of(content.clone())).await.unwrap(),
            _ => bench.store.create(S::of(content.clone())).await.unwrap(),
        };
        let version = Session::written_version(&session).unwrap_or(1);
        let read = kept.load_at_least(session.id(), version).await;
        assert!(read.unwrap().is_some());
    }
    let counted = i64::try_from(private::cached_bytes(&kept)).unwrap();
    let [empty, kept] = [empty, kept].map(given_back);
    let takes = GivenBack {
        bytes: kept.bytes - empty.bytes,
        blocks: kept.blocks - empty.blocks,
    };
    (takes, counted)
}

/// Prints what a copy of each kind takes, and the ratio of what is counted to it.
async fn ratio<S: Kind>(kind: &str, content: Content) -> f64 {
    let (takes, counted) = copies::<S>(content).await;
    let each = [takes.bytes, takes.held(), counted].map(|bytes| bytes / COPIES as i64);
    let [bytes, held] = [takes.bytes, takes.held()].map(|it| counted as f64 / it as f64);
    println!("{kind}: [asked for, held, counted] = {each:?}, {bytes:.3}, {held:.3}");
    assert!(takes.bytes > 0, "{kind}: {takes:?}");
    held
}

#[tokio::test]
async fn what_is_counted_is_at_least_what_a_copy_takes() {
    async fn check<S: Kind>(format: &str) {
        for (name, content) in [
            ("no content", Content::default()),
            ("2 KB", texts(2_000)),
            ("20 KB", texts(20_000)),
            ("nested", nested()),
            ("numbers", numbers()),
        ] {
            let kind = format!("{format}, {name}");
            let ratio = ratio::<S>(&kind, content).await;
            assert!((1.0..2.5).contains(&ratio), "{kind}: {ratio}");
        }
    }
    check::<AsMap>("map").await;
    check::<AsBytes>("binary").await;
    check::<Compressed>("zstd").await;
}

/// The heap of a struct is not known. What is left out of its values is not counted, and the page of the cache says so.
#[tokio::test]
async fn a_struct_that_leaves_out_what_it_has_takes_more_than_is_counted() {
    let content = Content {
        sparse: vec![Sparse::default(); 100],
        ..Content::default()
    };
    let ratio = ratio::<AsMap>("left out", content).await;
    assert!((0.2..1.0).contains(&ratio), "{ratio}");
}

/// With all that the cache takes beside its copies.
#[tokio::test]
async fn a_full_cache_takes_no_more_than_it_may() {
    const MOST: u64 = 2 << 20;
    let bench = TestBench::<AsMap>::new().await;
    let cache = Cache::for_at_most(HOUR).max_bytes(MOST);
    let [without, full] = [host(&bench, None).await, host(&bench, Some(cache)).await];
    for _ in 0..600 {
        full.create(AsMap::of(texts(2_000))).await.unwrap();
    }
    let counted = private::cached_bytes(&full);
    assert!((MOST * 8 / 10..=MOST).contains(&counted), "{counted}");
    let [without, full] = [without, full].map(given_back);
    let takes = full.held() - without.held();
    println!("full: held {takes}, counted {counted}, allowed {MOST}");
    assert!(takes as f64 <= MOST as f64 * 1.03, "{takes}");
}
