//! The code under test: it reads a memory or problems from a body, and writes the receipt.

use memory_ingress::remember::Receipt;
use memory_ingress::shape;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_s3::writer::Put;
use memory_web::media_type::BodyType;
use memory_web::problem::Problem;

/// The time of every request, in microseconds: 2026-01-27T03:14:22Z.
pub(crate) const NOW: i64 = 1_769_483_662_000_000;

/// The memory of a body that arrives at an instant, or the problems of the body.
pub(crate) fn memory_of(
    bytes: &[u8],
    body_type: BodyType,
    micros: i64,
) -> Result<Memory, Vec<Problem>> {
    let (draft, shape) = shape::read(bytes, body_type)?;
    Memory::new(draft, Timestamp::from_unix_micros(micros))
        .map_err(|violations| Problem::of_violations(&violations, |place| shape.locate(place)))
}

/// The problems of a body.
pub(crate) fn problems(bytes: &[u8], body_type: BodyType) -> Vec<Problem> {
    memory_of(bytes, body_type, NOW).err().unwrap_or_default()
}

/// The receipt of a memory whose object was written.
pub(crate) fn receipt(memory: &Memory, object: &Object) -> Receipt {
    Receipt {
        memory_id: object.memory_id,
        timestamp: memory.timestamp(),
        key: object.key.clone(),
        put: Put::Written,
    }
}
