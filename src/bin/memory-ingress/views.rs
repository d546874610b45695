//! `views`: builds the view of an entity before somebody searches it.

use std::process::ExitCode;
use std::time::Duration;

use memory_ingress::options::Views;
use memory_ingress::progress;
use memory_log::scope::operator;
use memory_recall::find::RecallError;
use memory_web::config::Config;
use tokio::time::Instant;

use crate::reading::{Reading, failed, report_remarks};
use crate::{CommandError, print};

/// The time of a round, after which the progress is shown and kept. One that was too short for the
/// listing is followed by one of twice the time.
const ROUND: Duration = Duration::from_secs(5);
/// A round that is too short at this length finds no storage that answers.
const ROUND_MAX: Duration = Duration::from_secs(320);

pub(crate) async fn run(options: Views, config: &Config) -> Result<ExitCode, CommandError> {
    let log = Reading::open(options.location, config).await?;
    if log.views.is_none() {
        let what = "set MEMORY_VIEWS_BUCKET to the bucket of the views: they are not in the bucket of the memories.";
        return Err(CommandError::Config(what.to_owned()));
    }
    let (recall, scope) = (
        log.recall(),
        operator().entity(&options.domain, &options.entity),
    );
    let bar = progress::percent("reading");
    let mut round = ROUND;
    let memories = loop {
        match recall.build_view(&scope, Instant::now() + round).await {
            Ok(memories) => break memories,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to 100"
            )]
            Err(RecallError::Building { progress }) => bar.set_position((progress * 100.0) as u64),
            Err(RecallError::Late) if round < ROUND_MAX => round *= 2,
            Err(error) => return Err(failed(&error)),
        }
    };
    bar.finish_and_clear();
    report_remarks(&recall);
    print(format!("the view has {memories} memories\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
