//! The dashboards against the types of Grafana's own schema, checked by the TypeScript compiler.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::needs;
use crate::process::run;
use crate::shipped::{path, stems, text};

const SETTINGS: &str = r#"{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "module": "esnext",
    "moduleResolution": "bundler", "types": [], "skipLibCheck": true}, "include": ["*.ts"]}"#;

#[test]
fn every_dashboard_has_the_types_of_grafanas_schema() {
    let Some(check) = Check::of(&stems("dashboards", ".json"), |dashboard| dashboard) else { return };
    check.run().unwrap();
}

#[test]
fn a_misspelt_key_and_a_value_of_another_type_are_found() {
    let spoiled = [("\"editable\"", "\"editible\""), ("\"w\": 24", "\"w\": \"24\"")];
    for (right, wrong) in spoiled {
        let one = ["overview".to_owned()];
        let Some(check) = Check::of(&one, |text| text.replacen(right, wrong, 1)) else { return };
        let found = check.run().unwrap_err();
        assert!(found.contains("overview.ts("), "{found}");
    }
}

/// A folder with the dashboards as typed literals.
struct Check {
    folder: TempDir,
    compiler: PathBuf,
}

impl Check {
    fn of(dashboards: &[String], change: impl Fn(String) -> String) -> Option<Check> {
        let modules = needs::node_modules()?;
        let folder = TempDir::new().unwrap();
        std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("tsconfig.json"), SETTINGS).unwrap();
        fs::copy(path("tests/npm/dashboard.ts"), folder.path().join("dashboard.ts")).unwrap();
        for name in dashboards {
            let json = change(text(&format!("dashboards/{name}.json")));
            let typed = format!(
                "import type {{ Shipped }} from './dashboard';\nexport const dashboard: Shipped = {json}"
            );
            fs::write(folder.path().join(format!("{name}.ts")), typed).unwrap();
        }
        Some(Check { folder, compiler: modules.join(".bin/tsc") })
    }

    fn run(&self) -> Result<String, String> {
        run(self.folder.path(), self.compiler.to_str().unwrap(), &["-p", "."])
    }
}
