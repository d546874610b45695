//! The stop words of English and Indonesian: words that most texts have, and that say nothing of what is searched for.
//!
//! They leave a query only. Negations are not among them: a rule says the opposite without its *not* or *jangan*.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::folded;

/// Articles, pronouns, prepositions, conjunctions, auxiliaries and question words of English.
const ENGLISH: &str = "
    a about after again all also am an and any are as at be because been before being between both but by can could
    did do does doing during each few for from further had has have having he he'd he'll he's her here here's hers
    herself him himself his how how's i i'd i'll i'm i've if in into is it it'd it'll it's its itself just let's me
    more most my myself of on once only or other our ours ourselves own please same shall she she'd
    she'll she's should so some such than that that's the their theirs them themselves then there there's these they
    they'd they'll they're they've this those through to too until upon us very was we we'd we'll we're we've
    were what what's when when's where where's which while who who's whom whose why why's will with would you you'd
    you'll you're you've your yours yourself yourselves may might ever tell
";

/// The same of Indonesian, formal and colloquial.
const INDONESIAN: &str = "
    ada adalah agar akan aku anda antara apa apabila apakah atas atau bagaimana bagi bahwa banyak beberapa begitu
    berapa bila bisa boleh dalam dan dapat dari daripada dengan di dia dimana dong dulu hal hanya hingga ia
    ialah ini itu jadi jika juga kah kalau kalian kami kamu kan kapan karena ke kemudian kenapa kepada ketika kita
    lagi lah lain lalu maka mana masih mau mengapa mereka merupakan mesti namun nya oleh pada para pernah per pun saat
    saja sambil sampai sangat saya sebagai sebuah secara sedang sehingga sejak selama seluruh semua seorang seperti
    serta setelah setiap siapa sih suatu sudah supaya tadi tapi telah tentang tentu terhadap tersebut tetapi tiap
    untuk yaitu yakni yang
";

static STOP_WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    ENGLISH
        .split_whitespace()
        .chain(INDONESIAN.split_whitespace())
        .collect()
});

/// Drops the stop words of a query, or of an identifier's parts, unless there is no other word.
pub(super) fn leave(words: &mut Vec<&str>) {
    let is_number = |at: Option<usize>| {
        let word = at.and_then(|at| words.get(at));
        word.is_some_and(|word| word.chars().all(char::is_numeric))
    };
    let is_beside_number = |at: usize| is_number(at.checked_sub(1)) || is_number(at.checked_add(1));
    let counts = |(at, word): (usize, &&str)| {
        !is_stop_word(word) || is_capital(word) || is_beside_number(at)
    };
    let counting: Vec<_> = words.iter().enumerate().map(counts).collect();
    if counting.contains(&true) {
        let mut counting = counting.into_iter();
        words.retain(|_| counting.next().unwrap_or(true));
    }
}

fn is_stop_word(word: &str) -> bool {
    folded(word).is_some_and(|word| STOP_WORDS.contains(word.as_str()))
}

/// Whether a word is spelled in capitals: `IT` and `US` are names. One capital alone is not: `I`, `A`.
fn is_capital(word: &str) -> bool {
    word.chars().filter(|c| c.is_uppercase()).count() > 1 && !word.contains(char::is_lowercase)
}
