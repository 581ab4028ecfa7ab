//! Malware protection and how fresh its definitions are (R-006, R-007, P-038).

use jiff::Timestamp;

use super::{fact_group, fact_record, words};

words! {
    /// How definitions arrive.
    pub enum DefinitionUpdates {
        /// By themselves.
        Automatic = "automatic",
        /// By a person.
        Manual = "manual",
    }
}

fact_record! {
    /// An installed product.
    pub struct Product {
        /// Name of the product.
        name: String,
        /// Version of its engine.
        engine_version: String,
        /// Its service or scanner is running.
        running: bool,
        /// It checks files when they are opened.
        realtime: bool,
        /// Version of its definitions; several are joined with a comma.
        definitions_version: String,
        /// When the publisher made the newest of its main definitions.
        definitions_published_at: Timestamp,
        /// When the definitions last arrived on this host.
        definitions_updated_at: Timestamp,
        /// How definitions arrive.
        definition_updates: DefinitionUpdates,
        /// When the licence ends; absent where none is needed.
        licence_expires_at: Timestamp,
    }
}

fact_group! {
    /// Which malware protection is here and how old its definitions are.
    pub struct Antivirus = "antivirus" version 1 {
        /// The products that were found; an empty list was looked for and is none.
        products: Vec<Product>,
    }
}
