//! Every route with every kind of credentials.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use super::app::{App, Limits};
use super::auth::{Access, Auth, Caller, Via};
use super::routes::{Route, Routes, all};
use crate::daemon::Status;
use crate::telemetry::Telemetry;

/// The credentials: none, a wrong token, a wrong password, the reader's password, the token.
const SHOWN: [&str; 5] =
    ["", "Bearer t0ke", "Basic YW5uOndyb25n", "Basic YW5uOmNvcnJlY3QgaG9yc2U=", "Bearer t0ken"];

#[tokio::test]
async fn every_route_lets_in_whom_its_level_lets_in_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let with_users = App::with_limits(Telemetry::new(), Arc::new(Status::new()), Limits::default())
        .with_auth(token(folder.path()).with_web_config(&users(folder.path())).unwrap());
    let with_users = Routes::new(with_users);
    let with_token = App::new(Telemetry::new(), Arc::new(Status::new())).with_auth(token(folder.path()));
    let with_token = Routes::new(with_token);
    let [passes, unauthorized, forbidden] = [None, Some(401), Some(403)];

    // Signing in answers so itself.
    let all: Vec<Route> = all().into_iter().filter(|route| route.path != "/sign-in").collect();
    for (number, route) in all.iter().enumerate() {
        let route = &(100 * number, route);
        let name = format!("{} {}", route.1.method, route.1.path);
        let access = route.1.access;
        let guarded = match access {
            Access::Open => [passes; 5],
            Access::Reader => [unauthorized, unauthorized, unauthorized, passes, passes],
            Access::Admin => [unauthorized, unauthorized, unauthorized, forbidden, passes],
        };
        for via in [Via::Loopback, Via::Network] {
            assert_eq!(refusals(&with_users, route, via).await, guarded, "{name} {via:?}");
        }
        let by_token = match access {
            Access::Open => [passes; 5],
            _ => [unauthorized, unauthorized, unauthorized, unauthorized, passes],
        };
        assert_eq!(refusals(&with_token, route, Via::Network).await, by_token, "{name} with a token");
        let here = if access == Access::Admin { by_token } else { [passes; 5] };
        assert_eq!(refusals(&with_token, route, Via::Loopback).await, here, "{name} at loopback");
        for app in [&with_users, &with_token] {
            assert_eq!(refusals(app, route, Via::Socket).await, [passes; 5], "{name} at the socket");
        }
    }
    assert!(all.iter().any(|route| route.access == Access::Admin));
}

#[tokio::test]
async fn a_page_of_another_site_cannot_act_even_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(Telemetry::new(), Arc::new(Status::new())).with_auth(token(folder.path()));
    let routes = Routes::new(app);
    for route in all().iter().filter(|route| route.access == Access::Admin) {
        for (origin, refused) in
            [("https://evil.example", true), ("null", true), ("http://localhost:9430", false)]
        {
            let request = request(route, SHOWN[4], &[("origin", origin)]);
            let status = routes.answer(caller(7, Via::Loopback), request).await.status().as_u16();
            assert_eq!(status == 403, refused, "{} {origin}: {status}", route.path);
        }
    }
}

/// How each kind of credentials is refused, if it is.
async fn refusals(routes: &Routes, (place, route): &(usize, &Route), via: Via) -> [Option<u16>; 5] {
    let mut refusals = [None; 5];
    for (number, shown) in SHOWN.iter().enumerate() {
        // Use a different peer each time, so that none is limited for guessing.
        let reply = routes.answer(caller(place + number, via), request(route, shown, &[])).await;
        let status = reply.status().as_u16();
        refusals[number] = [401, 403, 421, 429].contains(&status).then_some(status);
    }
    refusals
}

fn request(route: &Route, shown: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request =
        Request::builder().method(route.method).uri(route.path).header("host", "localhost:9430");
    if !shown.is_empty() {
        request = request.header("authorization", shown);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::from_static(b"{}"))).unwrap()
}

fn caller(number: usize, via: Via) -> Caller {
    let peer = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
    Caller { peer: (via != Via::Socket).then_some(peer), via }
}

fn token(folder: &Path) -> Auth {
    let path = folder.join("token");
    crate::disk::atomic::replace(&path, b"t0ken\n").unwrap();
    Auth::new(Some(&path), false).unwrap()
}

fn users(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("web.yml");
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    crate::disk::atomic::replace(&path, format!("basic_auth_users: {{ann: '{hash}'}}\n").as_bytes()).unwrap();
    path
}
