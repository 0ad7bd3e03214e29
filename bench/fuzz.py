#!/usr/bin/env python3
"""Random statements, and what must be true of their answers.

  fuzz.py --dsn postgresql://postgres@127.0.0.1:26257/postgres [--oracle DSN-of-PostgreSQL] [--minutes 5] [--seed N]
  fuzz.py --dsn ... --protocol [--minutes 5]

With an oracle every answer is compared with PostgreSQL's, row by row. Without one, and in addition:
- a query's rows are those where a condition is true, those where it is false and those where it is NULL (TLP);
- a condition that is tested on each row counts as many as one that an index may answer (NoREC);
- a query gives the same with 64 kB of memory for each operator.

--protocol sends random and damaged messages instead, and asks after each round whether the server still answers.

A round is decided by its seed, which is printed with whatever goes wrong. Needs psycopg.
"""
import argparse, decimal, random, socket, struct, sys, time
import psycopg

NUMBERS = ["int", "bigint", "smallint", "numeric"]
TYPES = NUMBERS + ["text", "date", "timestamp", "boolean", "varchar", "uuid", "int[]"]


class Table:
    def __init__(self, name, columns):
        self.name, self.columns = name, columns


class Maker:
    """Makes schemas, rows and queries."""

    def __init__(self, rng):
        self.rng, self.aliases = rng, 0

    def literal(self, ty, null=0.1):
        r = self.rng
        if r.random() < null:
            return f"null::{ty}"
        n = r.choice([0, 1, -1, 2, 3, 5, 7, 10, r.randint(-20, 20), r.randint(-1000, 1000)])
        if ty in ("int", "bigint", "smallint"):
            return f"{n}::{ty}" if n >= 0 else f"({n})::{ty}"
        if ty == "numeric":
            return r.choice([f"{n}.{r.randint(0, 99):02}", f"{n}.0", f"({n})::numeric"]) if n >= 0 else f"({n}.5)"
        if ty in ("text", "varchar"):
            return "'" + r.choice(["", "a", "b", "ab", "abc", "B", "ä", "a b", "%", "x_y", "zz", "aa", " "]) + f"'::{ty}"
        if ty == "date":
            return f"date '2020-01-{r.randint(1, 28):02}'"
        if ty == "timestamp":
            return f"timestamp '2020-01-{r.randint(1, 28):02} {r.choice(['00:00', '12:30', '06:15:01.5'])}'"
        if ty == "boolean":
            return r.choice(["true", "false"])
        if ty == "uuid":
            return f"'00000000-0000-0000-0000-0000000000{r.randint(0, 9):02}'::uuid"
        return "'{" + ",".join(r.choice(["1", "2", "3", "NULL"]) for _ in range(r.randint(0, 3))) + "}'::int[]"

    def schema(self):
        r, statements, tables = self.rng, [], []
        for t in range(r.randint(2, 4)):
            columns = [("id", "int")] + [(f"c{i}", r.choice(TYPES)) for i in range(r.randint(2, 6))]
            table = Table(f"fz{t}", columns)
            body = ", ".join(f"{name} {ty}" + (" primary key" if name == "id" else "") for name, ty in columns)
            statements += [f"drop table if exists {table.name}", f"create table {table.name} ({body})"]
            rows = []
            for i in range(r.choice([0, 1, 5, 30, 120, 400])):
                rows.append("(" + ", ".join([str(i)] + [self.literal(ty, 0.15) for _, ty in columns[1:]]) + ")")
            for at in range(0, len(rows), 100):
                statements.append(f"insert into {table.name} values " + ", ".join(rows[at:at + 100]))
            keyed = [(name, ty) for name, ty in columns if ty != "int[]"]
            for i in range(r.randint(0, 3)):
                keys = r.sample(keyed, min(len(keyed), r.randint(1, 2)))
                parts = ", ".join(name + r.choice(["", "", " desc", " nulls first", " desc nulls last"]) for name, _ in keys)
                where = r.choice(["", "", "", f" where {keys[0][0]} is not null", " where id > 3"])
                statements.append(f"create index on {table.name} ({parts}){where}")
            if r.random() < 0.7:
                statements.append(f"analyze {table.name}")
            tables.append(table)
        return statements, tables

    def alias(self):
        self.aliases += 1
        return f"a{self.aliases}"

    def column(self, scope, ty):
        found = [c for c in scope if c[1] == ty or (ty == "text" and c[1] == "varchar")]
        return self.rng.choice(found)[0] if found else None

    def expr(self, scope, ty, depth):
        r = self.rng
        column = self.column(scope, ty)
        if depth <= 0 or r.random() < 0.25:
            return column if column and r.random() < 0.8 else self.literal(ty)
        e = lambda t: self.expr(scope, t, depth - 1)
        common = [
            lambda: f"case when {e('boolean')} then {e(ty)} else {e(ty)} end",
            lambda: f"coalesce({e(ty)}, {e(ty)})",
            lambda: f"nullif({e(ty)}, {e(ty)})",
        ]
        own = {
            "int": [lambda: f"({e('int')} % 97 + {e('int')} % 89)", lambda: f"length({e('text')})", lambda: f"abs({e('int')} % 1000)",
                    lambda: f"({e('date')} - {e('date')})", lambda: f"extract(day from {e('date')})::int",
                    lambda: f"coalesce(array_length({e('int[]')}, 1), 0)", lambda: f"greatest({e('int')}, {e('int')})"],
            "bigint": [lambda: f"({e('bigint')} % 1000 * ({e('int')} % 100))", lambda: f"{e('int')}::bigint"],
            "smallint": [lambda: f"({e('smallint')} % 10::smallint)"],
            "numeric": [lambda: f"({e('numeric')} + {e('numeric')})", lambda: f"round({e('numeric')}, 1)", lambda: f"({e('numeric')} * {e('int')})",
                        lambda: f"{e('int')}::numeric"],
            "text": [lambda: f"({e('text')} || {e('text')})", lambda: f"upper({e('text')})", lambda: f"substr({e('text')}, {r.randint(1, 3)}, 2)",
                     lambda: f"{e(r.choice(['int', 'date', 'boolean', 'numeric']))}::text", lambda: f"replace({e('text')}, 'a', 'b')"],
            "varchar": [lambda: f"{e('text')}::varchar"],
            "date": [lambda: f"({e('date')} + ({e('int')} % 100))", lambda: f"{e('timestamp')}::date"],
            "timestamp": [lambda: f"({e('timestamp')} + interval '1 day' * ({e('int')} % 10))", lambda: f"date_trunc('day', {e('timestamp')})"],
            "boolean": [lambda: self.condition(scope, depth - 1)],
            "uuid": [], "int[]": [lambda: f"array[{e('int')}, {e('int')}]", lambda: f"({e('int[]')} || {e('int[]')})"],
        }
        return r.choice(common + own[ty] * 2)()

    def condition(self, scope, depth):
        r = self.rng
        ty = r.choice([c[1] for c in scope]) if scope and r.random() < 0.8 else r.choice(TYPES)
        e = lambda t=ty: self.expr(scope, t, depth - 1)
        op = r.choice(["=", "<", "<=", ">", ">=", "<>", "="])
        kinds = [
            lambda: f"{e()} {op} {e()}", lambda: f"{e()} {op} {self.literal(ty)}", lambda: f"{e()} {op} {self.literal(ty)}",
            lambda: f"{e()} is {r.choice(['', 'not '])}null",
            lambda: f"{e()} in ({', '.join(self.literal(ty, 0.05) for _ in range(r.randint(1, 4)))})",
            lambda: f"{e()} between {self.literal(ty)} and {self.literal(ty)}",
            lambda: f"{e()} is {r.choice(['', 'not '])}distinct from {e()}",
            lambda: e('text') + " like '" + r.choice(['a%', '%b', '_', 'a_', '%', 'x\\_%', '']) + "'",
            lambda: f"{e(r.choice(NUMBERS))} {op} {e(r.choice(NUMBERS))}",
            lambda: f"{e('int')} = any({e('int[]')})",
            lambda: e("boolean"),
        ]
        if depth > 0:
            c = lambda: self.condition(scope, depth - 1)
            kinds += [lambda: f"({c()} and {c()})", lambda: f"({c()} or {c()})", lambda: f"not ({c()})"] * 2
            if depth > 1:
                kinds += [lambda: self.exists(scope, depth - 2), lambda: self.member(scope, depth - 2)]
        return "(" + r.choice(kinds)() + ")"

    def exists(self, scope, depth):
        source, own = self.source(depth)
        return f"{self.rng.choice(['', 'not '])}exists (select 1 from {source} where {self.condition(own + scope, depth)})"

    def member(self, scope, depth):
        source, own = self.source(depth)
        ty = self.rng.choice([c[1] for c in own])
        inner = f"select {self.expr(own, ty, 1)} from {source} where {self.condition(own + scope, depth)}"
        return f"{self.expr(scope, ty, 1)} {self.rng.choice(['', 'not '])}in ({inner})"

    def scan(self):
        table, alias = self.rng.choice(self.tables), self.alias()
        return f"{table.name} {alias}", [(f"{alias}.{name}", ty) for name, ty in table.columns]

    def source(self, depth):
        r = self.rng
        if depth > 1 and r.random() < 0.15:
            query, types = self.query(depth - 2)
            alias = self.alias()
            names = [f"x{i}" for i in range(len(types))]
            return f"({query}) {alias} ({', '.join(names)})", [(f"{alias}.{n}", t) for n, t in zip(names, types)]
        text, scope = self.scan()
        while depth > 0 and r.random() < 0.45:
            other, own = self.scan()
            kind = r.choice(["join", "left join", "right join", "full join", "cross join", "join", "left join"])
            if kind == "cross join":
                text = f"{text} cross join {other}"
            else:
                a = r.choice(scope)
                same = [c for c in own if c[1] == a[1]]
                on = f"{a[0]} = {r.choice(same)[0]}" if same else "true"
                if kind != "full join" and r.random() < 0.3:
                    on += f" and {self.condition(scope + own, 1)}"
                text = f"{text} {kind} {other} on {on}"
            scope = scope + own
            depth -= 1
        return text, scope

    def query(self, depth):
        """A query whose rows have no order, and the types of its columns."""
        r = self.rng
        if depth > 1 and r.random() < 0.12:
            types = [r.choice(TYPES) for _ in range(r.randint(1, 2))]
            sides = []
            for _ in range(2):
                source, scope = self.source(1)
                sides.append(f"(select {', '.join(self.expr(scope, t, 1) for t in types)} from {source})")
            return f" {r.choice(['union', 'union all', 'except', 'intersect', 'except all', 'intersect all'])} ".join(sides), types
        source, scope = self.source(depth)
        where = f" where {self.condition(scope, depth)}" if r.random() < 0.7 else ""
        kind = r.random()
        if kind < 0.3:
            keys = r.sample(scope, min(len(scope), r.randint(0, 2)))
            calls, types = [], [t for _, t in keys]
            for _ in range(r.randint(1, 3)):
                of = r.choice(scope)
                choices = [("count(*)", "bigint"), (f"count({of[0]})", "bigint"), (f"count(distinct {of[0]})", "bigint")]
                if of[1] in NUMBERS:
                    choices += [(f"sum({of[0]})", "numeric"), (f"avg({of[0]})", "numeric")]
                if of[1] in NUMBERS + ["text", "date", "timestamp"]:
                    choices += [(f"min({of[0]})", of[1]), (f"max({of[0]})", of[1])]
                if of[1] == "boolean":
                    choices += [(f"bool_and({of[0]})", "boolean")]
                call, ty = r.choice(choices)
                if r.random() < 0.15:
                    call += f" filter (where {self.condition(scope, 1)})"
                calls.append(call)
                types.append(ty)
            outputs = ", ".join([name for name, _ in keys] + [f"({c})::{t}" for c, t in zip(calls, types[len(keys):])])
            group = ""
            if keys:
                names = ", ".join(name for name, _ in keys)
                group = f" group by {names}" if r.random() < 0.8 else f" group by rollup ({names})"
            having = f" having count(*) > {r.randint(0, 3)}" if r.random() < 0.25 else ""
            return f"select {outputs} from {source}{where}{group}{having}", types
        types = [r.choice(TYPES) for _ in range(r.randint(1, 3))]
        outputs = [self.expr(scope, t, 2) for t in types]
        if kind < 0.4:
            part = r.choice(scope)[0]
            order = ", ".join(name for name, ty in scope if name.endswith(".id"))
            order = f"order by {order}" if order else ""
            call = r.choice(["row_number()", "count(*)", "rank()", "dense_rank()"])
            if order and "join" not in source:
                outputs.append(f"{call} over (partition by {part} {order})")
                types.append("bigint")
        distinct = "distinct " if r.random() < 0.2 else ""
        return f"select {distinct}{', '.join(outputs)} from {source}{where}", types

    def statement(self):
        query, types = self.query(3)
        if self.rng.random() < 0.2:
            # All columns decide the order, so that a limit leaves the same rows.
            order = ", ".join(f"{i + 1}{self.rng.choice(['', ' desc', ' nulls first'])}" for i in range(len(types)))
            query = f"select * from ({query}) q order by {order} limit {self.rng.randint(0, 20)}"
        return query


def text(value):
    if value is None:
        return "∅"
    # Which of several equal numbers stands for all of them is not told.
    return format(value.normalize(), "f") if isinstance(value, decimal.Decimal) else str(value)


def run(connection, query):
    """Rows as sorted text, or the SQLSTATE."""
    try:
        rows = connection.execute(query).fetchall()
        return sorted("|".join(text(value) for value in row) for row in rows)
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return error.sqlstate


class Fuzzer:
    def __init__(self, options):
        self.options, self.wrong, self.count = options, 0, 0
        self.until = time.monotonic() + options.minutes * 60
        connect = lambda dsn: psycopg.connect(dsn, autocommit=True, options="-c statement_timeout=20000")
        self.own = connect(options.dsn)
        self.oracle = connect(options.oracle) if options.oracle else None

    def report(self, seed, what, query, a, b):
        self.wrong += 1
        print(f"seed {seed}: {what}\n  {query}\n  own:   {str(a)[:400]}\n  other: {str(b)[:400]}", flush=True)

    def round(self, seed):
        maker = Maker(random.Random(seed))
        statements, maker.tables = maker.schema()
        for statement in statements:
            self.own.execute(statement)
            if self.oracle:
                self.oracle.execute(statement)
        for _ in range(self.options.queries):
            if time.monotonic() > self.until:
                return
            query = maker.statement()
            self.count += 1
            got = run(self.own, query)
            if got == "57014":
                continue
            if isinstance(got, str) and got in ("XX000", "0A000", "XX001"):
                self.report(seed, "an error that must not be", query, got, "")
                continue
            if self.oracle:
                expected = run(self.oracle, query)
                # Which rows an expression fails on is not told, so neither is whether it fails at all.
                fails = [a for a in (got, expected) if isinstance(a, str) and a[:2] in ("22", "57")]
                if got != expected and not fails:
                    self.report(seed, "differs from PostgreSQL", query, got, expected)
                    continue
            self.own.execute("set work_mem = '64kB'")
            small = run(self.own, query)
            self.own.execute("reset work_mem")
            if small != got and not isinstance(got, str) and not isinstance(small, str):
                self.report(seed, "differs with little memory", query, got, small)
            self.ternary(seed, maker)

    def ternary(self, seed, maker):
        source, scope = maker.source(2)
        p = maker.condition(scope, 2)
        parts = [f"select count(*) from {source} where {c}" for c in ("true", p, f"not {p}", f"{p} is null")]
        counts = [run(self.own, part) for part in parts]
        if any(isinstance(count, str) for count in counts):
            return
        whole, *rest = [int(count[0]) for count in counts]
        if whole != sum(rest):
            self.report(seed, "TLP", parts[1], whole, rest)
        each = run(self.own, f"select sum(case when {p} then 1 else 0 end) from {source}")
        if not isinstance(each, str) and (0 if each == ["∅"] else int(each[0])) != rest[0]:
            self.report(seed, "NoREC", parts[1], rest[0], each)

    def close(self):
        for connection in (self.own, self.oracle):
            for t in range(4 if connection else 0):
                connection.execute(f"drop table if exists fz{t}")


def protocol_round(address, rng):
    """One connection that is sent what nobody should send."""
    def message(kind, body):
        return kind + struct.pack(">I", len(body) + 4) + body
    startup = struct.pack(">II", 8 + len(b"user\0postgres\0\0"), 196608) + b"user\0postgres\0\0"
    some = [
        message(b"Q", b"select 1\0"), message(b"P", b"s\0select $1::int\0\0\0"), message(b"B", b"\0s\0\0\0\0\1\0\0\0\x015\0\0"),
        message(b"D", b"Ss\0"), message(b"E", b"\0\0\0\0\0"), message(b"S", b""), message(b"H", b""), message(b"C", b"Ss\0"),
        message(b"Q", b"copy (select 1) to stdout\0"), message(b"d", b"x"), message(b"c", b""), message(b"f", b"no\0"), message(b"X", b""),
        message(b"p", b"secret\0"), message(b"F", b"\0\0\0\1\0\0\0\0\0\0"),
    ]
    s = socket.create_connection(address, timeout=5)
    try:
        if rng.random() < 0.2:
            s.sendall(rng.randbytes(rng.randint(1, 200)))
        else:
            s.sendall(startup)
            data = b"".join(rng.choice(some) for _ in range(rng.randint(1, 20)))
            data = bytearray(data)
            for _ in range(rng.choice([0, 1, 1, 2, 5, 50])):
                data[rng.randrange(len(data))] = rng.randrange(256)
            if rng.random() < 0.3:
                data = data[:rng.randrange(len(data))]
            if rng.random() < 0.1:
                data += message(b"Q", rng.randbytes(rng.randint(0, 5000)))
            s.sendall(data)
        s.settimeout(0.02)
        try:
            while s.recv(65536):
                pass
        except (TimeoutError, ConnectionError):
            pass
    except (ConnectionError, TimeoutError):
        pass
    finally:
        s.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--oracle")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--protocol", action="store_true")
    options = parser.parse_args()
    seed = options.seed or random.SystemRandom().randrange(1 << 32)
    print(f"first seed {seed}", flush=True)
    if options.protocol:
        until = time.monotonic() + options.minutes * 60
        info = psycopg.conninfo.conninfo_to_dict(options.dsn)
        address, connections = (info["host"], int(info.get("port", 5432))), 0
        while time.monotonic() < until:
            rng = random.Random(seed)
            for _ in range(200):
                protocol_round(address, rng)
                connections += 1
            with psycopg.connect(options.dsn, connect_timeout=5) as connection:
                assert connection.execute("select 1").fetchone() == (1,), f"seed {seed}"
            seed += 1
        print(f"{connections} connections, and the server answers")
        return 0
    fuzzer, rounds = Fuzzer(options), 0
    while time.monotonic() < fuzzer.until:
        fuzzer.round(seed)
        seed, rounds = seed + 1, rounds + 1
        if options.seed:
            break
    fuzzer.close()
    print(f"{fuzzer.count} queries over {rounds} schemas, {fuzzer.wrong} wrong")
    return 1 if fuzzer.wrong else 0


sys.exit(main())
