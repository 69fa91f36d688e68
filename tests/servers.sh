# shellcheck shell=bash disable=SC2154  # the names told below are given by whoever reads this
# Private servers for tests/run and tests/bench, and their end. Not a program: it is read with `source`.
#
# Who reads it sets before: program (its name in messages), needs (the packages it cannot do without),
# postgres_options (arguments of the PostgreSQL server) and, where nothing has to outlive a power cut, in_memory=true.

readonly postgres_major_min=15
readonly node_major_min=20
readonly start_attempts=10
readonly start_timeout_s=60
readonly memory_folder=/dev/shm
readonly memory_folder_min_kib=$((2 * 1024 * 1024))

say() { printf '\n==> %s\n' "$*"; }
warn() { printf '%s: %s\n' "$program" "$*" >&2; }

# --- Processes -------------------------------------------------------------------------------------------------

temp=''
step_pid=''
postgres_pid=''
redis_pid=''
postgres_log=''

# Waits for a child to end, at most the given seconds; true when it has ended.
ended_within_s() {
  local pid=$1 tenths=$(($2 * 10))
  while kill -0 "$pid" 2>/dev/null; do
    ((tenths-- > 0)) || return 1
    sleep 0.1
  done
}

# stop <pid> <signal>...: sends each signal in turn until the child ends.
stop() {
  local pid=$1 signal
  shift
  [[ -n $pid ]] || return 0
  for signal in "$@"; do
    kill -s "$signal" -- "$pid" 2>/dev/null || break
    ended_within_s "${pid#-}" 10 && break
  done
  wait "${pid#-}" 2>/dev/null || true
}

clean_up() {
  local status=$?
  set +e
  trap '' INT TERM HUP PIPE
  [[ -z $step_pid ]] || stop "-$step_pid" TERM KILL
  # INT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
  stop "$postgres_pid" INT QUIT KILL
  stop "$redis_pid" TERM KILL
  [[ -z $temp ]] || rm -rf -- "$temp"
  exit "$status"
}

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM

# step <command>...: runs a command in a process group of its own and waits for it.
# Bash acts on a signal only between foreground commands, so a long `cargo test` in the foreground would delay the
# clean-up; and the group reaches the test programs and the servers they started, which cargo alone does not.
step() {
  local status=0
  set -m
  "$@" </dev/null &
  step_pid=$!
  set +m
  wait "$step_pid" || status=$?
  if kill -s KILL -- "-$step_pid" 2>/dev/null; then
    warn "stopped processes that '$1 ${2-}' had left behind"
  fi
  step_pid=''
  return "$status"
}

# --- What must be installed ------------------------------------------------------------------------------------

# Debian keeps the server programs out of PATH, in a folder for each version: the newest one that will do.
find_postgres() {
  local folder major
  while IFS= read -r folder; do
    [[ -x $folder/postgres && -x $folder/initdb ]] || continue
    major=$("$folder/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
    if ((major >= postgres_major_min)); then
      printf '%s\n' "$folder"
      return 0
    fi
  done < <(
    dirname -- "$(command -v postgres || echo /nowhere/postgres)"
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
  )
  return 1
}

has_node() {
  local version
  version=$(node --version 2>/dev/null) && version=${version#v} && ((${version%%.*} >= node_major_min))
}

# Prints one apt package for each of $needs that is missing.
missing_packages() {
  local need
  for need in "${needs[@]}"; do
    case $need in
      build-essential) command -v cc >/dev/null || echo "$need" ;;
      postgresql) find_postgres >/dev/null || echo "$need" ;;
      nodejs) has_node || echo "$need" ;;
      *) command -v "$need" >/dev/null || echo "$need" ;;
    esac
  done
}

explain_missing() {
  warn 'these are missing:'
  local package
  for package in "$@"; do
    case $package in
      build-essential) echo '  - a C compiler, for the bundled SQLite (package build-essential)' ;;
      postgresql) echo "  - PostgreSQL $postgres_major_min or later, with initdb and postgres (package postgresql)" ;;
      redis-server) echo '  - Redis 6 or later (package redis-server)' ;;
      nodejs)
        echo "  - Node.js $node_major_min or later, as node in PATH: where apt-get has an older one (Debian 12), from"
        echo '    https://nodejs.org/en/download or NodeSource'
        ;;
      npm) echo '  - npm, which comes with Node.js (package npm)' ;;
      curl) echo '  - curl (package curl)' ;;
      wrk) echo '  - wrk, the load generator for HTTP (package wrk)' ;;
      faketime) echo '  - faketime, which moves the clocks of programs (package faketime)' ;;
    esac
  done >&2
}

provision() {
  if ! command -v cargo >/dev/null; then
    warn 'cargo is missing: install Rust with rustup'
    exit 2
  fi
  local -a missing=() as_root=()
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} > 0)) || return 0

  ((EUID == 0)) || as_root=(sudo -n)
  if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    say "Installing ${missing[*]}"
    # A failure here is told by the second look, in words that name what is still missing.
    step "${as_root[@]}" apt-get update -qq || true
    step "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" || true
    hash -r
    mapfile -t missing < <(missing_packages)
  fi
  if ((${#missing[@]} > 0)); then
    explain_missing "${missing[@]}"
    exit 2
  fi
}

# --- Servers ---------------------------------------------------------------------------------------------------

# The command that starts a server without privileges, and ends it when this script is killed outright.
unprivileged=()
die_with_me=()

choose_user() {
  local user
  if command -v setpriv >/dev/null && setpriv --pdeathsig TERM true 2>/dev/null; then
    die_with_me=(setpriv --pdeathsig)
  fi
  ((EUID == 0)) || return 0
  # PostgreSQL refuses to run as root, and Redis has no need to.
  for user in postgres nobody; do
    if id -- "$user" >/dev/null 2>&1; then
      command -v setpriv >/dev/null || break
      unprivileged=(setpriv "--reuid=$user" "--regid=$(id -g -- "$user")" --clear-groups --)
      return 0
    fi
  done
  warn 'as root this needs setpriv (package util-linux) and a user named postgres or nobody'
  exit 2
}

# Whether memory has the room for what tests write: they drop what they have made, so that little is there at a time.
has_memory_folder() {
  local free_kib available_kib
  [[ -d $memory_folder && -w $memory_folder ]] || return 1
  free_kib=$(df --output=avail -- "$memory_folder" 2>/dev/null | tail -n 1) || return 1
  available_kib=$(sed -nE 's/^MemAvailable: +([0-9]+) kB$/\1/p' /proc/meminfo) || return 1
  ((free_kib >= memory_folder_min_kib && available_kib >= 3 * memory_folder_min_kib))
}

# Takes away what runs have left in memory that were killed outright, which would stay there until the machine is started
# again. Whatever of a run still lives, be it a server or a test, holds the lock in its folder. A folder without a lock is
# not known to be dead, and stays.
forget_dead_runs() {
  local lock
  command -v flock >/dev/null || return 0
  while IFS= read -r lock; do
    flock --nonblock "$lock" rm -rf -- "${lock%/lock}" || true
    # A file that was made a moment ago may not be locked yet.
  done < <(find "$memory_folder" -mindepth 2 -maxdepth 2 -type f -user "$EUID" -mmin +1 \
    -path "$memory_folder/enishi-*.??????/lock" 2>/dev/null)
}

make_temp() {
  local base bases=("${TMPDIR:-/tmp}" /tmp)
  # Hundreds of databases are copied and dropped, each of a thousand files: a third of all processor time on ext4.
  if [[ ${in_memory-} == true && ${TMPDIR:-/tmp} == /tmp && -d $memory_folder ]]; then
    forget_dead_runs
    if has_memory_folder; then
      bases=("$memory_folder" "${bases[@]}")
    fi
  fi
  for base in "${bases[@]}"; do
    temp=$(mktemp -d "${base%/}/enishi-${program##*/}.XXXXXX") || continue
    if [[ $base == "$memory_folder" ]] && command -v flock >/dev/null; then
      # Open in everything that is started from here, until the last of it has ended.
      exec {folder_lock}>"$temp/lock"
      flock --nonblock "$folder_lock"
    fi
    chmod 711 "$temp"
    mkdir -m 700 "$temp/postgres" "$temp/redis"
    if ((${#unprivileged[@]} == 0)); then
      return 0
    fi
    chown "$("${unprivileged[@]}" id -u)" "$temp/postgres" "$temp/redis"
    # A TMPDIR below root's home cannot be entered by anybody else.
    if "${unprivileged[@]}" test -w "$temp/postgres"; then
      return 0
    fi
    rm -rf -- "$temp"
  done
  warn "no temporary folder that an unprivileged user may enter"
  exit 2
}

# Ports below the range the system hands out to outgoing connections; a taken one shows as a server that ends.
random_port() { echo $((20000 + RANDOM % 12000)); }

# ready <pid> <log> <pattern> <file>: waits for the pattern in the file while the process lives.
ready() {
  local pid=$1 pattern=$2 file=$3 tenths=$((start_timeout_s * 10))
  until grep -qs -- "$pattern" "$file"; do
    kill -0 "$pid" 2>/dev/null && ((tenths-- > 0)) || return 1
    sleep 0.1
  done
}

# launch <signal> <log> <command>...: starts a server in its own process group, so that Ctrl-C ends the tests first.
# The process keeps the id in $launched because setpriv replaces itself.
launched=''
launch() {
  local signal=$1 log=$2
  shift 2
  set -m
  if ((${#die_with_me[@]} > 0)); then
    "${unprivileged[@]}" "${die_with_me[@]}" "$signal" "$@" </dev/null >"$log" 2>&1 &
  else
    "${unprivileged[@]}" "$@" </dev/null >"$log" 2>&1 &
  fi
  launched=$!
  set +m
}

start_postgres() {
  local programs data=$temp/postgres/data password port locale=C attempt
  programs=$(find_postgres)
  postgres_log=$temp/postgres.log
  say "Starting PostgreSQL ($("$programs/postgres" --version | sed -E 's/^[^0-9]*//'))"
  # A password, because loopback is shared with everybody on this machine. Sent as it is, because
  # computing a SCRAM proof for thousands of connections in an unoptimised build is slow.
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  (umask 077 && printf '%s\n' "$password" >"$temp/postgres/password")
  ((${#unprivileged[@]} == 0)) || chown "$("${unprivileged[@]}" id -u)" "$temp/postgres/password"
  if locale -a 2>/dev/null | grep -qixE 'c\.utf-?8'; then
    locale=C.UTF-8
  fi
  if ! (cd -- "$temp/postgres" && "${unprivileged[@]}" "$programs/initdb" --pgdata="$data" --username=postgres \
    --pwfile="$temp/postgres/password" --auth=password --encoding=UTF8 --locale="$locale" \
    --no-sync) >"$postgres_log" 2>&1 </dev/null; then
    cat -- "$postgres_log" >&2
    return 1
  fi
  for ((attempt = 0; attempt < start_attempts; attempt++)); do
    port=$(random_port)
    # No socket file: its path may be at most 107 bytes, which a long TMPDIR exceeds.
    launch QUIT "$postgres_log" "$programs/postgres" -D "$data" -p "$port" \
      -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 \
      "${postgres_options[@]}"
    postgres_pid=$launched
    if ready "$postgres_pid" '^ready' "$data/postmaster.pid"; then
      export TEST_DATABASE_URL="postgres://postgres:$password@127.0.0.1:$port/postgres"
      return 0
    fi
    stop "$postgres_pid" QUIT KILL
    postgres_pid=''
  done
  warn 'PostgreSQL did not start:'
  cat -- "$postgres_log" >&2
  return 1
}

start_redis() {
  local port attempt log=$temp/redis.log
  say "Starting Redis ($(redis-server --version | sed -E 's/.*v=([^ ]+).*/\1/'))"
  for ((attempt = 0; attempt < start_attempts; attempt++)); do
    port=$(random_port)
    launch TERM "$log" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
      --dir "$temp/redis" --daemonize no
    redis_pid=$launched
    if ready "$redis_pid" 'Ready to accept connections' "$log"; then
      export TEST_REDIS_URL="redis://127.0.0.1:$port"
      return 0
    fi
    stop "$redis_pid" TERM KILL
    redis_pid=''
  done
  warn 'Redis did not start:'
  cat -- "$log" >&2
  return 1
}
