#!/usr/bin/env bash
# Starts and stops the peers that the project is measured against, on loopback, data under $PEERS (default /tmp/peers).
#   bench/peers.sh install            Debian + PyPI packages
#   bench/peers.sh start pg           PostgreSQL 15, one node, port 15432
#   bench/peers.sh start pgsync       PostgreSQL 15 primary (15532) with two standbys, synchronous quorum ANY 1
#   bench/peers.sh start etcd3        etcd, three members, client ports 12379 22379 32379 (then: etcdctl --endpoints … check perf --load=xl)
#   bench/peers.sh start galera3      MariaDB Galera, three nodes, ports 11306 12306 13306
#   bench/peers.sh stop NAME
set -euo pipefail
PEERS=${PEERS:-/tmp/peers}; mkdir -p "$PEERS"
PGBIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1 || true)
aspg() { su postgres -s /bin/bash -c "$*"; }
pgconf='-c shared_buffers=2GB -c max_wal_size=4GB -c max_connections=300 -c fsync=on -c synchronous_commit=on -c unix_socket_directories=/tmp'
case "${1:-}" in
install)
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends sysbench postgresql-15 postgresql-contrib postgresql-client-15 etcd-server etcd-client mariadb-server galera-4 rsync iproute2 >/dev/null
  pip install -q duckdb tpchgen-cli 'psycopg[binary]' sqlalchemy asyncpg ;;
start) case "$2" in
  pg)
    d=$PEERS/pg; if [ ! -d "$d" ]; then mkdir -p "$d"; chown postgres "$d"; aspg "$PGBIN/initdb -A trust -D $d" >/dev/null; fi
    aspg "$PGBIN/pg_ctl -D $d -w -l $d/log -o '-p 15432 $pgconf' start" ;;
  pgsync)
    d=$PEERS/pgsync; mkdir -p "$d"; chown postgres "$d"
    if [ ! -d "$d/a" ]; then
      aspg "$PGBIN/initdb -A trust -D $d/a" >/dev/null
      echo "host replication all 127.0.0.1/32 trust" >> "$d/a/pg_hba.conf"
      aspg "$PGBIN/pg_ctl -D $d/a -w -l $d/a.log -o '-p 15532 $pgconf -c wal_level=replica -c max_wal_senders=8' start"
      for s in b c; do aspg "$PGBIN/pg_basebackup -h 127.0.0.1 -p 15532 -D $d/$s -R -d 'application_name=$s host=127.0.0.1 port=15532'"; done
      aspg "$PGBIN/pg_ctl -D $d/a -w stop"
    fi
    aspg "$PGBIN/pg_ctl -D $d/a -w -l $d/a.log -o '-p 15532 $pgconf' start"
    p=15533; for s in b c; do aspg "$PGBIN/pg_ctl -D $d/$s -w -l $d/$s.log -o '-p $p $pgconf' start"; p=$((p+1)); done
    aspg "psql -h 127.0.0.1 -p 15532 -c \"alter system set synchronous_standby_names='ANY 1 (b,c)'\" -c 'select pg_reload_conf()'" >/dev/null ;;
  etcd3)
    for i in 1 2 3; do
      nohup etcd --name n$i --data-dir "$PEERS/etcd$i" --listen-client-urls http://127.0.0.1:${i}2379 --advertise-client-urls http://127.0.0.1:${i}2379 \
        --listen-peer-urls http://127.0.0.1:${i}2380 --initial-advertise-peer-urls http://127.0.0.1:${i}2380 --initial-cluster-token t \
        --initial-cluster n1=http://127.0.0.1:12380,n2=http://127.0.0.1:22380,n3=http://127.0.0.1:32380 --initial-cluster-state new --log-level error >"$PEERS/etcd$i.log" 2>&1 &
      echo $! >"$PEERS/etcd$i.pid"; done; sleep 4; etcdctl --endpoints http://127.0.0.1:12379,http://127.0.0.1:22379,http://127.0.0.1:32379 endpoint health ;;
  galera3) rm -rf "$PEERS"/galera?
    for i in 1 2 3; do d=$PEERS/galera$i; [ -d "$d" ] || { mkdir -p "$d"; chown mysql "$d"; mariadb-install-db --user=mysql --datadir="$d" >/dev/null 2>&1; }
      addr=gcomm://127.0.0.1:11567,127.0.0.1:12567,127.0.0.1:13567; [ $i = 1 ] && addr=gcomm://
      nohup mariadbd --no-defaults --user=mysql --datadir="$d" --port=1${i}306 --socket=/tmp/galera$i.sock --bind-address=127.0.0.1 --innodb-buffer-pool-size=1G \
        --binlog-format=ROW --innodb-autoinc-lock-mode=2 --innodb-flush-log-at-trx-commit=1 --wsrep-on=1 --wsrep-provider=/usr/lib/galera/libgalera_smm.so --wsrep-cluster-address=$addr \
        --wsrep-node-address=127.0.0.1:1${i}567 --wsrep-provider-options="base_port=1${i}567;gmcast.listen_addr=tcp://127.0.0.1:1${i}567;ist.recv_addr=127.0.0.1:1${i}568" \
        --wsrep-sst-method=rsync --wsrep-sst-receive-address=127.0.0.1:1${i}444 >"$PEERS/galera$i.log" 2>&1 &
      echo $! >"$PEERS/galera$i.pid"; for _ in $(seq 60); do mariadb -uroot -S /tmp/galera$i.sock -e 'select 1' >/dev/null 2>&1 && break; sleep 1; done; done
    mariadb -uroot -S /tmp/galera1.sock -e "show status like 'wsrep_cluster_size'; create database if not exists sbtest; create user if not exists sb@127.0.0.1; grant all on *.* to sb@127.0.0.1" ;;
  esac ;;
stop) case "$2" in
  pg) aspg "$PGBIN/pg_ctl -D $PEERS/pg -m fast stop" ;;
  pgsync) for s in c b a; do aspg "$PGBIN/pg_ctl -D $PEERS/pgsync/$s -m fast stop" || true; done ;;
  etcd3|galera3) n=${2%3}; for i in 3 2 1; do kill "$(cat "$PEERS/$n$i.pid")" || true; sleep 1; done ;;
  esac ;;
*) grep '^#' "$0"; exit 2 ;;
esac
