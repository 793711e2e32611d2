//! `predicted`: questions answered before the run showed the answer, right or wrong.

use super::{Finding, Found, Moment, Watch};
use crate::verdict::Values;

#[derive(Clone)]
pub(super) struct Predicted {
    /// All of the level when empty.
    pub(super) ids: Vec<String>,
}

impl Watch for Predicted {
    fn find(&self, now: &Moment<'_>) -> Finding {
        let asked = now
            .level
            .predictions
            .iter()
            .filter(|p| self.ids.is_empty() || self.ids.contains(&p.id));
        let (mut all, mut answered, mut first) = (0, 0, None);
        for prediction in asked {
            all += 1;
            if now.predictions.answer(&prediction.id).is_some() {
                answered += 1;
            } else if first.is_none() {
                first = Some(prediction.id.clone());
            }
        }
        match first {
            None => Finding::Holds(format!("{answered} of {all} answered")),
            Some(id) => {
                let values = Values::from([
                    ("got", answered.to_string()),
                    ("want", all.to_string()),
                    ("id", id),
                ]);
                let message = "{got} of {want} answered; {id} is still open.".to_owned();
                Finding::NotYet(Found { message, values, at: None })
            }
        }
    }

    fn clone_box(&self) -> Box<dyn Watch> {
        Box::new(self.clone())
    }
}
