//! `cargo bench -p memory-benches`: the pure steps of a write, each alone, for bodies of four sizes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use memory_ingress::shape;
use memory_log::json::Json;
use memory_log::memory::{Draft, Memory};
use memory_log::object::Object;
use memory_log::timestamp::Timestamp;
use memory_web::media_type::BodyType;

const SIZES: [usize; 4] = [300, 4 * 1024, 64 * 1024, 1024 * 1024];
const LINE: &str =
    r#"The team chose S3 as its log; \"append only\", said the review, keeps it simple.\n"#;

/// Text of about this many bytes with a line break in every 80 characters, as JSON spells it.
fn content(bytes: usize) -> String {
    LINE.repeat((bytes / LINE.len()).max(1))
}

fn tool_body(bytes: usize) -> String {
    format!(
        r#"{{"entity_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","domain":"repository","content":"{}","metadata":{{"source":"benchmark","tags":["cost","write"]}}}}"#,
        content(bytes.saturating_sub(150))
    )
}

fn envelope(bytes: usize) -> String {
    format!(
        r#"{{"data":{{"type":"memories","attributes":{{"repository_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","content":"{}","tags":["cost","write"]}}}}}}"#,
        content(bytes.saturating_sub(150))
    )
}

/// Measures one step for a body of each size.
fn step<I, O>(c: &mut Criterion, name: &str, input: impl Fn(String) -> I, run: impl Fn(&I) -> O) {
    let mut group = c.benchmark_group(name);
    for size in SIZES {
        let body = if name.starts_with("envelope") {
            envelope(size)
        } else {
            tool_body(size)
        };
        group.throughput(Throughput::Bytes(body.len() as u64));
        let input = input(body);
        group.bench_with_input(
            BenchmarkId::from_parameter(size),
            &input,
            |bencher, input| {
                bencher.iter(|| run(black_box(input)));
            },
        );
    }
    group.finish();
}

fn draft(body: &str) -> Draft {
    let read = shape::read(body.as_bytes(), BodyType::Json);
    match read {
        Ok((draft, _)) => draft,
        Err(problems) => unreachable!("{problems:?}"),
    }
}

fn memory(body: &str) -> Memory {
    match Memory::new(draft(body), Timestamp::from_unix_micros(0)) {
        Ok(memory) => memory,
        Err(violations) => unreachable!("{violations:?}"),
    }
}

fn steps(c: &mut Criterion) {
    step(
        c,
        "json",
        |body| body,
        |body| Json::parse(body.as_bytes()).is_ok(),
    );
    step(c, "tool body to memory", |body| body, |body| memory(body));
    step(c, "envelope to memory", |body| body, |body| memory(body));
    step(c, "memory to object", |body| memory(&body), Object::of);
    step(
        c,
        "object read back",
        |body| Object::of(&memory(&body)),
        |object| Object::read(&object.key, &object.body),
    );
}

criterion_group!(benches, steps);
criterion_main!(benches);
