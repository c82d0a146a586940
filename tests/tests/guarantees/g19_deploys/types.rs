//! Fields that get another type, and nested structs, in a map and in bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use session_store::SessionAttributes;
use session_store_tests::TestBench;

use super::{load, save, unreadable};

/// Reads a number as text as well.
fn text_or_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    Ok(match Either::deserialize(from)? {
        Either::Number(number) => number.to_string(),
        Either::Text(text) => text,
    })
}

/// Reads text of digits as a number as well.
fn number_or_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    text_or_number(from)?
        .parse()
        .map_err(serde::de::Error::custom)
}

/// Reads a missing value as the default.
fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

versions! {
    ZipNumber ZipNumberB {
        #[serde(deserialize_with = "number_or_text")]
        zip: u64,
    }
    ZipText ZipTextB {
        #[serde(deserialize_with = "text_or_number")]
        zip: String,
    }
    BothZips BothZipsB {
        zip: u64,
        #[serde(default)]
        zip_code: Option<String>,
    }
    OldZip OldZipB {
        zip: u64,
    }
    Visits VisitsB {
        visits: u64,
    }
    Small SmallB {
        visits: u32,
    }
}

in_both_formats! {
    /// First the old type reads both, then the type changes.
    async fn a_field_is_retyped_in_two_steps(
        First: ZipNumber ZipNumberB, Second: ZipText ZipTextB
    ) {
        let bench = TestBench::<First>::new().await;
        let second = bench.other::<Second>().await;
        let session = bench.store.create(First { zip: 1234 }).await.unwrap();
        let id = session.id();
        assert_eq!(load(&second, id).await.zip, "1234");
        save(&second, id, |session| session.zip = "5678".into()).await;
        assert_eq!(load(&bench.store, id).await.zip, 5678);
        save(&bench.store, id, |session| session.zip += 1).await;
        assert_eq!(load(&second, id).await.zip, "5679");

        // Text that is no number has to wait until the old type is gone.
        save(&second, id, |session| session.zip = "AB1".into()).await;
        assert_eq!(unreadable(&bench.store, id).await, "zip");
    }

    /// A new field beside the old one needs no reader of both.
    async fn a_new_field_beside_the_old_one_takes_values_that_the_old_type_cannot_hold(
        Old: OldZip OldZipB, New: BothZips BothZipsB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { zip: 1234 }).await.unwrap();
        save(&new, session.id(), |session| session.zip_code = Some("AB1".into())).await;
        save(&bench.store, session.id(), |session| session.zip += 1).await;
        let expected = New { zip: 1235, zip_code: Some("AB1".into()) };
        assert_eq!(load(&new, session.id()).await, expected);
    }

    async fn a_wider_number_is_read_by_the_old_binary_while_it_fits(
        Old: Small SmallB, New: Visits VisitsB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 1 }).await.unwrap();
        save(&new, session.id(), |session| session.visits += 1).await;
        assert_eq!(load(&bench.store, session.id()).await.visits, 2);
        save(&new, session.id(), |session| session.visits = 1 << 40).await;
        assert_eq!(unreadable(&bench.store, session.id()).await, "visits");
    }
}

versions! {
    MaybeVisits MaybeVisitsB {
        visits: Option<u64>,
    }
    NoLongerMaybe NoLongerMaybeB {
        #[serde(default, deserialize_with = "or_default")]
        visits: u64,
    }
}

in_both_formats! {
    /// The new binary stores no `None` until the old one is gone.
    async fn a_value_becomes_an_option_in_two_steps(
        Old: Visits VisitsB, New: MaybeVisits MaybeVisitsB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old { visits: 1 }).await.unwrap();
        let id = session.id();
        save(&new, id, |session| session.visits = session.visits.map(|visits| visits + 1)).await;
        assert_eq!(load(&bench.store, id).await.visits, 2);
        save(&new, id, |session| session.visits = None).await;
        assert_eq!(unreadable(&bench.store, id).await, "visits");
    }

    async fn an_option_becomes_a_value_in_one_step_with_a_reader_of_both(
        Old: MaybeVisits MaybeVisitsB, New: NoLongerMaybe NoLongerMaybeB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        for (visits, read) in [(None, 0), (Some(7), 7)] {
            let session = bench.store.create(Old { visits }).await.unwrap();
            assert_eq!(load(&new, session.id()).await.visits, read);
            save(&new, session.id(), |session| session.visits += 1).await;
            // Rolled back.
            assert_eq!(load(&bench.store, session.id()).await.visits, Some(read + 1));
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Address {
    street: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct AddressAndCity {
    street: String,
    #[serde(default)]
    city: String,
}

/// A nested struct that keeps what it does not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct OpenAddress {
    street: String,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

versions! {
    Nested NestedB {
        address: Address,
        #[serde(default)]
        visits: u64,
    }
    NestedMore NestedMoreB {
        address: AddressAndCity,
        #[serde(default)]
        visits: u64,
    }
    NestedOpen NestedOpenB {
        address: OpenAddress,
        #[serde(default)]
        visits: u64,
    }
    Flattened FlattenedB {
        #[serde(flatten)]
        address: AddressAndCity,
        #[serde(default)]
        visits: u64,
    }
    TopLevel TopLevelB {
        street: String,
        #[serde(default)]
        city: String,
        #[serde(default)]
        visits: u64,
    }
}

in_both_formats! {
    /// A nested struct is one entry of `data`, and is written as a whole.
    async fn a_nested_field_is_lost_when_an_old_binary_writes_its_struct(
        Old: Nested NestedB, New: NestedMore NestedMoreB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old::default()).await.unwrap();
        let id = session.id();
        save(&new, id, |session| session.address.city = "Bern".into()).await;
        save(&bench.store, id, |session| session.address.street = "A".into()).await;
        assert_eq!(load(&new, id).await.address.city, "");
    }

    /// First the old binary keeps what it does not know, then the field comes.
    async fn a_nested_field_is_added_in_two_steps(
        First: NestedOpen NestedOpenB, Second: NestedMore NestedMoreB
    ) {
        let bench = TestBench::<First>::new().await;
        let second = bench.other::<Second>().await;
        let session = bench.store.create(First::default()).await.unwrap();
        let id = session.id();
        save(&second, id, |session| session.address.city = "Bern".into()).await;
        save(&bench.store, id, |session| session.address.street = "A".into()).await;
        save(&bench.store, id, |session| session.visits += 1).await;
        let address = AddressAndCity { street: "A".into(), city: "Bern".into() };
        assert_eq!(load(&second, id).await.address, address);
    }

    /// Top-level fields move into a struct that is flattened, and back.
    async fn fields_move_into_a_flattened_struct_and_back_in_one_step(
        Old: TopLevel TopLevelB, New: Flattened FlattenedB
    ) {
        let bench = TestBench::<Old>::new().await;
        let new = bench.other::<New>().await;
        let session = bench.store.create(Old::default()).await.unwrap();
        let id = session.id();
        save(&new, id, |session| session.address.city = "Bern".into()).await;
        save(&bench.store, id, |session| session.street = "A".into()).await;
        save(&new, id, |session| session.visits += 1).await;
        // Copies that were loaded before the other one saved.
        let mut by_old = bench.store.load(id).await.unwrap().unwrap();
        let mut by_new = new.load(id).await.unwrap().unwrap();
        by_new.address.street = "B".into();
        new.save(&mut by_new).await.unwrap();
        by_old.visits += 1;
        bench.store.save(&mut by_old).await.unwrap();
        let expected = Old { street: "B".into(), city: "Bern".into(), visits: 2 };
        assert_eq!(load(&bench.store, id).await, expected);
        let address = AddressAndCity { street: "B".into(), city: "Bern".into() };
        assert_eq!(load(&new, id).await, New { address, visits: 2 });
    }
}

/// As bytes, all of `data` is written, and the fields that did not change as they are stored.
#[tokio::test]
async fn a_nested_field_survives_a_save_of_another_field_in_a_map_and_in_bytes() {
    let bench = TestBench::<Nested>::new().await;
    let new = bench.other::<NestedMore>().await;
    let session = bench.store.create(Nested::default()).await.unwrap();
    save(&new, session.id(), |session| {
        session.address.city = "Bern".into()
    })
    .await;
    save(&bench.store, session.id(), |session| session.visits += 1).await;
    assert_eq!(load(&new, session.id()).await.address.city, "Bern");

    let bench = TestBench::<NestedB>::new().await;
    let new = bench.other::<NestedMoreB>().await;
    let session = bench.store.create(NestedB::default()).await.unwrap();
    save(&new, session.id(), |session| {
        session.address.city = "Bern".into()
    })
    .await;
    save(&bench.store, session.id(), |session| session.visits += 1).await;
    assert_eq!(load(&new, session.id()).await.address.city, "Bern");
}
