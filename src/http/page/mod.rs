//! The monitor page: HTML from the shapes of the API, one file per view, and the files that pages load. Reading works
//! without JavaScript. Pure: the routes bring what is shown.

mod assets;
mod attention;
mod configuration;
mod coverage;
mod fields;
mod form;
mod frame;
mod history;
mod html;
mod jobs;
mod logs;
mod message;
mod one_series;
mod one_series_parts;
mod one_series_view;
mod overview;
mod overview_parts;
mod refused_form;
mod rows;
mod series;
mod sign_in;
mod storage;
mod streams;
mod table;
mod times;
mod workers;

pub(super) use assets::asset;
pub(super) use configuration::{TypedJob, configuration, field_of};
pub(super) use frame::{Frame, View, refusal};
pub(super) use history::history;
pub(super) use html::segment;
pub(super) use jobs::{job, jobs, path as job_path, runs};
pub(super) use logs::logs;
pub(super) use message::{PARAMETER, message};
pub(super) use one_series::one_series;
pub(super) use one_series_view::{NewestRows, OneSeries, Shown};
pub(super) use overview::overview;
pub(super) use refused_form::RefusedForm;
pub(super) use series::{SeriesView, series};
pub(super) use sign_in::sign_in;
pub(super) use storage::{StorageResult, StorageShown, storage};
pub(super) use streams::{StreamsAsked, streams};
pub(super) use workers::workers;
