#!/bin/bash
# pg_dump, pg_restore and pg_dumpall: what is dumped can be restored, and dumps to the same again.
# ATOLL_HOST, ATOLL_PORT, ATOLL_USER say where. With ORACLE_PORT set (a PostgreSQL on the same host), dumps also go there
# and come from there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
host=${ATOLL_HOST:-127.0.0.1} user=${ATOLL_USER:-postgres} port=${ATOLL_PORT:-5432}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

at() { # at PORT PROGRAM ARGUMENTS...
    local port=$1 program=$2
    shift 2
    "$program" -h "$host" -p "$port" -U "$user" "$@"
}
query() { # query PORT DATABASE ARGUMENTS...
    local port=$1 database=$2
    shift 2
    at "$port" psql -X -q -v ON_ERROR_STOP=1 -d "$database" "$@" >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
}
fresh() { # fresh PORT DATABASE
    query "$1" postgres -c "SET client_min_messages = error" -c "DROP DATABASE IF EXISTS $2" -c "CREATE DATABASE $2"
}
dump() { # dump PORT DATABASE ARGUMENTS...: without what differs from run to run
    local port=$1 database=$2
    shift 2
    at "$port" pg_dump "$@" "$database" | sed -E '/^\\(un)?restrict /d; /^-- Dumped from/d'
}
same() {
    diff "$1" "$2" >"$work/diff" || { echo "$3:"; head -40 "$work/diff"; exit 1; }
}

query "$port" postgres -c "SET client_min_messages = error" -c "DROP DATABASE IF EXISTS client_dump" \
    -c "DROP DATABASE IF EXISTS client_dump_again" -c "DROP ROLE IF EXISTS dump_writer" -c "DROP ROLE IF EXISTS dump_reader"
query "$port" postgres -c "CREATE ROLE dump_reader" -c "CREATE ROLE dump_writer LOGIN PASSWORD 'x' IN ROLE dump_reader"
fresh "$port" client_dump
query "$port" client_dump -f "$here/dump.sql"

dump "$port" client_dump >"$work/dump.sql"
fresh "$port" client_dump_again
query "$port" client_dump_again -f "$work/dump.sql"
dump "$port" client_dump_again >"$work/again.sql"
same "$work/dump.sql" "$work/again.sql" "a dump, restored, dumps differently"

for how in --inserts "--column-inserts --rows-per-insert=3" "--quote-all-identifiers" "--clean --if-exists"; do
    # shellcheck disable=SC2086
    dump "$port" client_dump $how >"$work/how.sql"
    [ "$how" = "--clean --if-exists" ] || fresh "$port" client_dump_again
    query "$port" client_dump_again -f "$work/how.sql"
    dump "$port" client_dump_again >"$work/again.sql"
    same "$work/dump.sql" "$work/again.sql" "pg_dump $how"
done

dump "$port" client_dump -s >"$work/schema.sql"
grep -q '^COPY' "$work/schema.sql" && { echo "pg_dump -s has data"; exit 1; }
dump "$port" client_dump -t 'app.*' -t parent >"$work/part.sql"
grep -q 'CREATE TABLE public.child' "$work/part.sql" && { echo "pg_dump -t has more"; exit 1; }

at "$port" pg_dump -Fc -f "$work/custom" client_dump
fresh "$port" client_dump_again
at "$port" pg_restore --exit-on-error -d client_dump_again "$work/custom"
dump "$port" client_dump_again >"$work/again.sql"
same "$work/dump.sql" "$work/again.sql" "pg_restore"
at "$port" pg_restore --exit-on-error --clean --if-exists --single-transaction -d client_dump_again "$work/custom"
at "$port" pg_dump -Fd -j 2 -f "$work/directory" client_dump
fresh "$port" client_dump_again
at "$port" pg_restore --exit-on-error -j 2 -d client_dump_again "$work/directory"
dump "$port" client_dump_again >"$work/again.sql"
same "$work/dump.sql" "$work/again.sql" "pg_restore -j"

at "$port" pg_dumpall -g >"$work/roles.sql"
grep -q 'GRANT dump_reader TO dump_writer' "$work/roles.sql"
grep -q "CREATE ROLE dump_writer" "$work/roles.sql"

if [ -n "${ORACLE_PORT:-}" ]; then
    oracle=$ORACLE_PORT
    query "$oracle" postgres -c "SET client_min_messages = error" -c "DROP DATABASE IF EXISTS client_dump" \
        -c "DROP DATABASE IF EXISTS client_dump_again" -c "DROP ROLE IF EXISTS dump_writer" -c "DROP ROLE IF EXISTS dump_reader"
    query "$oracle" postgres -c "CREATE ROLE dump_reader" -c "CREATE ROLE dump_writer LOGIN PASSWORD 'x' IN ROLE dump_reader"
    fresh "$oracle" client_dump
    query "$oracle" client_dump -f "$work/dump.sql"
    # PostgreSQL puts casts and line breaks into what it is given; what it then dumps must be the same from here.
    dump "$oracle" client_dump >"$work/theirs.sql"
    fresh "$port" client_dump_again
    query "$port" client_dump_again -f "$work/theirs.sql"
    dump "$port" client_dump_again >"$work/ours.sql"
    fresh "$oracle" client_dump
    query "$oracle" client_dump -f "$work/ours.sql"
    dump "$oracle" client_dump >"$work/again.sql"
    same "$work/theirs.sql" "$work/again.sql" "a dump of PostgreSQL that went through Atoll"
    query "$oracle" postgres -c "DROP DATABASE client_dump" -c "DROP ROLE dump_writer" -c "DROP ROLE dump_reader"
fi
echo "pg_dump: ok"
