//! What answers when the model cannot, where that is a feature: its value at the moment.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute;
use async_trait::async_trait;
use mlsys_live::Reading;
use mlsys_plan::Field;
use mlsys_rows::{arrow_schema, arrow_type};
use mlsys_serve::{ScoreError, Scored, Scorer, Version};

use super::model::failed;
use super::online::Online;

/// A feature that stands for the prediction.
pub(super) struct FeatureFallback {
    version: Version,
    outputs: Vec<Field>,
    /// `GROUP.FEATURE`.
    feature: String,
    reading: Arc<Reading>,
    online: Arc<Online>,
}

impl FeatureFallback {
    pub(super) fn new(champion: &dyn Scorer, feature: &str, reading: &Arc<Reading>, online: &Arc<Online>) -> Self {
        FeatureFallback {
            version: champion.version().clone(),
            outputs: champion.outputs().to_vec(),
            feature: feature.to_owned(),
            reading: Arc::clone(reading),
            online: Arc::clone(online),
        }
    }
}

#[async_trait]
impl Scorer for FeatureFallback {
    fn version(&self) -> &Version {
        &self.version
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    async fn score(&self, rows: RecordBatch, now: i64) -> Result<Scored, ScoreError> {
        let inputs = self.reading.inputs(&self.online.states(), &rows, now).await.map_err(|error| failed(&error))?;
        let column = inputs.features.column_by_name(&self.feature);
        let column = column.ok_or_else(|| ScoreError::Failed(format!("there is no feature `{}`", self.feature)))?;
        let wrong = |error: arrow::error::ArrowError| ScoreError::Failed(error.to_string());
        let mut columns = Vec::new();
        for (index, field) in self.outputs.iter().enumerate() {
            let ty = arrow_type(&field.ty.ty);
            columns.push(if index == 0 {
                compute::cast(column, &ty).map_err(wrong)?
            } else {
                new_null_array(&ty, rows.num_rows())
            });
        }
        let missing = |row: &usize| columns[0].is_null(*row);
        let failed =
            (0..rows.num_rows()).filter(missing).map(|row| (row, "there is no value to fall back on".to_owned()));
        let failed = failed.collect();
        let predictions = RecordBatch::try_new(arrow_schema(&self.outputs), columns).map_err(wrong)?;
        Ok(Scored { predictions, failed, features: Some(inputs.features) })
    }
}
