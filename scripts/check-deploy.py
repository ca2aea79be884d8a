"""Checks the parameters of a deployment before anything is built, and prints the architecture.

Usage: check-deploy.py STACK [PARAMETER=VALUE...]. Missing values are taken from the stack, if it exists, else
from the template's defaults. CloudFormation would also refuse a value out of range, but only after the build.
It does not check names (`sam deploy` ignores unknown ones), the relation of two numbers, or the layer. Exits
with 1 and a sentence that says what to do.
"""

import difflib
import re
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samcli.yamlhelper import yaml_parse

TEMPLATE = "template.yaml"
LAYER = re.compile(r"(arn:[a-z-]+:lambda:([a-z0-9-]+):[0-9]{12}:layer:[A-Za-z0-9_-]+):([0-9]+)")


class Problem(Exception):
    """A sentence that says what is wrong and what to do."""


def given(arguments: list[str], known: dict) -> dict[str, str]:
    """The parameters of the command line."""
    values = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; is {near[0]} meant?" if near else ""
            raise Problem(f"{TEMPLATE} has no parameter {name}{hint}")
        values[name] = value
    return values


def check_range(name: str, value: str, parameter: dict) -> None:
    """Checks `value` against the template's range of `parameter`."""
    allowed = parameter.get("AllowedValues")
    if allowed is not None and value not in map(str, allowed):
        raise Problem(f"{name}={value} is not one of {', '.join(map(str, allowed))}")
    if parameter["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            raise Problem(f"{name}={value} is no number") from None
        least, most = parameter.get("MinValue"), parameter.get("MaxValue")
        if (least is not None and number < float(least)) or (most is not None and number > float(most)):
            raise Problem(f"{name}={value} is out of its range, {least} to {most}")
    pattern = parameter.get("AllowedPattern")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        hint = parameter.get("ConstraintDescription", f"it must match {pattern}")
        raise Problem(f"{name}={value} is refused: {hint}")


def of_stack(stack: str) -> dict[str, str]:
    """The stack's parameters; none if it does not exist."""
    try:
        stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return {}
        raise
    return {p["ParameterKey"]: p["ParameterValue"] for p in stacks[0].get("Parameters", [])}


def check_layer(arn: str, architecture: str) -> None:
    """Checks that the layer is in the stack's region and for its architecture."""
    match = LAYER.fullmatch(arn)
    if match is None:
        raise Problem(f"FfmpegLayerArn={arn} is no layer version; it looks like arn:aws:lambda:REGION:ACCOUNT:layer:NAME:1")
    layer, region, version = match.groups()
    client = boto3.client("lambda")
    here = client.meta.region_name
    if region != here:
        raise Problem(f"the layer is in {region} and the stack in {here}; publish the layer in {here}, or set AWS_REGION={region}")
    try:
        found = client.get_layer_version(LayerName=layer, VersionNumber=int(version))
    except client.exceptions.ResourceNotFoundException:
        raise Problem(f"there is no layer version {arn}; publish it (docs/deploy.md), or give another") from None
    architectures = found.get("CompatibleArchitectures") or []
    if not architectures:
        print(
            f"check-deploy: the layer does not say for which architecture it is; make sure that it is {architecture}",
            file=sys.stderr,
        )
    elif architecture not in architectures:
        raise Problem(
            f"the layer is for {', '.join(architectures)} and the functions for {architecture}; "
            f"give Architecture={architectures[0]}, or a layer for {architecture}"
        )


def check(stack: str, arguments: list[str]) -> str:
    """Checks everything and returns the architecture."""
    with open(TEMPLATE, encoding="utf-8") as file:
        known = yaml_parse(file.read())["Parameters"]
    defaults = {name: str(p["Default"]) for name, p in known.items() if "Default" in p}
    new = given(arguments, known)
    for name, value in new.items():
        # The layer has its own check, with a better message.
        if name != "FfmpegLayerArn":
            check_range(name, value, known[name])
    values = {**defaults, **of_stack(stack), **new}
    missing = [name for name in known if name not in values]
    if missing:
        raise Problem(f"a new stack needs {missing[0]}: scripts/deploy {missing[0]}=… (docs/deploy.md)")
    expiry, timeout = int(values["UrlExpirySeconds"]), int(values["WorkerTimeout"])
    if expiry <= timeout:
        raise Problem(
            f"UrlExpirySeconds is {expiry}, and must be above WorkerTimeout, which is {timeout}; change one of them"
        )
    check_layer(values["FfmpegLayerArn"], values["Architecture"])
    return values["Architecture"]


def main() -> None:
    try:
        print(check(sys.argv[1], sys.argv[2:]))
    except Problem as problem:
        sys.exit(f"check-deploy: {problem}")
    except ValueError as error:
        sys.exit(f"check-deploy: UrlExpirySeconds and WorkerTimeout are whole numbers: {error}")
    except (BotoCoreError, ClientError) as error:
        said = str(error).rstrip(".")
        sys.exit(f"check-deploy: AWS cannot be asked: {said}; are AWS_REGION and the credentials set?")


if __name__ == "__main__":
    main()
