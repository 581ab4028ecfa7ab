//! The table of facts in README.md names every field of every group, under its group.

use std::path::Path;

use tenken_proto::fact::{FieldSchema, Kind, schemas};

fn names(fields: &[FieldSchema], found: &mut Vec<&'static str>) {
    for field in fields {
        found.push(field.name);
        let mut kind = &field.kind;
        while let Kind::List(inner) = kind {
            kind = inner;
        }
        if let Kind::Record(fields) = kind {
            names(fields, found);
        }
    }
}

#[test]
fn every_field_has_its_row() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let mut missing = Vec::new();
    for schema in schemas() {
        let (_, section) = readme.split_once(&format!("\n### {}\n", schema.name)).unwrap_or_default();
        let section = section.split("\n#").next().unwrap_or_default();
        let mut fields = Vec::new();
        names(&schema.fields, &mut fields);
        missing.extend(
            fields
                .iter()
                .filter(|field| !section.contains(&format!("`{field}`")))
                .map(|field| format!("{}.{field}", schema.name)),
        );
    }
    assert!(missing.is_empty(), "add to the table in proto/README.md: {missing:?}");
}
