//! `Accept`: laws of RFC 9110, section 12.5.1, and of JSON:API, that hold for any field.

use memory_ingress::media_type::{BodyType, Representation, negotiate};

type Choice = Option<Representation>;

const ANY: &str = "*/*;q=0.001";
const JSON_API: &str = "application/vnd.api+json";
const WITH_PARAMETER: &str = "application/vnd.api+json;charset=utf-8";
/// Not offered, and neither is what its string holds.
const OTHER: &str = r#"image/png;x="\", application/json;q=1, */*;q=1, ";q=0.5"#;

/// The value of an `Accept` field, a newline between its lines.
pub fn accept(bytes: &[u8]) {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let chosen = negotiate(lines.iter().copied());
    let before =
        |entry: &str| negotiate([entry.as_bytes()].into_iter().chain(lines.iter().copied()));
    let after = |entry: &str| negotiate(lines.iter().copied().chain([entry.as_bytes()]));

    assert_eq!(
        chosen,
        of(&lines.join(&b", "[..])),
        "several lines are one list"
    );
    let lower = bytes.to_ascii_lowercase();
    for changed in [&lower, &bytes.to_ascii_uppercase()] {
        assert_eq!(
            chosen,
            negotiate(changed.split(|byte| *byte == b'\n')),
            "case means something"
        );
    }

    // One more range, however light, makes more acceptable, not less. After an open quotation mark
    // it would be inside the string.
    for more in [before(ANY), after(ANY)] {
        assert!(chosen.is_none() || more.is_some(), "one more range is less");
    }
    assert_eq!(
        before(JSON_API),
        Some(Representation::JsonApi),
        "nothing is heavier"
    );
    let refused = before(WITH_PARAMETER);
    let names_json_api = lower
        .windows(JSON_API.len())
        .any(|piece| piece == JSON_API.as_bytes());
    let may_be_chosen = names_json_api && refused == chosen;
    assert!(
        refused.is_none() || may_be_chosen,
        "every entry of JSON:API's is parametrised"
    );
    let is_empty = bytes.iter().all(|byte| b", \t\n".contains(byte));
    if is_empty {
        assert_eq!(
            (chosen, before(OTHER)),
            (Some(Representation::JsonApi), None)
        );
    } else {
        assert_eq!(
            before(OTHER),
            chosen,
            "what is not offered counts for nothing"
        );
    }

    if !bytes.contains(&b'"') {
        without_strings(bytes, chosen);
    }
    declares_a_body(bytes);
}

/// Where no string can hold a separator, entries may be spaced, sorted and repeated.
fn without_strings(bytes: &[u8], chosen: Choice) {
    let field = bytes
        .iter()
        .map(|byte| if *byte == b'\n' { b',' } else { *byte });
    let field: Vec<u8> = field.collect();
    let mut entries: Vec<_> = field.split(|byte| *byte == b',').collect();
    entries.reverse();
    assert_eq!(
        chosen,
        of(&entries.join(&b","[..])),
        "order means something"
    );
    assert_eq!(
        chosen,
        of(&[&*field, &*field].join(&b","[..])),
        "twice is not once"
    );
    let spaced = field.iter().flat_map(|byte| match byte {
        b',' | b';' => vec![b'\t', *byte, b' '],
        _ => vec![*byte],
    });
    assert_eq!(
        chosen,
        of(&spaced.collect::<Vec<_>>()),
        "white space means something"
    );
}

/// Who declares a body so may be answered so.
fn declares_a_body(bytes: &[u8]) {
    let declared = BodyType::parse(bytes);
    assert_eq!(declared, BodyType::parse(&bytes.to_ascii_uppercase()));
    match declared {
        Some(BodyType::JsonApi) => assert_eq!(of(bytes), Some(Representation::JsonApi)),
        Some(BodyType::Json) if !bytes.contains(&b';') => {
            assert_eq!(of(bytes), Some(Representation::Json));
        }
        Some(BodyType::Json) | None => {}
    }
}

fn of(field: &[u8]) -> Choice {
    negotiate([field])
}
