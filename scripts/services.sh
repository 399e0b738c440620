#!/usr/bin/env bash
# Makes PostgreSQL, MariaDB and Redis available to the tests: installs what is missing and starts what is not running; and installs
# PgBouncer, which tests start by themselves. Does nothing where all is there. For Debian and Ubuntu; elsewhere `docker compose up --wait` does the same.
#
# It leaves the servers' own access rules alone. Where those ask for a password, the tests start servers of their own from the
# programs installed here (see internal/integration/servers).
set -euo pipefail

# answers PORT: whether something listens on this machine.
answers() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# has PROGRAM: whether it is installed, also where it is not in PATH.
has() {
  command -v "$1" >/dev/null || compgen -G "/usr/sbin/$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

# name, port, program, Debian package, service
services=(
  "PostgreSQL 5432 postgres postgresql postgresql"
  "MariaDB 3306 mariadbd mariadb-server mariadb"
  "Redis 6379 redis-server redis-server redis-server"
)

missing=()
silent=()
for line in "${services[@]}"; do
  read -r name port program package service <<<"$line"
  if answers "$port"; then
    echo "services: $name answers on port $port"
    continue
  fi
  silent+=("$line")
  has "$program" || missing+=("$package")
done
has pgbouncer || missing+=(pgbouncer)
((${#silent[@]} + ${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "services: this script knows Debian and Ubuntu (apt-get) only." >&2
  echo "services: run 'docker compose up --wait', or point TENANCY_TEST_POSTGRES_URL, TENANCY_TEST_MYSQL_URL and" >&2
  echo "services: TENANCY_TEST_REDIS_URL at servers of yours." >&2
  exit 1
fi
if ((EUID != 0)) && ! command -v sudo >/dev/null; then
  echo "services: run this as root, or install sudo." >&2
  exit 1
fi

if ((${#missing[@]})); then
  echo "services: installing ${missing[*]}"
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

for line in "${silent[@]}"; do
  read -r name port program package service <<<"$line"
  answers "$port" || as_root service "$service" start ||
    echo "services: $name would not start; tests start one of their own from the installed program"
  for _ in {1..50}; do
    ! answers "$port" || break
    sleep 0.2
  done
  if answers "$port"; then echo "services: $name answers on port $port"; else echo "services: $name does not answer on port $port"; fi
done
