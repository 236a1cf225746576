"""The published vectors of the assignment rule follow from the rule alone."""

import json
import pathlib
import tempfile
import unittest

from test import cases
from test.vectors import check_assignment

VECTORS = pathlib.Path(__file__).with_name("assignment.json")


class CheckAssignment(unittest.TestCase):
    def test_every_published_vector_is_reproduced(self):
        found, total = check_assignment.differences(VECTORS)
        self.assertEqual(found, [])
        self.assertGreater(total, 300)

    def test_a_changed_vector_is_noticed(self):
        vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
        vectors["assignments"][0]["salt"] += "x"
        vectors["hashes"][-1]["seed"] = "0000000000000002"
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(vectors, file)
            file.flush()
            found, _ = check_assignment.differences(file.name)
        self.assertGreaterEqual(len(found), 2)

    def test_hashes_of_the_specification(self):
        # The values of an empty input that xxHash itself publishes.
        self.assertEqual(check_assignment.xxh3_64(b""), 0x2D06800538D394C2)
        self.assertEqual(len(check_assignment.SECRET), 192)


if __name__ == "__main__":
    cases.main()
