//! What a caller may read, and what it is told where there is no answer (contract 8.6, 8.7).
//!
//! A scope that is not the caller's and one that has no such memory are answered alike. The module must
//! not know HTTP, or how an answer is written.

use memory_log::event::Event;
use memory_log::scope::{Claims, NoSingleScope, ReadScope, ReadScopes};
use memory_log::steward::{Caller, Stewards};
use memory_s3::reader::ReadError;
use memory_web::http::RequestError;
use memory_web::problem::{self, Code, Past, Problem, Source};
use tokio::time::Instant;
use uuid::Uuid;

use crate::documents::Past50;
use crate::find::{Found, History, Page, Recall, RecallError, Recalled};
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
}

/// A memory, and its history for stewards.
pub(crate) type One = (Recalled, Option<Past50>);

impl Access {
    /// This log, for callers who may read in these scopes.
    #[must_use]
    pub fn new(recall: Recall, scopes: ReadScopes, stewards: Stewards) -> Self {
        Self {
            recall,
            scopes,
            stewards,
            whole: None,
        }
    }

    /// The same, where an id is found without a scope: the folder of a laptop.
    #[must_use]
    pub fn with_whole(self, whole: ReadScope) -> Self {
        let whole = Some(whole);
        Self { whole, ..self }
    }

    /// Finds the best memories for a query, in the scope that is asked for and in those that are shared
    /// with everybody.
    pub(crate) async fn search(
        &self,
        question: &SearchQuestion,
        caller: Caller<'_>,
        deadline: Instant,
    ) -> Result<(Found, Vec<ReadScope>), RequestError> {
        let claims = claims_of(caller);
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
        let found = self
            .recall
            .search(&scopes, query, filters, *limit, deadline);
        let found = found.await.map_err(refused)?;
        Ok((found, scopes))
    }

    /// Lists a page of the memories of a scope.
    pub(crate) async fn list(
        &self,
        question: &ListQuestion,
        caller: Caller<'_>,
        deadline: Instant,
    ) -> Result<(Page, Vec<ReadScope>), RequestError> {
        let scopes = vec![self.scope(&question.place, claims_of(caller))?];
        let page = self.recall.list(
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
        caller: Caller<'_>,
        deadline: Instant,
    ) -> Result<(Page, Vec<ReadScope>), RequestError> {
        let question = ListQuestion {
            place: arguments.place,
            filters: arguments.filters,
            order: crate::find::Order::Newest,
            after: None,
            limit: arguments.limit,
        };
        self.list(&question, caller, deadline).await
    }

    /// Gets one memory in full. Stewards also get its history.
    pub(crate) async fn get(
        &self,
        question: &GetQuestion,
        memory_id: Uuid,
        caller: Caller<'_>,
        deadline: Instant,
    ) -> Result<(One, Vec<ReadScope>), RequestError> {
        let scopes = vec![self.scope_of_an_id(&question.place, claims_of(caller))?];
        let is_steward = self.stewards.have(caller);
        let events = if is_steward { EVENTS_SHOWN } else { 0 };
        let got = self
            .recall
            .get(&scopes, memory_id, question.created_at, events, deadline);
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
            (Place::Own, Some(whole)) => {
                let own = self.scopes.own(claims);
                Ok(own.unwrap_or_else(|_| whole.clone()))
            }
            (Place::Own, None) => self.scope(place, claims),
            (Place::Entity { .. }, _) => self.scope(place, claims).map_err(|_| not_found()),
        }
    }
}

fn claims_of(caller: Caller<'_>) -> &Claims {
    static NONE: std::sync::LazyLock<Claims> = std::sync::LazyLock::new(Claims::default);
    match caller {
        Caller::Verified(claims) => claims,
        Caller::Key | Caller::Local => &NONE,
    }
}

fn scope_required(why: NoSingleScope) -> Problem {
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
fn deleted(event: &Event, past: Option<Past50>) -> Problem {
    let at = event.change().timestamp;
    let detail = format!(
        "The memory was deleted at {at}. The log keeps it, and a steward can restore it. The very same memory, stored \
         again, stays hidden."
    );
    let past = past.unwrap_or(Past50 {
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

fn past(history: &History) -> Past50 {
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
    Past50 {
        events: history.events,
        newest: newest.collect(),
    }
}

/// What a caller is told where there is no answer, and what the log says.
pub(crate) fn refused(error: RecallError) -> RequestError {
    let of = |code, detail: &str| Problem::new(code, Source::None, detail);
    let log = error.to_string();
    let problem = match error {
        RecallError::NotFound => return not_found().into(),
        RecallError::Deleted { event, .. } => return deleted(&event, None).into(),
        RecallError::OtherQuery => return invalid("page[after]", OTHER_QUERY).into(),
        RecallError::TooLarge => {
            let detail = "The scopes have more than 100,000 memories, or more than 256 MiB: narrow them with \
                          filter[since] and filter[until] (since and until of a tool). A list with sort=timestamp has \
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
    RequestError::because(problem, log)
}
