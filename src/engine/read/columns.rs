//! Columns by their names.

use crate::engine::wrong::{Wrong, shown, wrong};
use crate::model::{Kind, fields};

/// The places of columns that are named, parted by commas; of all without a name.
pub(super) fn columns(kind: Kind, names: Option<&str>) -> Result<Vec<usize>, Wrong> {
    let Some(names) = names else { return Ok((0..fields(kind).len()).collect()) };
    let mut places = Vec::new();
    for name in names.split(',').map(str::trim) {
        let Some(place) = fields(kind).iter().position(|field| field.name == name) else {
            let all: Vec<&str> = fields(kind).iter().map(|field| field.name).collect();
            let why = format!("{kind} has no column `{}`; it has {}", shown(name), all.join(", "));
            return Err(wrong("columns", why));
        };
        if places.contains(&place) {
            return Err(wrong("columns", format!("`{name}` is named twice")));
        }
        places.push(place);
    }
    Ok(places)
}
