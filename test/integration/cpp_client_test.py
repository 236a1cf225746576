"""The C++ client's cases, through the proxy under test, against a server in the language of the first argument."""

import os
import subprocess
import sys

from test.integration.harness import IntegrationTest
from test.integration.processes import program

# What Python's server cannot do: a thread for each of 1,000 streams, or tell a cancelled stream from an ended one.
LEFT_OUT = {"cc": "", "py": ":".join(["*ManyStreamsTest*", "*ACancelledStreamIsCancelledAtTheServerInAnyState",
                                     "*ADeadlineEndsAStreamInItsMiddle"])}


class CppClient(IntegrationTest):
    """Runs the suite as it is: it writes its own cases for Bazel."""

    def runTest(self):
        server = self.echo_server("echo", sys.argv[1])
        target = self.plain_proxy(server)
        environment = {**os.environ, "WEIR_TEST_TARGET": target.address, "WEIR_TEST_SERVER": server.address}
        suite = subprocess.run([program("test/integration/cpp_client"), f"--gtest_filter=-{LEFT_OUT[sys.argv[1]]}",
                                *sys.argv[2:]], env=environment, check=False)
        self.assertEqual(suite.returncode, 0, "cases of the C++ client failed; they are listed above")
        for process in {server, target}:
            self.assertTrue(process.is_running(), f"{process.name} ended:\n{process.log()[-3000:]}")


if __name__ == "__main__":
    import unittest
    result = unittest.TextTestRunner().run(CppClient())
    sys.exit(0 if result.wasSuccessful() else 1)
