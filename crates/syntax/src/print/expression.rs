//! Expressions.

use super::Printer;
use crate::ast::*;

/// Can it stand beside any operator without parentheses?
fn is_closed(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(literal) => match literal {
            Literal::Integer(value) => *value >= 0,
            Literal::Number(digits) => !digits.starts_with('-'),
            _ => true,
        },
        ExprKind::Call(call) => !is_infix(call),
        ExprKind::Parameter(_)
        | ExprKind::Column(_)
        | ExprKind::Star(_)
        | ExprKind::Indirection(..)
        | ExprKind::Cast(_)
        | ExprKind::Case(_)
        | ExprKind::Coalesce(_)
        | ExprKind::NullIf(_)
        | ExprKind::Greatest(_)
        | ExprKind::Least(_)
        | ExprKind::Row(_)
        | ExprKind::Array(_)
        | ExprKind::ArrayQuery(_)
        | ExprKind::Exists(_)
        | ExprKind::Subquery(_)
        | ExprKind::Value(_)
        | ExprKind::Grouping(_) => true,
        _ => false,
    }
}

/// The name of a function of SQL's own syntax.
fn sql_name(call: &Call) -> Option<&str> {
    match (&call.name[..], call.syntax) {
        ([_, name], CallSyntax::Sql) => Some(name.as_str()),
        _ => None,
    }
}

fn is_infix(call: &Call) -> bool {
    matches!(sql_name(call), Some("timezone" | "overlaps"))
}

impl Printer {
    pub(super) fn exprs(&mut self, exprs: &[Expr]) {
        self.list(exprs, Self::expr);
    }

    /// In parentheses unless it is closed.
    pub(super) fn operand(&mut self, expr: &Expr) {
        if is_closed(expr) {
            return self.expr(expr);
        }
        self.put("(");
        self.expr(expr);
        self.put(")");
    }

    fn subquery(&mut self, query: &Query) {
        self.put("(");
        self.query(query);
        self.put(")");
    }

    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Parameter(number) => {
                self.put("$");
                self.number(number);
            }
            ExprKind::Column(names) => self.qualified_name(names),
            ExprKind::Star(qualifier) => {
                for name in qualifier {
                    self.name(name);
                    self.put(".");
                }
                self.put("*");
            }
            ExprKind::Indirection(of, steps) => self.indirection(of, steps),
            ExprKind::And(operands) => self.separated(" AND ", operands, Self::operand),
            ExprKind::Or(operands) => self.separated(" OR ", operands, Self::operand),
            ExprKind::Not(operand) => {
                self.put("NOT ");
                self.operand(operand);
            }
            ExprKind::Unary(unary) => {
                self.operator(&unary.operator);
                self.put(" ");
                self.operand(&unary.operand);
            }
            ExprKind::Binary(binary) => {
                self.operand(&binary.left);
                self.put(" ");
                self.operator(&binary.operator);
                self.put(" ");
                self.operand(&binary.right);
            }
            ExprKind::Is(is) => self.is_test(is),
            ExprKind::IsDistinctFrom(is) => {
                self.operand(&is.left);
                self.put(if is.negated { " IS NOT DISTINCT FROM " } else { " IS DISTINCT FROM " });
                self.operand(&is.right);
            }
            ExprKind::Between(between) => {
                self.operand(&between.operand);
                self.put_if(between.negated, " NOT");
                self.put(if between.symmetric { " BETWEEN SYMMETRIC " } else { " BETWEEN " });
                self.operand(&between.low);
                self.put(" AND ");
                self.operand(&between.high);
            }
            ExprKind::Like(like) => {
                self.operand(&like.operand);
                self.put_if(like.negated, " NOT");
                self.put(match like.kind {
                    LikeKind::Like => " LIKE ",
                    LikeKind::ILike => " ILIKE ",
                    LikeKind::SimilarTo => " SIMILAR TO ",
                });
                self.operand(&like.pattern);
                self.after(" ESCAPE ", like.escape.as_ref(), Self::operand);
            }
            ExprKind::In(within) => {
                self.operand(&within.operand);
                self.put(if within.negated { " NOT IN " } else { " IN " });
                match &within.set {
                    InSet::List(list) => self.parenthesized(list, Self::expr),
                    InSet::Query(query) => self.subquery(query),
                }
            }
            ExprKind::Quantified(quantified) => self.quantified(quantified),
            ExprKind::Call(call) => self.call(call),
            ExprKind::Cast(cast) => {
                self.operand(&cast.operand);
                self.put("::");
                self.type_name(&cast.to);
            }
            ExprKind::Collate(collate) => {
                self.operand(&collate.operand);
                self.put(" COLLATE ");
                self.qualified_name(&collate.collation);
            }
            ExprKind::Case(case) => self.case(case),
            ExprKind::Coalesce(arguments) => self.parenthesized_after("COALESCE", arguments, Self::expr),
            ExprKind::NullIf(pair) => {
                self.put("NULLIF(");
                self.expr(&pair.0);
                self.put(", ");
                self.expr(&pair.1);
                self.put(")");
            }
            ExprKind::Greatest(arguments) => self.parenthesized_after("GREATEST", arguments, Self::expr),
            ExprKind::Least(arguments) => self.parenthesized_after("LEAST", arguments, Self::expr),
            ExprKind::Row(row) => {
                self.put_if(row.explicit, "ROW");
                self.parenthesized(&row.fields, Self::expr);
            }
            ExprKind::Array(elements) => {
                self.put("ARRAY");
                self.array_elements(elements);
            }
            ExprKind::ArrayQuery(query) => {
                self.put("ARRAY");
                self.subquery(query);
            }
            ExprKind::Exists(query) => {
                self.put("EXISTS ");
                self.subquery(query);
            }
            ExprKind::Subquery(query) => self.subquery(query),
            ExprKind::Value(function) => self.value_function(*function),
            ExprKind::Grouping(arguments) => self.parenthesized_after("GROUPING", arguments, Self::expr),
            ExprKind::Default => self.put("DEFAULT"),
            ExprKind::CurrentOf(cursor) => {
                self.put("CURRENT OF ");
                self.name(cursor);
            }
        }
    }

    fn array_elements(&mut self, elements: &[Expr]) {
        self.put("[");
        self.exprs(elements);
        self.put("]");
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Null => self.put("NULL"),
            Literal::Boolean(true) => self.put("true"),
            Literal::Boolean(false) => self.put("false"),
            Literal::Integer(value) => self.number(value),
            Literal::Number(digits) => self.put(digits),
            Literal::String(text) => self.string(text),
            Literal::Bits(digits) => {
                self.put("B");
                self.string(digits);
            }
            Literal::HexBits(digits) => {
                self.put("X");
                self.string(digits);
            }
        }
    }

    fn indirection(&mut self, of: &Expr, steps: &[Indirection]) {
        let is_bare = match &of.kind {
            ExprKind::Parameter(_) | ExprKind::Subquery(_) => true,
            ExprKind::Column(_) => matches!(steps.first(), Some(Indirection::Index(_) | Indirection::Slice(..))),
            _ => false,
        };
        self.put_if(!is_bare, "(");
        self.expr(of);
        self.put_if(!is_bare, ")");
        self.indirection_steps(steps);
    }

    pub(super) fn indirection_steps(&mut self, steps: &[Indirection]) {
        for step in steps {
            match step {
                Indirection::Field(name) => {
                    self.put(".");
                    self.name(name);
                }
                Indirection::Star => self.put(".*"),
                Indirection::Index(index) => {
                    self.put("[");
                    self.expr(index);
                    self.put("]");
                }
                Indirection::Slice(lower, upper) => {
                    self.put("[");
                    self.after("", lower.as_ref(), Self::expr);
                    self.put(" : ");
                    self.after("", upper.as_ref(), Self::expr);
                    self.put("]");
                }
            }
        }
    }

    fn is_test(&mut self, is: &Is) {
        self.operand(&is.operand);
        self.put(if is.negated { " IS NOT " } else { " IS " });
        self.put(match is.test {
            IsTest::Null => "NULL",
            IsTest::True => "TRUE",
            IsTest::False => "FALSE",
            IsTest::Unknown => "UNKNOWN",
            IsTest::Normalized(NormalForm::Nfc) => "NFC NORMALIZED",
            IsTest::Normalized(NormalForm::Nfd) => "NFD NORMALIZED",
            IsTest::Normalized(NormalForm::Nfkc) => "NFKC NORMALIZED",
            IsTest::Normalized(NormalForm::Nfkd) => "NFKD NORMALIZED",
        });
    }

    fn quantified(&mut self, quantified: &Quantified) {
        self.operand(&quantified.left);
        self.put(" ");
        match (&*quantified.operator.symbol, quantified.operator.schema.is_empty()) {
            ("~~", true) => self.put("LIKE"),
            ("!~~", true) => self.put("NOT LIKE"),
            ("~~*", true) => self.put("ILIKE"),
            ("!~~*", true) => self.put("NOT ILIKE"),
            _ => self.operator(&quantified.operator),
        }
        self.put(match quantified.quantifier {
            Quantifier::Any => " ANY ",
            Quantifier::All => " ALL ",
        });
        match &quantified.right {
            QuantifiedSet::Query(query) => self.subquery(query),
            QuantifiedSet::Array(array) => {
                self.put("(");
                self.expr(array);
                self.put(")");
            }
        }
    }

    fn case(&mut self, case: &Case) {
        self.put("CASE");
        self.after(" ", case.operand.as_ref(), Self::expr);
        for branch in &case.branches {
            self.put(" WHEN ");
            self.expr(&branch.when);
            self.put(" THEN ");
            self.expr(&branch.then);
        }
        self.after(" ELSE ", case.otherwise.as_ref(), Self::expr);
        self.put(" END");
    }

    fn value_function(&mut self, function: ValueFunction) {
        use ValueFunction::*;
        let (name, precision) = match function {
            CurrentDate => ("CURRENT_DATE", None),
            CurrentTime(precision) => ("CURRENT_TIME", precision),
            CurrentTimestamp(precision) => ("CURRENT_TIMESTAMP", precision),
            LocalTime(precision) => ("LOCALTIME", precision),
            LocalTimestamp(precision) => ("LOCALTIMESTAMP", precision),
            CurrentRole => ("CURRENT_ROLE", None),
            CurrentUser => ("CURRENT_USER", None),
            User => ("USER", None),
            SessionUser => ("SESSION_USER", None),
            CurrentCatalog => ("CURRENT_CATALOG", None),
            CurrentSchema => ("CURRENT_SCHEMA", None),
        };
        self.put(name);
        self.after("(", precision.as_ref(), |printer, precision| {
            printer.number(precision);
            printer.put(")");
        });
    }

    // Calls

    pub(super) fn call(&mut self, call: &Call) {
        if let Some(name) = sql_name(call) {
            let arguments: Vec<&Expr> = call.arguments.iter().map(|argument| &argument.value).collect();
            return self.sql_call(name, &arguments);
        }
        self.application(call);
        if call.within_group {
            self.put(" WITHIN GROUP (");
            self.order_by("", &call.order_by);
            self.put(")");
        }
        self.after(" FILTER (WHERE ", call.filter.as_ref(), |printer, filter| {
            printer.expr(filter);
            printer.put(")");
        });
        match &call.over {
            None => {}
            Some(Over::Window(name)) => {
                self.put(" OVER ");
                self.name(name);
            }
            Some(Over::Spec(spec)) => {
                self.put(" OVER ");
                self.window_spec(spec);
            }
        }
    }

    pub(super) fn application(&mut self, call: &Call) {
        self.qualified_name(&call.name);
        self.put("(");
        self.put_if(call.star, "*");
        self.put_if(call.distinct, "DISTINCT ");
        let last = call.arguments.len().wrapping_sub(1);
        for (index, argument) in call.arguments.iter().enumerate() {
            self.put_if(index > 0, ", ");
            self.put_if(call.variadic && index == last, "VARIADIC ");
            if let Some(name) = &argument.name {
                self.name(name);
                self.put(" => ");
            }
            self.expr(&argument.value);
        }
        if !call.within_group {
            self.order_by(" ", &call.order_by);
        }
        self.put(")");
    }

    fn sql_call(&mut self, name: &str, arguments: &[&Expr]) {
        match (name, arguments) {
            ("timezone", [zone, value]) => {
                self.operand(value);
                self.put(" AT TIME ZONE ");
                self.operand(zone);
            }
            ("overlaps", [a, b, c, d]) => {
                self.worded(&[("(", a), (", ", b), (") OVERLAPS (", c), (", ", d)]);
            }
            ("extract", [field, value]) => self.worded(&[("EXTRACT(", field), (" FROM ", value)]),
            ("normalize", [value]) => self.worded(&[("NORMALIZE(", value)]),
            ("normalize", [value, Expr { kind: ExprKind::Literal(Literal::String(form)), .. }]) => {
                self.put("NORMALIZE(");
                self.expr(value);
                self.put(", ");
                self.put(form);
                self.put(")");
            }
            ("overlay", [value, new, from]) => {
                self.worded(&[("OVERLAY(", value), (" PLACING ", new), (" FROM ", from)]);
            }
            ("overlay", [value, new, from, length]) => {
                self.worded(&[("OVERLAY(", value), (" PLACING ", new), (" FROM ", from), (" FOR ", length)]);
            }
            ("position", [hay, needle]) => {
                self.put("POSITION(");
                self.operand(needle);
                self.put(" IN ");
                self.operand(hay);
                self.put(")");
            }
            ("substring", [value, from]) => self.worded(&[("SUBSTRING(", value), (" FROM ", from)]),
            ("substring", [value, from, length]) => {
                self.worded(&[("SUBSTRING(", value), (" FROM ", from), (" FOR ", length)]);
            }
            ("pg_collation_for", [value]) => self.worded(&[("COLLATION FOR (", value)]),
            _ => {
                self.put(match name {
                    "ltrim" => "TRIM(LEADING",
                    "rtrim" => "TRIM(TRAILING",
                    _ => "TRIM(BOTH",
                });
                match arguments {
                    [value, characters] => self.worded(&[(" ", characters), (" FROM ", value)]),
                    _ => {
                        self.put(" FROM ");
                        self.list(arguments, |printer, argument| printer.expr(argument));
                        self.put(")");
                    }
                }
            }
        }
    }

    /// Each argument behind its words, and a closing parenthesis.
    fn worded(&mut self, arguments: &[(&str, &Expr)]) {
        for (words, argument) in arguments {
            self.put(words);
            self.expr(argument);
        }
        self.put(")");
    }
}
