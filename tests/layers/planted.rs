//! Small trees with a circle in each, to show that the check notices them.

use crate::circles::{circles, described, graph};
use crate::{Source, code_of};

fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let sources: Vec<Source> = files
        .iter()
        .map(|(path, text)| Source { path: (*path).to_owned(), text: code_of(text).text })
        .collect();
    let circles = circles(&graph(&sources));
    circles.into_iter().map(|circle| circle.into_iter().map(|step| step.from).collect()).collect()
}

#[test]
fn a_circle_is_shown_by_its_files_and_the_items_that_make_it() {
    let sources = [
        Source { path: "net/mod.rs".into(), text: "mod a;\nmod b;\npub use a::One;\n".into() },
        Source { path: "net/a.rs".into(), text: "use super::b::Two;\npub struct One(Two);\n".into() },
        Source { path: "net/b.rs".into(), text: "pub struct Two(Option<crate::net::One>);\n".into() },
    ];

    let found = circles(&graph(&sources));

    assert_eq!(found.len(), 1);
    assert_eq!(
        described(&found[0]),
        "a circle of 2 files:\n  src/net/a.rs uses Two of src/net/b.rs\n  src/net/b.rs uses One of src/net/a.rs"
    );
}

#[test]
fn the_shortest_of_several_circles_is_shown() {
    let found = circles_of(&[
        ("a.rs", "use crate::b::B;\npub struct A;\n"),
        ("b.rs", "use crate::c::C;\npub struct B;\n"),
        ("c.rs", "use crate::{a::A, b::B};\npub struct C;\n"),
    ]);
    assert_eq!(found, [["b.rs", "c.rs"]]);
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let a = "use crate::b;\npub struct A;\nfn f() { b::make() }\n";
    for b in [
        "pub fn make() -> crate::a::A { todo() }\n",
        "use super::a::A as Other;\npub fn make() {}\n",
        "use super::{\n    a::{self, A},\n};\npub fn make() {}\n",
        "use crate::a;\npub fn make() -> a::A { todo() }\n",
        "pub use crate::a::A;\npub fn make() -> A { todo() }\n",
        "use crate::a::*;\nuse crate::*;\npub fn make() { crate::a::A }\n",
    ] {
        assert_eq!(circles_of(&[("a.rs", a), ("b.rs", b)]), [["a.rs", "b.rs"]], "{b}");
    }
}

#[test]
fn handing_a_name_on_declaring_a_module_and_testing_are_no_uses() {
    let a = "use super::Room;\npub struct A(Room);\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n";
    let parent = "mod a;\npub use a::A;\npub struct Room;\n";
    let b = "use crate::room::A;\npub struct B(A);\n";
    assert!(circles_of(&[("room/mod.rs", parent), ("room/a.rs", a), ("b.rs", b)]).is_empty());

    let using = format!("{parent}fn f(a: A) {{}}\n");
    assert_eq!(circles_of(&[("room/mod.rs", &using), ("room/a.rs", a)]).len(), 1);
}
