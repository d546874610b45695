//! `Accept`: rules of RFC 9110, section 12.5.1, and of JSON:API, that hold for any field value.

use memory_web::media_type::{BodyType, Representation, negotiate};

type Choice = Option<Representation>;

const ANY: &str = "*/*;q=0.001";
const JSON_API: &str = "application/vnd.api+json";
const WITH_PARAMETER: &str = "application/vnd.api+json;charset=utf-8";
/// A media type that the service does not offer. The types in its quoted string are not in the list.
const OTHER: &str = r#"image/png;x="\", application/json;q=1, */*;q=1, ";q=0.5"#;

/// Checks the value of an `Accept` field. Each line of the input is one field line.
pub fn accept(bytes: &[u8]) {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    let chosen = negotiate(lines.iter().copied());
    let before =
        |entry: &str| negotiate([entry.as_bytes()].into_iter().chain(lines.iter().copied()));
    let after = |entry: &str| negotiate(lines.iter().copied().chain([entry.as_bytes()]));

    assert_eq!(
        chosen,
        of(&lines.join(&b", "[..])),
        "several field lines are not read as one list"
    );
    let lower = bytes.to_ascii_lowercase();
    for changed in [&lower, &bytes.to_ascii_uppercase()] {
        assert_eq!(
            chosen,
            negotiate(changed.split(|byte| *byte == b'\n')),
            "upper and lower case are not the same"
        );
    }

    // One more range, whatever its weight, makes more types acceptable, never fewer. The range goes
    // before the others as well, because after an open quotation mark it would be part of the string.
    for more in [before(ANY), after(ANY)] {
        assert!(
            chosen.is_none() || more.is_some(),
            "one more range makes fewer types acceptable"
        );
    }
    assert_eq!(
        before(JSON_API),
        Some(Representation::JsonApi),
        "JSON:API with the weight 1 is not chosen"
    );
    let refused = before(WITH_PARAMETER);
    let names_json_api = lower
        .windows(JSON_API.len())
        .any(|piece| piece == JSON_API.as_bytes());
    let may_be_chosen = names_json_api && refused == chosen;
    assert!(
        refused.is_none() || may_be_chosen,
        "JSON:API is chosen although each of its entries has a parameter"
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
            "a type that is not offered changes the choice"
        );
    }

    if !bytes.contains(&b'"') {
        check_without_strings(bytes, chosen);
    }
    check_as_content_type(bytes);
}

/// Without quoted strings each comma separates entries. White space, order and repetition of entries
/// change nothing.
fn check_without_strings(bytes: &[u8], chosen: Choice) {
    let field = bytes
        .iter()
        .map(|byte| if *byte == b'\n' { b',' } else { *byte });
    let field: Vec<u8> = field.collect();
    let mut entries: Vec<_> = field.split(|byte| *byte == b',').collect();
    entries.reverse();
    assert_eq!(
        chosen,
        of(&entries.join(&b","[..])),
        "the order of entries changes the choice"
    );
    assert_eq!(
        chosen,
        of(&[&*field, &*field].join(&b","[..])),
        "repeated entries change the choice"
    );
    let spaced = field.iter().flat_map(|byte| match byte {
        b',' | b';' => vec![b'\t', *byte, b' '],
        _ => vec![*byte],
    });
    assert_eq!(
        chosen,
        of(&spaced.collect::<Vec<_>>()),
        "white space changes the choice"
    );
}

/// A media type that a client may declare for its body is also acceptable for the response.
fn check_as_content_type(bytes: &[u8]) {
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
