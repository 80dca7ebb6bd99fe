#!/bin/sh
# Starts redis-server with redis.conf, its files in /data, and the users of users.acl, whose passwords are read from files. More arguments win.
set -eu
umask 077
here=$(dirname "$0")
secrets=${REDIS_SECRETS:-/run/secrets}
users=${REDIS_USERS:-/run/stored/users.acl}

hash() {
  password=$(cat "$secrets/$1")
  if [ "${#password}" -lt 16 ]; then
    echo "start.sh: $secrets/$1 needs a password of at least 16 characters" >&2
    exit 1
  fi
  printf %s "$password" | sha256sum | cut -d ' ' -f 1
}

# Apart from sed, whose own success would hide a failure.
server=$(hash redis_server_password)
worker=$(hash redis_worker_password)
sed -e '/^#/d' -e "s/@SERVER@/$server/" -e "s/@WORKER@/$worker/" "$here/users.acl" > "$users"
exec redis-server "$here/redis.conf" --dir "${REDIS_DATA:-/data}" --aclfile "$users" "$@"
