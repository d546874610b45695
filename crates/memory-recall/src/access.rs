//! What a caller may read, and what it is told where there is no answer (contract 8.6, 8.7, 9.4).
//!
//! A scope that is not the caller's and one that has no such memory are answered alike. The module must
//! not know HTTP, or how an answer is written.

use memory_log::event::{Actor, Event, Reason, Status};
use memory_log::json::quoted;
use memory_log::scope::{Claims, NoSingleScope, ReadScope, ReadScopes, WriteScopes};
use memory_log::steward::Stewards;
use memory_s3::changer::{self, Changer};
use memory_s3::failure::Failure;
use memory_s3::reader::{ReadError, Reader};
use memory_web::http::RequestError;
use memory_web::problem::{self, Code, Faults, Header, Past, Problem, Source, Written};
use memory_web::record::Why;
use uuid::Uuid;

use crate::change::precondition::{IfMatch, Unmet};
use crate::change::{self, ChangeError, End, Receipt, Request, Statuses, Target};
use crate::counted::Asker;
use crate::documents::ShownHistory;
use crate::find::{Found, History, Page, Recall, RecallError, Recalled, seq_of};
use crate::log::LogError;
use crate::question::{
    GetQuestion, ListQuestion, OTHER_QUERY, Place, SearchArguments, SearchQuestion, invalid,
};

/// Events that a steward sees of a memory.
const EVENTS_SHOWN: usize = 50;

/// One log, and who may read what in it.
#[derive(Debug)]
pub struct Access {
    recall: Recall,
    scopes: ReadScopes,
    stewards: Stewards,
    /// What is searched for an id without a scope: the whole folder of a laptop.
    whole: Option<ReadScope>,
    /// Changes statuses, where that is possible at all.
    statuses: Option<Statuses>,
}

/// A change that is asked for.
#[derive(Debug)]
pub(crate) struct ChangeQuestion {
    /// Where the memory lies.
    pub(crate) target: GetQuestion,
    pub(crate) memory_id: Uuid,
    /// Which status it shall have.
    pub(crate) to: Status,
    /// Why.
    pub(crate) reason: Option<Reason>,
    /// What the caller has seen.
    pub(crate) if_match: Option<IfMatch>,
    /// Attributes that are not to be changed: their names and JSON texts.
    pub(crate) others: Vec<(String, String)>,
}

/// A memory, and its history for stewards.
pub(crate) type One = (Recalled, Option<ShownHistory>);

impl Access {
    /// This log, for callers who may read in these scopes.
    #[must_use]
    pub fn new(recall: Recall, scopes: ReadScopes, stewards: Stewards) -> Self {
        Self {
            recall,
            scopes,
            stewards,
            whole: None,
            statuses: None,
        }
    }

    /// The same, where statuses can be changed, by callers who may write in these scopes.
    #[must_use]
    pub fn with_changes(self, reader: Reader, changer: Changer, write_scopes: WriteScopes) -> Self {
        let statuses = Some(Statuses {
            recall: self.recall.clone(),
            reader,
            changer,
            write_scopes,
            stewards: self.stewards.clone(),
            now: change::wall_clock,
            pause: change::random_pause,
        });
        Self { statuses, ..self }
    }

    /// Whether statuses can be changed.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.statuses.is_some()
    }

    /// The same, where an id is found without a scope: the folder of a laptop, unless callers may read
    /// only a part of it.
    #[must_use]
    pub fn with_whole(self, whole: ReadScope) -> Self {
        let whole = self.scopes.is_everywhere().then_some(whole);
        Self { whole, ..self }
    }

    /// Finds the best memories for a query, in the scope that is asked for and in those that are shared
    /// with everybody.
    pub(crate) async fn search(
        &self,
        question: &SearchQuestion,
        Asker {
            caller,
            deadline,
            tally,
        }: Asker<'_>,
    ) -> Result<(Found, Vec<ReadScope>), RequestError> {
        let claims = caller.claims();
        let mut scopes = vec![self.scope(&question.place, claims)?];
        let shared = self.scopes.shared(claims).map_err(|error| {
            let detail = format!("Your token is not accepted for a search: {error}.");
            Problem::forbidden(Source::None, &detail)
        })?;
        scopes.extend(shared);
        let SearchQuestion {
            query,
            filters,
            limit,
            ..
        } = question;
        let recall = self.recall.counted(tally);
        let found = recall.search(&scopes, query, filters, *limit, deadline);
        let found = found.await.map_err(refused)?;
        Ok((found, scopes))
    }

    /// Lists a page of the memories of a scope.
    pub(crate) async fn list(
        &self,
        question: &ListQuestion,
        Asker {
            caller,
            deadline,
            tally,
        }: Asker<'_>,
    ) -> Result<(Page, Vec<ReadScope>), RequestError> {
        let scopes = vec![self.scope(&question.place, caller.claims())?];
        let recall = self.recall.counted(tally);
        let page = recall.list(
            &scopes,
            &question.filters,
            question.order,
            question.after.as_ref(),
            question.limit,
            deadline,
        );
        let page = page.await.map_err(refused)?;
        Ok((page, scopes))
    }

    /// The newest memories, for a call of the tool without a query.
    pub(crate) async fn newest(
        &self,
        arguments: SearchArguments,
        asker: Asker<'_>,
    ) -> Result<(Page, Vec<ReadScope>), RequestError> {
        let question = ListQuestion {
            place: arguments.place,
            filters: arguments.filters,
            order: crate::find::Order::Newest,
            after: None,
            limit: arguments.limit,
        };
        self.list(&question, asker).await
    }

    /// Gets one memory in full. Stewards also get its history.
    pub(crate) async fn get(
        &self,
        question: &GetQuestion,
        memory_id: Uuid,
        Asker {
            caller,
            deadline,
            tally,
        }: Asker<'_>,
    ) -> Result<(One, Vec<ReadScope>), RequestError> {
        let scopes = vec![self.scope_of_an_id(&question.place, caller.claims())?];
        let is_steward = self.stewards.have(caller);
        let events = if is_steward { EVENTS_SHOWN } else { 0 };
        let recall = self.recall.counted(tally);
        let got = recall.get(&scopes, memory_id, question.created_at, events, deadline);
        match got.await {
            Ok((recalled, history)) => {
                let past = is_steward.then(|| past(&history));
                Ok(((recalled, past), scopes))
            }
            Err(RecallError::Deleted { event, history }) => {
                let past = is_steward.then(|| past(&history));
                Err(deleted(&event, past).into())
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Gives a memory a status.
    pub(crate) async fn change(
        &self,
        question: ChangeQuestion,
        Asker {
            caller,
            deadline,
            tally,
        }: Asker<'_>,
    ) -> Result<Receipt, RequestError> {
        let statuses = self.statuses.as_ref().ok_or_else(Problem::not_found)?;
        let statuses = statuses.counted(tally);
        let scope = self.scope_of_an_id(&question.target.place, caller.claims())?;
        let target = Target {
            scope,
            memory_id: question.memory_id,
            created_at: question.target.created_at,
        };
        let request = Request {
            to: question.to,
            actor: Actor::new(caller.name()),
            reason: question.reason,
            if_match: question.if_match,
            others: question.others,
        };
        let changed = statuses.change(caller, &target, &request, deadline).await;
        changed.map_err(unchanged)
    }

    /// The scope that is asked for, or else the one that the caller's claims name.
    fn scope(&self, place: &Place, claims: &Claims) -> Result<ReadScope, Problem> {
        match place {
            Place::Entity { domain, entity_id } => self
                .scopes
                .permit(claims, domain, entity_id)
                .map_err(|_| Problem::unreadable()),
            Place::Own => self.scopes.own(claims).map_err(scope_required),
        }
    }

    /// The same for an id. Whether a scope is the caller's is not told apart from whether it has the id.
    pub(crate) fn scope_of_an_id(
        &self,
        place: &Place,
        claims: &Claims,
    ) -> Result<ReadScope, Problem> {
        match (place, &self.whole) {
            (Place::Own, Some(whole)) => Ok(whole.clone()),
            (Place::Own, None) => self.scope(place, claims),
            (Place::Entity { .. }, _) => self.scope(place, claims).map_err(|_| not_found()),
        }
    }
}

/// What a caller is told who sends other attributes than the stored ones.
fn immutable(names: &[String]) -> Vec<Problem> {
    let mut faults = Faults::default();
    for name in names {
        faults.push(|| {
            let path = ["data", "attributes", name].map(str::to_owned);
            let detail = format!(
                "{} cannot be changed: of a memory only the status can. Store another memory instead.",
                quoted(name)
            );
            Problem::at(Code::Immutable, &path, detail)
        });
    }
    faults.into_problems()
}

/// What a caller is told where a change is not made, and what the log says.
pub(crate) fn unchanged(error: ChangeError) -> RequestError {
    let failure = if let ChangeError::Put(error) = &error {
        Some(error.failure())
    } else {
        None
    };
    let why = why_of(error.to_string(), failure);
    let of = |code, detail: &str| Problem::new(code, Source::None, detail);
    let problem = match error {
        ChangeError::Outside(_) => of(
            Code::Forbidden,
            "You may read this memory, and not change it. The operator of the service can allow it.",
        ),
        ChangeError::NotASteward => of(
            Code::Forbidden,
            "Only a steward may give a memory this status. The operator of the service names stewards.",
        ),
        ChangeError::Recall(error) => return refused(error),
        ChangeError::Ended { end, status, event } => return ended(end, status, event.as_deref()).into(),
        ChangeError::Immutable(names) => return immutable(&names).into(),
        ChangeError::TooManyChanges => of(
            Code::TooManyChanges,
            "The memory has had 200 changes, and can have no more. Store another memory instead.",
        ),
        ChangeError::Put(changer::ChangeError::Unavailable(_)) => of(
            Code::StorageUnavailable,
            "The status was not changed: the storage could not take the change now. Repeat the same request.",
        )
        .written(Written::NotWritten),
        ChangeError::Put(changer::ChangeError::Refused(_)) => of(
            Code::StorageRefused,
            "The status was not changed: the storage refused it. A repeat will not help until the service's operator has \
             removed the cause.",
        )
        .written(Written::NotWritten),
        ChangeError::Put(changer::ChangeError::Unknown(_)) => of(
            Code::StorageOutcomeUnknown,
            "It is not known whether the status was changed: the storage sent no proof. To repeat the same request is safe.",
        )
        .written(Written::Unknown),
    };
    RequestError::because(problem, why)
}

/// Why there is no answer, for the log, with what S3 said if it failed.
fn why_of(what: String, failure: Option<&Failure>) -> Why {
    Why {
        what,
        s3_code: failure.and_then(|failure| failure.code.clone()),
        s3_request_id: failure.and_then(|failure| failure.request_id.clone()),
    }
}

/// What a caller is told who comes too late, or asks for a step that there is not.
fn ended(end: End, status: Status, event: Option<&Event>) -> Problem {
    let seq = seq_of(event);
    let at_header = Source::Header(Header::IfMatch);
    let (code, source, detail) = match end {
        End::Locked => (
            Code::Locked,
            Source::None,
            "The memory is locked. A steward can unlock it, by the status verified.".to_owned(),
        ),
        End::Deleted => (
            Code::Deleted,
            Source::None,
            "The memory is deleted. A steward can restore it, by the status unverified.".to_owned(),
        ),
        End::Precondition(Unmet::Required) => (
            Code::PreconditionRequired,
            at_header,
            "This change undoes what somebody decided: send If-Match with the ETag of the memory. * and a weak tag are \
             not enough."
                .to_owned(),
        ),
        End::Precondition(Unmet::Failed) => (
            Code::PreconditionFailed,
            at_header,
            "The memory has changed since the ETag in If-Match: get it again, then decide again.".to_owned(),
        ),
        End::ChangedMeanwhile => (
            Code::ChangedMeanwhile,
            Source::None,
            format!("Another change came between, and the memory is {status} now: get it again, then decide again."),
        ),
        End::Contended => (
            Code::Contended,
            Source::None,
            "Other changes of this memory were first, each time. Repeat the same request.".to_owned(),
        ),
    };
    let deleted_at = event.filter(|_| status == Status::Deleted);
    Problem::new(code, source, detail).with(problem::Found {
        status: Some(status.to_string()),
        seq: Some(seq),
        deleted_at: deleted_at.map(|event| event.change().timestamp),
        ..problem::Found::default()
    })
}

pub(crate) fn scope_required(why: NoSingleScope) -> Problem {
    let detail = format!(
        "The request names no scope, and {why}. Name it with filter[repository_id], or with filter[domain] and \
         filter[entity_id] (repository_id, or domain and entity_id, of a tool)."
    );
    Problem::new(Code::ScopeRequired, Source::None, detail)
}

/// 404: no such memory, or not for this caller.
pub(crate) fn not_found() -> Problem {
    let detail = "There is no memory with this id in a scope that you may read. Send the link \"self\" of a search \
                  or a list as it stands, or name the scope of the memory.";
    Problem::new(Code::NotFound, Source::None, detail)
}

/// 410, with what may be said about it.
pub(crate) fn deleted(event: &Event, past: Option<ShownHistory>) -> Problem {
    let at = event.change().timestamp;
    let detail = format!(
        "The memory was deleted at {at}. The log keeps it, and a steward can restore it. The very same memory, stored \
         again, stays hidden."
    );
    let past = past.unwrap_or(ShownHistory {
        events: 0,
        newest: Vec::new(),
    });
    Problem::new(Code::Deleted, Source::None, detail).with(problem::Found {
        status: Some(event.change().status.to_string()),
        seq: Some(event.seq().get()),
        deleted_at: Some(at),
        events: (past.events > 0).then_some(past.events),
        history: past.newest,
        progress: None,
    })
}

fn past(history: &History) -> ShownHistory {
    let newest = history.newest.iter().map(|event| {
        let change = event.change();
        Past {
            seq: event.seq().get(),
            status: change.status.to_string(),
            actor: change.actor.as_str().to_owned(),
            reason: change
                .reason
                .as_ref()
                .map(|reason| reason.as_str().to_owned()),
            timestamp: change.timestamp.to_string(),
        }
    });
    ShownHistory {
        events: history.events,
        newest: newest.collect(),
    }
}

/// What a caller is told where there is no answer, and what the log says.
pub(crate) fn refused(error: RecallError) -> RequestError {
    let of = |code, detail: &str| Problem::new(code, Source::None, detail);
    let failure = if let RecallError::Log(LogError::Read(error)) = &error {
        Some(error.failure())
    } else {
        None
    };
    let why = why_of(error.to_string(), failure);
    let problem = match error {
        RecallError::NotFound => return not_found().into(),
        RecallError::Deleted { event, .. } => return deleted(&event, None).into(),
        RecallError::OtherQuery => return invalid("page[after]", OTHER_QUERY).into(),
        RecallError::TooLarge => {
            let detail = "The scopes have more than 100,000 memories, more than 256 MiB, or too many different words to \
                          be searched: narrow them with filter[since] and filter[until] (since and until of a tool). A list with sort=timestamp has \
                          no limit.";
            return of(Code::ScopeTooLarge, detail).into();
        }
        RecallError::Building { progress } => {
            let detail = "The memories of this scope are being read for the first time, and the time for this request \
                          ended. Repeat the same request: each repeat gets further.";
            let found = problem::Found {
                progress: Some((progress * 100.0).floor() / 100.0),
                ..problem::Found::default()
            };
            of(Code::ViewBuilding, detail).with(found)
        }
        RecallError::Late | RecallError::Log(LogError::Read(ReadError::Unavailable(_))) => of(
            Code::StorageUnavailable,
            "The storage did not answer in time. Repeat the same request.",
        ),
        RecallError::Log(LogError::Read(ReadError::Refused(_))) => of(
            Code::StorageRefused,
            "The storage refused the request. A repeat will not help until the service's operator has removed the cause.",
        ),
        RecallError::Log(LogError::Damaged { .. }) => of(
            Code::LogDamaged,
            "The log is damaged: an object of this scope is not what its key names, so there is no complete answer. Tell \
             the service's operator. Other memories of the scope can be fetched by their ids.",
        ),
        RecallError::Log(LogError::Newer { .. }) => of(
            Code::LogNewer,
            "An object of this scope was written by a later version of the service. Tell the service's operator to \
             update it.",
        ),
    };
    RequestError::because(problem, why)
}

#[cfg(test)]
mod tests {
    use memory_log::scope::operator;
    use memory_s3::embedded::{self, BUCKET, Disk};

    use super::*;

    #[test]
    fn an_id_is_looked_for_in_the_whole_folder_only_where_everything_may_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let client = embedded::client(Disk::create(folder.path()).unwrap());
        let recall = Recall::new(Reader::new(client, BUCKET));
        let found_in = |scopes: ReadScopes| {
            let access = Access::new(recall.clone(), scopes, Stewards::Unnamed);
            let access = access.with_whole(operator().everything());
            let scope = access.scope_of_an_id(&Place::Own, &Claims::default());
            scope.map(|scope| scope.memories().to_owned())
        };
        assert_eq!(
            found_in(ReadScopes::everywhere()),
            Ok("memories/".to_owned())
        );
        for narrow in ["work/rob", "*/*", "work/{sub}"] {
            let scope = found_in(ReadScopes::parse(narrow).unwrap());
            let code = scope.unwrap_err().code;
            assert_eq!(code, Code::ScopeRequired, "{narrow}");
        }
    }
}
