//! Reads the keys of a profile from the AWS files, if the environment has none.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".

use std::path::PathBuf;

/// The keys of one profile.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) key_id: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) token: Option<String>,
    pub(super) region: Option<String>,
}

/// The profile that the environment selects, from the files it names or the default ones.
pub(super) fn profile(env: &dyn Fn(&str) -> Option<String>) -> Profile {
    let name = env("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let of_home = |file: &str| Some(PathBuf::from(env("HOME")?).join(".aws").join(file));
    let text = |named: &str, usual: &str| {
        let path = env(named).map(PathBuf::from).or_else(|| of_home(usual))?;
        std::fs::read_to_string(path).ok()
    };
    let mut profile = Profile::default();
    if let Some(text) = text("AWS_CONFIG_FILE", "config") {
        let section = if name == "default" { name.clone() } else { format!("profile {name}") };
        profile.take(&text, &section);
    }
    if let Some(text) = text("AWS_SHARED_CREDENTIALS_FILE", "credentials") {
        profile.take(&text, &name);
    }
    profile
}

impl Profile {
    /// Reads one section of a file.
    fn take(&mut self, text: &str, section: &str) {
        let mut is_ours = false;
        for line in text.lines().map(str::trim) {
            if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                is_ours = heading.trim() == section;
            } else if let Some((key, value)) = line.split_once('=').filter(|_| is_ours) {
                let value = Some(value.trim().to_owned());
                match key.trim() {
                    "aws_access_key_id" => self.key_id = value,
                    "aws_secret_access_key" => self.secret = value,
                    "aws_session_token" => self.token = value,
                    "region" => self.region = value,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_asked_for_is_read_and_no_other() {
        let text = "[default]\naws_access_key_id = A\n[work]\n# a remark\naws_access_key_id=B\n\
                    aws_secret_access_key = s=cret\naws_session_token=T\nregion = eu-west-1\n[rest]\nregion = x\n";
        let mut profile = Profile::default();
        profile.take(text, "work");
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(
            (profile.key_id, profile.secret, profile.token, profile.region),
            (of("B"), of("s=cret"), of("T"), of("eu-west-1"))
        );
    }
}
