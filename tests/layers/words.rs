//! Signs of comments that were not written as a native maintainer would: their first word, and pronouns without a person.

use crate::sizes::Text;

/// First words of a comment.
const OPENINGS: [&str; 4] = ["What", "Whose", "None where", "Whoever"];

/// Words anywhere in a comment.
const PRONOUNS: [&str; 4] = ["somebody", "nobody", "whoever", "he"];

/// The most lines with a sign.
pub(super) const MOST: usize = 5;

/// Every comment line with a sign; this file quotes some.
pub(super) fn signs(texts: &[Text]) -> Vec<String> {
    let lines = texts.iter().filter(|file| file.path != "layers/words.rs").flat_map(|file| {
        let numbered = file.text.lines().zip(1..);
        numbered.map(|(line, number)| (format!("{}:{number}: {}", file.path, line.trim()), line))
    });
    lines.filter(|(_, line)| has_sign(line)).map(|(shown, _)| shown).collect()
}

fn has_sign(line: &str) -> bool {
    let Some((code, comment)) = line.split_once("//") else { return false };
    if code.ends_with(':') {
        return false;
    }
    let text = comment.trim_start_matches(['/', '!']).trim_start();
    let opens =
        |sign: &&str| text.strip_prefix(*sign).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    let mut words = comment.split(|c: char| !c.is_alphanumeric());
    (code.trim().is_empty() && OPENINGS.iter().any(opens))
        || words.any(|word| PRONOUNS.contains(&word.to_lowercase().as_str()))
}

#[test]
fn each_sign_is_noticed_and_nothing_else() {
    let planted = "//! What it is.\n/// None where it is not.\nfn a() {} // he knows\n/// Returns `None` where it is not.\n\
                   // Whatever the header says.\nconst AT: &str = \"http://nobody\";\n";
    let found = signs(&[Text { path: "a.rs".into(), text: planted.into() }]);
    assert_eq!(
        found,
        ["a.rs:1: //! What it is.", "a.rs:2: /// None where it is not.", "a.rs:3: fn a() {} // he knows"]
    );
}
