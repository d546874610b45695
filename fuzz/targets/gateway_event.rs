//! The JSON of an API Gateway event.
#![no_main]

use std::panic::{PanicHookInfo, set_hook, take_hook};

libfuzzer_sys::fuzz_target!(
    init: {
        let abort = take_hook();
        set_hook(Box::new(move |panic| {
            if !is_of_lambda_http(panic) {
                abort(panic);
            }
        }));
    },
    |bytes: &[u8]| invariants::gateway_event(bytes)
);

/// `lambda_http` takes an event for what API Gateway makes, its `Host` for a name and its body for
/// base64; one that no gateway makes is no finding.
fn is_of_lambda_http(panic: &PanicHookInfo<'_>) -> bool {
    let file = panic.location().map_or("", |place| place.file());
    ["/lambda_http-", "/aws_lambda_events-"]
        .iter()
        .any(|crate_of| file.contains(crate_of))
}
