//! The memory that the values of a session may take while it is read.
//!
//! A value of one byte takes some 60 in memory, and a kilobyte of compressed data can hold millions of them.
//! Any data that is not compressed stays within the bound: none of its parts counts more than 64 times its
//! bytes, and an item has 400 KB. Compressed data that would exceed it is not compressed, and is then too
//! large for an item.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::TooLargeError;
#[cfg(feature = "zstd")]
use crate::item::value::Map;

/// What a value counts beside its text or bytes.
const VALUE: usize = 64;
/// What the name of an entry counts beside its text.
const NAME: usize = 32;

/// 25 MiB: 409,600 values of one byte, or fewer larger ones.
const MAX: usize = VALUE * TooLargeError::LIMIT;

const _: () = assert!(size_of::<AttributeValue>() <= VALUE && size_of::<String>() <= NAME);

/// What is left of the memory.
pub(super) struct Memory(usize);

/// The values would take more.
pub(super) struct Exceeded;

impl Default for Memory {
    fn default() -> Self {
        Self(MAX)
    }
}

impl Memory {
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.0 = self.0.checked_sub(bytes).ok_or(Exceeded)?;
        Ok(())
    }

    /// Counts a value, without its text or bytes.
    pub(super) fn take_value(&mut self) -> Result<(), Exceeded> {
        self.take(VALUE)
    }

    pub(super) fn take_name(&mut self, name: &str) -> Result<(), Exceeded> {
        self.take(NAME + name.len())
    }
}

/// Whether this map can be read when it is packed.
#[cfg(feature = "zstd")]
pub(super) fn suffices_for(data: &Map) -> bool {
    let mut memory = Memory::default();
    take_entries(&mut memory, data).is_ok()
}

#[cfg(feature = "zstd")]
fn take_entries(memory: &mut Memory, entries: &Map) -> Result<(), Exceeded> {
    entries.iter().try_for_each(|(name, value)| {
        memory.take_name(name)?;
        take_whole(memory, value)
    })
}

#[cfg(feature = "zstd")]
fn take_whole(memory: &mut Memory, value: &AttributeValue) -> Result<(), Exceeded> {
    memory.take_value()?;
    match value {
        AttributeValue::S(text) => memory.take(text.len()),
        AttributeValue::B(bytes) => memory.take(bytes.as_ref().len()),
        AttributeValue::L(values) => values
            .iter()
            .try_for_each(|value| take_whole(memory, value)),
        AttributeValue::M(entries) => take_entries(memory, entries),
        // The members of a set are read as values.
        AttributeValue::Ss(texts) => texts
            .iter()
            .try_for_each(|text| memory.take(VALUE + text.len())),
        AttributeValue::Ns(numbers) => memory.take(numbers.len().saturating_mul(VALUE)),
        AttributeValue::Bs(blobs) => blobs
            .iter()
            .try_for_each(|bytes| memory.take(VALUE + bytes.as_ref().len())),
        _ => Ok(()),
    }
}
