//! A part of a value on its way to the inner serializer.

use std::marker::PhantomData;

use serde::{Serialize, Serializer};

use super::failure::Failed;
use super::path::Path;

/// Writes a value by the inner serializer, with an adapter around it.
pub(super) trait Adapt {
    fn write<T, S>(value: &T, inner: S, path: &Path<'_>) -> Result<S::Ok, Failed>
    where
        T: Serialize + ?Sized,
        S: Serializer;
}

/// A value that the inner serializer calls, so that it is adapted as well.
pub(super) struct Part<'a, T: ?Sized, A> {
    value: &'a T,
    path: &'a Path<'a>,
    adapt: PhantomData<A>,
}

impl<'a, T: ?Sized, A> Part<'a, T, A> {
    #[inline]
    pub(super) fn new(value: &'a T, path: &'a Path<'a>) -> Self {
        let adapt = PhantomData;
        Self { value, path, adapt }
    }
}

impl<T: Serialize + ?Sized, A: Adapt> Serialize for Part<'_, T, A> {
    #[inline]
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let written = A::write(self.value, inner, self.path);
        written.map_err(|failed| self.path.note_written(failed))
    }
}
