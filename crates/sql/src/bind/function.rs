//! Which function a name means for its arguments (PostgreSQL's chapter 10.3), and its call.

use std::sync::Arc;

use atoll_datum::builtin::{self, Function as Row, builtin};
use atoll_datum::datum::EnumValue;
use atoll_datum::misc::enums;
use atoll_datum::{Datum, Error, Oid, Result, oid, sqlstate};
use atoll_syntax::ast::{self, At, Name};

use super::aggregate::Given;
use super::candidate::{Candidate, Choice, choose};
use super::cast::{Context, Pathway, pathway, returns_set};
use super::names::{Item, Place, dotted};
use super::row::Shape;
use super::{Binder, relation, syntax_error, type_name, types};
use crate::catalog::INFORMATION_SCHEMA;
use crate::plan::{Body, Call, Expr, ExprKind};
use crate::types::Type;

/// A function as one call would use it.
#[derive(Clone)]
pub(super) struct Signature {
    pub row: &'static Row,
    /// For each argument of the call, which of the function's it is.
    places: Vec<usize>,
    /// So many of the call's last arguments go into the VARIADIC one.
    expanded: Option<usize>,
    defaults: usize,
}

/// A function that was found, and its arguments as it takes them.
pub(super) struct Resolved {
    pub row: &'static Row,
    pub arguments: Vec<Expr>,
    /// Types of `arguments`, without pseudo-types.
    pub types: Vec<Oid>,
    pub result: Oid,
    /// The last argument is an array of the rest.
    pub variadic: bool,
}

pub(super) enum Found {
    Function(Box<Resolved>),
    /// `int4(x)`: a type's name used as a function.
    Cast(Expr, Oid),
}

impl Binder<'_> {
    pub fn function_call(&mut self, call: &ast::Call, at: At) -> Result<Expr> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.expr(&argument.value)?);
        }
        let names = argument_names(call)?;
        let filter = match &call.filter {
            Some(filter) => {
                let filter = self.at_place(Place::Filter, |binder| binder.expr(filter))?;
                Some(self.coerce_to_boolean(filter, "FILTER")?)
            }
            None => None,
        };
        // The ordered arguments of an ordered-set aggregate take part in its resolution.
        let direct = arguments.len();
        if call.within_group {
            for key in &call.order_by {
                arguments.push(self.expr(&key.value)?);
            }
        }
        let given = if call.within_group || (call.distinct && !call.order_by.is_empty()) {
            arguments.clone()
        } else {
            Vec::new()
        };
        let found = self.resolve_function(call, arguments, &names, at)?;
        let resolved = match found {
            Found::Cast(expr, ty) => {
                self.refuse_aggregate_syntax(call, at)?;
                let expr = self.coerce_type(expr, Type::new(ty), Context::Explicit)?;
                return Ok(Expr { at: Some(at.0), ..expr });
            }
            Found::Function(resolved) => *resolved,
        };
        match resolved.row.kind {
            b'a' if call.over.is_some() => self.window_call(call, resolved, filter, at),
            b'a' => self.aggregate_call(call, resolved, Given { arguments: given, direct }, filter, at),
            b'w' => {
                if call.over.is_none() {
                    let message = format!("window function {} requires an OVER clause", call_text(call));
                    return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
                }
                if call.within_group {
                    let message = format!("window function {} cannot have WITHIN GROUP", call_text(call));
                    return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
                }
                self.window_call(call, resolved, filter, at)
            }
            b'p' => {
                let message = format!("{} is a procedure", self.signature_text(call, &resolved.types, &names));
                let hint = "To call a procedure, use CALL.";
                Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).hint(hint).at(at.offset()))
            }
            _ => {
                self.refuse_aggregate_syntax(call, at)?;
                self.plain_call(resolved, at)
            }
        }
    }

    fn plain_call(&mut self, resolved: Resolved, at: At) -> Result<Expr> {
        let Resolved { row, mut arguments, result, variadic, .. } = resolved;
        if let Some(known) = self.tell_enum(row, &mut arguments, result)? {
            return Ok(known);
        }
        let function = self.implementation(row).map_err(|error| error.at(at.offset()))?;
        if let Body::Populate(populate) = function.body
            && !types::is_record(self.catalog, result)
        {
            let message = format!("first argument of {} must be a row type", populate.name);
            return Err(Error::new(sqlstate::DATATYPE_MISMATCH, message));
        }
        let is_set = function.body.is_set();
        if is_set {
            self.check_set_place(&arguments, at)?;
            self.block().has_sets = true;
        }
        let call = Box::new(Call { variadic, ..Call::new(function, arguments) });
        let kind = if is_set { ExprKind::Set(call) } else { ExprKind::Call(call) };
        Ok(Expr::new(kind, result).at(at.0))
    }

    /// `enum_first(NULL::rainbow)` asks the type alone, and a NULL doesn't know its type: these functions are given one
    /// more argument that does. Some: it is this, whatever the arguments are.
    fn tell_enum(&self, row: &Row, arguments: &mut Vec<Expr>, result: Oid) -> Result<Option<Expr>> {
        if !matches!(row.name, "enum_first" | "enum_last" | "enum_range") {
            return Ok(None);
        }
        let Some(argument) = arguments.first() else { return Ok(None) };
        let Some(of) = self.catalog.types.get(&argument.ty.oid).map(|entry| entry.labels.clone()) else {
            return Ok(None);
        };
        if of.labels.is_empty() {
            if row.name != "enum_range" {
                let message = format!("enum {} contains no values", of.name);
                return Err(Error::new(sqlstate::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
            }
            let none = Datum::Array(Arc::new(enums::values(&of, &Datum::Null, &Datum::Null)));
            return Ok(Some(Expr::literal(none, result)));
        }
        let ty = argument.ty;
        arguments.push(Expr::literal(Datum::Enum(EnumValue { of, position: 0 }), ty));
        Ok(None)
    }

    /// Whether a set-returning function may stand here.
    fn check_set_place(&mut self, arguments: &[Expr], at: At) -> Result<()> {
        let refused = |message: String| Error::new(sqlstate::FEATURE_NOT_SUPPORTED, message).at(at.offset());
        let place = self.place();
        match place {
            Place::Select | Place::OrderBy | Place::GroupBy | Place::DistinctOn | Place::SingleValues => Ok(()),
            Place::FromFunction => match arguments.iter().find(|argument| returns_set(argument)) {
                Some(inner) => {
                    let error = Error::new(
                        sqlstate::FEATURE_NOT_SUPPORTED,
                        "set-returning functions must appear at top level of FROM",
                    );
                    Err(error.at(inner.at.map_or(at.offset(), |at| at as usize)))
                }
                None => Ok(()),
            },
            Place::WindowPartition | Place::WindowOrder => Ok(()),
            Place::WindowRange | Place::WindowRows | Place::WindowGroups => {
                Err(refused("set-returning functions are not allowed in window definitions".to_owned()))
            }
            place => Err(refused(format!("set-returning functions are not allowed in {}", place.forbids_text()))),
        }
    }

    fn refuse_aggregate_syntax(&self, call: &ast::Call, at: At) -> Result<()> {
        let name = call_text(call);
        let wrong = |what: &str| {
            let message = format!("{what} specified, but {name} is not an aggregate function");
            Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()))
        };
        if call.star {
            let message = format!("{name}(*) specified, but {name} is not an aggregate function");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
        }
        if call.distinct {
            return wrong("DISTINCT");
        }
        if call.within_group {
            return wrong("WITHIN GROUP");
        }
        if !call.order_by.is_empty() {
            return wrong("ORDER BY");
        }
        if call.filter.is_some() {
            return wrong("FILTER");
        }
        if call.over.is_some() {
            let message = format!("OVER specified, but {name} is not a window function nor an aggregate function");
            return Err(Error::new(sqlstate::WRONG_OBJECT_TYPE, message).at(at.offset()));
        }
        Ok(())
    }

    // -------------------------------------------------------------------------------------------------- resolution

    fn resolve_function(
        &mut self,
        call: &ast::Call,
        arguments: Vec<Expr>,
        names: &[Option<&str>],
        at: At,
    ) -> Result<Found> {
        let inputs: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
        let mut all_names = names.to_vec();
        all_names.resize(inputs.len(), None);
        let candidates = self.candidates(&call.name, inputs.len(), &all_names, !call.variadic)?;
        let exact = |candidate: &&Candidate<Signature>| candidate.arguments == inputs;
        let found = candidates.iter().find(exact).map(|candidate| candidate.of.clone());
        let signature = match found {
            Some(signature) => signature,
            None => {
                if let ([input], [None]) = (inputs.as_slice(), all_names.as_slice())
                    && let Some(target) = self.function_as_cast(&call.name, *input)
                    && let Some(argument) = arguments.first()
                {
                    return Ok(Found::Cast(argument.clone(), target));
                }
                match choose(self.catalog, &inputs, candidates) {
                    Choice::One(signature) => signature,
                    Choice::Ambiguous => {
                        let text = self.signature_text(call, &inputs, names);
                        let message = format!("function {text} is not unique");
                        let hint =
                            "Could not choose a best candidate function. You might need to add explicit type casts.";
                        return Err(Error::new(sqlstate::AMBIGUOUS_FUNCTION, message).hint(hint).at(at.offset()));
                    }
                    Choice::None => return Err(self.missing_function(call, &inputs, names, at)),
                }
            }
        };
        if call.variadic && signature.row.variadic.is_none() {
            return Err(self.missing_function(call, &inputs, names, at));
        }
        self.complete(call, signature, arguments, at).map(|resolved| Found::Function(Box::new(resolved)))
    }

    fn candidates(
        &self,
        name: &[Name],
        count: usize,
        names: &[Option<&str>],
        expand: bool,
    ) -> Result<Vec<Candidate<Signature>>> {
        let (schema, name) = match name {
            [name] => (None, name),
            [schema, name] => (Some(schema), name),
            [_, schema, name] => (Some(schema), name),
            names => {
                let message = format!("improper qualified name (too many dotted names): {}", dotted(names));
                return Err(syntax_error(message, names[0].at));
            }
        };
        if let Some(schema) = schema {
            let of = self.catalog.schema_named(self.scope.session.database, schema.as_str());
            let Some(of) = of else {
                let message = format!("schema \"{schema}\" does not exist");
                return Err(Error::new(sqlstate::INVALID_SCHEMA_NAME, message).at(schema.at.offset()));
            };
            // What clients call in information_schema is kept with the rest.
            if !(types::is_system(of) || of == INFORMATION_SCHEMA && name.as_str().starts_with("_pg_")) {
                return Ok(Vec::new());
            }
        }
        let named = names.iter().any(Option::is_some);
        let mut found: Vec<Candidate<Signature>> = Vec::new();
        for row in builtin().functions_named(name.as_str()) {
            let candidate = if named { by_names(row, names) } else { by_places(row, count, expand) };
            let Some(candidate) = candidate else { continue };
            // Of two that take the same types the one that needs no expansion, then fewer defaults.
            let same = found.iter().position(|other| other.arguments == candidate.arguments);
            match same {
                None => found.push(candidate),
                Some(place) => {
                    let worth = |of: &Signature| (of.expanded.is_some(), of.defaults);
                    if worth(&candidate.of) < worth(&found[place].of) {
                        found[place] = candidate;
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whether `f(x)` is a cast of x to type f.
    fn function_as_cast(&self, name: &[Name], input: Oid) -> Option<Oid> {
        let target = match name {
            [name] => type_name::by_name(self.scope, name.as_str())?,
            [schema, name] => {
                let schema = self.catalog.schema_named(self.scope.session.database, schema.as_str())?;
                type_name::in_schema(self.scope, schema, name.as_str())?
            }
            _ => return None,
        };
        let is_cast = input == oid::UNKNOWN
            || match pathway(self.catalog, input, target, Context::Explicit) {
                Some(Pathway::Relabel) => true,
                Some(Pathway::Text) => {
                    !(types::is_record(self.catalog, input) && types::is_string(self.catalog, target))
                }
                _ => false,
            };
        is_cast.then_some(target)
    }

    /// Puts arguments in their places, fills defaults in, converts, and packs VARIADIC ones.
    fn complete(&mut self, call: &ast::Call, signature: Signature, given: Vec<Expr>, at: At) -> Result<Resolved> {
        let Signature { row, places, expanded, defaults } = signature;
        let mut arguments: Vec<Option<Expr>> = Vec::new();
        for (argument, place) in given.into_iter().zip(&places) {
            if arguments.len() <= *place {
                arguments.resize_with(*place + 1, || None);
            }
            arguments[*place] = Some(argument);
        }
        if defaults > 0 {
            let texts = self.defaults(row)?;
            arguments.resize_with(row.arguments.len(), || None);
            let first = row.arguments.len() - texts.len();
            for (place, default) in texts.into_iter().enumerate() {
                let slot = &mut arguments[first + place];
                if slot.is_none() {
                    *slot = Some(default);
                }
            }
        }
        let arguments: Option<Vec<Expr>> = arguments.into_iter().collect();
        let arguments = arguments.ok_or_else(|| Error::internal("an argument without a value"))?;
        let actual: Vec<Oid> = arguments.iter().map(|argument| argument.ty.oid).collect();
        let mut declared = row.arguments.clone();
        if expanded.is_some() {
            let fixed = declared.len() - 1;
            declared.truncate(fixed);
            declared.resize(arguments.len(), row.variadic);
        }
        let placed = |error: Error| error.at(at.offset());
        let result = self.resolve_polymorphic(&actual, &mut declared, row.result).map_err(placed)?;
        let mut converted = Vec::with_capacity(arguments.len());
        for (argument, ty) in arguments.into_iter().zip(&declared) {
            // Unknown literals that go into `any` are texts.
            let ty = if (argument.ty.oid, *ty) == (oid::UNKNOWN, oid::ANY) { oid::TEXT } else { *ty };
            let argument = match (&argument.kind, ty) {
                (ExprKind::Literal(Datum::Null), oid::ANYELEMENT | oid::ANY) => argument,
                _ => self.coerce_type(argument, Type::new(ty), Context::Implicit)?,
            };
            converted.push(argument);
        }
        let mut variadic = call.variadic;
        if call.variadic && row.variadic == oid::ANY {
            let last = converted.last().map_or(oid::UNKNOWN, |last| last.ty.oid);
            if types::element(self.catalog, last).is_none() && last != oid::UNKNOWN {
                let error = Error::new(sqlstate::DATATYPE_MISMATCH, "VARIADIC argument must be an array");
                return Err(error.at(at.offset()));
            }
        }
        if let Some(count) = expanded.filter(|_| row.variadic != oid::ANY) {
            let rest = converted.split_off(converted.len() - count);
            let element = declared.last().copied().unwrap_or(oid::UNKNOWN);
            let array = types::array_of(self.catalog, element).ok_or_else(|| {
                let message = format!("could not find array type for data type {}", self.type_text(element));
                Error::new(sqlstate::UNDEFINED_OBJECT, message).at(at.offset())
            })?;
            declared.truncate(converted.len());
            declared.push(array);
            let begin = rest.first().and_then(|first| first.at);
            converted.push(Expr {
                kind: ExprKind::Array { elements: rest, nested: false },
                ty: array.into(),
                at: begin,
            });
            variadic = true;
        }
        Ok(Resolved { row, arguments: converted, types: declared, result, variadic })
    }

    fn defaults(&mut self, row: &'static Row) -> Result<Vec<Expr>> {
        let Some(text) = row.default_text else { return Ok(Vec::new()) };
        let parsed = super::parse_stored_expression(&format!("ROW({text})"))?;
        let ast::ExprKind::Row(parsed) = parsed.kind else {
            return Err(Error::internal("default arguments that are not a list"));
        };
        let bind = |field: &ast::Expr| Ok(without_position(self.expr(field)?));
        parsed.fields.iter().map(bind).collect()
    }

    // ----------------------------------------------------------------------------------------------------- messages

    fn signature_text(&self, call: &ast::Call, inputs: &[Oid], names: &[Option<&str>]) -> String {
        let text = |(place, ty): (usize, &Oid)| match names.get(place).copied().flatten() {
            Some(name) => format!("{name} => {}", self.type_text(*ty)),
            None => self.type_text(*ty),
        };
        let inputs: Vec<String> = inputs.iter().enumerate().map(text).collect();
        format!("{}({})", call_text(call), inputs.join(", "))
    }

    fn missing_function(&self, call: &ast::Call, inputs: &[Oid], names: &[Option<&str>], at: At) -> Error {
        let message = format!("function {} does not exist", self.signature_text(call, inputs, names));
        let hint = if call.order_by.len() > 1 && !call.within_group {
            "No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER BY \
             must appear after all regular arguments of the aggregate."
        } else {
            "No function matches the given name and argument types. You might need to add explicit type casts."
        };
        Error::new(sqlstate::UNDEFINED_FUNCTION, message).hint(hint).at(at.offset())
    }

    /// `t.f` as `f(t)`.
    pub fn function_of_row(&mut self, item: &Item, name: &Name, at: At) -> Result<Option<Expr>> {
        let super::names::Whole::Row(ty) = item.whole else { return Ok(None) };
        if ty == oid::RECORD || relation::search_path(self.scope).next().is_none() {
            return Ok(None);
        }
        let candidates = self.candidates(std::slice::from_ref(name), 1, &[None], true)?;
        let Choice::One(signature) = choose(self.catalog, &[ty], candidates) else { return Ok(None) };
        if signature.row.kind != b'f' || signature.row.returns_set {
            return Ok(None);
        }
        let row = self.whole_row(item, at)?;
        let call = plain(vec![name.clone()]);
        let resolved = self.complete(&call, signature, vec![row], at)?;
        self.plain_call(resolved, at).map(Some)
    }

    /// A call of a function by its name in pg_catalog, for syntax that stands for one.
    pub fn named_call(&mut self, name: &str, arguments: Vec<Expr>, at: At) -> Result<Expr> {
        let call = plain(vec![Name::new(name, at)]);
        let names = vec![None; arguments.len()];
        match self.resolve_function(&call, arguments, &names, at)? {
            Found::Function(resolved) => self.plain_call(*resolved, at),
            Found::Cast(expr, ty) => self.coerce_type(expr, Type::new(ty), Context::Explicit),
        }
    }

    /// The call of a function in FROM, with the record it returns.
    pub fn shape_of_call(&mut self, call: &Call) -> Option<Shape> {
        let fields = output_fields(call.function.row);
        if fields.is_empty() {
            return None;
        }
        let actual: Vec<Oid> = call.arguments.iter().map(|argument| argument.ty.oid).collect();
        let declared = call.function.row.arguments.clone();
        let resolve = |(name, ty): (&str, Oid)| {
            let ty = self.resolve_polymorphic(&actual, &mut declared.clone(), ty).ok()?;
            Some((name.into(), Type::new(ty)))
        };
        fields.into_iter().map(resolve).collect::<Option<_>>().map(|fields| Shape { fields })
    }
}

pub(super) fn plain(name: Vec<Name>) -> ast::Call {
    ast::Call {
        name,
        arguments: Vec::new(),
        star: false,
        distinct: false,
        variadic: false,
        order_by: Vec::new(),
        within_group: false,
        filter: None,
        over: None,
        syntax: ast::CallSyntax::Plain,
    }
}

pub(super) fn without_position(mut expr: Expr) -> Expr {
    expr.rewrite(&mut |expr| expr.at = None);
    expr
}

/// As written, for messages.
pub(super) fn call_text(call: &ast::Call) -> String {
    match (call.syntax, call.name.as_slice()) {
        (ast::CallSyntax::Plain, names) => dotted(names),
        (ast::CallSyntax::Sql, names) => dotted(names),
    }
}

fn argument_names(call: &ast::Call) -> Result<Vec<Option<&str>>> {
    let mut names: Vec<Option<&str>> = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        let at = argument.value.at;
        match &argument.name {
            Some(name) if names.contains(&Some(name.as_str())) => {
                let message = format!("argument name \"{name}\" used more than once");
                return Err(syntax_error(message, name.at));
            }
            None if names.iter().any(Option::is_some) => {
                return Err(syntax_error("positional argument cannot follow named argument", at));
            }
            name => names.push(name.as_ref().map(Name::as_str)),
        }
    }
    Ok(names)
}

fn by_places(row: &'static Row, count: usize, expand: bool) -> Option<Candidate<Signature>> {
    let declared = row.arguments.len();
    let places = (0..count).collect();
    if expand && !row.variadic.is_none() && declared <= count {
        let fixed = declared - 1;
        let mut arguments = row.arguments[..fixed].to_vec();
        arguments.resize(count, row.variadic);
        let of = Signature { row, places, expanded: Some(count - fixed), defaults: 0 };
        return Some(Candidate { arguments, of });
    }
    let defaults = declared.checked_sub(count)?;
    if defaults > row.defaults {
        return None;
    }
    let of = Signature { row, places, expanded: None, defaults };
    Some(Candidate { arguments: row.arguments[..count].to_vec(), of })
}

fn by_names(row: &'static Row, names: &[Option<&str>]) -> Option<Candidate<Signature>> {
    let declared = row.arguments.len();
    if !row.variadic.is_none() || names.len() > declared {
        return None;
    }
    let input = |place: &usize| row.modes.get(*place).is_none_or(|mode| matches!(mode, b'i' | b'b' | b'v'));
    let inputs: Vec<&str> = (0..row.names.len()).filter(input).map(|place| row.names[place]).collect();
    let mut places = Vec::with_capacity(names.len());
    for (given, name) in names.iter().enumerate() {
        let place = match name {
            None => given,
            Some(name) => inputs.iter().position(|known| known == name)?,
        };
        if places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    let first_default = declared - row.defaults;
    if (0..first_default).any(|place| !places.contains(&place)) {
        return None;
    }
    let arguments = places.iter().map(|place| row.arguments[*place]).collect();
    let of = Signature { row, expanded: None, defaults: declared - places.len(), places };
    Some(Candidate { arguments, of })
}

/// Names and types of output arguments, if there is more than one or the function returns a table.
fn output_fields(row: &'static builtin::Function) -> Vec<(&'static str, Oid)> {
    let is_output = |place: &usize| matches!(row.modes[*place], b'o' | b'b' | b't');
    let places: Vec<usize> = (0..row.modes.len()).filter(is_output).collect();
    if places.is_empty() || row.result != oid::RECORD {
        return Vec::new();
    }
    let field = |place: usize| (row.names.get(place).copied().unwrap_or(""), row.all_arguments[place]);
    places.into_iter().map(field).collect()
}
