"""How the functions and the command line find credentials, as features of aws-config: the functions have
a role, and what they do not need would only make them larger.

Run from the repository's root: .tools/venv/bin/python -m unittest discover scripts/tests
"""

import subprocess
import unittest

LOGINS = {"credentials-login", "credentials-process", "sso"}


def features(*packages: str) -> set[str]:
    """The features with which aws-config is built along with these packages."""
    command = ["cargo", "tree", "--edges", "normal", "--prefix", "none", "--format", "{p} {f}"]
    for package in packages:
        command += ["--package", package]
    tree = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {line.removesuffix(" (*)") for line in tree.splitlines() if line.startswith("aws-config ")}
    if len(found) != 1:
        raise AssertionError(f"aws-config is built in {len(found)} ways: {found}")
    return set(found.pop().split(" ")[2].split(","))


class Features(unittest.TestCase):
    def test_make_build_gives_the_functions_no_logins(self):
        self.assertFalse(features("gifgen-splitter", "gifgen-worker") & LOGINS)

    def test_sam_build_which_names_no_package_gives_them_none_either(self):
        self.assertFalse(features() & LOGINS)

    def test_the_command_line_has_all_logins(self):
        self.assertLessEqual(LOGINS, features("gifgen"))


if __name__ == "__main__":
    unittest.main()
