//! The floor under the ranking: what the judged queries that are not held out reach must not be lost by a change.
//! `cargo run -p memory-recall --release --example judged` shows the steps on the way there.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test over files of this folder"
)]

mod set;

use memory_recall::rank::Weights;
use set::{Judged, Measures, Setup};

/// What a change may lose of hit@5 where it helps elsewhere: two of a hundred queries.
const SLACK: f64 = 0.02;

#[test]
fn as_many_judged_queries_as_ever_find_their_answer_among_the_first_five() {
    let judged = Judged::read();
    let setup = Setup {
        weights: Weights::CHOSEN,
        with_stop_words: false,
        held_out: false,
    };
    for (setting, reached) in [("facts", 0.911), ("conversation", 0.620)] {
        let Measures {
            queries,
            first,
            five,
            reciprocal,
        } = judged.measure(&setup, setting);
        assert!(queries > 90, "{setting}: {queries}");
        assert!(five > reached - SLACK, "{setting}: {five}");
        assert!(
            (first..=five).contains(&reciprocal),
            "{setting}: {reciprocal}"
        );
    }
}
