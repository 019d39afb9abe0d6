//! The files that pages load: style, scripts and the icon, all of them in the program.

use std::sync::LazyLock;

/// A file that pages load.
pub(in crate::http) struct Asset {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) content_type: &'static str,
    pub(in crate::http) body: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset { name: $name, content_type: $content_type, body: include_bytes!(concat!("assets/", $name)) }
    };
}

static ASSETS: [Asset; 14] = [
    asset!("style.css", CSS),
    asset!("icon.svg", SVG),
    asset!("live.js", JS),
    asset!("times.js", JS),
    asset!("colors.js", JS),
    asset!("history.js", JS),
    asset!("candles.js", JS),
    asset!("coverage.js", JS),
    asset!("tap.js", JS),
    asset!("uplot.min.js", JS),
    asset!("uplot.LICENSE", TEXT),
    asset!("uplot.min.css", CSS),
    asset!("lightweight-charts.min.mjs", JS),
    asset!("lightweight-charts.LICENSE", TEXT),
];

/// The version of each, by which a browser keeps it until it changes.
static VERSIONS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| format!("{:08x}", crc32fast::hash(asset.body))).collect());

/// The file of that name with its version.
pub(in crate::http) fn asset(name: &str) -> Option<(&'static Asset, &'static str)> {
    let at = ASSETS.iter().position(|asset| asset.name == name)?;
    Some((&ASSETS[at], &VERSIONS[at]))
}

/// The address of a file with its version.
pub(super) fn address(name: &str) -> String {
    let version = asset(name).map_or("", |(_, version)| version);
    format!("/assets/{name}?v={version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_and_style_of_ours_loads_only_what_is_here() {
        for asset in ASSETS.iter().filter(|asset| !asset.name.contains(".min.")) {
            let text = std::str::from_utf8(asset.body).unwrap();
            let is_code = [CSS, JS].contains(&asset.content_type);
            assert!(!is_code || !text.contains("http://"), "{}", asset.name);
            assert!(!is_code || !text.replace("https://www.tradingview.com", "").contains("https://"));
            for import in text.split("from './").skip(1).chain(text.split("import('./").skip(1)) {
                let name = import.split('\'').next().unwrap();
                assert!(super::asset(name).is_some(), "{} imports {name}", asset.name);
            }
        }
    }

    #[test]
    fn a_file_is_found_by_its_address() {
        let (style, version) = asset("style.css").unwrap();
        assert!(
            style.body.starts_with(b"/*") && address("style.css") == format!("/assets/style.css?v={version}")
        );
        assert!(asset("../mod.rs").is_none());
    }
}
