//! A `Uuid` as the key of an index: as text, or as bytes by choice.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::key::{AsKey, IndexField, IndexKey, IntoAttribute, KeyType, KeyValue, sealed};

impl sealed::Sealed for Uuid {}

/// As serde writes it into `data`.
impl KeyValue for Uuid {
    const TYPE: KeyType = KeyType::S;

    fn to_value(&self) -> AttributeValue {
        AttributeValue::S(self.hyphenated().to_string())
    }
}

impl IndexKey for Uuid {
    type As = Self;

    fn as_key(&self) -> &Self {
        self
    }
}

impl IntoAttribute for Uuid {
    fn into_attribute(self) -> Option<AttributeValue> {
        Some(self.to_value())
    }
}

/// A `Uuid` as 16 bytes (B) in the key of an index, where a `Uuid` itself is 36 characters of text (S).
///
/// The item is 20 bytes smaller for each copy of the key, and tools show base64. The field stays a `Uuid`, or an
/// `Option` of one, and so does the key of a query:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use session_store::{DynamoDbStore, Error, SessionAttributes, UuidBytes};
/// use uuid::Uuid;
///
/// #[derive(Clone, Serialize, Deserialize, SessionAttributes)]
/// struct AppSession {
///     #[dynamo(attr = "tenant_id", index, with = UuidBytes::of, key = UuidBytes)]
///     tenant: Option<Uuid>,
/// }
///
/// async fn sessions_of(store: &DynamoDbStore<AppSession>, tenant: Uuid) -> Result<usize, Error> {
///     store.sessions(AppSession::TENANT, tenant).count().await
/// }
/// ```
///
/// The form of the key cannot change on a default index in use; see docs/deploys.md in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UuidBytes(pub Uuid);

impl UuidBytes {
    /// The key of a field that is a `Uuid` or an `Option` of one; `None` if the field has no value.
    pub fn of<F: IndexField<Key = Uuid>>(field: &F) -> Option<Self> {
        field.key().copied().map(Self)
    }
}

impl IndexKey for UuidBytes {
    type As = [u8];

    fn as_key(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl AsKey<UuidBytes> for Uuid {
    fn as_key_value(&self) -> AttributeValue {
        AttributeValue::B(Blob::new(*self.as_bytes()))
    }
}

impl AsKey<UuidBytes> for &Uuid {
    fn as_key_value(&self) -> AttributeValue {
        AttributeValue::B(Blob::new(*self.as_bytes()))
    }
}
