//! `/series`: the series that are selected.

use axum::extract::State;
use axum::response::Response;

use super::visit::{Asked, Visit};
use crate::api::{SeriesAsked, SeriesPage};
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
    let snapshot = app.status.snapshot();
    let rendered = |visit: &Visit, page: Option<&SeriesPage>| {
        let exchanges = snapshot.exchanges.iter().map(|exchange| exchange.name).collect();
        let view = SeriesView { asked: &asked, page, exchanges };
        html(page::series(&visit.frame(View::Series, "Series"), &view))
    };
    match read(&app, async |control| control.series(&asked).await).await {
        Ok(Ok(page)) => rendered(&visit, Some(&page)),
        Ok(Err(error)) => {
            let page = async |visit: &Visit| rendered(visit, None);
            visit.unanswered("/series", unselected(&error), page).await
        }
        Err(refused) => *refused,
    }
}
