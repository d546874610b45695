//! `cargo run -p memory-recall --release --example speed`: how long the index takes to build and to answer, and what it
//! keeps in memory, for entities of three sizes and for one hostile memory. Each piece of work is timed five times, and the
//! least time counts.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program for people, over data of its own"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use memory_log::fault::Violations;
use memory_log::json::{Json, spell};
use memory_log::memory::{Draft, Memory};
use memory_log::timestamp::Timestamp;
use memory_recall::rank::{Index, search};
use memory_recall::words::Query;
use uuid::Uuid;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const VOCABULARY: usize = 30_000;
/// The most frequent words stand for stop words, which leave a query. They are half of all words of the texts.
const STOP_WORDS: usize = 150;
const CONTENT_BYTES: usize = 350;
const QUERIES: usize = 1_000;
const REPEATS: usize = 5;
/// As many as there are of four letters.
const HOSTILE_WORDS: usize = 26_usize.pow(4);

/// Numbers that are the same in each run (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A word of the vocabulary, by Zipf's law: the n-th is n times as rare as the first.
    fn word(&mut self) -> String {
        self.word_after(0)
    }

    /// The same without the most frequent ones.
    fn word_after(&mut self, most_frequent: usize) -> String {
        let first = (1 + most_frequent) as f64;
        let rank = (first * (VOCABULARY as f64 / first).powf(self.fraction())) as u64;
        let mut shape = Self(rank.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let syllables = [
            "ba", "ke", "ti", "ro", "mu", "sa", "ne", "li", "do", "pa", "ran", "kan", "ing", "er",
            "ed", "es",
        ];
        let count = 1 + (rank as f64).log2() as u64 / 4;
        let syllable = |_| syllables[(shape.next() >> 20) as usize % syllables.len()];
        (0..=count).map(syllable).collect()
    }

    /// A query of four words.
    fn query(&mut self, most_frequent: usize) -> Query {
        let words: Vec<_> = (0..4).map(|_| self.word_after(most_frequent)).collect();
        Query::parse(&words.join(" ")).unwrap()
    }

    fn text(&mut self, bytes: usize) -> String {
        let mut text = String::new();
        while text.len() < bytes {
            match self.next() % 20 {
                0 => text.push_str(&format!("src/{}/{}.rs ", self.word(), self.word())),
                1 => text.push_str(&format!(
                    "{}_{} ",
                    self.word().to_uppercase(),
                    self.next() % 1_000
                )),
                2 => text.push_str(&format!("{}. ", self.word())),
                _ => text.push_str(&format!("{} ", self.word())),
            }
        }
        text
    }

    fn memory(&mut self, number: usize) -> Memory {
        let content = self.text(CONTENT_BYTES);
        self.memory_of(number, &content)
    }

    fn memory_of(&mut self, number: usize, content: &str) -> Memory {
        let tag = self.word();
        let seconds = number * 200;
        let (day, hour) = (seconds / 86_400, seconds / 3_600 % 24);
        let timestamp = format!(
            "2025-{:02}-{:02}T{hour:02}:{:02}:{:02}Z",
            1 + day / 28 % 12,
            1 + day % 28,
            seconds / 60 % 60,
            seconds % 60
        );
        let text = format!(
            r#"{{"domain":"repository","entity_id":"e","content":{},"timestamp":"{timestamp}","metadata":{{"tags":["{tag}","backend"],"memory_type":"decision_log","source":"session"}}}}"#,
            spell(content)
        );
        let json = Json::parse(text.as_bytes()).unwrap();
        Memory::new(
            Draft::of_fields(json.root(), Violations::default()),
            Timestamp::from_unix_micros(0),
        )
        .unwrap()
    }
}

/// The least of several times of the same work: the one that other programs disturbed least.
fn least(time: impl Fn() -> Duration) -> Duration {
    (0..REPEATS).map(|_| time()).min().unwrap()
}

fn quantile(mut times: Vec<Duration>, share: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize]
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The memory of this process, where the system says it.
fn resident_mib() -> Option<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096.0 / (1 << 20) as f64)
}

fn index(memories: &[Memory]) -> Index {
    let mut index = Index::default();
    for (number, memory) in memories.iter().enumerate() {
        index.add(Uuid::from_u128(number as u128), memory);
    }
    index
}

/// Builds an index and returns it with how much this process has grown.
fn weighed(memories: &[Memory]) -> (Index, String) {
    let before = resident_mib();
    let kept = index(memories);
    let grown = resident_mib()
        .zip(before)
        .map(|(after, before)| after - before);
    (
        kept,
        grown.map_or("?".to_owned(), |grown| format!("{grown:.1}")),
    )
}

/// A memory of all words of four letters.
fn hostile() {
    let letters = |number: usize| {
        let letter = |place: u32| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8);
        (0..4).map(letter).chain([' ']).collect::<String>()
    };
    let words: String = (0..HOSTILE_WORDS).map(letters).collect();
    let memories = [Numbers(1).memory_of(0, &words)];
    let (kept, grown) = weighed(&memories);
    println!(
        "\none memory of {} bytes of words that occur once: index {grown} MiB, {:.1} MiB as it counts itself",
        words.len(),
        kept.words_bytes() as f64 / (1 << 20) as f64,
    );
}

fn main() {
    println!(
        "memories  build ms  query p50 ms  p99 ms  masked p99 ms  with stop words p99  candidates ms  index MiB  its count"
    );
    for size in SIZES {
        let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
        let memories: Vec<_> = (0..size).map(|number| numbers.memory(number)).collect();
        let (kept, grown) = weighed(&memories);
        let build = least(|| {
            let start = Instant::now();
            let index = black_box(index(&memories));
            let time = start.elapsed();
            drop(index);
            time
        });
        let all = [kept.candidates(|_| true)];
        let candidates = least(|| {
            let start = Instant::now();
            black_box(kept.candidates(|_| true));
            start.elapsed()
        });
        let masked = [kept.candidates(|doc| doc % 10 != 0)];
        let queries: Vec<_> = (0..QUERIES).map(|_| numbers.query(STOP_WORDS)).collect();
        let frequent: Vec<_> = (0..QUERIES).map(|_| numbers.query(0)).collect();
        let time = |sets, queries: &[Query]| {
            let times = queries.iter().map(|query| {
                least(|| {
                    let start = Instant::now();
                    black_box(search(sets, query, 5));
                    start.elapsed()
                })
            });
            times.collect::<Vec<_>>()
        };
        let (whole, masked, frequent) = (
            time(&all, &queries),
            time(&masked, &queries),
            time(&all, &frequent),
        );
        println!(
            "{size:>8}  {:>8.1}  {:>12.3}  {:>6.3}  {:>13.3}  {:>19.3}  {:>13.3}  {:>9}  {:>9.1}",
            milliseconds(build),
            milliseconds(quantile(whole.clone(), 0.5)),
            milliseconds(quantile(whole, 0.99)),
            milliseconds(quantile(masked, 0.99)),
            milliseconds(quantile(frequent, 0.99)),
            milliseconds(candidates),
            grown,
            kept.words_bytes() as f64 / (1 << 20) as f64,
        );
    }
    hostile();
}
