# shellcheck shell=bash
# processes.sh - programs run side by side by one script: started, prefixed, ended together.
#
# Each runs in a session of its own, so that a ^C in the terminal reaches the script
# alone, which then ends them in order; and each is told by the kernel when the script
# dies, so that none outlives it however it ends.

# shellcheck disable=SC2034 # EVENT and CODE are for whoever sources this
declare -A PID=()     # of each program that runs, by name
declare -A BEGAN=()   # when it was started, in $SECONDS
declare -A BACKOFF=() # how long it waits if it ends soon
declare -A RESTART=() # the name of what starts again, by the pid of its timer
RUN_DIR=              # start-up logs and the port file; removed at the end
LONGEST_BACKOFF=30

processes_begin() {
    RUN_DIR=$(mktemp -d)
}

# Its standard input, each line with the program's name in front. The first lines are
# kept: they hold the reason if the program does not come up.
prefix_lines() {
    trap '' INT TERM
    exec stdbuf -oL sed -e "s/^/[$1] /" -e "1,500w $RUN_DIR/$1.log"
}

# start NAME COMMAND…
start() {
    local name=$1
    shift
    setsid setpriv --pdeathsig TERM "$@" > >(prefix_lines "$name") 2>&1 </dev/null &
    PID[$name]=$!
    BEGAN[$name]=$SECONDS
}

running() {
    [[ -n ${PID[$1]:-} ]] && kill -0 "${PID[$1]}" 2>/dev/null
}

# stop NAME SECONDS: SIGTERM, and SIGKILL to whatever is left of it after that time, or at
# once if STOP_NOW is set meanwhile.
stop() {
    local pid=${PID[$1]:-} left=$(($2 * 10))
    [[ -n $pid ]] || return 0
    kill -TERM -- "-$pid" 2>/dev/null || true
    while ((left-- > 0)) && [[ -z ${STOP_NOW:-} ]] && kill -0 -- "-$pid" 2>/dev/null; do
        sleep 0.1 || true # ^C ends it too
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    unset "PID[$1]"
}

# restart_later NAME: after 1, 2, 4 … seconds if it keeps ending, 1 again once it ran a minute.
restart_later() {
    local name=$1 seconds=${BACKOFF[$1]:-1}
    ((SECONDS - BEGAN[$name] < 60)) || seconds=1
    BACKOFF[$name]=$((seconds * 2 < LONGEST_BACKOFF ? seconds * 2 : LONGEST_BACKOFF))
    say "starting $name again in $seconds s"
    setpriv --pdeathsig TERM sleep "$seconds" &
    RESTART[$!]=$name
}

# next_event: waits for whatever happens first. Sets EVENT (ended, restart), NAME and CODE.
next_event() {
    local pid
    CODE=0
    wait -n -p pid "${PID[@]}" "${!RESTART[@]}" || CODE=$?
    EVENT=restart
    NAME=${RESTART[$pid]:-}
    unset "RESTART[$pid]"
    [[ -z $NAME ]] || return 0
    EVENT=ended
    for NAME in "${!PID[@]}"; do
        [[ ${PID[$NAME]} != "$pid" ]] || break
    done
    unset "PID[$NAME]"
}

port_in_use() {
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}
