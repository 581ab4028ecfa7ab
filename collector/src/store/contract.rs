//! What every engine of the store must do, as one suite over the trait.
