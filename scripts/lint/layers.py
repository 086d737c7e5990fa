#!/usr/bin/env python3
"""layers.py - who may include whom. A row here is the rule; the design's table explains it."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MAY_INCLUDE = {
    "base": [],
    "config": ["base"],
    "net": ["base"],
    "router": ["base", "config"],
    "store": ["base", "config", "net"],
    "memory": ["base", "config", "net", "store"],
    "proxy": ["base", "config", "net", "router", "store", "memory"],
}

# Headers of libraries that one file, or a few, keep to themselves.
ONLY_IN = {
    "event2/http.h": ["proxy/front_evhttp.c"],
    "event2/http_struct.h": ["proxy/front_evhttp.c"],
    "sqlite3.h": ["store/sqlite_*", "store/store_sqlite.*"],
    "libpq-fe.h": ["store/pg_*", "store/store_postgres.*"],
    "hiredis/hiredis.h": ["net/redis_codec.c", "store/redis_*", "store/store_redis.c", "tests/*"],
    "curl/curl.h": ["net/upstream_curl*", "net/curl_*", "proxy/main.c"],
    "yaml.h": ["config/config_yaml.*"],
    "pcre2.h": ["router/*"],
    "libstemmer.h": ["memory/words.c"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match[1] == '"', match[2]


def problem(path, own, name):
    """What is wrong with one #include, or None."""
    if not own:
        allowed = ONLY_IN.get(name)
        if allowed and not any(path.match(pattern) for pattern in allowed):
            return f"<{name}> is for {', '.join(allowed)}"
        return None
    if name.endswith(".inc"):  # made by embed_text() (cmake/Embed.cmake) of the folder's own file
        return None
    target = name.split("/")[0]
    if "/" not in name or target not in MAY_INCLUDE:
        return f'"{name}" does not begin with a folder of the tree'
    folder = path.parts[0]
    if target != folder and target not in MAY_INCLUDE[folder]:
        return f"{folder}/ may not include {target}/ ({name})"
    return None


def main():
    found = 0
    for cmake in sorted(ROOT.glob("*/CMakeLists.txt")):
        if "add_folder(" in cmake.read_text() and cmake.parent.name not in MAY_INCLUDE:
            print(f"{cmake.parent.name}/: has no row in scripts/lint/layers.py")
            found += 1
    for folder in MAY_INCLUDE:
        for source in sorted(ROOT.glob(f"{folder}/**/*.[ch]")):
            path = source.relative_to(ROOT)
            for line, own, name in includes(source):
                if text := problem(path, own, name):
                    print(f"{path}:{line}: {text}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
