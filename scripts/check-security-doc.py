"""Compares docs/security.md with the expanded template and the code.

Usage: check-security-doc.py EXPANDED. It checks that each policy statement of the template has a row in the
table, with its actions; that each row has a statement; that each function that the page names (`path.rs:name`)
exists in its file; and that each policy in the page is JSON. Exits with 1 and a line for each violation.
"""

import json
import pathlib
import re
import sys

PAGE = "docs/security.md"
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
FUNCTION = re.compile(r"`([\w/.-]+\.rs):(\w+)`")
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def statements(value):
    """All policy statements in `value`, at any depth."""
    if isinstance(value, dict):
        if "Effect" in value and "Principal" in value and value.get("Action") == "sts:AssumeRole":
            return
        if "Effect" in value:
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from statements(item)


def listed(actions) -> set[str]:
    return {actions} if isinstance(actions, str) else set(actions)


def problems(template: dict, page: str):
    there = {}
    for name, resource in template["Resources"].items():
        for statement in statements(resource.get("Properties", {})):
            sid = statement.get("Sid")
            if sid is None:
                yield f"a statement of {name} has no Sid: give it one"
            elif (name, sid) in there:
                yield f"{name} has two statements {sid}: rename one"
            else:
                there[name, sid] = listed(statement["Action"])
    told = {}
    for name, sid, actions, _ in ROW.findall(page):
        if (name, sid) in told:
            yield f"{name}, {sid} is in the table twice"
        told[name, sid] = set(re.findall(r"`([^`]+)`", actions))
    for name, sid in sorted(there.keys() - told.keys()):
        yield f"{name}, {sid} is not in the table: say what needs it"
    for name, sid in sorted(told.keys() - there.keys()):
        yield f"{name}, {sid} is in the table, and not in the template"
    for key in sorted(there.keys() & told.keys()):
        if there[key] != told[key]:
            yield f"{key[0]}, {key[1]} has other actions in the template: {', '.join(sorted(there[key]))}"
    for path, function in FUNCTION.findall(page):
        file = pathlib.Path(path)
        if not file.is_file() or not re.search(rf"\bfn {function}\b", file.read_text("utf-8")):
            yield f"there is no function {function} in {path}"
    for block in BLOCK.findall(page):
        try:
            json.loads(block)
        except ValueError as error:
            yield f"a policy is no JSON: {error}"


def main() -> None:
    template = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    found = list(problems(template, pathlib.Path(PAGE).read_text("utf-8")))
    for problem in found:
        print(f"{PAGE}: {problem}", file=sys.stderr)
    if found:
        sys.exit(1)
    print(f"{PAGE}: names each statement of the template")


if __name__ == "__main__":
    main()
