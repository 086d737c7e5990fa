#!/usr/bin/env python3
"""counts.py FILE - "passed failed skipped" of a JUnit file, as ctest and pytest write it.

A test that ctest could not run (its program is missing, say) is "skipped" in ctest's words
and has failed in ours; so has a run in which there was no test.
"""

import sys
import xml.etree.ElementTree as ElementTree

passed = failed = skipped = 0
for case in ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") in ("fail", "notrun"):
        failed += 1
    elif case.find("skipped") is not None:
        skipped += 1
    else:
        passed += 1
if passed + failed + skipped == 0:
    failed = 1
print(passed, failed, skipped)
