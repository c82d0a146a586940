//! Random requests to the embedded engine and to dynoxide, which is another engine with DynamoDB's interface: both must
//! give the same answers and store the same items.
//!
//! Where they are known to differ, a table says why. The sources are what AWS documents and what DynamoDB answers.

mod answer;
mod both;
mod control_plane;
mod histories;
mod known;
mod limits;
mod requests;
mod spellings;
