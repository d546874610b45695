//! Tests of the reader: grammar, spelling and depth. The strategies here also make the JSON of other
//! modules' tests.

use proptest::prelude::*;

use super::*;

fn malformed(text: &str) -> JsonError {
    Json::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn a_document_of_this_service_is_written_in_one_line() {
    assert_eq!(serialized(&["a", "\n"]), r#"["a","\n"]"#);
}

#[test]
fn members_keep_their_order_and_spelling() {
    let json =
        Json::parse(br#" { "b" : [ 1.0 , "x y" ] , "a" : { } , "\u0063" : -0e1 } "#).unwrap();
    let members: Vec<_> = json
        .root()
        .members()
        .map(|(name, value)| (name.into_owned(), value.raw()))
        .collect();
    assert_eq!(
        members,
        [
            ("b".into(), "[ 1.0 , \"x y\" ]"),
            ("a".into(), "{ }"),
            ("c".into(), "-0e1")
        ]
    );
    assert_eq!(
        json.root().compact(),
        r#"{"b":[1.0,"x y"],"a":{},"\u0063":-0e1}"#
    );
    let elements: Vec<_> = json
        .root()
        .member("b")
        .unwrap()
        .elements()
        .map(Value::raw)
        .collect();
    assert_eq!(elements, ["1.0", "\"x y\""]);
}

#[test]
fn this_services_spelling_of_strings_never_changes() {
    let controls: String = (0..=0x20)
        .chain([0x22, 0x2f, 0x5c, 0x7f, 0x85, 0x2028])
        .filter_map(char::from_u32)
        .collect();
    assert_eq!(
        spell(&controls),
        "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\\u0012\
         \\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f \\\"/\\\\\u{7f}\u{85}\u{2028}\""
    );
}

#[test]
fn a_member_that_appears_twice_is_refused_at_any_depth_and_under_any_escape() {
    let fault = malformed("{\"é\": [\n {\"ab\": 1, \"\\u0061b\": 2}]}");
    assert_eq!((fault.line, fault.column), (2, 12));
    assert_eq!(fault.reason, "the member \"ab\" appears twice");
}

#[test]
fn a_string_that_is_not_unicode_is_refused_anywhere() {
    for text in [
        r#""\ud800""#,
        r#"[{"\udc00":1}]"#,
        r#"{"a":["\ud800\u0041"]}"#,
        r#""\ud800x""#,
    ] {
        assert!(malformed(text).reason.contains("surrogate"), "{text}");
    }
    assert!(Json::parse(br#""\ud83d\ude00 \\ud800""#).is_ok());
}

#[test]
fn an_error_gives_its_line_and_its_column_in_characters() {
    let fault = malformed("{\"content\":");
    assert_eq!(
        (fault.line, fault.column, fault.reason.as_str()),
        (1, 12, "it ends too early")
    );
    let fault = malformed("{\n  \"é\": nul }");
    assert_eq!(
        (fault.line, fault.column, fault.reason.as_str()),
        (2, 11, "expected ident")
    );
    let fault = Json::parse(b"[\"ok\",\n\"\xff\"]").unwrap_err();
    assert_eq!(
        (fault.line, fault.column, fault.reason.as_str()),
        (2, 2, "the bytes are not UTF-8")
    );
    for text in [
        "",
        "{",
        "[1,]",
        "01",
        "1 2",
        "\u{feff}{}",
        "\"\u{1}\"",
        "{'a':1}",
        "NaN",
    ] {
        assert!(Json::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn depth_counts_containers_and_no_depth_exhausts_the_stack() {
    let depth = |text: &str| Json::parse(text.as_bytes()).unwrap().root().depth();
    assert_eq!(depth("1"), 0);
    assert_eq!(depth("{}"), 1);
    assert_eq!(depth(r#"{"a":[{}],"b":[[]],"c":1}"#), 3);
    let levels = 1 << 21;
    assert_eq!(depth(&("[".repeat(levels) + &"]".repeat(levels))), levels);
}

#[test]
fn an_escape_is_decoded_for_its_value_and_kept_in_its_spelling() {
    let json = Json::parse(br#"{"a":"\u0041\n\ud83d\ude00\/"}"#).unwrap();
    let value = json.root().member("a").unwrap();
    assert_eq!(value.text().unwrap(), "A\n😀/");
    assert_eq!(value.raw(), r#""\u0041\n\ud83d\ude00\/""#);
}

#[test]
fn a_null_member_is_there_but_not_given() {
    let json = Json::parse(br#"{"a":null,"b":false}"#).unwrap();
    assert_eq!(json.root().member("a").map(Value::kind), Some(Kind::Null));
    assert!(json.root().given("a").is_none());
    assert_eq!(json.root().given("b").map(Value::kind), Some(Kind::Boolean));
    assert!(
        json.root().member("A").is_none(),
        "names are case-sensitive"
    );
}

#[test]
fn only_an_object_has_members_and_only_an_array_has_elements() {
    for text in ["null", "true", "1", r#""a""#, r#"[{"a":1}]"#] {
        let json = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json.root().members().count(), 0, "{text}");
    }
    for text in ["null", "1", r#""ab""#, r#"{"a":[1]}"#] {
        let json = Json::parse(text.as_bytes()).unwrap();
        assert_eq!(json.root().elements().count(), 0, "{text}");
    }
}

/// Whether the reader and `serde_json` agree on a text.
fn agree(text: &str) -> bool {
    nodes(text).is_some() == serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[test]
fn every_short_text_is_json_exactly_if_serde_json_reads_it() {
    const LENGTH_MAX: usize = 5;
    let mut texts = vec![String::new()];
    for _ in 0..LENGTH_MAX {
        let longer = texts.iter().flat_map(|text| {
            let next = r#"[]{},:"0-.e"#.chars();
            next.map(move |character| format!("{text}{character}"))
        });
        texts = longer.collect();
        let other = texts.iter().find(|text| !agree(text));
        assert_eq!(other, None);
    }
}

#[test]
fn every_escape_is_one_exactly_if_serde_json_reads_it() {
    for escape in (0..=0x7f).map(char::from) {
        for rest in [
            "",
            "0",
            "00e9",
            "00E9",
            "00g9",
            "d83d",
            "d83d\\udE00",
            "dE00",
        ] {
            let text = format!("\"\\{escape}{rest}\"");
            assert!(agree(&text), "{text}");
            let decoded = serde_json::from_str::<String>(&text).ok();
            let json = Json::parse(text.as_bytes()).ok();
            let own = json.map(|json| json.root().text().unwrap().into_owned());
            assert_eq!(own, decoded, "{text}");
        }
    }
}

#[test]
fn a_special_byte_is_found_at_every_place_and_no_other_byte_is() {
    for byte in 0..=u8::MAX {
        let is_special = matches!(byte, b'"' | b'\\' | 0..0x20);
        for at in 0..20 {
            for filling in [b'x', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xff] {
                let mut bytes = [filling; 20];
                bytes[at] = byte;
                let expected = if is_special { at } else { 20 };
                assert_eq!(string::plain_length(&bytes), expected, "{byte:#x} at {at}");
            }
        }
    }
}

#[test]
fn a_message_by_its_grammar_may_be_ambiguous_in_one_part_and_nowhere_else() {
    let text = br#"{"id":1,"params":{"a":1,"a":"\ud800"}}"#;
    let json = Json::grammatical(text).unwrap();
    let params = json.root().member("params");
    assert!(json.root().unambiguous(None).is_err());
    assert!(json.root().unambiguous(params).is_ok());
    let id = json.root().member("id");
    assert!(json.root().unambiguous(id).is_err());
    let first = params.unwrap().member("a").map(Value::raw);
    assert_eq!(first, Some("1"), "the first of two is used");
}

#[test]
fn a_quoted_text_is_json_and_has_at_most_60_characters_of_it() {
    assert_eq!(quoted("a\"\n"), r#""a\"\n""#);
    assert_eq!(quoted(&"ü".repeat(60)), format!("\"{}\"", "ü".repeat(60)));
    assert_eq!(quoted(&"ü".repeat(61)), format!("\"{}\"…", "ü".repeat(60)));
}

/// A JSON string literal, any character of it escaped or not.
pub(crate) fn literal(text: &str, escapes: &[bool]) -> String {
    let mut literal = String::from('"');
    for (character, escape) in text.chars().zip(escapes.iter().cycle()) {
        match character {
            _ if *escape => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    literal += &format!("\\u{unit:04X}");
                }
            }
            '"' | '\\' | '\0'..='\u{1f}' => literal += &format!("\\u{:04x}", u32::from(character)),
            _ => literal.push(character),
        }
    }
    literal.push('"');
    literal
}

/// Any text that has a character.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..40).prop_map(String::from_iter)
}

/// A JSON value in compact spelling.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("-0.0e+2".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?",
        (text(), prop::collection::vec(any::<bool>(), 1..5))
            .prop_map(|(text, escapes)| literal(&text, &escapes)),
    ];
    scalar.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            object_of(inner),
        ]
    })
}

/// A JSON object in compact spelling, with values of this kind.
pub(crate) fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::collection::btree_map(text(), value, 0..5).prop_map(|members| {
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| format!("{}:{value}", literal(name, &[false])))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

/// This text with white space around each of its tokens that is a punctuation mark.
fn spaced(text: &str, spaces: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let spaced = text.chars().map(|character| {
        let outside = !quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted,
            '"' => quoted = !quoted,
            _ => {}
        }
        match outside && "{}[],:".contains(character) {
            true => format!("{spaces}{character}{spaces}"),
            false => character.to_string(),
        }
    });
    spaced.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_json_is_read_and_its_compact_spelling_is_its_own(text in json(), spaces in "[ \t\n\r]{1,3}") {
        let compact = |text: &str| Json::parse(text.as_bytes()).map(|json| json.root().compact());
        prop_assert_eq!(compact(&text), Ok(text.clone()));
        prop_assert_eq!(compact(&spaced(&text, &spaces)), Ok(text), "only white space between tokens is lost");
    }

    #[test]
    fn any_text_is_decoded_however_it_is_escaped(text in text(), escapes in prop::collection::vec(any::<bool>(), 1..9)) {
        let literal = literal(&text, &escapes);
        let json = Json::parse(literal.as_bytes()).unwrap();
        prop_assert_eq!(json.root().text().unwrap(), text.as_str());
        let spelled = spell(&text);
        let json = Json::parse(spelled.as_bytes()).unwrap();
        prop_assert_eq!(json.root().text().unwrap(), text.as_str());
    }

    #[test]
    fn a_damaged_text_is_json_exactly_if_serde_json_reads_it(
        text in json(), at in any::<prop::sample::Index>(), damage in "[\\[\\]{},:\"\\\\u0-9a-fE.+ \t\u{1}\u{7f}é]{0,2}", cut in 0..3_usize,
    ) {
        let characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let rest = characters.iter().skip(at + cut);
        let damaged: String = characters[..at].iter().copied().chain(damage.chars()).chain(rest.copied()).collect();
        prop_assert!(agree(&damaged), "{:?}", damaged);
    }

    #[test]
    fn this_services_spelling_is_that_of_serde_json(text in text()) {
        prop_assert_eq!(spell(&text), serde_json::to_string(&text).unwrap());
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_a_fault_lies_in_the_text(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Err(fault) = Json::parse(&bytes) {
            prop_assert!(fault.line <= bytes.iter().filter(|byte| **byte == b'\n').count() + 1);
        }
    }
}

#[test]
fn a_value_is_named_by_its_type() {
    let text = r#"[null,true,7,"",[],{}]"#;
    let json = Json::parse(text.as_bytes()).unwrap();
    let names: Vec<_> = json
        .root()
        .elements()
        .map(|value| value.kind().to_string())
        .collect();
    let expected = [
        "null",
        "a boolean",
        "a number",
        "a string",
        "an array",
        "an object",
    ];
    assert_eq!(names, expected);
}
