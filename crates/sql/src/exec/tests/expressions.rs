//! Expressions: NULLs, laziness, subqueries.

use super::*;
use crate::plan::Subscript;

async fn value(scope: &Scope, expr: Expr) -> String {
    rows(scope, project(Plan::one_row(), vec![(1, expr)])).await.remove(0)
}

fn division() -> Expr {
    call("int4div", vec![int(1), int(0)]).at(7)
}

fn fails() -> Expr {
    eq(division(), int(1))
}

fn array(values: Vec<Expr>) -> Expr {
    Expr::new(ExprKind::Array { elements: values, nested: false }, Type::new(oid::INT4_ARRAY))
}

fn subquery(kind: SubqueryKind, plan: Plan, ty: Type) -> Expr {
    Expr::new(ExprKind::Subquery(Box::new(Subquery { kind, plan })), ty)
}

#[test]
fn three_values_and_laziness() {
    on_node(|scope| async move {
        let logic = |and: bool, parts: Vec<Expr>| {
            Expr::new(if and { ExprKind::And(parts) } else { ExprKind::Or(parts) }, Type::BOOL)
        };
        let (yes, no, unknown) = (|| boolean(Some(true)), || boolean(Some(false)), || boolean(None));
        assert_eq!(value(&scope, logic(true, vec![yes(), unknown()])).await, "∅");
        assert_eq!(value(&scope, logic(true, vec![unknown(), no(), fails()])).await, "f");
        assert_eq!(value(&scope, logic(false, vec![unknown(), yes(), fails()])).await, "t");
        assert_eq!(value(&scope, logic(false, vec![no(), unknown()])).await, "∅");
        assert_eq!(value(&scope, Expr::new(ExprKind::Not(Box::new(unknown())), Type::BOOL)).await, "∅");
        let case =
            ExprKind::Case { branches: vec![(unknown(), int(1)), (yes(), int(2)), (fails(), int(3))], otherwise: None };
        assert_eq!(value(&scope, Expr::new(case, Type::INT4)).await, "2");
        let coalesce = ExprKind::Coalesce(vec![null(), int(5), division()]);
        assert_eq!(value(&scope, Expr::new(coalesce, Type::INT4)).await, "5");
        let greatest = ExprKind::Greatest(vec![null(), int(2), int(9), int(3)]);
        assert_eq!(value(&scope, Expr::new(greatest, Type::INT4)).await, "9");
        let least = ExprKind::Least(vec![null(), null()]);
        assert_eq!(value(&scope, Expr::new(least, Type::INT4)).await, "∅");
        let equal = function("int4eq", &[oid::INT4, oid::INT4]);
        for (left, right, differ) in [(null(), null(), "f"), (null(), int(1), "t"), (int(1), int(1), "f")] {
            let (left, right) = (Box::new(left), Box::new(right));
            let distinct = ExprKind::IsDistinctFrom { left, right, equal, negated: false };
            assert_eq!(value(&scope, Expr::new(distinct, Type::BOOL)).await, differ);
        }
        let nullif = |right: Expr| ExprKind::NullIf { left: Box::new(int(1)), right: Box::new(right), equal };
        assert_eq!(value(&scope, Expr::new(nullif(int(1)), Type::INT4)).await, "∅");
        assert_eq!(value(&scope, Expr::new(nullif(null()), Type::INT4)).await, "1");
    });
}

#[test]
fn errors_know_where_they_come_from() {
    on_node(|scope| async move {
        let failure = try_run(&scope, project(Plan::one_row(), vec![(1, plus(int(1), division()))])).await.unwrap_err();
        let error = failure.into_error();
        assert_eq!((error.message(), error.fields().position), ("division by zero", Some(7)));
        let missing = Expr::new(ExprKind::Parameter(0), Type::INT4);
        assert!(try_run(&scope, project(Plan::one_row(), vec![(1, missing)])).await.is_err());
    });
}

#[test]
fn tests_of_rows_and_truth() {
    on_node(|scope| async move {
        let is = |operand: Expr, test: IsTest, negated: bool| {
            Expr::new(ExprKind::Is { operand: Box::new(operand), test, negated }, Type::BOOL)
        };
        let row = |fields: Vec<Expr>| Expr::new(ExprKind::Row(fields), Type::RECORD);
        assert_eq!(value(&scope, is(row(vec![null(), int(1)]), IsTest::RowNull, false)).await, "f");
        assert_eq!(value(&scope, is(row(vec![null(), int(1)]), IsTest::RowNull, true)).await, "f");
        assert_eq!(value(&scope, is(row(vec![null(), null()]), IsTest::RowNull, false)).await, "t");
        assert_eq!(value(&scope, is(boolean(None), IsTest::True, true)).await, "t");
        assert_eq!(value(&scope, is(boolean(None), IsTest::Unknown, false)).await, "t");
        let field = ExprKind::Field { record: Box::new(row(vec![int(1), int(2)])), field: 1 };
        assert_eq!(value(&scope, Expr::new(field, Type::INT4)).await, "2");
    });
}

#[test]
fn arrays_and_quantifiers() {
    on_node(|scope| async move {
        let quantified = |left: Expr, array: Expr, name: &str, all: bool| {
            let operator = function(name, &[oid::INT4, oid::INT4]);
            let (left, array) = (Box::new(left), Box::new(array));
            Expr::new(ExprKind::Quantified { left, array, operator, all }, Type::BOOL)
        };
        let known = |values: Vec<Datum>| {
            let array = atoll_datum::array::from_values(oid::INT4, values).unwrap();
            Expr::literal(array, Type::new(oid::INT4_ARRAY))
        };
        for with_null in [false, true] {
            let mut elements = vec![int(1), int(2)];
            let mut values = vec![Datum::Int4(1), Datum::Int4(2)];
            if with_null {
                elements.push(null());
                values.push(Datum::Null);
            }
            let unless = if with_null { "∅" } else { "f" };
            for of in [array(elements), known(values)] {
                assert_eq!(value(&scope, quantified(int(2), of.clone(), "int4eq", false)).await, "t");
                assert_eq!(value(&scope, quantified(int(3), of.clone(), "int4eq", false)).await, unless);
                assert_eq!(value(&scope, quantified(null(), of.clone(), "int4eq", false)).await, "∅");
                assert_eq!(value(&scope, quantified(int(2), of.clone(), "int4ne", true)).await, "f");
                let not_in = if with_null { "∅" } else { "t" };
                assert_eq!(value(&scope, quantified(int(3), of.clone(), "int4ne", true)).await, not_in);
            }
        }
        assert_eq!(value(&scope, quantified(null(), known(vec![]), "int4eq", false)).await, "f");
        assert_eq!(value(&scope, quantified(null(), array(vec![]), "int4gt", true)).await, "t");
        let subscript = |subscripts: Vec<Subscript>| {
            let array = Box::new(array(vec![int(10), int(20), int(30)]));
            Expr::new(ExprKind::Subscript { array, subscripts }, Type::INT4)
        };
        assert_eq!(value(&scope, subscript(vec![Subscript::Index(int(2))])).await, "20");
        assert_eq!(value(&scope, subscript(vec![Subscript::Index(int(4))])).await, "∅");
        assert_eq!(value(&scope, subscript(vec![Subscript::Index(null())])).await, "∅");
        assert_eq!(value(&scope, subscript(vec![Subscript::Slice(Some(int(2)), None)])).await, "{20,30}");
    });
}

#[test]
fn subqueries_answer_once_for_what_they_read() {
    on_node(|scope| async move {
        let outer = || one_column(1, &[1, 2, 2, 3]);
        let greater = |id: u32| filter(one_column(id, &[1, 2, 3]), less(col(1), col(id)));
        let exists = subquery(SubqueryKind::Exists, greater(2), Type::BOOL);
        assert_eq!(rows(&scope, project(outer(), vec![(9, exists)])).await, ["t", "t", "t", "f"]);
        let smallest = limited(greater(2), Some(1), None);
        let scalar = subquery(SubqueryKind::Scalar, smallest, Type::INT4);
        assert_eq!(rows(&scope, project(outer(), vec![(9, scalar)])).await, ["2", "3", "3", "∅"]);
        let all = subquery(SubqueryKind::Array, greater(2), Type::new(oid::INT4_ARRAY));
        assert_eq!(rows(&scope, project(outer(), vec![(9, all)])).await, ["{2,3}", "{3}", "{3}", "{}"]);
        let many = subquery(SubqueryKind::Scalar, greater(2), Type::INT4);
        let expected = "21000 more than one row returned by a subquery used as an expression";
        assert_eq!(error(&scope, project(outer(), vec![(9, many)])).await, expected);
        let any = |plan: Plan, compare: Expr, all: bool| {
            subquery(SubqueryKind::Quantified { compare: Box::new(compare), all }, plan, Type::BOOL)
        };
        let with_null = || values(&[2], &[&[Some(1)], &[None]]);
        let within = any(with_null(), eq(col(1), col(2)), false);
        assert_eq!(rows(&scope, project(outer(), vec![(9, within)])).await, ["t", "∅", "∅", "∅"]);
        let below = any(one_column(2, &[2, 3]), less(col(1), col(2)), true);
        assert_eq!(rows(&scope, project(outer(), vec![(9, below)])).await, ["t", "f", "f", "f"]);
        let not_within = any(one_column(2, &[2]), call("int4ne", vec![col(1), col(2)]), true);
        assert_eq!(rows(&scope, project(outer(), vec![(9, not_within)])).await, ["t", "f", "f", "t"]);
        let in_correlated = any(greater(2), eq(plus(col(1), int(1)), col(2)), false);
        assert_eq!(rows(&scope, project(outer(), vec![(9, in_correlated)])).await, ["t", "t", "t", "f"]);
        // Inside CASE it is evaluated only if its branch is taken.
        let case = ExprKind::Case {
            branches: vec![(eq(col(1), int(3)), int(0))],
            otherwise: Some(Box::new(subquery(SubqueryKind::Scalar, limited(greater(2), Some(1), None), Type::INT4))),
        };
        assert_eq!(rows(&scope, project(outer(), vec![(9, Expr::new(case, Type::INT4))])).await, ["2", "3", "3", "0"]);
    });
}
