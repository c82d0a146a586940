//! G15. Situations from public reports: values that are nested without an end.
//!
//! `docs/cases.md` has the thread of each test.

use std::fmt::Debug;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use session_store::{Error, SessionAttributes};
use session_store_tests::TestBench;

/// A list of its own kind, of which a visitor may choose the depth. It is dropped without recursion.
#[derive(Debug, Default, PartialEq)]
struct Chain(Option<Box<Chain>>);

impl Chain {
    fn of(depth: usize) -> Self {
        let mut chain = Self(None);
        for _ in 0..depth {
            chain = Self(Some(Box::new(chain)));
        }
        chain
    }

    fn depth(&self) -> usize {
        let (mut depth, mut chain) = (0, self);
        while let Some(next) = &chain.0 {
            (depth, chain) = (depth + 1, next);
        }
        depth
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut chain) = next {
            next = chain.0.take();
        }
    }
}

impl Clone for Chain {
    fn clone(&self) -> Self {
        Self::of(self.depth())
    }
}

macro_rules! chains {
    ($($name:ident($chain:ident, $serializer:ident) = $serialize:expr;)*) => {$(
        #[derive(Clone, Debug, Default, PartialEq)]
        struct $name(Chain);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                struct Part<'a>(&'a Chain);

                impl Serialize for Part<'_> {
                    fn serialize<S: Serializer>(&self, $serializer: S) -> Result<S::Ok, S::Error> {
                        let $chain = self.0.0.as_deref().map(Part);
                        $serialize
                    }
                }
                Part(&self.0).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                Ok(Self::default())
            }
        }
    )*};
}

chains! {
    InLists(chain, serializer) = serializer.collect_seq(chain.iter());
    InMaps(chain, serializer) = serializer.collect_map(chain.iter().map(|chain| ("next", chain)));
    InVariants(chain, serializer) = match chain {
        Some(chain) => serializer.serialize_newtype_variant("Node", 0, "Next", &chain),
        None => serializer.serialize_unit_variant("Node", 1, "End"),
    };
    // These add no depth to the value that is stored.
    InNewtypes(chain, serializer) = match chain {
        Some(chain) => serializer.serialize_newtype_struct("Node", &chain),
        None => serializer.serialize_unit(),
    };
    InOptions(chain, serializer) = match chain {
        Some(chain) => serializer.serialize_some(&chain),
        None => serializer.serialize_none(),
    };
}

/// In a process of its own, since an overflow of the stack ends that. A thread has 2 MB, as tokio's have.
fn in_a_process_of_its_own<S>(test: &str)
where
    S: SessionAttributes + Clone + Debug + Default + Serialize + DeserializeOwned,
    S: From<Chain> + Send + Sync + 'static,
{
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    if std::env::var("SESSION_STORE_DEEP").as_deref() != Ok(&*test) {
        let program = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(program);
        let child = child
            .args([&*test, "--exact", "--include-ignored"])
            .env("SESSION_STORE_DEEP", &test);
        let output = child.output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {shown}", output.status);
        return;
    }
    let deep = async || {
        let bench = TestBench::<S>::new().await;
        let refused = |result: Result<(), Error>| match result {
            Err(Error::Encode(error)) => {
                assert!(error.path().starts_with("node"), "{}", error.path())
            }
            other => panic!("{other:?}"),
        };
        let deep = || S::from(Chain::of(100_000));
        refused(bench.store.create(deep()).await.map(drop));
        let mut session = bench.store.create(S::default()).await.unwrap();
        *session = deep();
        refused(bench.store.save(&mut session).await);
        refused(bench.store.cycle_id(&mut session).await);
    };
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(deep());
    };
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(run)
        .unwrap()
        .join()
        .unwrap();
}

macro_rules! deep {
    ($($test:ident: $name:ident;)*) => {$(
        #[test]
        fn $test() {
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
            #[dynamo(table = "tests")]
            struct Deep {
                node: $name,
            }

            impl From<Chain> for Deep {
                fn from(chain: Chain) -> Self {
                    Self { node: $name(chain) }
                }
            }
            in_a_process_of_its_own::<Deep>(stringify!($test));
        }
    )*};
}

deep! {
    a_deep_list_is_refused_before_it_overflows_the_stack: InLists;
    a_deep_map_is_refused_before_it_overflows_the_stack: InMaps;
    a_deep_variant_is_refused_before_it_overflows_the_stack: InVariants;
    newtypes_without_end_are_refused_before_they_overflow_the_stack: InNewtypes;
    options_without_end_are_refused_before_they_overflow_the_stack: InOptions;
}

/// An option of itself has a form of which every part is the same value.
#[tokio::test]
async fn a_stored_value_that_its_type_wraps_without_end_is_an_error() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Endless(Option<Box<Endless>>);

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, SessionAttributes)]
    #[dynamo(table = "tests")]
    struct Deep {
        node: Endless,
    }
    let bench = TestBench::<Deep>::new().await;
    let session = bench.store.create(Deep::default()).await.unwrap();
    let mut item = bench.item(session.handle()).await.unwrap();
    let AttributeValue::M(data) = item.get_mut("data").unwrap() else {
        panic!("not a map");
    };
    data.insert("node".to_owned(), AttributeValue::N("1".to_owned()));
    bench.put(item).await;
    let loaded = bench.store.load(session.id()).await;
    assert!(matches!(loaded, Err(Error::Decode(_))), "{loaded:?}");
}
