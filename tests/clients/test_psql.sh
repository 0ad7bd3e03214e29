#!/bin/bash
# psql: every backslash command that asks the server runs without an error, and the main ones say what they must.
# ATOLL_HOST, ATOLL_PORT, ATOLL_USER say where.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
host=${ATOLL_HOST:-127.0.0.1} user=${ATOLL_USER:-postgres} port=${ATOLL_PORT:-5432}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
psql() { command psql -X -h "$host" -p "$port" -U "$user" "$@"; }

psql -q -c "SET client_min_messages = error" -c "DROP DATABASE IF EXISTS client_dump" -c "DROP DATABASE IF EXISTS client_dump_again" \
    -c "DROP ROLE IF EXISTS dump_writer" -c "DROP ROLE IF EXISTS dump_reader" \
    -c "CREATE ROLE dump_reader" -c "CREATE ROLE dump_writer LOGIN IN ROLE dump_reader" -c "CREATE DATABASE client_dump" postgres
psql -q -v ON_ERROR_STOP=1 -f "$here/dump.sql" client_dump >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }

failed=0
while IFS= read -r command; do
    [ -n "$command" ] || continue
    if ! psql client_dump <<<"$command" >"$work/out" 2>&1 || grep -q ERROR "$work/out"; then
        echo "$command:"
        cat "$work/out"
        failed=1
    fi
done <<'COMMANDS'
\d
\d+
\d parent
\d+ child
\d+ app.v
\d+ v2
\d+ child_partial
\d+ app.counter
\d app.*
\d *.counter
\d "Odd ""names"""
\dS+ pg_class
\dt+
\dt pg_catalog.*
\dtvs app.*
\di+
\ds+
\dv+
\dv information_schema.*
\dm
\dE
\dn+
\du+
\dg dump_reader
\l+
\df
\df+ lower
\dfa count
\dfw rank
\dft
\dfp
\dfn lower text
\do+ ||
\do - int4
\dT+
\dT mood
\dC+ int4
\dd
\dp
\dp child
\z app.*
\ddp
\dx
\dx+
\db+
\dc+
\dO+
\sv app.v
\sv+ v2
\sf+ lower(text)
\drds
\dy
\dRp
\dRp+
\dRs
\des
\dew
\det
\deu
\dF
\dFd
\dFp
\dFt
\dL+
\dA+
\dAc btree int4
\dAf+ btree int4
\dAo btree int4
\dAp btree int4
\da+ sum
\dD
\dP
\dX
\dl
\lo_list
\dconfig+ search_path
\conninfo
\encoding
\copy parent TO '/dev/null'
\copy (SELECT * FROM child) TO '/dev/null' CSV HEADER
SELECT id AS "Id", name FROM parent ORDER BY id \crosstabview id name
SELECT 1 AS a, NULL AS b \gdesc
SELECT 'SELECT 1' \gexec
COMMANDS

says() { # says COMMAND PATTERN
    psql -c "$1" client_dump >"$work/out" 2>&1
    grep -q -- "$2" "$work/out" || { echo "$1 does not say: $2"; cat "$work/out"; failed=1; }
}
says '\d parent' "nextval('parent_id_seq'::regclass)"
says '\d parent' '"parent_lower" UNIQUE, btree (lower(name))'
says '\d parent' 'TABLE "child" CONSTRAINT "child_parent_id_fkey" FOREIGN KEY (parent_id) REFERENCES parent(id) ON UPDATE RESTRICT ON DELETE CASCADE'
says '\d child' 'generated always as identity'
says '\d child' '"child_partial" btree (qty DESC NULLS LAST) WHERE price > '
says '\d child' '"child_incl" btree (parent_id) INCLUDE (qty)'
says '\d+ parent' 'a name'
says '\d parent_id_seq' 'Owned by: public.parent.id'
says '\dn+' 'app schema'
says '\du' 'dump_writer'
says '\dT+ mood' "happy it's"
says '\dp child' 'dump_writer=w\*/postgres'
says '\ddp' 'dump_reader=r/postgres'
says '\sv app.v' 'CREATE OR REPLACE VIEW app.v AS'
says '\dconfig search_path' '"$user", public'
[ "$failed" = 0 ]
printf 'BEGIN;\nSELECT 1/0;\nROLLBACK;\n\\echo still :ERROR :SQLSTATE\n' | psql -q client_dump >"$work/out" 2>&1
grep -q '^still false 00000$' "$work/out"
echo "psql: ok"
