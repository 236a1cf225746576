"""Runs a module's unittest cases and writes each one to the XML file that Bazel asks for, so that they are counted."""

import os
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree


class _Recorder(unittest.TextTestResult):
    """Remembers every case's time and what went wrong."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.suite = ElementTree.Element("testsuite", name=os.environ.get("TEST_TARGET", "python"))

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()
        self._case = ElementTree.SubElement(self.suite, "testcase", classname=type(test).__name__,
                                            name=getattr(test, "_testMethodName", str(test)))

    def stopTest(self, test):
        self._case.set("time", f"{time.monotonic() - self._started:.3f}")
        super().stopTest(test)

    def _mark(self, test, tag, text):
        case = getattr(self, "_case", None)
        if case is None or case.get("name") != getattr(test, "_testMethodName", None):  # A class's set-up failed.
            case = ElementTree.SubElement(self.suite, "testcase", classname="setup", name=str(test))
        ElementTree.SubElement(case, tag, message=text.strip().splitlines()[-1]).text = text

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._mark(test, "failure", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._mark(test, "error", self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._mark(test, "failure", self._exc_info_to_string(err, subtest))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._mark(test, "skipped", reason)


def main():
    """Call it under `if __name__ == "__main__"`. Arguments name cases, as in unittest."""
    program = unittest.main(module="__main__", exit=False, verbosity=2,
                            testRunner=unittest.TextTestRunner(resultclass=_Recorder, verbosity=2))
    path = os.environ.get("XML_OUTPUT_FILE")
    if path:
        root = ElementTree.Element("testsuites")
        root.append(program.result.suite)
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    sys.exit(0 if program.result.wasSuccessful() and program.result.testsRun else 1)
