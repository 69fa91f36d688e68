//! The explorer's files, inside the binary.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use crate::transport::Asset;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! files {
    ($($name:literal: $content_type:expr,)*) => {
        vec![$(asset($name, $content_type, include_bytes!(concat!("../assets/graphiql/", $name))),)*]
    };
}

static EXPLORER: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    files! {
        "index.html": "text/html; charset=utf-8",
        "explorer.css": CSS,
        "explorer.js": JAVASCRIPT,
        "examples.graphql": TEXT,
        "graphiql.min.css": CSS,
        "graphiql.min.js": JAVASCRIPT,
        "graphql-ws.min.js": JAVASCRIPT,
        "react.production.min.js": JAVASCRIPT,
        "react-dom.production.min.js": JAVASCRIPT,
        "LICENSES.txt": TEXT,
    }
});

/// The files of the explorer.
pub fn explorer() -> &'static [Asset] {
    &EXPLORER
}

fn asset(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let mut start = [0; 8];
    start.copy_from_slice(&Sha256::digest(bytes)[..8]);
    let hash = format!("{:016x}", u64::from_be_bytes(start));
    Asset {
        path,
        content_type,
        bytes,
        // Once per process, and for as long as it.
        etag: Box::leak(hash.into_boxed_str()),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_no_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/graphiql");
        let mut there: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        // What fetches the others.
        assert!(there.remove("update"));
        let served: BTreeSet<String> = explorer().iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(served, there);
    }
}
