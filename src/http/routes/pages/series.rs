//! `/series`: the series that are selected.

use axum::extract::State;
use axum::response::Response;

use super::visit::{Asked, Visit};
use crate::api::SeriesAsked;
use crate::http::app::App;
use crate::http::auth::Access;
use crate::http::page::{self, SeriesView, View};
use crate::http::reply::html;
use crate::http::routes::operation::Operation;
use crate::http::routes::reading::read;
use crate::http::routes::route::Route;
use crate::http::routes::series::unselected;

pub(super) fn route() -> Route {
    let operation =
        Operation::about("The page of the series").asking::<SeriesAsked>().sending(200, "text/html");
    Route::read("/series", Access::Reader, shown).that(operation)
}

async fn shown(State(app): State<App>, visit: Visit, Asked(asked): Asked<SeriesAsked>) -> Response {
    let page = match read(&app, async |control| control.series(&asked).await).await {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => return unselected(&error),
        Err(refused) => return *refused,
    };
    let snapshot = app.status.snapshot();
    let exchanges = snapshot.exchanges.iter().map(|exchange| exchange.name).collect();
    let view = SeriesView { asked: &asked, page: &page, exchanges };
    html(page::series(&visit.frame(View::Series, "Series"), &view))
}
