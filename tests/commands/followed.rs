//! `dccd logs -f`: new lines as they are written, until Ctrl-C.

use std::fs;
use std::io::Write;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::home::{BTC, ETH, Home, Template};
use crate::program::signal;

fn log(home: &Home, line: &str) {
    let path = home.at("data/.dccd/dccd.log");
    let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
    writeln!(file, "{line}").unwrap();
}

#[tokio::test]
async fn lines_of_a_job_come_as_they_are_written_over_a_rotation_until_ctrl_c() {
    let home = Template::new().await.copy();
    let path = home.at("data/.dccd/dccd.log");
    log(&home, &format!("T INFO  {BTC} before"));
    let mut child = home.command(&["logs", "-f", "-n", "1", BTC]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("T INFO  {BTC} before"));

    log(&home, &format!("T INFO  {ETH} another series"));
    log(&home, &format!("T INFO  {BTC} one"));
    assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("T INFO  {BTC} one"));
    log(&home, &format!("T INFO  {BTC} two"));
    fs::rename(&path, home.at("data/.dccd/dccd.log.1")).unwrap();
    log(&home, &format!("T INFO  {BTC} three"));
    assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("T INFO  {BTC} two"));
    assert_eq!(lines.next_line().await.unwrap().unwrap(), format!("T INFO  {BTC} three"));

    signal(&child, "INT").await;
    let ended = child.wait_with_output().await.unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(130), Vec::new()));
}

#[tokio::test]
async fn a_reader_that_goes_away_and_a_series_that_is_none_end_it() {
    let home = Template::new().await.copy();
    let unknown = home.run(&["logs", "-f", "kraken"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");

    let left = home.run_into(&["logs", "-f"], crate::home::closed()).await;
    assert_eq!((left.code, left.err.as_str()), (Some(141), ""));
}
