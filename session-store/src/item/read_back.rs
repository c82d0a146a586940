//! The check that a session that is about to be written can be read.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::EncodeError;
use crate::id::SessionHandle;
use crate::schema::{Attribute, SessionAttributes};

use super::decode::read_again;
use super::entries::flattened_entries;
use super::image::Image;
use super::value::is_same;

/// Refuses a session that its type would not read, or would read as the session of another user.
///
/// serde loses the type of a key within an untagged or internally tagged enum and under `flatten`, so that
/// a map with other keys than strings is stored, and refused when it is read. An optional field that is
/// flattened swallows that error, and is empty from then on.
pub(crate) fn check_reads_back<S>(handle: SessionHandle, image: &Image) -> Result<(), EncodeError>
where
    S: SessionAttributes + Serialize + DeserializeOwned,
{
    let schema = S::SCHEMA;
    let read: S = read_again(&image.data, schema).map_err(|failure| {
        let cause = format!(
            "it is stored in a form that its type cannot read back: {}",
            failure.reason
        );
        EncodeError::new(failure.path, cause)
    })?;
    // Fields that are flattened together can each read what the other wrote, and no save would pass then.
    flattened_entries(&read)?;
    let again = Image::of_stored(handle, &read)?;
    let fields = schema.fields.unwrap_or_default();
    let is_field = |name: &String| fields.iter().any(|field| field.name == name);
    let lost = |name: &String| !is_field(name) && !again.data.contains_key(name);
    if schema.flattened && image.data.keys().any(lost) {
        let cause =
            "an entry of a flattened field is stored in a form that the field does not read back";
        return Err(EncodeError::new(schema.names.data, cause));
    }
    let indexed = |attribute: &&Attribute| attribute.index.is_some() && !attribute.computed;
    for attribute in schema.attributes.iter().filter(indexed) {
        let (stored, read) = (
            image.attribute(attribute.name),
            again.attribute(attribute.name),
        );
        let is_same = match (stored, read) {
            (Some(stored), Some(read)) => is_same(stored, read),
            (stored, read) => stored.is_none() && read.is_none(),
        };
        if !is_same {
            let cause = "the index has another value than the session will have when it is read";
            return Err(EncodeError::new(attribute.name, cause));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::schema::{Attributes, Field, FlattenedEntries, Schema};

    fn read_back<S>(session: &S) -> Result<(), EncodeError>
    where
        S: SessionAttributes + Serialize + DeserializeOwned,
    {
        let handle = SessionHandle::of_secret(b"secret");
        let image = Image::of(S::SCHEMA, handle, session).unwrap();
        check_reads_back::<S>(handle, &image)
    }

    #[derive(Serialize, Deserialize)]
    struct Session<T> {
        cart: T,
    }

    impl<T> SessionAttributes for Session<T> {
        const SCHEMA: &'static Schema = &Schema::new("sessions").fields(&[Field::new("cart", &[])]);

        fn attributes(&self, _: &mut Attributes) {}
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Numbers { numbers: BTreeMap<u32, u8> },
    }

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        Numbers { numbers: BTreeMap<u32, u8> },
    }

    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        inner: BTreeMap<u32, u8>,
    }

    fn numbers() -> BTreeMap<u32, u8> {
        BTreeMap::from([(17, 1)])
    }

    #[test]
    fn a_session_that_is_read_as_it_was_written_passes() {
        assert!(read_back(&Session { cart: numbers() }).is_ok());
    }

    #[test]
    fn integer_keys_that_serde_reads_as_strings_are_refused_by_their_path() {
        let numbers = numbers;
        let cart = Untagged::Numbers { numbers: numbers() };
        let untagged = read_back(&Session { cart }).unwrap_err();
        let cart = Tagged::Numbers { numbers: numbers() };
        let tagged = read_back(&Session { cart }).unwrap_err();
        let cart = Flat { inner: numbers() };
        let flat = read_back(&Session { cart }).unwrap_err();
        for error in [untagged, tagged, flat] {
            assert!(error.path.starts_with("cart"), "{}", error.path);
            let cause = error.cause.to_string();
            assert!(
                cause.contains("a form that its type cannot read back"),
                "{cause}"
            );
            assert!(!cause.contains("17"), "{cause}");
        }
    }

    /// Read as nothing if anything in it cannot be read.
    #[derive(Serialize, Deserialize)]
    struct Optional {
        cart: u8,
        #[serde(flatten)]
        address: Option<Address>,
    }

    #[derive(Serialize, Deserialize)]
    struct Address {
        by_floor: BTreeMap<u32, u8>,
    }

    impl SessionAttributes for Optional {
        const SCHEMA: &'static Schema = &Schema::new("sessions")
            .fields(&[Field::new("cart", &[])])
            .flattened();

        fn attributes(&self, _: &mut Attributes) {}

        fn flattened(&self, entries: &mut FlattenedEntries) {
            entries.field("address", &self.address);
        }
    }

    #[test]
    fn a_flattened_option_that_swallows_its_error_is_refused() {
        let by_floor = numbers();
        let address = Some(Address { by_floor });
        assert!(read_back(&Optional { cart: 1, address }).is_err());
        let none = Optional {
            cart: 1,
            address: None,
        };
        assert!(read_back(&none).is_ok());
    }

    /// The index has a user, and the session that is read has none.
    #[derive(Serialize, Deserialize)]
    struct Skipped {
        #[serde(skip_deserializing)]
        user: Option<String>,
    }

    impl SessionAttributes for Skipped {
        const SCHEMA: &'static Schema = &Schema::new("sessions")
            .attributes(&[Attribute::index::<Option<String>>("user")])
            .fields(&[Field::new("user", &[])]);

        fn attributes(&self, attributes: &mut Attributes) {
            attributes.index("user", &self.user);
        }
    }

    #[test]
    fn an_index_of_another_user_than_the_one_that_is_read_is_refused() {
        let user = Some("u-17".to_owned());
        assert_eq!(read_back(&Skipped { user }).unwrap_err().path, "user");
        assert!(read_back(&Skipped { user: None }).is_ok());
    }
}
