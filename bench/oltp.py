#!/usr/bin/env python3
"""Side-by-side OLTP runs with pgbench (and sysbench) against several servers that speak the PostgreSQL protocol.

  ./dev bench oltp --target pg=postgresql://postgres@127.0.0.1:15432/postgres --target ours=postgresql://postgres@127.0.0.1:5432/postgres \
          [--scale 10] [--secs 10] [--reps 3] [--clients 1,8,32] [--load]

The targets run in turn (A B A B ...), the figure is the median, and the last column is the ratio to the first target.
"""
import argparse, re, statistics, subprocess, sys
from urllib.parse import urlparse

def env(dsn):
    u = urlparse(dsn)
    import os
    e = dict(os.environ, PGHOST=u.hostname, PGPORT=str(u.port), PGUSER=u.username or "root", PGDATABASE=u.path.lstrip("/") or "postgres")
    if u.password: e["PGPASSWORD"] = u.password
    return e

def pgbench(dsn, args, timeout):
    p = subprocess.run(["pgbench", *args], env=env(dsn), capture_output=True, text=True, timeout=timeout)
    out = p.stdout + p.stderr
    m = re.search(r"tps = ([0-9.]+) \(without", out) or re.search(r"tps = ([0-9.]+)", out)
    lat = re.search(r"latency average = ([0-9.]+)", out)
    failed = re.search(r"number of failed transactions: (\d+)", out)
    if p.returncode or not m: return None, None, out[-400:]
    return float(m.group(1)), float(lat.group(1)), failed.group(1) if failed else "0"

def main():
    a = argparse.ArgumentParser(); a.add_argument("--target", action="append", required=True)
    a.add_argument("--scale", type=int, default=10); a.add_argument("--secs", type=int, default=10)
    a.add_argument("--reps", type=int, default=3); a.add_argument("--clients", default="1,8,32")
    a.add_argument("--tests", default="select-only,simple-update,tpcb-like"); a.add_argument("--load", action="store_true")
    a.add_argument("--max-tries", default="10")
    o = a.parse_args(); targets = [t.split("=", 1) for t in o.target]
    if o.load:
        for n, d in targets:
            import time; t = time.time()
            p = subprocess.run(["pgbench", "-i", "-q", "-s", str(o.scale)], env=env(d), capture_output=True, text=True)
            print(f"load {n}: {'ok' if p.returncode == 0 else 'FAILED ' + p.stderr[-300:]} {time.time()-t:.1f}s", flush=True)
    print(f"{'test':14} {'clients':>7} " + " ".join(f"{n+' tps':>12} {'ms':>8}" for n, _ in targets) + "  ratio to first")
    for t in o.tests.split(","):
        for c in o.clients.split(","):
            got = {n: [] for n, _ in targets}; lat = {n: [] for n, _ in targets}; err = {}
            for _ in range(o.reps):
                for n, d in targets:
                    tps, l, e = pgbench(d, ["-n", "-M", "prepared", "-b", t, "-c", c, "-j", "2", "-T", str(o.secs), "-s", str(o.scale), "--max-tries", o.max_tries], o.secs + 60)
                    if tps is None: err[n] = e
                    else: got[n].append(tps); lat[n].append(l)
            med = {n: statistics.median(got[n]) if got[n] else 0.0 for n, _ in targets}
            base = med[targets[0][0]]
            print(f"{t:14} {c:>7} " + " ".join(f"{med[n]:12.0f} {statistics.median(lat[n]) if lat[n] else 0:8.2f}" for n, _ in targets)
                  + "  " + " ".join(f"{n}:{med[n]/base:.2f}x" if base else "-" for n, _ in targets[1:]) + ("  ERR " + str(err) if err else ""), flush=True)
main()
