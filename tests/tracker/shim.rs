//! A library that is loaded before all others and makes a process's clock wrong, its runtime stand still, or its disk fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::needs;

/// `DCCD_CLOCK_OFFSET`: seconds by which the clock is wrong; `DCCD_CLOCK_FILE`: a file that holds them, looked at each
/// time. `DCCD_STUCK_FILE`: once it is there, no wait for sockets and timers returns. `DCCD_DISK_FILE`: a file that holds
/// `full` if nothing can be written, `broken` if nothing can be made durable, `slow` if that takes 300 ms. What is said on
/// the standard outputs is spared.
const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

static int disk_is(const char *word) {
    const char *file = getenv("DCCD_DISK_FILE");
    char state[16] = "";
    FILE *held = file ? fopen(file, "re") : NULL;
    if (held) { if (fscanf(held, "%15s", state) != 1) state[0] = 0; fclose(held); }
    return strcmp(state, word) == 0;
}

static int is_full(int fd) {
    struct stat found;
    int is_file = fd > 2 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
    if (!is_file || !disk_is("full")) return 0;
    errno = ENOSPC;
    return 1;
}

#define WRITES(name, ...) \
    static ssize_t (*real)(__VA_ARGS__); \
    if (!real) real = dlsym(RTLD_NEXT, name); \
    if (is_full(fd)) return -1;

ssize_t write(int fd, const void *bytes, size_t count) {
    WRITES("write", int, const void *, size_t)
    return real(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    WRITES("writev", int, const struct iovec *, int)
    return real(fd, parts, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    WRITES("pwrite", int, const void *, size_t, off_t)
    return real(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    WRITES("pwrite64", int, const void *, size_t, off64_t)
    return real(fd, bytes, count, at);
}

static int synced(const char *name, int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    if (disk_is("broken")) { errno = EIO; return -1; }
    if (disk_is("slow")) usleep(300000);
    return real(fd);
}

int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
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
