use std::error::Error;

/// An error of another library.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;
