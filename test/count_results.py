"""Counts the test cases of a Bazel run and closes with one line: "N passed, N failed".

Usage: count_results.py TESTLOGS TARGET...

Every test target of TARGET... that Bazel knows has a test.xml under TESTLOGS: written by GoogleTest, by our Python
tests, or, for a test that died before it wrote one, by Bazel itself (a single case). A target without one was never run:
it counts as a failure, so that a broken build cannot look like a green run.
"""

import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """(passed, failed names, skipped) of one test.xml."""
    passed, failed, skipped = 0, [], 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, [case.get("classname"), case.get("name")]))
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(name)
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    logs = pathlib.Path(sys.argv[1])
    query = "tests(%s) except attr(tags, 'manual', tests(%s))" % ((" + ".join(sys.argv[2:]),) * 2)
    targets = subprocess.run(["bazel", "query", "--ui_event_filters=-info", query], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.split()
    passed, failed, skipped = 0, 0, 0
    for target in targets:
        package, name = target.lstrip("/").split(":")
        path = logs / package / name / "test.xml"
        try:
            target_passed, target_failed, target_skipped = count(path)
        except (OSError, ElementTree.ParseError) as error:
            print(f"FAILED {target}: no readable result ({error})")
            failed += 1
            continue
        for case in target_failed:
            print(f"FAILED {target}: {case}   (log: {path.with_name('test.log')})")
        passed, failed, skipped = passed + target_passed, failed + len(target_failed), skipped + target_skipped
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
