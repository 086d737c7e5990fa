#!/usr/bin/env bash
# start_proxies.sh - installs what is missing, builds, and runs LiteLLM and memproxy in
# the foreground. ^C or SIGTERM ends all of it.
set -euo pipefail
CALLER=$PWD
cd "$(dirname "$0")/.."
. scripts/lib/common.sh
. scripts/lib/packages.sh
. scripts/lib/dotenv.sh
. scripts/lib/ollama.sh
. scripts/lib/processes.sh

VENV=$ROOT/.venv
MEMPROXY=build/release/bin/memproxy
READY_SECONDS=180
REDIS_SOCKET=$ROOT/data/redis/redis.sock

usage() {
    cat <<'EOF'
usage: scripts/start_proxies.sh [options]
  --config FILE       configuration of both programs (default: config.yaml)
  --host ADDRESS      where memproxy listens (default: 127.0.0.1)
  --port PORT         memproxy's port (default: 8764)
  --litellm-port PORT LiteLLM's port on 127.0.0.1 (default: 8765)
  --store URL         where memory is kept (default: sqlite:data/memory.db)
  --redis             keep memory in a Redis that this script installs and runs
  --no-litellm        do not start LiteLLM: one runs already
  --demo-port PORT    port of the demo provider on 127.0.0.1 (default: 8767)
  --no-demo           do not start the demo provider
EOF
}

usage_error() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    usage >&2
    exit 2
}

parse_flags() {
    config=${LITELLM_CONFIG:-config.yaml}
    litellm_port=
    demo_port=8767
    with_litellm=yes
    with_demo=yes
    with_redis=
    store=
    memproxy_flags=()
    while (($#)); do
        case $1 in
            --config | --host | --port | --litellm-port | --store | --demo-port)
                (($# > 1)) || usage_error "$1 needs a value"
                take_value "$1" "$2"
                shift
                ;;
            --no-litellm) with_litellm= ;;
            --no-demo) with_demo= ;;
            --redis) with_redis=yes ;;
            --registry-port) die 2 "$1 comes with memproxy-registry, which is not there yet" ;;
            --no-registry) ;; # there is none yet
            -h | --help)
                usage
                exit 0
                ;;
            *) usage_error "unknown option $1" ;;
        esac
        shift
    done
    [[ -f $config ]] || die 2 "there is no $config"
    [[ -z $with_redis || -z $store ]] || usage_error "--redis is a store of its own: leave --store out"
    [[ -z $with_redis ]] || use_redis
    # Without either, memproxy's own configuration says where LiteLLM is.
    if [[ -n $with_litellm || -n $litellm_port ]]; then
        : "${litellm_port:=8765}"
        memproxy_flags+=(--litellm-url "http://127.0.0.1:$litellm_port")
    fi
}

take_value() {
    case $1 in
        *port) [[ $2 =~ ^[0-9]{1,5}$ ]] || usage_error "$1: '$2' is not a port" ;;
    esac
    case $1 in
        --config)
            config=$2
            [[ $config == /* || $CALLER == "$ROOT" ]] || config=$CALLER/$config
            ;;
        --litellm-port) litellm_port=$2 ;;
        --demo-port) demo_port=$2 ;;
        --host | --port | --store) memproxy_flags+=("$1" "$2") ;;
    esac
    [[ $1 != --store ]] || store=$2
}

# A socket in a directory of ours: no port to be in use, and nobody else's to reach.
use_redis() {
    local encoded
    ((${#REDIS_SOCKET} < 108)) || die 2 "--redis: the path $REDIS_SOCKET is too long for a socket"
    encoded=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$REDIS_SOCKET")
    memproxy_flags+=(--store "redis+unix://$encoded")
}

# need_port FLAG PROGRAM PORT [HOST]
need_port() {
    ! port_in_use "${4:-127.0.0.1}" "$3" ||
        die 3 "port $3 is in use, and $2 needs it: end what listens there or give another with $1"
}

# memproxy knows best what flags, environment and file make together; LiteLLM, which takes
# half a minute to come up, must not be waited for first.
check_configuration() {
    local said code=0
    said=$("$MEMPROXY" --config "$config" "${memproxy_flags[@]}" --check-config 2>&1 >/dev/null) || code=$?
    # Warnings alone come again when it runs.
    if ((code)); then
        printf '%s\n' "$said" >&2
        exit "$code"
    fi
    said=$("$MEMPROXY" --config "$config" "${memproxy_flags[@]}" --print-config 2>/dev/null)
    memproxy_host=$(proxy_key host <<<"$said")
    case $memproxy_host in 0.0.0.0 | ::) memproxy_host=127.0.0.1 ;; esac # as seen from here
    memproxy_port=$(proxy_key port <<<"$said")
}

# The value of a key under "proxy:", as --print-config shows it.
proxy_key() {
    sed -n "/^proxy:/,/^[^ ]*:\$/ s/^  $1: \"\{0,1\}\([^\" ]*\).*/\1/p"
}

check_ports() {
    need_port --port memproxy "$memproxy_port" "$memproxy_host"
    [[ -z $with_litellm ]] || need_port --litellm-port LiteLLM "$litellm_port"
    [[ -z $with_demo ]] || need_port --demo-port "the demo provider" "$demo_port"
}

build() {
    need_packages "${BUILD_PACKAGES[@]}" curl ca-certificates python3
    [[ -z $with_redis ]] || need_packages redis-server
    scripts/build.sh release
}

install_litellm() {
    [[ -z $with_litellm ]] ||
        need_venv "$VENV" "$ROOT/scripts/litellm-requirements.txt" "$ROOT/scripts/litellm-constraints.txt"
}

prepare_files() {
    dotenv_need_master_key .env
    mkdir -p data
    chmod 700 data
}

find_ollamas() {
    # LiteLLM looks for included files beside its configuration.
    if grep -q 'data/registry-models\.yaml' "$config"; then
        ollama_routes "$(dirname "$config")/data/registry-models.yaml"
    fi
}

# Each stream holds a connection or two in each program.
raise_file_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > 65536)); then
        hard=65536
    fi
    ulimit -Sn "$hard"
}

start_program() {
    case $1 in
        demo) start demo /usr/bin/python3 -u examples/demo_provider.py --port "$demo_port" ;;
        litellm)
            # The model cost map comes from the package, not from the network. By
            # default LiteLLM lets 500 streams to one provider run and hangs the next.
            start litellm env PYTHONUNBUFFERED=1 LITELLM_LOCAL_MODEL_COST_MAP=True \
                AIOHTTP_CONNECTOR_LIMIT=20000 AIOHTTP_CONNECTOR_LIMIT_PER_HOST=20000 \
                DEMO_API_BASE="http://127.0.0.1:$demo_port/v1" \
                "$VENV/bin/litellm" --config "$config" --host 127.0.0.1 --port "$litellm_port"
            ;;
        redis)
            # Every second to disk, as its manual advises. It never throws away what it has.
            start redis redis-server --port 0 --unixsocket "$REDIS_SOCKET" --unixsocketperm 600 \
                --dir "$ROOT/data/redis" --appendonly yes --save '' --maxmemory-policy noeviction \
                --daemonize no --logfile ''
            ;;
        memproxy)
            start memproxy "$MEMPROXY" --config "$config" \
                --port-file "$RUN_DIR/port" "${memproxy_flags[@]}"
            ;;
    esac
}

answers() {
    curl --silent --fail --noproxy '*' --max-time 5 --output /dev/null "$1"
}

# wait_until_ready NAME URL SECONDS
wait_until_ready() {
    local name=$1 began=$SECONDS said=$SECONDS
    until answers "$2"; do
        if ! running "$name"; then
            say "$name ended before it was ready. Its last lines:"
            tail -n 8 "$RUN_DIR/$name.log" | sed 's/^/    /'
            return 1
        fi
        if ((SECONDS - began >= $3)); then
            say "$name did not answer on $2 within $3 s"
            return 1
        fi
        if ((SECONDS - said >= 5)); then
            said=$SECONDS
            say "waiting for $name: $((SECONDS - began)) s of at most $3"
        fi
        sleep 0.5
    done
}

start_litellm() {
    say "starting LiteLLM on 127.0.0.1:$litellm_port"
    start_program litellm
    wait_until_ready litellm "http://127.0.0.1:$litellm_port/health/liveliness" "$READY_SECONDS" || exit 1
}

start_redis() {
    mkdir -p data/redis
    chmod 700 data/redis
    start_program redis
    until redis-cli -s "$REDIS_SOCKET" ping 2>/dev/null | grep -q PONG; do
        if ! running redis; then
            say "redis ended before it was ready. Its last lines:"
            tail -n 8 "$RUN_DIR/redis.log" | sed 's/^/    /'
            exit 1
        fi
        sleep 0.1
    done
}

start_memproxy() {
    local host=$memproxy_host
    [[ $host != *:* ]] || host="[$host]"
    start_program memproxy
    until [[ -s $RUN_DIR/port ]] || ! running memproxy; do
        sleep 0.1
    done
    running memproxy || return 0 # keep_running tells why
    base_url=http://$host:$(<"$RUN_DIR/port")
    if ! wait_until_ready memproxy "$base_url/health" 30; then
        ! running memproxy || exit 1
        base_url=
    fi
}

print_first_request() {
    local get_key='set -a; . ./.env; set +a'
    grep -qs '^LITELLM_MASTER_KEY=' .env || get_key='# with the LITELLM_MASTER_KEY that is set here'
    cat <<EOF

memproxy answers on $base_url. A first request, from another terminal in $ROOT:

    $get_key
    curl $base_url/v1/chat/completions \\
        -H "Authorization: Bearer \$LITELLM_MASTER_KEY" -H 'Content-Type: application/json' \\
        -d '{"model": "demo", "messages": [{"role": "user", "content": "My cat is called Biscuit."}]}'

and the same in Python (pip install openai), in another conversation:

    import os, openai
    client = openai.OpenAI(base_url="$base_url/v1", api_key=os.environ["LITELLM_MASTER_KEY"])
    question = {"role": "user", "content": "What is my cat called?"}
    print(client.chat.completions.create(model="demo", messages=[question]).choices[0].message.content)

EOF
}

# The last to be reached ends first, so that nobody is sent to a program that is gone.
stop_all() {
    trap - EXIT
    trap 'STOP_NOW=yes' INT TERM
    ((${#PID[@]} == 0)) || say "ending all (once more to end at once)"
    stop memproxy 30
    stop litellm 10
    stop demo 5
    stop redis 10
    rm -rf "$RUN_DIR"
}

# memproxy's end is the end of all; the others are started again.
keep_running() {
    while next_event; do
        if [[ $EVENT == restart ]]; then
            say "starting $NAME again"
            start_program "$NAME"
            continue
        fi
        say "$NAME ended with code $CODE"
        [[ $NAME != memproxy ]] || exit "$CODE"
        restart_later "$NAME"
    done
}

dotenv_read .env
parse_flags "$@"
build
prepare_files
check_configuration
check_ports
install_litellm
find_ollamas
raise_file_limit

processes_begin
trap stop_all EXIT
trap 'exit 0' INT TERM
[[ -z $with_redis ]] || start_redis
[[ -z $with_demo ]] || start_program demo
[[ -z $with_litellm ]] || start_litellm
start_memproxy
[[ -z ${base_url:-} ]] || print_first_request
keep_running
