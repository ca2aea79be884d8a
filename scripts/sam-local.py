"""Writes what `sam local invoke` reads: template.json, and the layer where SAM looks for it.

Usage: sam-local.py TEMPLATE LAYER.zip ARCHITECTURE FOLDER

FOLDER/template.json is TEMPLATE with
- the endpoints of S3 and EventBridge as variables of the functions, because SAM forwards only variables
  that the template declares;
- each function's code in FOLDER/functions/BINARY;
- a layer version of no account. Its name has the checksum of LAYER.zip, because SAM caches images by the
  layer's name. FOLDER/layers is SAM's cache of downloaded layers.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

from samcli.lib.providers.provider import LayerVersion
from samcli.local.lambdafn.zip import unzip
from samcli.yamlhelper import yaml_parse

ENDPOINTS = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_EVENTBRIDGE"]


def layer_arn(layer: Path) -> str:
    checksum = hashlib.sha256(layer.read_bytes()).hexdigest()[:16]
    return f"arn:aws:lambda:us-east-1:123456789012:layer:ffmpeg-{checksum}:1"


def fill_layer_cache(layer: Path, arn: str, cache: Path) -> None:
    folder = cache / LayerVersion(arn, None).name
    if folder.is_dir():
        return
    # Renamed at the end, because SAM takes an existing folder for complete.
    partial = cache / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    unzip(str(layer), str(partial))
    partial.rename(folder)


def main() -> None:
    template_file, layer, architecture, folder = sys.argv[1:]
    arn = layer_arn(Path(layer))
    fill_layer_cache(Path(layer), arn, Path(folder, "layers"))

    template = yaml_parse(Path(template_file).read_text(encoding="utf-8"))
    template["Parameters"]["FfmpegLayerArn"]["Default"] = arn
    template["Parameters"]["Architecture"]["Default"] = architecture
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    variables.update(dict.fromkeys(ENDPOINTS, ""))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            binary = resource["Metadata"]["BuildProperties"]["Binary"]
            resource["Properties"]["CodeUri"] = f"functions/{binary}"
    Path(folder, "template.json").write_text(json.dumps(template, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
