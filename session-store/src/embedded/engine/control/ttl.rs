//! The TTL of a table. Other than in DynamoDB, a change takes effect at once, and the next need not wait an hour.

use serde_json::{Map, Value as Json, json};

use super::super::error::{EngineError, Outcome};
use super::super::request::Fields;
use super::super::tables::Engine;
use super::object;

impl Engine {
    pub(crate) fn update_time_to_live(
        &mut self,
        request: &Fields<'_>,
    ) -> Outcome<Map<String, Json>> {
        let specification = request.fields("TimeToLiveSpecification")?;
        let specification = request.required("TimeToLiveSpecification", specification)?;
        let enabled = specification.required("Enabled", specification.flag("Enabled")?)?;
        let attribute = specification.required_text("AttributeName")?;
        let table = self.control_table_mut(request)?;
        let refused = |text: String| Err(EngineError::validation(text));
        match (&table.ttl, enabled) {
            (Some(current), true) if current == attribute => {
                return refused("TimeToLive is already enabled".to_owned());
            }
            (Some(current), _) if current != attribute => {
                return refused(format!(
                    "TimeToLive is active on a different AttributeName: current AttributeName is {current}"
                ));
            }
            (None, false) => return refused("TimeToLive is already disabled".to_owned()),
            (_, true) => table.ttl = Some(attribute.to_owned()),
            (_, false) => table.ttl = None,
        }
        Ok(object(json!({
            "TimeToLiveSpecification": { "Enabled": enabled, "AttributeName": attribute },
        })))
    }

    pub(crate) fn describe_time_to_live(&self, request: &Fields<'_>) -> Outcome<Map<String, Json>> {
        let described = match &self.control_table(request)?.ttl {
            Some(attribute) => json!({ "TimeToLiveStatus": "ENABLED", "AttributeName": attribute }),
            None => json!({ "TimeToLiveStatus": "DISABLED" }),
        };
        Ok(object(json!({ "TimeToLiveDescription": described })))
    }
}
