# shellcheck shell=bash
# dotenv.sh - the .env file: read into the environment, and the master key in it.

# Exports NAME=VALUE lines. Nothing in the file is executed, and what the environment has
# already goes before it.
dotenv_read() {
    local line name value
    [[ -f $1 ]] || return 0
    while IFS= read -r line || [[ -n $line ]]; do
        [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || continue
        name=${BASH_REMATCH[2]}
        value=${BASH_REMATCH[3]%$'\r'}
        if [[ $value =~ ^\"(.*)\"[[:space:]]*$ || $value =~ ^\'(.*)\'[[:space:]]*$ ]]; then
            value=${BASH_REMATCH[1]}
        fi
        [[ -v $name ]] || export "$name=$value"
    done <"$1"
}

# Writes a strong LITELLM_MASTER_KEY to the file if neither it nor the environment has
# one: LiteLLM refuses to start with a weak one. Other lines are kept.
dotenv_need_master_key() {
    if [[ -z ${LITELLM_MASTER_KEY:-} ]]; then
        LITELLM_MASTER_KEY=sk-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
        export LITELLM_MASTER_KEY
        [[ ! -s $1 || -z $(tail -c 1 "$1") ]] || printf '\n' >>"$1"
        (umask 077 && printf 'LITELLM_MASTER_KEY=%s\n' "$LITELLM_MASTER_KEY" >>"$1")
        say "wrote a new LITELLM_MASTER_KEY to ${1#"$ROOT"/}"
    fi
    [[ ! -f $1 ]] || chmod 600 "$1"
}
