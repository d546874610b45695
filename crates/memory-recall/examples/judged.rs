//! `cargo run -p memory-recall --release --example judged [-- held-out]`: how well the judged queries of `tests/judged`
//! are answered, step by step. Queries that are held out are looked at once, after everything is tuned.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a program for people, over files of this crate"
)]

#[path = "../tests/judged/set.rs"]
mod set;

use memory_recall::rank::Weights;
use set::{Judged, Measures, Setup};

fn main() {
    let held_out = std::env::args()
        .nth(1)
        .is_some_and(|argument| argument == "held-out");
    let judged = Judged::read();
    let plain = Weights {
        k1: 1.2,
        b: 0.75,
        beside: 0.0,
        stem: 0.0,
        neighbour: 0.0,
        ..Weights::CHOSEN
    };
    let stems = Weights {
        stem: Weights::CHOSEN.stem,
        ..plain
    };
    let beside = Weights {
        beside: Weights::CHOSEN.beside,
        ..stems
    };
    let tuned = Weights {
        k1: Weights::CHOSEN.k1,
        b: Weights::CHOSEN.b,
        ..beside
    };
    let steps = [
        ("text alone", plain, true),
        ("+ stop words", plain, false),
        ("+ stems", stems, false),
        ("+ metadata, dates", beside, false),
        ("+ k1 and b", tuned, false),
        ("+ neighbours", Weights::CHOSEN, false),
    ];
    println!("{:<20}{:<14}queries  hit@1  hit@5    MRR", "", "setting");
    for (name, weights, with_stop_words) in steps {
        let setup = Setup {
            weights,
            with_stop_words,
            held_out,
        };
        for setting in ["facts", "conversation"] {
            let Measures {
                queries,
                first,
                five,
                reciprocal,
            } = judged.measure(&setup, setting);
            println!(
                "{name:<20}{setting:<14}{queries:>7}  {first:>5.3}  {five:>5.3}  {reciprocal:>5.3}"
            );
        }
    }
}
