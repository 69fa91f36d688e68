//! The explorer: `GraphiQL` from files inside the binary, under a policy that lets it load nothing
//! from anywhere else.
//!
//! The files are named by whoever mounts the door, as a table of [`Asset`]s; with an empty table
//! there is no explorer. The asset with the path `index.html` is the page itself.

use std::future::ready;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

use super::{
    accept::{Media, choose},
    params::header_text,
};

/// Where the explorer lives. Its files are named relative to it, which needs the last slash.
const PATH: &str = "/explorer/";

/// The name of the page among the assets.
const INDEX: &str = "index.html";

/// Everything from here and nothing from elsewhere. Editors put style elements into the page, so
/// those are allowed; scripts are files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file inside the binary.
#[derive(Debug)]
pub struct Asset {
    /// Its name below `/explorer/`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content, from `include_bytes!`.
    pub bytes: &'static [u8],
    /// Its entity tag, without quotes; changes whenever the content does.
    pub etag: &'static str,
}

/// Mounts `/explorer/`, and `/` and `/explorer` as ways to it, if there is an explorer.
pub(crate) fn configure(config: &mut ServiceConfig, assets: &'static [Asset]) {
    if assets.is_empty() {
        return;
    }
    config
        .route("/", web::get().to(|| async { redirect() }))
        .route("/explorer", web::get().to(|| async { redirect() }))
        .route(
            PATH,
            web::get().to(move |request: HttpRequest| ready(file(&request, assets, INDEX))),
        )
        .route(
            "/explorer/{file}",
            web::get().to(move |request: HttpRequest, name: web::Path<String>| {
                ready(file(&request, assets, &name))
            }),
        );
}

/// What a browser that opens `/graphql` is shown: the explorer, if there is one.
pub(crate) fn for_browser(request: &HttpRequest, assets: &'static [Asset]) -> Option<HttpResponse> {
    let is_page_load = !assets.is_empty() && !request.query_string().contains("query=");
    let accept = header_text(request, &header::ACCEPT);
    let offers = [Media::Json, Media::GraphqlResponse, Media::Html];
    (is_page_load && choose(accept, &offers) == Some(Media::Html)).then(redirect)
}

fn redirect() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, PATH))
        .insert_header((header::VARY, "Accept"))
        .finish()
}

fn file(request: &HttpRequest, assets: &'static [Asset], name: &str) -> HttpResponse {
    let Some(asset) = assets.iter().find(|asset| asset.path == name) else {
        return HttpResponse::NotFound().finish();
    };
    let etag = format!("\"{}\"", asset.etag);
    let is_known = header_text(request, &header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|one| one.trim() == etag));
    let mut response = if is_known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    if is_known {
        return response.finish();
    }
    response.content_type(asset.content_type).body(asset.bytes)
}

#[cfg(test)]
mod tests {
    use actix_web::{App, test};

    use super::*;

    static ASSETS: [Asset; 1] = [Asset {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        bytes: b"<!doctype html>",
        etag: "1",
    }];

    #[actix_web::test]
    async fn the_page_is_served_under_a_policy_that_names_no_other_host() {
        let app =
            test::init_service(App::new().configure(|config| configure(config, &ASSETS))).await;
        let request = test::TestRequest::get().uri("/explorer/").to_request();
        let response = test::call_service(&app, request).await;
        assert_eq!(response.status(), 200);
        let policy = response
            .headers()
            .get("content-security-policy")
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("http"));
        assert_eq!(test::read_body(response).await, "<!doctype html>");
    }

    #[actix_web::test]
    async fn a_file_the_browser_has_is_not_sent_again() {
        let app =
            test::init_service(App::new().configure(|config| configure(config, &ASSETS))).await;
        let request = test::TestRequest::get()
            .uri("/explorer/index.html")
            .insert_header(("If-None-Match", "\"1\""))
            .to_request();
        assert_eq!(test::call_service(&app, request).await.status(), 304);
        let request = test::TestRequest::get()
            .uri("/explorer/other.js")
            .to_request();
        assert_eq!(test::call_service(&app, request).await.status(), 404);
    }
}
