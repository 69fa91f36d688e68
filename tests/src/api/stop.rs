//! Stopping in good order.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    installation::on_each,
    socket::{Heard, Socket},
};

/// How long a process may take to end on a busy machine.
const END: Duration = Duration::from_mins(1);

#[test]
fn a_server_that_is_asked_to_stop_says_goodbye_to_its_sockets_and_ends_well() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let changes = "subscription { changes(after: \"0.0\") { cursor } }";
        let mut sockets = Vec::new();
        for _ in 0..20 {
            sockets.push(Socket::subscribe(&owner, changes, &json!({})).await);
        }
        owner
            .change("createContact", json!({ "name": "A" }), "contact { id }")
            .await;
        for socket in &mut sockets {
            socket.next().await;
        }
        installation.servers[0].0.terminate();
        for mut socket in sockets {
            let heard = loop {
                match socket.heard().await {
                    Heard::Next(_) | Heard::Complete => {}
                    heard => break heard,
                }
            };
            assert!(matches!(heard, Heard::Closed(Some(1001))), "{heard:?}");
        }
        let status = installation.servers[0].0.end(END).await;
        assert!(status.success(), "{status}");
        for worker in &mut installation.workers {
            worker.terminate();
            let status = worker.end(END).await;
            assert!(status.success(), "{status}");
        }
        // Somebody has to do what is left.
        installation.servers.clear();
        installation.start_server().await;
        if !installation.is_alone() {
            installation.workers.clear();
            installation.start_workers(1).await;
        }
        installation
    });
}
