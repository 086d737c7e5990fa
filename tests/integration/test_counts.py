"""scripts/lib/counts.py: what scripts/test.sh says at its end is what happened."""

import subprocess
import sys

import pytest
from env.programs import ROOT

REPORT = '<?xml version="1.0"?><testsuites><testsuite name="x">{}</testsuite></testsuites>'
CASES = {
    "ctest passed": ('<testcase name="a" status="run"/>', "1 0 0"),
    "ctest failed": ('<testcase name="a" status="fail"><failure message=""/></testcase>', "0 1 0"),
    # ctest calls this skipped: a program that was not built, or a fixture that failed.
    "ctest could not run": ('<testcase name="a" status="notrun"><skipped message="Unable to find"/></testcase>', "0 1 0"),
    "ctest disabled": ('<testcase name="a" status="disabled"><skipped message="Disabled"/></testcase>', "0 0 1"),
    "pytest passed": ('<testcase name="a"/>', "1 0 0"),
    "pytest failed": ('<testcase name="a"><failure message=""/></testcase>', "0 1 0"),
    "pytest error": ('<testcase name="a"><error message=""/></testcase>', "0 1 0"),
    "pytest skipped": ('<testcase name="a"><skipped message="no"/></testcase>', "0 0 1"),
    "passed, and its teardown failed": ('<testcase name="a"/><testcase name="a"><error message=""/></testcase>', "1 1 0"),
    "no test at all": ("", "0 1 0"),
}


@pytest.mark.parametrize("name", CASES)
def test_every_outcome_is_counted_as_what_it_is(tmp_path, name):
    cases, expected = CASES[name]
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(cases))
    done = subprocess.run([sys.executable, ROOT / "scripts/lib/counts.py", report], capture_output=True, text=True)
    assert done.stdout.strip() == expected
