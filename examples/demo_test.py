"""The demo from its start to its end, with the real programs, and what becomes of it when it is interrupted."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

from test import cases

PROGRAMS = {"weir": "router/weir", "weirctl": "router/cli/weirctl", "model_server": "examples/model_server",
            "model_client": "examples/client"}
TIMEOUT = 170  # Seconds: the story is told in under three minutes.


def processes_of(folder):
    """The command lines of all processes that were started from `folder`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # Gone, or no process.
        if words[0].startswith(f"{folder}/"):
            found.append(" ".join(words))
    return found


class DemoTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.bin = pathlib.Path(holder.name)
        for name, path in PROGRAMS.items():
            (self.bin / name).symlink_to(pathlib.Path(path).resolve())

    def start(self, *words):
        return subprocess.Popen([sys.executable, "examples/demo.py", "--bin", str(self.bin), *words], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})

    def test_the_story_comes_true_and_leaves_nothing_behind(self):
        demo = self.start("--healthy", "8")
        self.addCleanup(demo.kill)
        told, _ = demo.communicate(timeout=TIMEOUT)
        self.assertEqual(demo.returncode, 0, told)
        self.assertEqual(len(re.findall(r"From the fault to the flip: \d+ candidate requests, \d+\.\d+ s", told)), 2, told)
        self.assertEqual(len(re.findall(r"The least that any method would need", told)), 2, told)
        self.assertIn("Still shut", told)
        self.assertEqual(len(re.findall(r"examples/train.py measured .*: inside", told)), 2, told)
        self.assertEqual(processes_of(self.bin), [])

    def test_an_interrupted_demo_ends_what_it_started(self):
        demo = self.start("--healthy", "1000")
        self.addCleanup(demo.kill)
        for line in demo.stdout:
            if line.startswith("weir splits"):
                break
        self.assertGreaterEqual(len(processes_of(self.bin)), 5, "three models, weir and the client; perhaps a weirctl")
        demo.send_signal(signal.SIGINT)
        told, _ = demo.communicate(timeout=TIMEOUT)
        self.assertEqual(demo.returncode, 130, told)
        self.assertEqual(processes_of(self.bin), [])

    def test_a_program_that_fails_is_named_with_its_last_words(self):
        (self.bin / "weir").unlink()
        (self.bin / "weir").write_text("#!/bin/sh\necho the disk is on fire\nexit 7\n")
        (self.bin / "weir").chmod(0o755)
        demo = self.start()
        told, _ = demo.communicate(timeout=TIMEOUT)
        self.assertEqual(demo.returncode, 1, told)
        self.assertIn("weir ended by itself with status 7", told)
        self.assertIn("    the disk is on fire", told)
        self.assertEqual(processes_of(self.bin), [])


if __name__ == "__main__":
    cases.main()
