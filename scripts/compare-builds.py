"""Compares the outputs of two builds of gifgen in the layout of scripts/compare-builds.

Usage: compare-builds.py OLD-DIR NEW-DIR. Prints a line for each difference, then figures. Exits with 1 if
there is a difference, or no preview at all.
"""

import fnmatch
import json
import re
import sys
from collections import Counter
from pathlib import Path

# What differs between two runs of the same build, and is masked. Nothing else is.
#
# Per document, the paths of values: times, durations, random names, the sizes and ETags of documents that
# hold these, and how much was read of the source, which depends on timing (scripts/bytes-table compares that).
# A masked value must exist on both sides, with the same JSON type. `[]` stands for each element of an array.
# Names of documents are relative to the folder of one run.
MASKED = {
    "summary.json": [
        "wallSeconds",
        "bytes",  # of all files, the documents below included
    ],
    "out/*/run.json": [
        "createdAt",
        "sent",
        "sender",
        "announced",  # the manifest's ETag
    ],
    "out/*/receipts/*.json": [
        "runCreatedAt",
        "finishedAt",
        "work.workerMs",
        "work.renderMs",
        "work.gifMs",
        "work.uploadMs",
        "work.bytesRead",
        "work.sourceRequests",
    ],
    "out/*/manifest.json": [
        "createdAt",
        "completedAt",
        "claimedBy",
        "totals.bytesRead",
        "totals.workerMilliseconds",
        "totals.slowestSlices[].start",
        "totals.slowestSlices[].milliseconds",
    ],
}
# Slices fail in any order: their elements, and the lines on stderr, are compared sorted.
UNORDERED = {"videos[].failed", "stderr"}
# FFmpeg names its contexts by their addresses, in JSON strings and on stderr: "[h264 @ 0x55e68e1bfa80]".
ADDRESS = re.compile(r"(?<= @ 0x)[0-9a-f]+(?=\])")

PICTURES = {".gif", ".jpg"}


def masked_paths(run: str, name: str) -> set[str]:
    """The masked paths of the file `name`, which lies in the folder `run`."""
    inner = name.removeprefix(run + "/")
    return {path for pattern, paths in MASKED.items() if fnmatch.fnmatchcase(inner, pattern) for path in paths}


def json_text(value) -> str:
    """JSON without addresses."""
    return ADDRESS.sub("", json.dumps(value, ensure_ascii=False))


def json_type(value) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def differences(old, new, masked: set[str], path: str = "", mask: str = ""):
    """Sentences about what differs between two JSON values at `path`; `mask` is the path without indices."""
    if mask in masked:
        if json_type(old) != json_type(new):
            yield f"{path}: {json_type(old)} became {json_type(new)}"
    elif isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            inner = f"{path}.{name}".lstrip(".")
            if name not in new:
                yield f"{inner}: is missing in the new"
            elif name not in old:
                yield f"{inner}: is only in the new"
            else:
                yield from differences(old[name], new[name], masked, inner, f"{mask}.{name}".lstrip("."))
        if list(old) != list(new) and set(old) == set(new):
            yield f"{path or 'the document'}: fields in another order"
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{path}: {len(old)} elements became {len(new)}"
        if mask in UNORDERED:
            old, new = sorted(old, key=json_text), sorted(new, key=json_text)
        for index, (before, after) in enumerate(zip(old, new)):
            yield from differences(before, after, masked, f"{path}[{index}]", f"{mask}[]")
    else:
        # As text, so that 30 and 30.0, or 1 and true, are not the same.
        before, after = json_text(old), json_text(new)
        if before != after:
            yield f"{path}: {before} became {after}"


def compare_file(old: Path, new: Path, masked: set[str]):
    """Sentences about what differs between two files."""
    before, after = old.read_bytes(), new.read_bytes()
    if before == after:
        return
    if old.suffix == ".json":
        try:
            documents = json.loads(before), json.loads(after)
        except ValueError:
            yield f"is no JSON: {before[:200]!r} became {after[:200]!r}"
        else:
            yield from differences(*documents, masked)
    elif old.suffix in PICTURES:
        pairs = zip(before, after)
        first = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
        yield f"differs from byte {first} on; {len(before)} bytes became {len(after)}"
    elif old.name in UNORDERED:
        lines = [sorted(ADDRESS.sub("", text.decode(errors="replace")).split("\n")) for text in (before, after)]
        if lines[0] != lines[1]:
            yield f"{lines[0]} became {lines[1]}"
    else:
        yield f"{before[:500]!r} became {after[:500]!r}"


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def compare(old: Path, new: Path) -> tuple[list[str], Counter]:
    """A line for each difference, and figures."""
    lines, figures = [], Counter()
    before, after = files(old), files(new)
    runs = {name.removesuffix("/exit-code") for name in before if name.endswith("/exit-code")}
    for run in runs:
        figures["runs"] += 1
        figures["refused"] += (old / run / "exit-code").read_text() != "0\n"
    for name in sorted(before | after):
        if name not in after:
            lines.append(f"{name}: is missing in the new")
        elif name not in before:
            lines.append(f"{name}: is only in the new")
        else:
            suffix = Path(name).suffix
            kind = "pictures" if suffix in PICTURES else "documents" if suffix == ".json" else "others"
            figures[kind] += 1
            run = next((run for run in runs if name.startswith(run + "/")), "")
            found = compare_file(old / name, new / name, masked_paths(run, name))
            lines.extend(f"{name}: {sentence}" for sentence in found)
    return lines, figures


def main() -> None:
    lines, figures = compare(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in lines:
        print(line)
    total = sum(figures[kind] for kind in ("pictures", "documents", "others"))
    print(
        f"{figures['runs']} runs ({figures['refused']} without all previews); {total} files compared: "
        f"{figures['pictures']} pictures, {figures['documents']} JSON documents, {figures['others']} others; "
        f"{len(lines)} differences"
    )
    if not figures["pictures"]:
        sys.exit("compare-builds: neither build made a preview; is FFmpeg there, and are there videos in the folder?")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
