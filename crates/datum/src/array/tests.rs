use crate::misc::tests::run;

#[test]
fn answers_are_those_of_postgresql() {
    run(include_str!("cases.tsv"));
}
