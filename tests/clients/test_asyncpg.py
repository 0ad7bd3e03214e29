"""asyncpg: binary everywhere, introspection of types, prepared statements, cursors, COPY, pools, transactions."""
import asyncio
import datetime as dt
import decimal
import uuid

import asyncpg

from client import HOST, PASSWORD, PORT, USER, fresh_database, same

WHERE = dict(host=HOST, port=int(PORT), user=USER, password=PASSWORD or None, database=fresh_database("client_asyncpg"))

VALUES = [
    ("int2", 1),
    ("int4", -1),
    ("int8", 2**50),
    ("float4", 0.5),
    ("float8", 0.1),
    ("numeric", decimal.Decimal("-12345.6789")),
    ("bool", True),
    ("text", "ü'"),
    ("varchar", "v"),
    ("bytea", b"\x00\x01"),
    ("date", dt.date(1999, 12, 31)),
    ("time", dt.time(23, 59, 59, 5)),
    ("timetz", dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))),
    ("timestamp", dt.datetime(2001, 2, 3, 4, 5, 6, 7)),
    ("timestamptz", dt.datetime(2001, 2, 3, 4, 5, 6, 7, tzinfo=dt.timezone.utc)),
    ("interval", dt.timedelta(days=40, seconds=3)),
    ("uuid", uuid.UUID(int=9)),
    ("json", '{"a": 1}'),
    ("jsonb", '{"a": 1}'),
    ("int4[]", [[1, 2], [3, None]]),
    ("text[]", ["x", None]),
    ("uuid[]", [uuid.UUID(int=3)]),
    ("oid", 5),
]


async def main():
    conn = await asyncpg.connect(**WHERE)
    for ty, value in VALUES:
        same(await conn.fetchval(f"SELECT $1::{ty}", value), value, ty)
        same(await conn.fetchval(f"SELECT $1::{ty}", None), None, ty)
    await conn.execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE t (id bigserial PRIMARY KEY, m mood, ms mood[], n int)")
    await conn.execute("INSERT INTO t (m, ms, n) VALUES ($1, $2, $3)", "ok", ["sad", "ok"], 1)
    row = await conn.fetchrow("SELECT * FROM t WHERE m = $1", "ok")
    same((row["m"], row["ms"]), ("ok", ["sad", "ok"]))
    same(await conn.fetchval("SELECT ROW(1, 'a'::text, NULL::int)"), (1, "a", None))
    same(tuple(await conn.fetchval("SELECT t FROM t")), (1, "ok", ["sad", "ok"], 1))
    statement = await conn.prepare("SELECT n, m FROM t WHERE n = $1")
    same([a.name for a in statement.get_attributes()], ["n", "m"])
    same([p.name for p in statement.get_parameters()], ["int4"])
    await conn.executemany("INSERT INTO t (n) VALUES ($1)", [(i,) for i in range(2, 200)])
    async with conn.transaction(isolation="serializable", readonly=True):
        cursor = await conn.cursor("SELECT n FROM t ORDER BY n")
        same([r["n"] for r in await cursor.fetch(3)], [1, 2, 3])
        await cursor.forward(2)
        same((await cursor.fetchrow())["n"], 6)
        same([r["n"] async for r in conn.cursor("SELECT n FROM t ORDER BY n LIMIT 120", prefetch=7)][-1], 120)
    try:
        async with conn.transaction():
            async with conn.transaction():
                await conn.execute("INSERT INTO t (n) VALUES (-1)")
            raise RuntimeError
    except RuntimeError:
        pass
    same(await conn.fetchval("SELECT count(*) FROM t WHERE n < 0"), 0)
    same(await conn.copy_records_to_table("t", records=[(1000, "ok"), (1001, None)], columns=["n", "m"]), "COPY 2")
    chunks = []

    async def sink(data):
        chunks.append(bytes(data))

    same(await conn.copy_from_query("SELECT n, m FROM t WHERE n >= $1 ORDER BY n", 1000, output=sink), "COPY 2")
    same(b"".join(chunks), b"1000\tok\n1001\t\\N\n")
    try:
        await conn.fetch("SELECT 1/0")
    except asyncpg.DivisionByZeroError:
        pass
    # A plan that a definition made stale is made again by the driver.
    await conn.execute("ALTER TABLE t ADD COLUMN later text")
    same(len(await conn.fetchrow("SELECT * FROM t LIMIT 1")), 5)
    try:
        await conn.execute("SELECT pg_sleep(10)", timeout=0.3)
    except asyncio.TimeoutError:
        pass
    same(await conn.fetchval("SELECT 1"), 1)
    await conn.set_type_codec("jsonb", encoder=str, decoder=lambda text: "j" + text, schema="pg_catalog")
    same(await conn.fetchval("SELECT '1'::jsonb"), "j1")
    await conn.close()
    async with asyncpg.create_pool(min_size=1, max_size=4, **WHERE) as pool:

        async def add(number):
            async with pool.acquire() as pooled:
                return await pooled.fetchval("SELECT $1::int * 2", number)

        same(await asyncio.gather(*[add(i) for i in range(30)]), [i * 2 for i in range(30)])


asyncio.run(main())
print("asyncpg: ok")
