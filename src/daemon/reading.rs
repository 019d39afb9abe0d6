//! Questions to a running daemon about its series, tasks and runs.
//!
//! Nothing here changes anything but [`Control::decide`]; ledgers are read off the runtime's threads.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{
    Coverage, CoverageAsked, FilesAsked, FilesPage, GapsAsked, GapsPage, RunLine, RunProgress, RunsAsked,
    RunsPage, SeriesAsked, SeriesLine, SeriesPage, TaskDetail, TaskLine, TasksAsked, TasksPage,
};
use crate::clock::now;
use crate::config::Config;
use crate::daemon::Control;
use crate::engine::Engine;
use crate::engine::series::{
    CatalogueError, KnownSeries, OneError, SelectError, coverage_of, files_of, gaps_of, line_of, list,
};
use crate::engine::tasks::{self, TaskAction, TasksError, list_runs, run_of, task_of};
use crate::tracker::{Run, Status, Task};

impl Control {
    /// A page of series.
    ///
    /// # Errors
    /// If the question is wrong, or the series are not known.
    pub(crate) async fn series(&self, asked: &SeriesAsked) -> Result<SeriesPage, SelectError> {
        let known = self.known_series().await?;
        Ok(list(&known, asked, now())?)
    }

    /// One series.
    ///
    /// # Errors
    /// If there is none of that name, or the series are not known.
    pub(crate) async fn one_series(&self, name: &str) -> Result<SeriesLine, OneError> {
        line_of(&self.known_series().await?, name, now())
    }

    /// A page of the windows of a series that are not covered.
    ///
    /// # Errors
    /// If the question is wrong, there is no such series, or its account cannot be read.
    pub(crate) async fn gaps(&self, name: String, asked: GapsAsked) -> Result<GapsPage, OneError> {
        self.read_files(move |engine, config| gaps_of(engine.layout(), config, &name, &asked)).await
    }

    /// A page of the files of a series.
    ///
    /// # Errors
    /// If the question is wrong, there is no such series, or its account cannot be read.
    pub(crate) async fn files(&self, name: String, asked: FilesAsked) -> Result<FilesPage, OneError> {
        self.read_files(move |engine, config| files_of(engine.layout(), config, &name, &asked)).await
    }

    /// The coverage of a series.
    ///
    /// # Errors
    /// If the question is wrong, there is no such series, or its account cannot be read.
    pub(crate) async fn coverage(&self, name: String, asked: CoverageAsked) -> Result<Coverage, OneError> {
        self.read_files(move |engine, config| coverage_of(engine.layout(), config, &name, &asked, now()))
            .await
    }

    /// A page of tasks.
    ///
    /// # Errors
    /// If the question is wrong, or the state store cannot be read.
    pub(crate) async fn tasks(&self, asked: &TasksAsked) -> Result<TasksPage, TasksError> {
        tasks::list(self.engine().database(), asked).await
    }

    /// A task with its attempts and its progress.
    ///
    /// # Errors
    /// If there is none, or the state store cannot be read.
    pub(crate) async fn task(&self, id: &str) -> Result<TaskDetail, TasksError> {
        let is_running = |task: &Task| task.status == Status::InProgress;
        let progress = |task: &Task| if is_running(task) { self.progress(&task.series) } else { None };
        task_of(self.engine().database(), id, progress).await
    }

    /// A page of runs.
    ///
    /// # Errors
    /// If the question is wrong, or the state store cannot be read.
    pub(crate) async fn runs(&self, asked: &RunsAsked) -> Result<RunsPage, TasksError> {
        list_runs(self.engine().database(), asked, |run: &Run| self.progress(&run.series)).await
    }

    /// A run.
    ///
    /// # Errors
    /// If there is none, or the state store cannot be read.
    pub(crate) async fn one_run(&self, id: &str) -> Result<RunLine, TasksError> {
        run_of(self.engine().database(), id, |run: &Run| self.progress(&run.series)).await
    }

    /// Carries out a decision about a task, and returns the task after it.
    ///
    /// # Errors
    /// If there is no such task, its state does not allow it, or the state store fails.
    pub(crate) async fn decide(&self, id: &str, action: &TaskAction) -> Result<TaskLine, TasksError> {
        let done = tasks::act(self.engine().database(), id, action).await;
        self.catalogue().expire().await;
        done
    }

    /// Every series, in the order of their names; found at most a second ago, or some where looking takes long.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub(crate) async fn known_series(&self) -> Result<Arc<Vec<KnownSeries>>, CatalogueError> {
        let engine = self.engine();
        self.catalogue().all(engine.layout(), &self.in_force(), engine.database()).await
    }

    /// Looks at every series again. Returns how long that took.
    ///
    /// # Errors
    /// If the state store cannot be read.
    pub(super) async fn refresh_series(&self) -> Result<Duration, CatalogueError> {
        let engine = self.engine();
        self.catalogue().refresh(engine.layout(), &self.in_force(), engine.database()).await
    }

    /// The progress of a run of a series in this process.
    fn progress(&self, series: &str) -> Option<RunProgress> {
        self.engine().under_way().of(&series.parse().ok()?)
    }

    async fn read_files<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine, &Config) -> Result<T, OneError> + Send + 'static,
    ) -> Result<T, OneError> {
        let (engine, config) = (Arc::clone(self.engine()), self.in_force());
        let reading = tokio::task::spawn_blocking(move || read(&engine, &config));
        reading.await.unwrap_or_else(|error| Err(OneError::Broken { reason: error.to_string() }))
    }
}
