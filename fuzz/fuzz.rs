//! A target of `dccd::fuzz` under libFuzzer. `FUZZ_TARGET` names it; its seeds are written to the folder `FUZZ_SEEDS`, if
//! one is named, before the engine reads its folders.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use dccd::fuzz::{Target, target};
use dccd::store::report_only_uncaught_panics;
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    // The engine ends at any panic, those that become errors included, if its hook hears of them.
    report_only_uncaught_panics();
    target(&env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target"))
});

fuzz_target!(init: write_seeds(), |bytes: &[u8]| (TARGET.run)(bytes));

fn write_seeds() {
    let Some(folder) = env::var_os("FUZZ_SEEDS") else { return };
    for (number, input) in TARGET.inputs().iter().enumerate() {
        let path = Path::new(&folder).join(format!("seed-{number:05}"));
        fs::write(path, input).expect("the folder of seeds can be written");
    }
}
