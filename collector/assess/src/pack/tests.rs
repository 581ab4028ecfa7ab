use super::*;

#[test]
fn the_built_in_packs_are_free_of_mistakes_and_pass_their_cases() {
    let packs = PackSet::built_in().unwrap_or_else(|problems| panic!("{problems}"));
    let failed: Vec<_> = test::run(&packs).into_iter().filter(|result| !result.failures.is_empty()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(packs.checklist("ipa-self-3").map(|list| list.items.len()), Some(25));
}
