//! Building the view of an entity before anybody searches it.

use memory_log::scope::ReadScope;
use memory_s3::reader::{Range, ReadError};
use memory_s3::views::Put;
use tokio::time::Instant;

use super::search::Times;
use super::{Filters, Recall, RecallError, by};

impl Recall {
    /// Reads an entity, and puts a view of all its memories if the one that is there lacks any. Returns
    /// their number.
    ///
    /// # Errors
    /// [`RecallError`] if not every memory was read, or the view is not there.
    pub async fn build_view(
        &self,
        scope: &ReadScope,
        deadline: Instant,
    ) -> Result<usize, RecallError> {
        let times = Times::until(deadline);
        by(deadline, async {
            let scopes = std::slice::from_ref(scope);
            let all = |scope: &ReadScope| Range::memories(scope, None, None);
            let mut surveys = self.surveys(scopes, Some(times.view), all).await?;
            let survey = surveys.pop().ok_or(RecallError::NotFound)?;
            let read = self.read(survey, &Filters::default(), &times).await?;
            let lines = read.live_lines().count();
            if read.view.as_ref().is_some_and(|view| view.lines >= lines) {
                return Ok(lines);
            }
            let why = match self.replace_view(&read, deadline).await {
                Ok(Put::Replaced(_)) => return Ok(lines),
                Ok(Put::Lost) => "another process put one: repeat".to_owned(),
                Err(why) => why,
            };
            Err(ReadError::Unavailable(format!("the view was not put: {why}").into()).into())
        })
        .await
    }
}
