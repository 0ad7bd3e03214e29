// node-postgres: text and prepared queries, types, pools, cursors, COPY streams, errors, transactions.
const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const { pipeline } = require("node:stream/promises");
const { Readable } = require("node:stream");
const { Client, Pool } = require("pg");
const Cursor = require("pg-cursor");
const QueryStream = require("pg-query-stream");
const { from: copyFrom, to: copyTo } = require("pg-copy-streams");

const where = {
  host: process.env.ATOLL_HOST || "127.0.0.1",
  port: Number(process.env.ATOLL_PORT || 5432),
  user: process.env.ATOLL_USER || "postgres",
  password: process.env.ATOLL_PASSWORD || undefined,
  database: "client_node",
};

function freshDatabase() {
  const at = ["-X", "-q", "-h", where.host, "-p", String(where.port), "-U", where.user, "-v", "ON_ERROR_STOP=1"];
  const env = { ...process.env, PGPASSWORD: where.password || "", PGOPTIONS: "-c client_min_messages=warning" };
  for (const sql of ["DROP DATABASE IF EXISTS client_node", "CREATE DATABASE client_node"]) {
    execFileSync("psql", [...at, "-c", sql, "postgres"], { env });
  }
}

async function main() {
  freshDatabase();
  const client = new Client(where);
  await client.connect();
  const one = async (sql, values) => Object.values((await client.query(sql, values)).rows[0])[0];

  assert.strictEqual(await one("SELECT $1::int + 1", [4]), 5);
  assert.strictEqual(await one("SELECT $1::bigint", ["9007199254740993"]), "9007199254740993");
  assert.strictEqual(await one("SELECT $1::numeric", ["1.50"]), "1.50");
  assert.strictEqual(await one("SELECT $1::float8", [0.1]), 0.1);
  assert.strictEqual(await one("SELECT $1::text", ["ü'\\"]), "ü'\\");
  assert.strictEqual(await one("SELECT $1::bool", [true]), true);
  assert.deepStrictEqual(await one("SELECT $1::jsonb", [{ a: [1, null] }]), { a: [1, null] });
  assert.deepStrictEqual(await one("SELECT $1::int[]", [[1, null, 3]]), [1, null, 3]);
  assert.deepStrictEqual(await one("SELECT $1::text[]", [["a", 'b"c', null]]), ["a", 'b"c', null]);
  assert.deepStrictEqual(await one("SELECT $1::bytea", [Buffer.from([0, 255])]), Buffer.from([0, 255]));
  const day = new Date("2020-01-02T03:04:05.678Z");
  assert.deepStrictEqual(await one("SELECT $1::timestamptz", [day]), day);
  assert.strictEqual((await one("SELECT '1 day 02:03:04'::interval")).hours, 2);
  assert.strictEqual(await one("SELECT $1::uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");

  await client.query("CREATE TABLE t (id serial PRIMARY KEY, name text UNIQUE, n int); CREATE INDEX ON t (n)");
  const inserted = await client.query("INSERT INTO t (name, n) VALUES ($1, $2), ($3, $4) RETURNING *", ["a", 1, "b", 2]);
  assert.deepStrictEqual(inserted.rows, [{ id: 1, name: "a", n: 1 }, { id: 2, name: "b", n: 2 }]);
  assert.strictEqual(inserted.rowCount, 2);
  for (let i = 0; i < 5; i++) {
    const named = await client.query({ name: "by-id", text: "SELECT name FROM t WHERE id = $1", values: [1 + (i % 2)], rowMode: "array" });
    assert.deepStrictEqual(named.rows, [[i % 2 ? "b" : "a"]]);
  }
  const several = await client.query("SELECT 1 AS a; SELECT 2 AS b");
  assert.deepStrictEqual(several.map((r) => r.rows[0]), [{ a: 1 }, { b: 2 }]);
  const fields = (await client.query("SELECT id, name FROM t LIMIT 0")).fields;
  assert.deepStrictEqual(fields.map((f) => [f.name, f.dataTypeID, f.columnID]), [["id", 23, 1], ["name", 25, 2]]);
  assert.deepStrictEqual((await client.query({ text: "SELECT 1::int4 AS x, 2.5::float8 AS y", binary: true })).rows, [{ x: 1, y: 2.5 }]);

  await assert.rejects(client.query("INSERT INTO t (name) VALUES ($1)", ["a"]), (error) => {
    assert.strictEqual(error.code, "23505");
    assert.strictEqual(error.constraint, "t_name_key");
    return true;
  });
  await assert.rejects(client.query("SELECT * FROM nosuch"), { code: "42P01", position: "15" });
  await client.query("BEGIN");
  await client.query("INSERT INTO t (name) VALUES ('undone')");
  await client.query("ROLLBACK");
  assert.strictEqual(await one("SELECT count(*)::int FROM t"), 2);

  await pipeline(Readable.from(Array.from({ length: 5000 }, (_, i) => `row${i}\t${i}\n`)), client.query(copyFrom("COPY t (name, n) FROM STDIN")));
  let bytes = 0;
  for await (const chunk of client.query(copyTo("COPY (SELECT name FROM t) TO STDOUT"))) bytes += chunk.length;
  assert.ok(bytes > 30000);
  const cursor = client.query(new Cursor("SELECT n FROM t WHERE name LIKE $1 ORDER BY n", ["row%"]));
  assert.deepStrictEqual((await cursor.read(3)).map((r) => r.n), [0, 1, 2]);
  assert.strictEqual((await cursor.read(100)).length, 100);
  await cursor.close();
  let streamed = 0;
  for await (const _ of client.query(new QueryStream("SELECT * FROM t", [], { batchSize: 700 }))) streamed++;
  assert.strictEqual(streamed, 5002);
  const notices = [];
  client.on("notice", (notice) => notices.push(notice.message));
  await client.query("DROP TABLE IF EXISTS nosuch");
  assert.deepStrictEqual(notices, ['table "nosuch" does not exist, skipping']);
  await client.end();

  const pool = new Pool({ ...where, max: 4, statement_timeout: 5000 });
  const numbers = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query("SELECT $1::int AS n", [i])));
  assert.deepStrictEqual(numbers.map((r) => r.rows[0].n), Array.from({ length: 40 }, (_, i) => i));
  await assert.rejects(pool.query("SELECT pg_sleep(20)"), { code: "57014" });
  await pool.end();
  console.log("node-postgres: ok");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
