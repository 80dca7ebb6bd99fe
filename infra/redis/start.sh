#!/bin/sh
# Starts redis-server with redis.conf, its files in /data, and the users of users.acl, whose passwords come
# from files or from REDIS_SERVER_PASSWORD and REDIS_WORKER_PASSWORD. More arguments win.
set -eu
umask 077
here=$(dirname "$0")
secrets=${REDIS_SECRETS:-/run/secrets}
users=${REDIS_USERS:-/run/stored/users.acl}

# $1: the file, $2: what stands in for it where there is none
hash() {
  password=$2
  if [ -e "$secrets/$1" ]; then password=$(cat "$secrets/$1"); fi
  if [ "${#password}" -lt 16 ]; then
    echo "start.sh: $1 needs at least 16 characters, in $secrets/$1 or in the environment" >&2
    exit 1
  fi
  printf %s "$password" | sha256sum | cut -d ' ' -f 1
}

# Apart from sed, whose own success would hide a failure.
server=$(hash redis_server_password "${REDIS_SERVER_PASSWORD:-}")
worker=$(hash redis_worker_password "${REDIS_WORKER_PASSWORD:-}")
unset REDIS_SERVER_PASSWORD REDIS_WORKER_PASSWORD
sed -e '/^#/d' -e "s/@SERVER@/$server/" -e "s/@WORKER@/$worker/" "$here/users.acl" > "$users"
exec redis-server "$here/redis.conf" --dir "${REDIS_DATA:-/data}" --aclfile "$users" "$@"
