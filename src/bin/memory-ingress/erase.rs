//! `erase`: looks at everything that there is of an entity or a memory, and prints the plan of its erasure.

use std::process::ExitCode;

use memory_ingress::erase::{Bucket, EraseError, Erasure, Folder, Found, Meant};
use memory_ingress::options::{Erase, Place};
use memory_log::scope::operator;
use memory_recall::change::wall_clock;
use memory_s3::embedded::Disk;
use memory_s3::reader::{ReadError, Reader};
use memory_s3::versions::Versions;
use memory_s3::{aws, views};
use memory_web::config::Config;
use memory_web::terminal::on_one_line;

use crate::{CommandError, print, report};

pub(crate) async fn run(options: Erase, config: &Config) -> Result<ExitCode, CommandError> {
    let scope = operator().entity(&options.domain, &options.entity);
    let view = views::key(&scope).map_err(|error| CommandError::Usage(error.to_string()))?;
    let meant = Meant::new(scope, options.id);
    let views = options.views(config.views_bucket.as_ref());
    let now = wall_clock();
    let (erasure, plan) = match options.location.place(config.bucket.as_ref()) {
        Place::Folder(folder) => {
            let path = folder.canonicalize();
            let disk = Disk::open(&folder)?;
            let path = path?.into_os_string().into_string().map_err(|path| {
                let what = "no command can name the data folder";
                CommandError::Failed(format!("{what} {}", path.display()))
            })?;
            let erasure = Erasure::of(Found::in_folder(disk, meant, &view).await?, now)?;
            let text = erasure.in_folder(&Folder { path, view })?;
            (erasure, text)
        }
        Place::Bucket(log) => {
            let views = views.map_err(|what| CommandError::Config(what.to_owned()))?;
            let sdk = aws::sdk_config().await;
            let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref())?;
            let reader = Reader::new(client.clone(), log.clone()).with_retries();
            let versions = Versions::new(&client, log.clone());
            let of_views = views.clone().map(|views| Versions::new(&client, views));
            let found = Found::in_bucket(&reader, &versions, of_views, meant).await?;
            let erasure = Erasure::of(found, now)?;
            let view = views.map(|views| (views, view));
            let text = erasure.in_bucket(&Bucket {
                endpoint: config.s3_endpoint.clone(),
                log,
                view,
            });
            (erasure, text)
        }
    };
    print(plan.as_bytes())?;
    report(&erasure.summary());
    Ok(ExitCode::SUCCESS)
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        Self::Failed(on_one_line(&format!("no plan, because {error}")))
    }
}

impl From<EraseError> for CommandError {
    fn from(error: EraseError) -> Self {
        Self::Failed(on_one_line(&format!("no plan, because {error}")))
    }
}
