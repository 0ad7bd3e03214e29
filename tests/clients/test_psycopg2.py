"""psycopg2: the simple protocol, client-side parameters, COPY, named cursors, autocommit, enums, errors."""
import datetime as dt
import decimal
import io
import uuid

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from client import dsn, fresh_database, same

conn = psycopg2.connect(dsn(fresh_database("client_psycopg2")))
psycopg2.extras.register_uuid()
cur = conn.cursor()
for ty, value in [
    ("int", 5),
    ("numeric", decimal.Decimal("1.50")),
    ("text", "a'b\\c%"),
    ("bool", False),
    ("bytea", b"\x00\xff"),
    ("date", dt.date(2020, 2, 29)),
    ("timestamp", dt.datetime(2020, 1, 2, 3, 4, 5, 6)),
    ("interval", dt.timedelta(days=1, seconds=2)),
    ("uuid", uuid.UUID(int=7)),
    ("int[]", [1, 2]),
    ("text[]", ["a", "b,c"]),
    ("float8", 0.1),
]:
    cur.execute(f"SELECT %s::{ty}", [psycopg2.Binary(value) if ty == "bytea" else value])
    got = cur.fetchone()[0]
    same(bytes(got) if ty == "bytea" else got, value, ty)
cur.execute("SELECT %s::jsonb, '{\"a\": 1}'::json", [psycopg2.extras.Json({"k": [1]})])
same(cur.fetchone(), ({"k": [1]}, {"a": 1}))
cur.execute("CREATE TABLE t (id serial PRIMARY KEY, a text, b int)")
psycopg2.extras.execute_values(cur, "INSERT INTO t (a, b) VALUES %s", [(f"v{i}", i) for i in range(250)])
psycopg2.extras.execute_batch(cur, "UPDATE t SET b = b + 1 WHERE id = %s", [(i,) for i in range(1, 11)])
rows = psycopg2.extras.execute_values(cur, "INSERT INTO t (a) VALUES %s RETURNING id", [("x",), ("y",)], fetch=True)
same(rows, [(251,), (252,)])
conn.commit()
cur.copy_expert("COPY t (a, b) FROM STDIN CSV", io.StringIO('"a,""b",1\n,\n'))
same(cur.rowcount, 2)
out = io.StringIO()
cur.copy_expert("COPY (SELECT a, b FROM t ORDER BY id DESC LIMIT 2) TO STDOUT CSV HEADER", out)
same(out.getvalue(), 'a,b\n,\n"a,""b",1\n')
cur.copy_from(io.StringIO("q\t7\n\\N\t8\n"), "t", columns=("a", "b"))
conn.commit()
with conn.cursor("named", withhold=False) as named:
    named.itersize = 100
    named.execute("SELECT id FROM t ORDER BY id")
    same(sum(1 for _ in named), 256)
with conn.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as by_name:
    by_name.execute("SELECT id, a FROM t WHERE id = 1")
    same(dict(by_name.fetchone()), {"id": 1, "a": "v0"})
try:
    cur.execute("INSERT INTO t (id) VALUES (1)")
except psycopg2.errors.UniqueViolation as error:
    same((error.pgcode, error.diag.constraint_name), ("23505", "t_pkey"))
same(conn.get_transaction_status(), psycopg2.extensions.TRANSACTION_STATUS_INERROR)
try:
    cur.execute("SELECT 1")
except psycopg2.errors.InFailedSqlTransaction:
    conn.rollback()
conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
cur.execute("SHOW transaction_isolation")
same(cur.fetchone()[0], "repeatable read")
conn.rollback()
conn.set_session(readonly=False, autocommit=True)
cur.execute("SELECT 1; SELECT 2")
same(cur.fetchone(), (2,))
cur.callproc("abs", [-4])
same(cur.fetchone(), (4,))
same(conn.server_version // 10000, 15)
same(conn.encoding, "UTF8")
same([d.name for d in cur.description], ["abs"])
print("psycopg2: ok")
