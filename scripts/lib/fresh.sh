# shellcheck shell=bash
# fresh.sh - the suite `fresh`: what a newcomer with a bare Debian 12 goes through.
#
# A minimal Debian in a chroot gets the tree and this machine's settings for package
# registries, nothing else. The README's two commands are run in it, and then once more
# with apt, pip and npm taken away. The network is this machine's: the README's ports
# must be free.

FRESH_TREE=/root/memproxy
FRESH_PORTS=(8764 8765 8767)
FRESH_ROOT=

fresh_run() {
    local port
    for port in "${FRESH_PORTS[@]}"; do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
            die 1 "fresh uses port $port, which is in use here"
    done
    FRESH_ROOT=$(mktemp -d /var/tmp/memproxy-fresh.XXXXXX)
    trap fresh_remove EXIT

    check "fresh: a minimal Debian 12" fresh_make
    check "fresh: scripts/start_proxies.sh, and a fact remembered" fresh_start first
    check "fresh: scripts/test.sh" fresh_test first
    fresh_take_installers_away
    check "fresh: a second start installs and builds nothing" fresh_start second
    check "fresh: a second test run installs nothing" fresh_test second
    fresh_remove
    trap - EXIT
}

fresh_remove() {
    ! mountpoint -q "$FRESH_ROOT/proc" || umount "$FRESH_ROOT/proc"
    rm -rf --one-file-system "$FRESH_ROOT"
}

# --- the machine ----------------------------------------------------------------------

fresh_make() {
    debootstrap --variant=minbase bookworm "$FRESH_ROOT" "$(fresh_mirror)" || return 1
    chmod 755 "$FRESH_ROOT" # as / is: others than root (postgres, _apt) live there too
    fresh_copy_settings
    fresh_copy_tree
    mount -t proc proc "$FRESH_ROOT/proc"
}

fresh_mirror() {
    local found
    # shellcheck disable=SC2016 # apt's variables
    found=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "bookworm" && /debian\/? / { print $1; exit }')
    printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# Where packages come from, through which proxy, trusting whom.
fresh_copy_settings() {
    local file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
        # Debian's own archives; other vendors' are no part of a bare Debian.
        if [[ -f $file ]] && grep -qE '[/.]debian\.org/|/debian(-security)?( |/|$)' "$file"; then
            cp --parents "$file" "$FRESH_ROOT"
            [[ $file == *.list ]] || rm -f "$FRESH_ROOT/etc/apt/sources.list"
        fi
    done
    apt-config dump | grep '^Acquire::' >"$FRESH_ROOT/etc/apt/apt.conf.d/00host" || true
    for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /etc/hosts /etc/pip.conf /etc/npmrc \
        /usr/local/share/ca-certificates ~/.npmrc ~/.config/pip ~/.pip; do
        [[ ! -e $file ]] || cp -a --parents "$file" "$FRESH_ROOT"
    done
    # Files and folders that settings name (certificates, local wheels).
    while read -r file; do
        [[ ! -e $file ]] || cp -aL --parents "$file" "$FRESH_ROOT"
    done < <(fresh_environment | sed -n 's/^[^=]*=\(\/.*\)/\1/p' | sort -u)
}

# The variables that package managers read.
fresh_environment() {
    env | grep -iE '^(pip_|npm_config_|(http|https|ftp|all|no)_proxy=|ssl_cert_|requests_ca_bundle=|node_extra_ca_certs=)' || true
}

fresh_copy_tree() {
    mkdir -p "$FRESH_ROOT$FRESH_TREE"
    if [[ -d .git ]] && command -v git >/dev/null; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . \( -path ./build -o -path ./data -o -path './.venv*' -o -name node_modules \) -prune -o -type f -print0
    fi | tar --null --files-from=- --create | tar --extract --directory "$FRESH_ROOT$FRESH_TREE"
}

# fresh_in COMMAND…: in the tree in there, with nothing of this shell's environment. In the
# place of this (sub)shell, so that a signal to it reaches the command.
fresh_in() {
    local -a settings
    mapfile -t settings < <(fresh_environment)
    exec env -i "${settings[@]}" HOME=/root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        PYTEST_ADDOPTS="${PYTEST_ADDOPTS:-}" CI="${CI:-}" \
        chroot "$FRESH_ROOT" bash -c "cd $FRESH_TREE && $*"
}

# From now on who calls apt, pip or npm fails, and is named in /called.
fresh_take_installers_away() {
    local tool
    # shellcheck disable=SC2016 # the script's variables
    printf '#!/bin/sh\necho "$0 $*" >>/called\nexit 97\n' >"$FRESH_ROOT/trap"
    chmod +x "$FRESH_ROOT/trap"
    for tool in "$FRESH_ROOT"/usr/bin/{apt,apt-get,npm,npx,pip,pip3}; do
        rm -f "$tool"
        ln -s /trap "$tool"
    done
    rm -rf "$FRESH_ROOT$FRESH_TREE"/.venv*/lib/python3*/site-packages/pip "$FRESH_ROOT$FRESH_TREE"/.venv*/bin/pip*
}

# --- the README's two commands ----------------------------------------------------------

# The commands of README's "Five minutes to a first remembered fact".
fresh_first_fact() {
    sed -n '/^## Five minutes/,/^## /p' README.md | sed -n 's/^    //p' | awk '/^export/ { on = 1 } on'
}

fresh_start() {
    local log=$FRESH_ROOT/start-$1.log pid answers code=0
    fresh_in exec scripts/start_proxies.sh >"$log" 2>&1 &
    pid=$!
    until grep -q '^memproxy answers on' "$log"; do
        kill -0 "$pid" 2>/dev/null || { cat "$log" && return 1; }
        sleep 1
    done
    answers=$(fresh_in "$(fresh_first_fact)")
    kill -TERM "$pid"
    wait "$pid" || code=$?
    cat "$log"
    say "$answers"
    [[ $code == 0 ]] || { say "it ended with code $code" && return 1; }
    # The second answer quotes the question with the first exchange in front of it.
    [[ $(tail -n 1 <<<"$answers") == *"called Biscuit"*"name of my cat"* ]] || return 1
    [[ $1 == first ]] || fresh_nothing_was_done "$log"
}

fresh_test() {
    local log=$FRESH_ROOT/test-$1.log code=0
    if [[ $1 == second ]]; then
        # What is installed and built is the question; one test of the slow suite is enough.
        (PYTEST_ADDOPTS='-k test_models_are_listed' fresh_in scripts/test.sh unit integration) >"$log" 2>&1 || code=$?
    else
        (fresh_in scripts/test.sh) >"$log" 2>&1 || code=$?
    fi
    cat "$log"
    [[ $(tail -n 1 "$log") =~ ^[1-9][0-9]*\ passed,\ 0\ failed$ ]] || return 1
    [[ $1 == first ]] || fresh_nothing_was_done "$log"
    return "$code"
}

fresh_nothing_was_done() {
    [[ ! -e $FRESH_ROOT/called ]] || { cat "$FRESH_ROOT/called" && return 1; }
    grep -q 'ninja: no work to do' "$1"
}
