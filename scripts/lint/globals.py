#!/usr/bin/env python3
"""globals.py BUILD - no file of the product has a variable that lives as long as the program.

Reads the sections of the objects in a build without optimisation, LTO or sanitizers
(each of which moves or adds symbols). Constant tables are in .rodata and .data.rel.ro.
"""

import re
import subprocess
import sys
from pathlib import Path

MUTABLE = re.compile(r"^(\.data(?!\.rel\.ro)|\.bss|\.tdata|\.tbss|\*COM\*)")
# address, flags, section, size, name, as `objdump -t` prints them
SYMBOL = re.compile(r"^[0-9a-f]+ (.{7}) (\S+)\t([0-9a-f]+) +(?:\.\w+ )?(.+)$")


def mutable_symbols(obj):
    text = subprocess.run(["objdump", "-t", obj], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        match = SYMBOL.match(line)
        # "d" is the section itself; thread-local objects are not marked "O".
        if match and "d" not in match[1] and MUTABLE.match(match[2]) and int(match[3], 16):
            yield match[4], match[2]


def main():
    build = Path(sys.argv[1])
    objects = sorted(build.glob("*/CMakeFiles/**/*.o"))
    if not objects:
        print(f"{build}: there are no objects")
        return 1
    found = 0
    for obj in objects:
        source = f"{obj.relative_to(build).parts[0]}/{obj.name.removesuffix('.o')}"
        for name, section in mutable_symbols(obj):
            print(f"{source}: {name} is in {section}; give it to whoever needs it, or make it const")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
