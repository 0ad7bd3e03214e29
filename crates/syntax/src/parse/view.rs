//! Views and materialized views.

use atoll_datum::Result;

use super::Parser;
use super::expression::expr;
use crate::ast::*;
use crate::keyword::Keyword as K;

impl Parser<'_> {
    /// Behind `CREATE [OR REPLACE]`, its persistence, and `[RECURSIVE] VIEW`.
    pub(super) fn create_view(
        &mut self,
        or_replace: bool,
        persistence: Persistence,
        recursive: bool,
    ) -> Result<Statement> {
        let name = self.qualified_name()?;
        let columns = if recursive { self.parenthesized_names()? } else { self.optional_names()? };
        let options = self.optional_storage_options()?;
        self.expect(K::As)?;
        let mut query = self.query()?;
        let check_at = self.at();
        let mut check = None;
        if self.eat(K::With) {
            let local = self.eat(K::Local);
            if !local {
                self.eat(K::Cascaded);
            }
            self.expect_all(&[K::Check, K::Option])?;
            check = Some(if local { CheckOption::Local } else { CheckOption::Cascaded });
        }
        if recursive {
            if check.is_some() {
                return Err(self.unsupported(check_at, "WITH CHECK OPTION not supported on recursive views"));
            }
            query = recursive_query(&name, &columns, query);
        }
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            or_replace,
            persistence,
            columns,
            options,
            query,
            check,
        })))
    }

    /// Behind REFRESH.
    pub(super) fn refresh(&mut self) -> Result<Statement> {
        self.expect_all(&[K::Refresh, K::Materialized, K::View])?;
        let concurrently = self.eat(K::Concurrently);
        let name = self.qualified_name()?;
        let with_data = self.with_data()?;
        Ok(Statement::RefreshMaterializedView(RefreshMaterializedView { name, concurrently, with_data }))
    }
}

/// `WITH RECURSIVE view (columns) AS (query) SELECT columns FROM view`.
fn recursive_query(name: &[Name], columns: &[Name], query: Query) -> Query {
    let at = query.at;
    let table = name.last().cloned().into_iter().collect::<Vec<_>>();
    let targets = columns
        .iter()
        .map(|column| Target { value: expr(ExprKind::Column(vec![column.clone()]), column.at), alias: None })
        .collect();
    let from = TableItem { table: TableName { name: table.clone(), only: false }, alias: None, sample: None };
    let select = Select {
        distinct: None,
        targets,
        into: None,
        from: vec![FromItem::Table(Box::new(from))],
        as_of: None,
        filter: None,
        group_by: Vec::new(),
        group_distinct: false,
        having: None,
        windows: Vec::new(),
    };
    let tables = table
        .into_iter()
        .map(|name| CommonTable {
            name,
            columns: columns.to_vec(),
            materialized: None,
            statement: Statement::Query(Box::new(query.clone())),
            search: None,
            cycle: None,
        })
        .collect();
    let mut outer = Parser::bare_query(QueryBody::Select(Box::new(select)), at);
    outer.with = Some(Box::new(With { recursive: true, tables, at }));
    outer
}
