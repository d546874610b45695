//! Every method of the Model Context Protocol in each version, compared with the responses that were agreed (contract 5.3,
//! 5.5).

use crate::app::App;
use crate::wire::{Exchange, exchanges};

#[tokio::test]
async fn every_method_is_answered_as_it_was_agreed_on() {
    for version in memory_web::mcp::VERSIONS {
        let app = App::new();
        let mut seen = String::new();
        for Exchange {
            about,
            asked,
            shown,
            result,
        } in exchanges(version)
        {
            let answer = app.send(asked).await;
            assert_eq!(
                answer.json()["result"].is_object(),
                result.is_some(),
                "{about}"
            );
            let body = answer
                .text()
                .replace(env!("CARGO_PKG_VERSION"), "<version>");
            seen += &format!("{about}\n> {shown}\n< {}\n< {body}\n\n", answer.status);
        }
        insta::assert_snapshot!(format!("mcp_{version}"), seen);
    }
}
