#!/bin/sh
# A Ceph object gateway for tests: one monitor, one OSD that keeps everything in memory, one radosgw; no authentication between them.
#   s3-ceph.sh DIRECTORY MONITOR-PORT S3-PORT ADDRESS ACCESS-KEY SECRET-KEY [WATCHED-PID]
# Writes DIRECTORY/ready once requests are answered, then waits. Everything ends, and DIRECTORY goes, when this process is told to
# terminate, when DIRECTORY is gone, or when the watched process is.
set -eu
directory=$1 monitor=$2 port=$3 address=$4 access=$5 secret=$6 watched=${7:-}
conf="$directory/ceph.conf"
daemons=
end() {
  for pid in $daemons; do kill -9 "$pid" 2>/dev/null || true; done
  for pid in $daemons; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$directory"
}
trap end EXIT
trap 'exit 0' TERM INT HUP

fsid=$(cat /proc/sys/kernel/random/uuid)
map="[v2:127.0.0.1:$monitor/0]"
mkdir -p "$directory/mon" "$directory/osd" "$directory/rgw"
cat > "$conf" <<CONF
[global]
fsid = $fsid
mon host = $map
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
run dir = $directory
crash dir = $directory
admin socket =
log file = /dev/null
mon cluster log file = /dev/null
mon data = $directory/mon
mon data avail crit = 1
mon allow pool size one = true
mon max pg per osd = 500
paxos propose interval = 0.05
osd data = $directory/osd
osd objectstore = memstore
memstore device bytes = ${STORED_TEST_S3_BYTES:-4294967296}
osd pool default size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
rgw data = $directory/rgw
rgw frontends = beast endpoint=$address:$port tcp_nodelay=1
rgw run sync thread = false
rgw dynamic resharding = false
rgw override bucket index max shards = 1
rgw thread pool size = 64
rgw gc obj min wait = 20
rgw gc processor period = 10
rgw gc processor max time = 10
CONF
monmaptool --create --fsid "$fsid" --addv a "$map" "$directory/monmap" >/dev/null
ceph-mon -c "$conf" -i a --mkfs --monmap "$directory/monmap"
ceph-mon -c "$conf" -i a -f >/dev/null 2>&1 & daemons="$!"
timeout 20 ceph -c "$conf" osd new "$fsid" >/dev/null
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$fsid" >/dev/null 2>&1
ceph-osd -c "$conf" -i 0 -f >/dev/null 2>&1 & daemons="$daemons $!"
radosgw -c "$conf" -n client.rgw -f >/dev/null 2>&1 & daemons="$daemons $!"
timeout 30 radosgw-admin -c "$conf" user create --uid=stored --display-name=stored --access-key="$access" --secret-key="$secret" --max-buckets=0 >/dev/null
tries=0
until curl -sfo /dev/null "http://127.0.0.1:$port"; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || { echo "radosgw does not answer" >&2; exit 1; }
  sleep 0.1
done
touch "$directory/ready"
while [ -d "$directory" ] && { [ -z "$watched" ] || kill -0 "$watched" 2>/dev/null; }; do sleep 1 & wait $!; done
