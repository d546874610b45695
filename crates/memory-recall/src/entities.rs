//! Which entities a log has, for a person who names none.
//!
//! A listing skips from one entity to the next, so it costs about one request for each entity, however
//! many memories it has. The module must not know what is done with them.

use memory_log::object::KeyClaim;
use memory_log::scope::ReadScope;
use memory_s3::reader::{Range, ReadError, Reader};

/// Most pages that are listed. Behind a network they take some seconds.
const PAGES_MAX: usize = 100;

/// The entities within a scope in the order of their keys, of all or with this name; `None` if it takes
/// too many requests to know them all.
///
/// # Errors
/// [`ReadError`] if the scope cannot be listed.
pub async fn entities(
    reader: &Reader,
    within: &ReadScope,
    entity_id: Option<&str>,
) -> Result<Option<Vec<ReadScope>>, ReadError> {
    let mut seen: Vec<ReadScope> = Vec::new();
    let mut range = Range::under(within.memories());
    for _ in 0..PAGES_MAX {
        let page = reader.first_page(within, &range).await?;
        let claims = page.listed.iter();
        let claims = claims.filter_map(|listed| KeyClaim::parse(&listed.key));
        for entity in claims.filter_map(|claim| within.entity_of(&claim)) {
            if seen.last() != Some(&entity) {
                seen.push(entity);
            }
        }
        let Some(rest) = page.rest_of(&range) else {
            let is_wanted = |name: &str| entity_id.is_none_or(|wanted| wanted == name);
            seen.retain(|entity| entity.entity_id().is_some_and(is_wanted));
            return Ok(Some(seen));
        };
        let end = seen.last().map(|entity| end(entity.memories()));
        let after = rest.after.clone().max(end);
        range = Range { after, ..rest };
    }
    Ok(None)
}

/// A key after every key with a prefix that ends with `/`, and before every other entity's: `0` is the
/// character after `/`, and a name that goes on with it goes on after it.
fn end(prefix: &str) -> String {
    format!("{}0", prefix.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_entity_is_after_its_keys_and_before_those_of_others() {
        let end = end("memories/domain=work/entity=rob/");
        assert!("memories/domain=work/entity=rob/9999/12/31/x" < &*end);
        for other in ["rob0", "rob00", "roc", "robA"] {
            assert!(*end < *format!("memories/domain=work/entity={other}/1970"));
        }
        assert!(
            *end > *"memories/domain=work/entity=rob-2/1970",
            "it is listed before"
        );
    }
}
