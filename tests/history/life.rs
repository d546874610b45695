//! One memory: what is sent for it, again and again, and what was told each time. The seed and the
//! memory's number decide everything.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use axum::Router;
use memory_web::http::Deadline;
use tokio::time::Instant;
use uuid::Uuid;

use crate::ATTEMPT_TIME_MAX;
use crate::exchange::send;
use crate::faulty::{Choice, Fault, error};
use crate::surface::{Surface, Told};

/// Most attempts for one memory: by then a sound store has taken it.
const ATTEMPTS_MAX: usize = 30;

#[derive(Debug)]
pub(crate) struct Life {
    /// Its nonce: the entity that it is about, and no other is.
    pub(crate) uuid: String,
    pub(crate) content: String,
    pub(crate) attempts: Vec<Attempt>,
}

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) timestamp: Option<String>,
    pub(crate) told: Told,
}

pub(crate) fn random(seed: u64, of: impl Hash) -> fastrand::Rng {
    let mut hasher = DefaultHasher::new();
    (seed, of).hash(&mut hasher);
    fastrand::Rng::with_seed(hasher.finish())
}

impl Life {
    /// Sends one memory until it is stored, or given up as some callers do.
    pub(crate) async fn live(router: &Router, seed: u64, number: usize) -> Self {
        let mut random = random(seed, number);
        let uuid = Uuid::from_u128(random.u128(..)).to_string();
        let content = format!("{number} {} „☃“\n\"\\", "x".repeat(random.usize(..2_000)));
        let mut timestamp = random.bool().then(|| {
            let (year, nanos) = (random.u32(1970..=9999), random.u32(..1_000_000_000));
            format!("{year:04}-12-31T23:59:59.{nanos:09}Z")
        });
        let mut life = Self {
            uuid,
            content,
            attempts: Vec::new(),
        };
        while life.attempts.len() < ATTEMPTS_MAX {
            let surface = Surface::ALL[random.usize(..Surface::ALL.len())];
            // One that may lose its answer and has a timestamp may as well send it twice at once.
            let at_once = if timestamp.is_some() && random.u8(..10) == 0 {
                2
            } else {
                1
            };
            let sent: Vec<_> = (0..at_once)
                .map(|_| life.attempt(router, surface, timestamp.clone()))
                .collect();
            let attempts = futures_util::future::join_all(sent).await;
            let retry = attempts.iter().find_map(|attempt| match &attempt.told {
                Told::Failed { retry, .. } => Some(retry.clone()),
                Told::Stored { .. } => None,
            });
            let is_stored = attempts
                .iter()
                .any(|attempt| matches!(attempt.told, Told::Stored { .. }));
            life.attempts.extend(attempts);
            let goes_on = match is_stored {
                // Some repeat what is stored: their own answer was lost.
                true => timestamp.is_some() && random.u8(..8) == 0,
                false => random.u8(..5) != 0,
            };
            if !goes_on {
                break;
            }
            timestamp = timestamp.or(retry);
        }
        life
    }

    async fn attempt(
        &self,
        router: &Router,
        surface: Surface,
        timestamp: Option<String>,
    ) -> Attempt {
        let asked = surface
            .ask(&self.uuid, &self.content, timestamp.as_deref())
            .with_deadline(Deadline(Instant::now() + ATTEMPT_TIME_MAX));
        let answer = send(router, asked).await;
        let told = surface.told(&answer.json());
        Attempt { timestamp, told }
    }
}

/// What becomes of each put, by the seed, the memory's nonce, and how often it was put before.
pub(crate) fn faults(seed: u64) -> Choice {
    let puts: Mutex<HashMap<String, usize>> = Mutex::default();
    Arc::new(move |url| {
        let (_, rest) = url
            .split_once("entity%3D")
            .or(url.split_once("entity="))
            .expect("a key of ours");
        let uuid = rest.get(..36).expect("a UUID").to_owned();
        let mut puts = puts.lock().unwrap();
        let put = puts.entry(uuid.clone()).or_default();
        *put += 1;
        fault(&mut random(seed, (uuid, *put)))
    })
}

fn fault(random: &mut fastrand::Rng) -> Fault {
    let pause = ATTEMPT_TIME_MAX.mul_f64(0.5 + 2.0 * random.f64());
    match random.u8(..40) {
        0..=2 => Fault::Lost,
        3..=4 => Fault::Dropped,
        5 => Fault::Refused(503, error("SlowDown")),
        6 => Fault::Answered(500, error("InternalError")),
        7..=8 => Fault::StoredAnd(500, error("InternalError")),
        9 => Fault::Answered(403, error("ExpiredToken")),
        10 => Fault::Answered(409, error("ConditionalRequestConflict")),
        11 => Fault::StoredAnd(502, "<html>".to_owned()),
        12 => Fault::OtherDigest,
        13 => Fault::NoEtag,
        14 => Fault::Late(pause),
        15 => Fault::AnsweredLate(pause),
        16 => Fault::HangsAtOnce,
        17 => Fault::HangsAfterIt,
        18 => Fault::Answered(403, error("AccessDenied")),
        _ => Fault::None,
    }
}
