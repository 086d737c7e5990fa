#!/usr/bin/env python3
"""complexity.py FILE… - how long and how branched functions are: to look at, not to pass.

Length is in lines of code, complexity is McCabe's.
"""

import statistics
import sys

import lizard


def spread(values):
    values = sorted(values)
    tenth = values[int(len(values) * 0.9)]
    return f"median {statistics.median(values):g}, 90 % up to {tenth}, at most {values[-1]}"


def main():
    functions = [(f, unit.filename) for unit in lizard.analyze_files(sys.argv[1:]) for f in unit.function_list]
    if not functions:
        print("no functions")
        return 1
    print(f"{len(functions)} functions")
    print(f"  lines of code: {spread([f.nloc for f, _ in functions])}")
    print(f"  complexity:    {spread([f.cyclomatic_complexity for f, _ in functions])}")
    print("  the longest:")
    for f, name in sorted(functions, key=lambda x: -x[0].nloc)[:5]:
        print(f"    {f.nloc:4} lines  {name}:{f.start_line} {f.name}")
    print("  the most complex:")
    for f, name in sorted(functions, key=lambda x: (-x[0].cyclomatic_complexity, -x[0].nloc))[:10]:
        print(f"    {f.cyclomatic_complexity:3} {f.nloc:4} lines  {name}:{f.start_line} {f.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
