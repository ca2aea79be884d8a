"""Packs the layer: target/layer/ffmpeg-ARCH.zip with bin/, licenses/ and a bill of materials.

The same input gives the same bytes: times are fixed, and names are in order.
"""

import csv
import hashlib
import json
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

ARCH, COMPILER = sys.argv[1:]
LAYER = Path("target/layer")
BUILT = LAYER / ARCH
# The oldest time that a zip can hold.
TIME = (1980, 1, 1, 0, 0, 0)
PROGRAMS = [BUILT / "opt/bin/ffmpeg", BUILT / "opt/bin/ffprobe"]


def table(name):
    with open(name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def sha256(path):
    return {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}


def printed(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def configuration():
    """FFmpeg's configure line, as the programs print it."""
    for line in (BUILT / "build/ffmpeg/config.h").read_text(encoding="utf-8").splitlines():
        if line.startswith("#define FFMPEG_CONFIGURATION "):
            return line.split(" ", 2)[2].strip('"')
    raise SystemExit("config.h has no configuration")


def source(row):
    """A component that was built from source."""
    archive = LAYER / "sources" / f"{row['name']}-{row['version']}.tar"
    return {
        "type": "library",
        "name": row["name"],
        "version": row["version"],
        "licenses": [{"license": {"id": row["licence"]}}],
        "purl": f"pkg:generic/{row['name']}@{row['version']}?download_url={row['url']}",
        "hashes": [sha256(archive)],
        "externalReferences": [{"type": "source-distribution", "url": row["url"]}],
    }


def of_compiler():
    """What comes from the machine that builds."""
    libc = printed(COMPILER, "-print-file-name=libc.a")
    package = printed("dpkg-query", "--search", str(Path(libc).resolve())).split(": ")[0]
    version = printed("dpkg-query", "--show", "--showformat=${Version}", package)
    yield {
        "type": "library",
        "name": "glibc",
        "version": version,
        "licenses": [{"license": {"id": "LGPL-2.1-or-later"}}],
        "purl": f"pkg:deb/{platform.freedesktop_os_release()['ID']}/{package.split(':')[0]}@{version}",
    }
    yield {
        "type": "library",
        "name": "libgcc",
        "version": printed(COMPILER, "-dumpfullversion"),
        "licenses": [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}],
    }


def bill():
    components = [source(row) for row in table("layer/sources.tsv")] + list(of_compiler())
    files = [{"type": "file", "name": f"bin/{path.name}", "hashes": [sha256(path)]} for path in PROGRAMS]
    version = components[0]["version"]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": f"ffmpeg-layer-{ARCH}",
                "version": version,
                "properties": [
                    {"name": "configure", "value": configuration()},
                    {"name": "compiler", "value": printed(COMPILER, "--version").splitlines()[0]},
                ],
            }
        },
        "components": components + files,
    }


def pack(target):
    entries = {f"bin/{path.name}": (path.read_bytes(), 0o755) for path in PROGRAMS}
    for path in (BUILT / "licenses").iterdir():
        entries[f"licenses/{path.name}"] = (path.read_bytes(), 0o644)
    text = json.dumps(bill(), indent=1) + "\n"
    entries["licenses/bill-of-materials.cdx.json"] = (text.encode(), 0o644)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in sorted(entries.items()):
            info = zipfile.ZipInfo(name, TIME)
            info.external_attr = (0o100000 | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content, compresslevel=9)


TARGET = LAYER / f"ffmpeg-{ARCH}.zip"
pack(TARGET)
for path in [*PROGRAMS, TARGET]:
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
