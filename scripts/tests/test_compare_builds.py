"""What scripts/compare-builds.py takes for the same, and what for a difference.

Run from the repository's root: .tools/venv/bin/python -m unittest discover scripts/tests
"""

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = "scripts/compare-builds.py"
spec = importlib.util.spec_from_file_location("compare_builds", SCRIPT)
compare_builds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare_builds)

MANIFEST = {
    "run": 1,
    "slices": [{"start": 0, "end": 30}, {"start": 30, "end": 39.855}],
    "totals": {"bytesRead": 354469, "bytesWritten": 2374581, "slowestSlices": [{"start": 0, "milliseconds": 1482}]},
    "claimedBy": "7dc9d1f0",
}


class CompareBuilds(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.old, self.new = Path(temporary.name, "old"), Path(temporary.name, "new")
        video = self.old / "each/a b.mp4/out/a b.mp4"
        (video / "gifs").mkdir(parents=True)
        (video / "gifs/000000.gif").write_bytes(b"GIF89a picture")
        (video / "manifest.json").write_text(json.dumps(MANIFEST))
        (self.old / "each/a b.mp4/exit-code").write_text("0\n")
        (self.old / "each/a b.mp4/stderr").write_text("")
        shutil.copytree(self.old, self.new)
        self.video = self.new / video.relative_to(self.old)

    def lines(self) -> list[str]:
        return compare_builds.compare(self.old, self.new)[0]

    def only_line(self) -> str:
        (line,) = self.lines()
        return line

    def write_manifest(self, **changes):
        (self.video / "manifest.json").write_text(json.dumps({**MANIFEST, **changes}))

    def test_the_same_outputs_have_no_difference(self):
        lines, figures = compare_builds.compare(self.old, self.new)
        self.assertEqual(lines, [])
        self.assertEqual(figures, {"runs": 1, "refused": 0, "pictures": 1, "documents": 1, "others": 2})

    def test_one_byte_of_a_picture_is_a_difference(self):
        (self.video / "gifs/000000.gif").write_bytes(b"GIF89a pictura")
        self.assertIn("000000.gif: differs from byte 13 on", self.only_line())

    def test_a_file_that_is_missing_or_new_is_a_difference(self):
        (self.video / "gifs/000000.gif").rename(self.video / "gifs/000001.gif")
        missing, new = self.lines()
        self.assertIn("000000.gif: is missing in the new", missing)
        self.assertIn("000001.gif: is only in the new", new)

    def test_masked_values_may_differ_but_not_vanish_or_change_their_type(self):
        self.write_manifest(claimedBy="another")
        self.assertEqual(self.lines(), [])
        self.write_manifest(claimedBy=None)
        self.assertIn("claimedBy: string became NoneType", self.only_line())
        (self.video / "manifest.json").write_text(
            json.dumps({name: value for name, value in MANIFEST.items() if name != "claimedBy"})
        )
        self.assertIn("claimedBy: is missing in the new", self.only_line())

    def test_a_mask_covers_all_elements_and_nothing_beside_them(self):
        slowest = [{"start": 30, "milliseconds": 7}]
        self.write_manifest(totals={"bytesRead": 12, "bytesWritten": 2374582, "slowestSlices": slowest})
        self.assertIn("totals.bytesWritten: 2374581 became 2374582", self.only_line())
        self.write_manifest(totals={**MANIFEST["totals"], "slowestSlices": slowest * 2})
        self.assertIn("totals.slowestSlices: 1 elements became 2", self.only_line())

    def test_a_value_in_a_list_is_named_by_its_path(self):
        self.write_manifest(slices=[{"start": 0, "end": 30}, {"start": 30, "end": 39.9}])
        self.assertIn("slices[1].end: 39.855 became 39.9", self.only_line())

    def test_numbers_are_compared_as_they_are_written(self):
        self.write_manifest(run=1.0)
        self.assertIn("run: 1 became 1.0", self.only_line())

    def test_fields_in_another_order_are_a_difference(self):
        (self.video / "manifest.json").write_text(json.dumps(dict(reversed(MANIFEST.items()))))
        self.assertIn("the document: fields in another order", self.only_line())

    def test_messages_and_exit_codes_are_compared(self):
        run = self.new / "each/a b.mp4"
        (run / "exit-code").write_text("1\n")
        (run / "stderr").write_text("gifgen: no\n")
        self.assertEqual(len(self.lines()), 2)

    def test_addresses_and_the_order_of_failures_are_none(self):
        sentences = ["[h264 @ 0x55e6] error while decoding MB 13 0", "[h264 @ 0x7] no frame!"]

        def write(root: Path, said: list[str]):
            run = root / "each/a b.mp4"
            failed = [{"start": len(sentence), "message": sentence} for sentence in said]
            (run / "summary.json").write_text(json.dumps({"videos": [{"failed": failed}]}))
            (run / "stderr").write_text("".join(f"gifgen: {sentence}\n" for sentence in said))

        write(self.old, sentences)
        write(self.new, [sentence.replace("0x55e6", "0x55d8") for sentence in reversed(sentences)])
        self.assertEqual(self.lines(), [])
        write(self.new, [sentence.replace("MB 13", "MB 14") for sentence in sentences])
        self.assertEqual(len(self.lines()), 2)

    def test_the_exit_code_tells_of_differences_and_of_nothing_to_compare(self):
        def code() -> int:
            command = [sys.executable, SCRIPT, self.old, self.new]
            return subprocess.run(command, capture_output=True, check=False).returncode

        self.assertEqual(code(), 0)
        self.write_manifest(run=2)
        self.assertEqual(code(), 1)
        for root in (self.old, self.new):
            shutil.rmtree(root / "each/a b.mp4/out")
        self.assertEqual(self.lines(), [])
        self.assertEqual(code(), 1)


if __name__ == "__main__":
    unittest.main()
