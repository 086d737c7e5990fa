# shellcheck shell=bash
# ollama.sh - a route of LiteLLM for each Ollama that answers.

# host:port of the places to look at: three on this machine, and OLLAMA_HOSTS, a list of
# host, host:port or http://host:port.
ollama_candidates() {
    local place places=${OLLAMA_HOSTS:-}
    printf '127.0.0.1:%s\n' 11434 11435 11436
    for place in ${places//,/ }; do
        place=${place#http://}
        place=${place%%/*}
        [[ $place == *:* ]] || place+=:11434
        if [[ $place =~ ^[A-Za-z0-9._-]+:[0-9]+$ ]]; then
            printf '%s\n' "${place/#localhost:/127.0.0.1:}"
        else
            warn "OLLAMA_HOSTS: '$place' is not host or host:port"
        fi
    done
}

ollama_answers() {
    curl --silent --fail --noproxy '*' --connect-timeout 1 --max-time 2 "http://$1/api/version" 2>/dev/null |
        grep -q '"version"'
}

# ollama_routes FILE: one wildcard route each ("ollama-11434/*"), or an empty model_list.
# The file must exist before LiteLLM starts, which reads it through config.yaml's include.
ollama_routes() {
    local place name list=' []'
    while read -r place; do
        ollama_answers "$place" || continue
        name=ollama-${place/:/-}
        name=${name/#ollama-127.0.0.1-/ollama-}
        [[ $list == ' []' ]] && list=
        list+=$(printf '\n  - model_name: "%s/*"\n    litellm_params:\n      model: "ollama_chat/*"\n      api_base: "http://%s"' \
            "$name" "$place")
        say "Ollama on $place: its models are $name/NAME" >&2
    done < <(ollama_candidates | sort -u)
    mkdir -p "${1%/*}"
    printf '# Written by scripts/start_proxies.sh at each start.\nmodel_list:%s\n' "$list" >"$1.new"
    mv "$1.new" "$1"
}
