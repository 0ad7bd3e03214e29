"""psycopg 3: parameters and results in text and binary, prepared statements, pipelines, COPY, cursors, notices, errors."""
import datetime as dt
import decimal
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb

from client import dsn, fresh_database, same

database = fresh_database("client_psycopg")

VALUES = [
    ("smallint", 7),
    ("int", -5),
    ("bigint", 2**40),
    ("float4", 1.5),
    ("float8", 1e300),
    ("numeric", decimal.Decimal("123456789.000100")),
    ("bool", True),
    ("text", "añ\n'\"\\"),
    ("varchar(10)", "abc"),
    ("bytea", b"\x00\xff\\"),
    ("date", dt.date(2020, 2, 29)),
    ("time", dt.time(1, 2, 3, 4)),
    ("timestamp", dt.datetime(2020, 1, 2, 3, 4, 5, 678)),
    ("timestamptz", dt.datetime(2020, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone.utc)),
    ("interval", dt.timedelta(days=3, seconds=5, microseconds=7)),
    ("uuid", uuid.UUID(int=5)),
    ("int[]", [1, None, 3]),
    ("text[]", ["a", 'b"c', None]),
    ("numeric[]", [decimal.Decimal("1.5")]),
    ("timestamptz[]", [dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc)]),
]

with psycopg.connect(dsn(database), autocommit=True) as conn:
    for binary in (False, True):
        for ty, value in VALUES:
            cur = conn.cursor(binary=binary)
            mark = "%b" if binary else "%s"
            got = cur.execute(f"SELECT {mark}::{ty}", [value]).fetchone()[0]
            if isinstance(got, dt.datetime) and got.tzinfo:
                got = got.astimezone(dt.timezone.utc)
            same(got, value, f"{ty} binary={binary}")
            same(conn.execute(f"SELECT NULL::{ty}").fetchone()[0], None)
    same(conn.execute("SELECT %s", [Jsonb({"a": [1, None]})]).fetchone()[0], {"a": [1, None]})
    same(conn.execute("SELECT '{\"b\": 1}'::json").fetchone()[0], {"b": 1})

    # A statement that is run often is prepared by the driver.
    for i in range(12):
        same(conn.execute("SELECT %s::int + 1", [i], prepare=True).fetchone()[0], i + 1)
    same(conn.info.server_version // 10000, 15)
    same(conn.info.parameter_status("standard_conforming_strings"), "on")

    conn.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    info = EnumInfo.fetch(conn, "mood")
    same(list(info.labels), ["sad", "ok"])
    register_enum(info, conn)
    same(conn.execute("SELECT 'ok'::mood").fetchone()[0].name, "ok")
    same([m.name for m in conn.execute("SELECT '{sad,ok}'::mood[]").fetchone()[0]], ["sad", "ok"])

    conn.execute("CREATE TABLE t (id serial PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now(), n int)")
    cur = conn.cursor(row_factory=dict_row)
    row = cur.execute("INSERT INTO t (name) VALUES (%s) RETURNING *", ["x"]).fetchone()
    same((row["id"], row["name"], row["n"]), (1, "x", None))
    cur = conn.cursor()
    cur.executemany("INSERT INTO t (name, n) VALUES (%s, %s)", [(f"n{i}", i) for i in range(100)])
    same(cur.rowcount, 100)
    cur.executemany("INSERT INTO t (name, n) VALUES (%s, %s) RETURNING id", [("r", 1), ("r", 2)], returning=True)
    same(cur.fetchone(), (102,))
    same(cur.nextset(), True)
    same(cur.fetchone(), (103,))

    with conn.cursor().copy("COPY t (name, n) FROM STDIN") as copy:
        for i in range(1000):
            copy.write_row((f"c{i}\t\\", i))
    with conn.cursor().copy("COPY t (name, n) FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "int4"])
        copy.write_row(("binary", 5))
        copy.write_row((None if False else "binary", None))
    with conn.cursor().copy("COPY (SELECT name, n FROM t WHERE name LIKE 'c%' ORDER BY n) TO STDOUT") as copy:
        copy.set_types(["text", "int4"])
        rows = list(copy.rows())
    same((len(rows), rows[1]), (1000, ("c1\t\\", 1)))
    with conn.cursor().copy("COPY (SELECT name, n FROM t WHERE name = 'binary' ORDER BY id) TO STDOUT (FORMAT BINARY)") as copy:
        copy.set_types(["text", "int4"])
        same(list(copy.rows()), [("binary", 5), ("binary", None)])

    with conn.pipeline():
        one = conn.execute("SELECT 1")
        two = conn.execute("SELECT %s::text", ["b"])
    same((one.fetchone(), two.fetchone()), ((1,), ("b",)))
    try:
        with conn.pipeline() as pipeline:
            conn.execute("INSERT INTO t (name, n) VALUES ('lost', -1)")
            conn.execute("SELECT 1/0")
            pipeline.sync()
    except psycopg.errors.DivisionByZero:
        pass
    else:
        raise SystemExit("an error in a pipeline went unnoticed")
    same(conn.execute("SELECT count(*) FROM t WHERE name = 'lost'").fetchone()[0], 0)

    stream = conn.cursor().stream("SELECT generate_series(1, 5)")
    same([row[0] for row in stream], [1, 2, 3, 4, 5])

    for statement, error in [
        ("SELECT * FROM nosuch", psycopg.errors.UndefinedTable),
        ("SELECT nosuch FROM t", psycopg.errors.UndefinedColumn),
        ("INSERT INTO t (id, name) VALUES (1, 'x')", psycopg.errors.UniqueViolation),
        ("INSERT INTO t (name) VALUES (NULL)", psycopg.errors.NotNullViolation),
        ("SELECT 'x'::int", psycopg.errors.InvalidTextRepresentation),
        ("SELEC 1", psycopg.errors.SyntaxError),
    ]:
        try:
            conn.execute(statement)
        except error as raised:
            same(bool(raised.diag.message_primary), True)
            if error is psycopg.errors.UniqueViolation:
                same((raised.diag.constraint_name, raised.diag.table_name, raised.diag.schema_name), ("t_pkey", "t", "public"))
        else:
            raise SystemExit(f"{statement} succeeded")

    notices = []
    conn.add_notice_handler(lambda diag: notices.append(diag.message_primary))
    conn.execute("DROP TABLE IF EXISTS nosuch")
    same(notices, ['table "nosuch" does not exist, skipping'])

with psycopg.connect(dsn(database)) as conn:
    conn.execute("SELECT 1")
    same(conn.info.transaction_status.name, "INTRANS")
    try:
        with conn.transaction():
            conn.execute("INSERT INTO t (name, n) VALUES ('undone', 1)")
            raise psycopg.Rollback
    except psycopg.Rollback:
        pass
    with conn.transaction():
        conn.execute("INSERT INTO t (name, n) VALUES ('kept', 1)")
        with conn.transaction():
            conn.execute("SAVEPOINT x")
    same(conn.execute("SELECT name FROM t WHERE name IN ('kept', 'undone')").fetchall(), [("kept",)])
    with conn.cursor("named", scrollable=True) as cur:
        cur.execute("SELECT n FROM t WHERE name LIKE 'n%' ORDER BY n")
        same(cur.fetchmany(3), [(0,), (1,), (2,)])
        same(len(cur.fetchall()), 97)
    conn.rollback()
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    conn.read_only = True
    same(conn.execute("SHOW transaction_isolation").fetchone()[0], "repeatable read")
    try:
        conn.execute("INSERT INTO t (name) VALUES ('x')")
    except psycopg.errors.ReadOnlySqlTransaction:
        conn.rollback()
    else:
        raise SystemExit("a read-only transaction wrote")
    conn.read_only = False
    name = sql.Identifier("t")
    same(conn.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchone()[0] > 1000, True)

print("psycopg: ok")
