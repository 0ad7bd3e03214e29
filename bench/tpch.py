#!/usr/bin/env python3
"""TPC-H over the PostgreSQL protocol: load, run the 22 queries, check every answer against DuckDB, compare the times.

  pip install duckdb tpchgen-cli 'psycopg[binary]'
  ./dev bench tpch --dsn postgresql://postgres@127.0.0.1:5432/postgres [--queries DIR] [--sf 1] [--dir /tmp/tpch] [--load] [--only 1,6] [--reps 3] [--threads 2] [--timeout 60] [--peer DSN]

DIR holds q1.sql .. q22.sql, the standard texts (default: those the fetched crate datafusion-distributed ships in testdata/tpch/queries).
Exit status 0 when every answer is right. Times are the best of --reps, DuckDB's from the same run on --threads threads.
"""
import argparse, decimal, glob, os, subprocess, sys, time
import duckdb, psycopg

TABLES = "region nation supplier customer part partsupp orders lineitem".split()
DDL = {
"region": "r_regionkey integer primary key, r_name varchar(25) not null, r_comment varchar(152)",
"nation": "n_nationkey integer primary key, n_name varchar(25) not null, n_regionkey integer not null, n_comment varchar(152)",
"supplier": "s_suppkey integer primary key, s_name varchar(25) not null, s_address varchar(40) not null, s_nationkey integer not null, s_phone varchar(15) not null, s_acctbal decimal(15,2) not null, s_comment varchar(101) not null",
"customer": "c_custkey integer primary key, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey integer not null, c_phone varchar(15) not null, c_acctbal decimal(15,2) not null, c_mktsegment varchar(10) not null, c_comment varchar(117) not null",
"part": "p_partkey integer primary key, p_name varchar(55) not null, p_mfgr varchar(25) not null, p_brand varchar(10) not null, p_type varchar(25) not null, p_size integer not null, p_container varchar(10) not null, p_retailprice decimal(15,2) not null, p_comment varchar(23) not null",
"partsupp": "ps_partkey integer not null, ps_suppkey integer not null, ps_availqty integer not null, ps_supplycost decimal(15,2) not null, ps_comment varchar(199) not null, primary key (ps_partkey, ps_suppkey)",
"orders": "o_orderkey bigint primary key, o_custkey integer not null, o_orderstatus varchar(1) not null, o_totalprice decimal(15,2) not null, o_orderdate date not null, o_orderpriority varchar(15) not null, o_clerk varchar(15) not null, o_shippriority integer not null, o_comment varchar(79) not null",
"lineitem": "l_orderkey bigint not null, l_partkey integer not null, l_suppkey integer not null, l_linenumber integer not null, l_quantity decimal(15,2) not null, l_extendedprice decimal(15,2) not null, l_discount decimal(15,2) not null, l_tax decimal(15,2) not null, l_returnflag varchar(1) not null, l_linestatus varchar(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null, l_shipinstruct varchar(25) not null, l_shipmode varchar(10) not null, l_comment varchar(44) not null, primary key (l_orderkey, l_linenumber)",
}

def canon(v):
    if v is None: return None
    if isinstance(v, (int, float, decimal.Decimal)): return float(v)
    return str(v).rstrip()

def same(a, b):
    if len(a) != len(b): return False
    for x, y in zip(a, b):
        if len(x) != len(y): return False
        for p, q in zip(x, y):
            p, q = canon(p), canon(q)
            if isinstance(p, float) and isinstance(q, float):
                if abs(p - q) > 1e-6 * max(1.0, abs(p), abs(q)): return False
            elif p != q: return False
    return True

def run(execute, sql):
    """Runs every statement of a query text (q15 makes a view and drops it) and returns the rows of its SELECT."""
    rows = []
    for part in (p.strip() for p in sql.split(";")):
        body = "\n".join(l for l in part.splitlines() if not l.strip().startswith("--")).strip()
        if not body: continue
        cur = execute(body)
        if body.lower().startswith(("select", "with")): rows = cur.fetchall()
    return rows

def main():
    a = argparse.ArgumentParser(); a.add_argument("--dsn", required=True); a.add_argument("--queries", default=sorted(glob.glob(os.path.expanduser("~/.cargo/registry/src/*/datafusion-distributed-*/testdata/tpch/queries")) or [""])[-1])
    a.add_argument("--peer", default="", help="a second server, PostgreSQL say, loaded and timed beside")
    a.add_argument("--sf", default="1"); a.add_argument("--dir", default="/tmp/tpch"); a.add_argument("--load", action="store_true")
    a.add_argument("--only", default=""); a.add_argument("--reps", type=int, default=3); a.add_argument("--threads", type=int, default=2)
    a.add_argument("--timeout", type=float, default=60)
    o = a.parse_args(); csv = f"{o.dir}/csv{o.sf}"
    if not os.path.exists(f"{csv}/lineitem.csv"): subprocess.run(["tpchgen-cli", "csv", "-s", o.sf, "--output-dir", csv], check=True)
    ref = duckdb.connect(f"{o.dir}/ref{o.sf}.duckdb"); ref.execute(f"set threads={o.threads}")
    if not ref.execute("select count(*) from information_schema.tables where table_name='lineitem'").fetchone()[0]:
        for t in TABLES: ref.execute(f"create table {t} ({DDL[t]})"); ref.execute(f"copy {t} from '{csv}/{t}.csv' (header true)")
    names = {"ours": o.dsn} | ({"peer": o.peer} if o.peer else {})
    cons = {n: psycopg.connect(d, autocommit=True) for n, d in names.items()}
    if o.load:
        for n, con in cons.items():
            for t in TABLES:
                con.execute(f"drop table if exists {t} cascade"); con.execute(f"create table {t} ({DDL[t]})"); s = time.time()
                with con.cursor().copy(f"copy {t} from stdin with (format csv, header true)") as c, open(f"{csv}/{t}.csv", "rb") as f:
                    while b := f.read(1 << 20): c.write(b)
                e = time.time() - s; rows = con.execute(f"select count(*) from {t}").fetchone()[0]
                print(f"load {n} {t:10} {rows:9} rows {e:7.1f} s  {rows/e:9.0f} rows/s", flush=True)
            con.execute("analyze")
    bad = []; cap = o.timeout; total = dict.fromkeys([*cons, "duckdb"], 0.0)
    for q in [int(x) for x in o.only.split(",")] if o.only else range(1, 23):
        sql = open(f"{o.queries}/q{q}.sql").read(); rt = 1e9; line = []
        for _ in range(o.reps): s = time.time(); want = run(ref.execute, sql); rt = min(rt, time.time() - s)
        for n in cons:
            best, note = cap, ""
            try:
                cons[n].execute(f"set statement_timeout = {int(cap*1000)}"); best = 1e9
                for _ in range(o.reps):
                    s = time.time(); got = run(cons[n].execute, sql); best = min(best, time.time() - s)
                if not same(got, want) and not same(sorted(got, key=str), sorted(want, key=str)): note = f"WRONG ANSWER: {len(got)} rows, want {len(want)}"
            except psycopg.Error as e:
                best = cap; note = "ERROR " + str(e).strip().splitlines()[0][:100]
                if cons[n].closed: cons[n] = psycopg.connect(names[n], autocommit=True)
            if n == "ours" and note: bad.append(q)
            total[n] += best; line.append(f"{n} {best*1000:9.1f} ms {note}")
        total["duckdb"] += rt
        print(f"q{q:<3} {'BAD' if q in bad else 'ok '} {'  '.join(line)}  duckdb {rt*1000:8.1f} ms  ours/duckdb {float(line[0].split()[1])/1000/rt:7.1f}x", flush=True)
    print("total (a failed query counts as the timeout): " + ", ".join(f"{n} {v*1000:.0f} ms" for n, v in total.items())
          + f"; ours/duckdb {total['ours']/total['duckdb']:.1f}x" + (f", ours/peer {total['ours']/total['peer']:.2f}x" if o.peer else "") + f"; bad: {bad or 'none'}")
    sys.exit(1 if bad else 0)
main()
