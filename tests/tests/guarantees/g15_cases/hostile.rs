//! G15. Situations from public reports: bytes that no store writes, and values that would take too much memory.
//!
//! `docs/cases.md` has the thread of each test.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use session_store::{Error, Session, SessionAttributes};
use session_store_tests::TestBench;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
#[dynamo(table = "tests", compress = "zstd")]
struct Bytes {
    #[serde(default)]
    values: Vec<u8>,
    #[serde(default)]
    text: String,
}

async fn with_bytes(bytes: Vec<u8>, format: &str) -> Result<Option<Session<Bytes>>, Error> {
    let bench = TestBench::<Bytes>::new().await;
    let session = bench.store.create(Bytes::default()).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    item.insert("data".to_owned(), AttributeValue::B(Blob::new(bytes)));
    item.insert("format".to_owned(), AttributeValue::S(format.to_owned()));
    bench.put(item).await;
    bench.store.load(session.id()).await
}

/// CBOR of a few bytes that announces an array of thousands of millions, alone and nested.
#[tokio::test]
async fn a_length_that_the_bytes_do_not_have_is_an_error() {
    let entry = [&[0xa1, 0x66], "values".as_bytes()].concat();
    let array = |length: u32| [&[0x9a], &length.to_be_bytes()[..]].concat();
    let mut nested = entry.clone();
    for left in (0..30).rev() {
        nested.extend(array(left * 5));
    }
    for bytes in [
        [entry.clone(), array(2_000_000_000)].concat(),
        [entry.clone(), array(u32::MAX), vec![0; 1000]].concat(),
        [entry.clone(), vec![0x9b], u64::MAX.to_be_bytes().to_vec()].concat(),
        [entry.clone(), vec![0x5b], u64::MAX.to_be_bytes().to_vec()].concat(),
        vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        nested,
        // It ends in the middle.
        [entry.clone(), array(3), vec![0]].concat(),
        entry,
        vec![],
    ] {
        let loaded = with_bytes(bytes.clone(), "cbor").await;
        assert!(
            matches!(loaded, Err(Error::Decode(_))),
            "{bytes:02x?}: {loaded:?}"
        );
    }
}

/// An entry that the type does not know is nested as deep as an item can be, and deeper.
#[tokio::test]
async fn an_unknown_entry_of_any_depth_is_kept_or_refused() {
    for (depth, is_read) in [(1, true), (25, true), (100_000, false)] {
        let mut bytes = [&[0xa1, 0x67], "unknown".as_bytes()].concat();
        bytes.extend(std::iter::repeat_n(0x81, depth));
        bytes.push(0);
        let loaded = with_bytes(bytes, "cbor").await;
        match loaded {
            Ok(Some(_)) => assert!(is_read, "{depth}"),
            Err(Error::Decode(_)) => assert!(!is_read, "{depth}"),
            other => panic!("{depth}: {other:?}"),
        }
    }
}

/// Values that would take gigabytes are not stored in a few KB; a long text of 15 MB is.
#[tokio::test]
async fn whatever_is_written_compressed_can_be_read() {
    let many = |values: usize| Bytes {
        values: vec![7; values],
        ..Bytes::default()
    };
    let long = |length: usize| Bytes {
        text: "x".repeat(length),
        ..Bytes::default()
    };
    const MB: usize = 1 << 20;
    for (bytes, limit) in [
        (many(100_000), true),
        (many(4 * MB), false),
        (long(4 * MB), true),
        (long(15 * MB), true),
        (long(16 * MB), true),
        (long(17 * MB), true),
        (long(26 * MB), false),
    ] {
        let bench = TestBench::<Bytes>::new().await;
        match bench.store.create(bytes.clone()).await {
            Ok(session) => {
                assert!(limit, "it takes too much memory");
                let loaded = bench.store.load(session.id()).await.unwrap().unwrap();
                assert!(*loaded == bytes);
            }
            Err(error) => assert!(matches!(error, Error::TooLarge(_)), "{error:?}"),
        }
    }
}
