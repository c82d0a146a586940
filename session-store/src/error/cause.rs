use std::error::Error;

/// An error as another library gave it.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;
