//! CREATE EXTENSION: there is only the one that every database of PostgreSQL has.

use atoll_datum::{Error, sqlstate};
use atoll_syntax::ast;

use super::Definition;
use crate::exec::Result;

pub fn create(definition: &mut Definition<'_>, create: &ast::CreateExtension) -> Result<()> {
    let name = create.name.as_str();
    if name != "plpgsql" {
        let message = format!("extension \"{name}\" is not available");
        let hint = "Extensions of PostgreSQL can't be installed here.";
        return Err(Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).hint(hint).into());
    }
    let message = format!("extension \"{name}\" already exists");
    if create.if_not_exists {
        definition.notice(sqlstate::DUPLICATE_OBJECT, format!("{message}, skipping"));
        return Ok(());
    }
    Err(Error::new(sqlstate::DUPLICATE_OBJECT, message).into())
}
