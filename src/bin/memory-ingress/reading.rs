//! A log that is open for reading, and what is read of it.

use std::sync::Arc;

use memory_ingress::options::{Location, Names, Place};
use memory_log::scope::{ReadScope, operator};
use memory_recall::entities::entities;
use memory_recall::find::{Recall, RecallError};
use memory_s3::aws;
use memory_s3::embedded::{self, Disk};
use memory_s3::reader::Reader;
use memory_s3::tally::Tally;
use memory_s3::views::Views;
use memory_web::config::Config;
use memory_web::terminal::on_one_line;

use crate::{CommandError, report};

/// A log that is open for reading.
pub(crate) struct Reading {
    pub(crate) reader: Reader,
    pub(crate) views: Option<Views>,
}

impl Reading {
    pub(crate) async fn open(location: Location, config: &Config) -> Result<Self, CommandError> {
        let (client, bucket, views) = match location.place(config.bucket.as_ref()) {
            Place::Folder(folder) => {
                let disk = Arc::new(Disk::open(&folder)?);
                let client = embedded::client(Arc::clone(&disk));
                let views = Views::new(client.clone(), embedded::VIEWS_BUCKET);
                let reader = Reader::new(client, embedded::BUCKET).of_files(disk);
                return Ok(Self {
                    reader,
                    views: Some(views),
                });
            }
            Place::Bucket(bucket) => {
                let sdk = aws::sdk_config().await;
                let client = aws::s3_client(&sdk, config.s3_endpoint.as_deref())?;
                (client, bucket, config.views_bucket.as_ref())
            }
        };
        Ok(Self {
            views: views.map(|views| Views::new(client.clone(), views)),
            reader: Reader::new(client, bucket).with_retries(),
        })
    }

    pub(crate) fn recall(&self) -> Recall {
        let recall = Recall::new(self.reader.clone()).with_views(self.views.clone());
        recall.counted(&Tally::default())
    }
}

impl Reading {
    /// The entity that is named, or every one that the names leave.
    pub(crate) async fn entities(&self, names: &Names) -> Result<Vec<ReadScope>, CommandError> {
        let scope = scope(names);
        if scope.entity_id().is_some() {
            return Ok(vec![scope]);
        }
        let found = entities(&self.reader, &scope, names.entity.as_deref()).await;
        let found = found.map_err(|error| failed(&RecallError::from(error)))?;
        found.ok_or_else(|| {
            let what =
                "the log has more than a hundred entities: say which with --domain and --entity.";
            CommandError::Usage(what.to_owned())
        })
    }
}

/// The part of the log that these names leave. A name of an entity alone leaves all of it.
pub(crate) fn scope(names: &Names) -> ReadScope {
    match (names.domain.as_deref(), names.entity.as_deref()) {
        (None, _) => operator().everything(),
        (Some(domain), None) => operator().domain(domain),
        (Some(domain), Some(entity_id)) => operator().entity(domain, entity_id),
    }
}

/// Reports what was odd in what was read, such as foreign keys.
pub(crate) fn report_remarks(recall: &Recall) {
    for remark in recall.log().tally().counts().remarks {
        report(&on_one_line(&remark));
    }
}

/// A read that did not succeed, in words.
pub(crate) fn failed(error: &RecallError) -> CommandError {
    let advice = match matches!(error, RecallError::TooLarge) {
        true => ": narrow the search with --since and --until, or with --domain and --entity",
        false => "",
    };
    CommandError::Failed(on_one_line(&format!("{error}{advice}")))
}
