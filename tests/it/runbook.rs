//! The runbook has a section for each alarm of `terraform/`, and its queries ask for fields that are logged.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::metrics::fields;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/runbook.md")).unwrap()
}

/// The files below a folder whose names end so.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(end)) {
                files.push(path);
            }
        }
    }
    files
}

fn texts(folder: &str, end: &str) -> Vec<String> {
    let files = files(folder, end).into_iter();
    files
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

/// What stands between a text and the next quotation mark, each time that the text comes.
fn quoted_after<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

/// The alarms without the name of the deployment. Those that have a loop are listed by the tests of
/// Terraform, which hold the lists against the plan; the others have their names in the configuration.
fn alarms() -> BTreeSet<String> {
    let mut alarms = BTreeSet::new();
    for test in texts("terraform/tests", ".tftest.hcl") {
        for of in ["this", "slow"] {
            let known = format!("keys(aws_cloudwatch_metric_alarm.{of})) == toset([");
            for list in test.split(&known).skip(1) {
                let list = list.split(']').next().unwrap();
                alarms.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
        if let Some(name) = quoted_after(&test, "aws_cloudwatch_metric_alarm.no_traffic[\"").first()
        {
            alarms.insert((*name).to_owned());
        }
    }
    for configuration in texts("terraform", ".tf") {
        for line in configuration.lines() {
            let line = line.trim();
            if line.starts_with("alarm_name ") {
                let named = quoted_after(line, "\"${var.name}-").into_iter();
                let named = named.filter(|name| !name.contains('$'));
                alarms.extend(named.map(str::to_owned));
            }
        }
    }
    alarms
}

/// The sections of the alarms: the name and the text.
fn sections(page: &str) -> Vec<(&str, &str)> {
    let alarms = page.split("\n## Alarms\n").nth(1).unwrap();
    let alarms = alarms.split("\n## ").next().unwrap();
    let sections = alarms.split("\n### ").skip(1);
    sections
        .map(|section| section.split_once('\n').unwrap())
        .collect()
}

/// The queries of Logs Insights: the log groups and the text.
fn queries(page: &str) -> Vec<(Vec<&str>, &str)> {
    let blocks = page.split("```insights ").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let queries = blocks.map(|block| block.split_once('\n').unwrap());
    queries
        .map(|(groups, query)| (groups.split(' ').collect(), query))
        .collect()
}

/// What a word of a query may be besides a field: commands, functions and operators.
const LANGUAGE: &[&str] = &[
    "and",
    "as",
    "asc",
    "avg",
    "bin",
    "by",
    "coalesce",
    "count",
    "desc",
    "fields",
    "filter",
    "in",
    "ispresent",
    "latest",
    "like",
    "limit",
    "max",
    "min",
    "not",
    "or",
    "pct",
    "sort",
    "stats",
    "strcontains",
    "sum",
];

/// A query without its texts and regular expressions, which have no fields.
fn without_literals(query: &str) -> String {
    let mut rest = query;
    let mut without = String::new();
    while let Some(at) = rest.find(['"', '/']) {
        let (before, literal) = rest.split_at(at);
        let (mark, inside) = literal.split_at(1);
        without.push_str(before);
        without.push(' ');
        rest = inside.split_once(mark).map_or("", |(_, after)| after);
    }
    without + rest
}

/// The fields that a query asks for. Those of Logs Insights itself begin with `@`.
pub(crate) fn asked(query: &str) -> BTreeSet<String> {
    let query = without_literals(query);
    let is_part = |character: char| character.is_alphanumeric() || "_@.".contains(character);
    let words: Vec<_> = query.split(|character| !is_part(character)).collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    let made: BTreeSet<_> = pairs
        .filter(|(before, _)| **before == "as")
        .map(|(_, name)| *name)
        .collect();
    let is_field = |word: &&str| {
        let begins = word.chars().next().is_some_and(char::is_alphabetic);
        begins && !LANGUAGE.contains(word) && !made.contains(word)
    };
    let fields = words.into_iter().filter(is_field);
    fields.map(str::to_owned).collect()
}

/// What Lambda itself writes of an invocation in a function's log
/// (<https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>).
const OF_LAMBDA: &[&str] = &["record.errorType", "record.requestId", "record.status"];

/// What a line about the process has, and no record.
const OF_THE_PROCESS: &[&str] = &["mistakes"];

/// The fields of the access log.
fn of_the_gateway() -> BTreeSet<String> {
    let configuration = fs::read_to_string(root().join("terraform/observability.tf")).unwrap();
    let before = configuration.split("= \"$context.");
    let names = before.filter_map(|text| text.split_whitespace().next_back());
    names.map(str::to_owned).collect()
}

/// The log queries of the dashboard, which have texts in single quotation marks.
fn of_the_dashboard() -> Vec<String> {
    let configuration = fs::read_to_string(root().join("terraform/dashboard.tf")).unwrap();
    let queries = quoted_after(&configuration, "${local.of_writer} |").into_iter();
    queries.map(|query| query.replace('\'', "\"")).collect()
}

#[test]
fn every_alarm_has_a_section_of_its_name_and_no_other_section_is_there() {
    let page = page();
    let sections: BTreeSet<_> = sections(&page)
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    assert_eq!(sections, alarms());
    assert!(sections.contains("storage-failures") && sections.contains("recall-p99"));
}

#[test]
fn every_section_says_what_it_means_how_to_look_what_to_do_and_whom_to_wake() {
    let page = page();
    for (name, text) in sections(&page) {
        let parts = ["**For callers.**", "**Look.**", "**Do.**", "**Wake.**"];
        let places: Vec<_> = parts.iter().map(|part| text.find(part)).collect();
        assert!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "{name}"
        );
        assert!(!queries(text).is_empty(), "{name} has no query");
    }
}

#[test]
fn every_field_of_a_query_is_one_that_is_logged() {
    let page = page();
    let (gateway, mut functions) = (of_the_gateway(), fields());
    let others = OF_LAMBDA.iter().chain(OF_THE_PROCESS);
    functions.extend(others.map(|name| (*name).to_owned()));
    let queries = queries(&page);
    assert!(queries.len() > 10, "{}", queries.len());
    for (groups, query) in queries {
        let mut known = BTreeSet::new();
        for group in groups {
            match group {
                "access" => known.extend(&gateway),
                "writer" | "recall" => known.extend(&functions),
                other => panic!("{other} is not a log group"),
            }
        }
        for field in asked(query) {
            assert!(known.contains(&field), "{field} is not logged: {query}");
        }
    }
    let of_the_dashboard = of_the_dashboard();
    assert_eq!(of_the_dashboard.len(), 2);
    for query in of_the_dashboard {
        let unknown = asked(&query)
            .into_iter()
            .find(|field| !functions.contains(field));
        assert_eq!(unknown, None, "{query}");
    }
}

/// The code within the sentences of a page: what stands between two single backquotes, outside of blocks.
fn inline_code(page: &str) -> Vec<&str> {
    let sentences = page.split("```").step_by(2);
    sentences
        .flat_map(|text| text.split('`').skip(1).step_by(2))
        .collect()
}

/// Whether it is a command with its options, and not the name of a command.
fn is_command(code: &str) -> bool {
    let mut words = code.split_whitespace();
    let of_a_program = ["aws", "terraform", "memory-ingress", "./smoke.py"];
    words
        .next()
        .is_some_and(|word| of_a_program.contains(&word))
        && words.any(|word| word.starts_with('-') || word.starts_with('"'))
}

/// The test on the emulator runs each block of the page, and no sentence.
#[test]
fn every_command_stands_in_a_block() {
    let page = page();
    let code = inline_code(&page);
    assert!(code.contains(&"replay --events"), "{code:?}");
    let hidden: Vec<_> = code.into_iter().filter(|code| is_command(code)).collect();
    assert_eq!(hidden, [""; 0]);
    assert!(is_command("terraform output -json api_keys"));
    assert!(is_command("memory-ingress replay \"$BUCKET\""));
    assert!(!is_command("memory-ingress replay") && !is_command("--without-views"));
    assert_eq!(
        inline_code("a `b c` d\n```sh\ne `f`\n```\ng `h`"),
        ["b c", "h"]
    );
}

#[test]
fn a_field_is_told_from_the_language_a_literal_and_a_name_of_the_query() {
    let of = |query: &str| asked(query).into_iter().collect::<Vec<_>>();
    assert_eq!(
        of("filter level = \"codes\" and why like /path/\n| sort @timestamp desc\n| limit 50"),
        ["level", "why"]
    );
    assert_eq!(
        of("stats pct(duration_ms, 99) as p99, count(*) as n by bin(5m)\n| sort p99 desc"),
        ["duration_ms"]
    );
    assert_eq!(of("filter @log like /a \"b/ or @log = \"/c/d\""), [""; 0]);
}

#[test]
fn neither_log_has_what_a_memory_says_or_what_is_asked_for() {
    let (gateway, functions) = (of_the_gateway(), fields());
    assert!(gateway.contains("caller") && gateway.contains("function_request"));
    assert!(functions.contains("memory_id") && functions.contains("scopes"));
    for never in ["content", "metadata", "tags", "query", "reason"] {
        assert!(
            !functions.contains(never) && !gateway.contains(never),
            "{never}"
        );
    }
}
