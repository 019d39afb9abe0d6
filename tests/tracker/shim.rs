//! A library that is loaded before all others and makes a process's clock wrong, or its runtime stand still.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::needs;

/// `DCCD_CLOCK_OFFSET`: seconds by which the clock is wrong; `DCCD_CLOCK_FILE`: a file that holds them, looked at each
/// time. `DCCD_STUCK_FILE`: once it is there, no wait for sockets and timers returns.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    const char *fixed = getenv("DCCD_CLOCK_OFFSET"), *file = getenv("DCCD_CLOCK_FILE");
    long secs = fixed ? atol(fixed) : 0;
    FILE *held = file ? fopen(file, "re") : NULL;
    if (held) { if (fscanf(held, "%ld", &secs) != 1) secs = 0; fclose(held); }
    return secs;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, at);
    if (done == 0 && clock == CLOCK_REALTIME) at->tv_sec += offset();
    return done;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) real = dlsym(RTLD_NEXT, "epoll_wait");
    const char *stuck = getenv("DCCD_STUCK_FILE");
    int done = real(fd, events, most, timeout);
    while (stuck && access(stuck, F_OK) == 0) sleep(1);
    return done;
}
"#;

static LIBRARY: OnceLock<PathBuf> = OnceLock::new();

/// The library; none where there is no C compiler.
pub(crate) fn library() -> Option<&'static Path> {
    needs::programs(&["gcc"]).then(|| LIBRARY.get_or_init(build).as_path())
}

fn build() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(own.file_stem().unwrap());
    let (source, library) = (place.with_extension("c"), place.with_extension("so"));
    std::fs::write(&source, SOURCE).unwrap();
    let mut gcc = Command::new("gcc");
    gcc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
    assert!(gcc.status().unwrap().success(), "the library is not C");
    library
}
