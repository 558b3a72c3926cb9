//! `/api/auth/*`

use chrono::TimeDelta;
use clipmill::config::Registration;
use clipmill_storage::{NewUser, Users as _};
use http::Method;
use serde_json::json;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn register_answers_as_promised() {
    let world = World::new().await;
    let register = async |body| world.post("/api/auth/register", "", body).await;
    let body =
        register(json!({"email": "Ada@Example.org", "password": PASSWORD})).await.expect(201);
    assert_eq!(body["message"], "User registered successfully");
    assert_eq!(body["user_id"].as_str().unwrap().len(), 24);
    let again = register(json!({"email": "ADA@example.org ", "password": PASSWORD})).await;
    again.refused(409, "email_taken");
    for (body, code) in [
        (json!({"password": PASSWORD}), "missing_field"),
        (json!({"email": "b@example.org"}), "missing_field"),
        (json!({"email": "nobody", "password": PASSWORD}), "invalid_email"),
        (json!({"email": "b@example.org", "password": "1234567"}), "password_too_short"),
        (json!({"email": "b@example.org", "password": "x".repeat(73)}), "password_too_long"),
        (json!({"email": 5, "password": PASSWORD}), "invalid_request"),
    ] {
        register(body).await.refused(400, code);
    }
}

#[tokio::test]
async fn registration_can_be_closed() {
    let world = World::with(|config| config.auth.registration = Registration::Closed).await;
    let body = json!({"email": "a@example.org", "password": PASSWORD});
    let reply = world.post("/api/auth/register", "", body).await;
    reply.refused(403, "registration_closed");
}

#[tokio::test]
async fn login_me_and_logout() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let login = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        world.post("/api/auth/login", "", body).await
    };
    let reply = login("ADA@EXAMPLE.ORG", PASSWORD).await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.expect(200);
    assert_eq!(body["message"], "Login successful");
    assert_eq!(body["user"], json!({"id": ada.id, "email": "ada@example.org"}));
    let second = body["token"].as_str().unwrap();
    login("ada@example.org", "wrong password").await.refused(401, "invalid_credentials");
    login("eve@example.org", PASSWORD).await.refused(401, "invalid_credentials");
    login("", PASSWORD).await.refused(400, "missing_field");
    world
        .post("/api/auth/login", "", json!({"email": "a@b.c"}))
        .await
        .refused(400, "missing_field");

    let me = world.get("/api/auth/me", second).await.expect(200);
    assert_eq!(me, json!({"user": {"id": ada.id, "email": "ada@example.org"}}));
    // A bare token and any case of the scheme will do.
    for header in [second.to_owned(), format!("bEARER {second}")] {
        let request = world.request(Method::GET, "/api/auth/me").header("authorization", header);
        world.send(request).await.expect(200);
    }
    let out = world.poke("/api/auth/logout", second).await.expect(200);
    assert_eq!(out, json!({"message": "Logout successful"}));
    world.get("/api/auth/me", second).await.refused(401, "session_ended");
    world.poke("/api/auth/logout", second).await.refused(401, "session_ended");
    world.get("/api/auth/me", "").await.refused(401, "missing_token");
    world.get("/api/auth/me", &ada.token).await.expect(200);
    world.wait(TimeDelta::days(7));
    world.get("/api/auth/me", &ada.token).await.refused(401, "token_expired");
}

#[tokio::test]
async fn a_password_change_ends_all_sessions() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let change = async |token: &str, current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        world.post("/api/auth/change-password", token, body).await
    };
    change(&ada.token, PASSWORD, "short").await.refused(400, "password_too_short");
    change(&ada.token, PASSWORD, &"x".repeat(73)).await.refused(400, "password_too_long");
    change(&ada.token, "not my password", "a new password").await.refused(401, "wrong_password");
    change("", PASSWORD, "a new password").await.refused(401, "missing_token");
    let half = json!({"current_password": PASSWORD});
    world.post("/api/auth/change-password", &ada.token, half).await.refused(400, "missing_field");
    let body = change(&ada.token, PASSWORD, "a new password").await.expect(200);
    assert_eq!(body["message"], "Password changed successfully. Please login again.");
    world.get("/api/auth/me", &ada.token).await.refused(401, "session_ended");
    world.get("/api/auth/me", &bob.token).await.expect(200);
    let login = json!({"email": "ada@example.org", "password": "a new password"});
    world.post("/api/auth/login", "", login).await.expect(200);
}

#[tokio::test]
async fn an_old_account_with_a_long_password_logs_in() {
    let world = World::new().await;
    let long = "p".repeat(90);
    let new = NewUser {
        email: "old@example.org".to_owned(),
        password_hash: bcrypt::hash(&long, 4).unwrap(),
        now: world.now(),
    };
    world.storage.create_user(new).await.unwrap();
    let body = json!({"email": "old@example.org", "password": long});
    world.post("/api/auth/login", "", body).await.expect(200);
}

#[tokio::test]
async fn public_tokens_last_a_day() {
    let world = World::new().await;
    let body = world.get("/api/auth/token/public", "").await.expect(200);
    assert_eq!(body["expires_in"], 86_400);
    let token = body["token"].as_str().unwrap();
    world.app.tokens.check_public(token, world.now()).unwrap();
}

#[tokio::test]
async fn tokens_never_pass_for_each_other() {
    let world = World::new().await;
    let ada = world.person("ada@example.org").await;
    let bob = world.person("bob@example.org").await;
    let public = world.public_token().await;
    world.get("/api/auth/me", &public).await.refused(401, "invalid_token");
    let save = crate::world::save_body(&ada);
    world.post("/api/video/save", &ada.token, save).await.refused(401, "invalid_token");
    // Rightly signed, but without a session, or with the session of another.
    let mine = world.app.tokens.check_private(&ada.token, world.now()).unwrap();
    let other = world.app.tokens.check_private(&bob.token, world.now()).unwrap();
    for (user, session) in [(mine.user_id, other.session_id), (other.user_id, mine.session_id)] {
        let forged = world.app.tokens.issue_private(user, session, world.now()).unwrap().token;
        world.get("/api/auth/me", &forged).await.refused(401, "session_ended");
    }
}
