//! JSON:API clients that others wrote.

use std::process::Command;

use crate::installed::{node, python};
use crate::places::{ENVELOPE, NO_UUID, Places, file};

const JAVASCRIPT: [&str; 4] = [
    "kitsu@11.1.0",
    "devour-client@3.2.0",
    "@warp-drive/core@5.8.2",
    "@warp-drive/json-api@5.8.2",
];
const PYTHON: &str = "jsonapi-requests==0.8.0";

#[test]
fn json_api_clients_store_a_memory_find_it_and_hand_on_both_kinds_of_failures() {
    let places = Places::start();
    let installed = node("jsonapi", &JAVASCRIPT);
    for client in ["kitsu", "devour", "warp-drive"] {
        let mut command = Command::new("node");
        // WarpDrive complains where it is built for development.
        command.args(["-C", "unpkg-dev"]);
        command.arg(file("jsonapi_client.mjs")).arg(client);
        places.work(client, command.arg(&installed), ENVELOPE, NO_UUID);
    }
    let mut command = Command::new(python(&[PYTHON]).join("python"));
    places.work(
        "jsonapi-requests",
        command.arg(file("jsonapi_client.py")),
        ENVELOPE,
        NO_UUID,
    );
}
