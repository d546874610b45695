//! What the service makes of a body: a memory, its receipt, or problems.

use memory_ingress::http::shape;
use memory_ingress::media_type::BodyType;
use memory_ingress::problem::Problem;
use memory_ingress::remember::Receipt;
use memory_log::memory::Memory;
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_s3::writer::Put;

/// The clock of a request without a timestamp: 2026-01-27T03:14:22Z.
pub(crate) const NOW: i64 = 1_769_483_662_000_000;

/// What the service makes of a body at an instant.
pub(crate) fn remembered(
    bytes: &[u8],
    body_type: BodyType,
    micros: i64,
) -> Result<Memory, Vec<Problem>> {
    let (draft, shape) = shape::read(bytes, body_type)?;
    Memory::new(draft, Timestamp::from_unix_micros(micros))
        .map_err(|violations| Problem::of_violations(&violations, |place| shape.locate(place)))
}

/// What a body is refused for.
pub(crate) fn problems(bytes: &[u8], body_type: BodyType) -> Vec<Problem> {
    remembered(bytes, body_type, NOW).err().unwrap_or_default()
}

/// The receipt of an object that was written.
pub(crate) fn receipt(memory: &Memory, object: &Object) -> Receipt {
    Receipt {
        memory_id: object.memory_id,
        timestamp: memory.timestamp(),
        key: object.key.clone(),
        put: Put::Written,
    }
}
