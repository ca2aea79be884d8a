"""What scripts/check-deploy.py and scripts/check-architecture let through, and what they say of the rest;
AWS is moto's, in process.

Run from the repository's root: .tools/venv/bin/python -m unittest discover scripts/tests
"""

import importlib.util
import json
import os
import subprocess
import tempfile
import unittest
from unittest import mock

import boto3
from moto import mock_aws

spec = importlib.util.spec_from_file_location("check_deploy", "scripts/check-deploy.py")
check_deploy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_deploy)

REGION = "eu-west-1"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def publish_layer(architectures: list[str]) -> str:
    """The ARN of a layer version for these architectures."""
    layer = boto3.client("lambda").publish_layer_version(
        LayerName="ffmpeg",
        Content={"ZipFile": b"PK\x05\x06" + bytes(18)},
        CompatibleArchitectures=architectures,
    )
    return layer["LayerVersionArn"]


def create_stack(**parameters: str) -> None:
    """A stack named gifgen that has these parameters."""
    template = {
        "Parameters": {name: {"Type": "String"} for name in parameters},
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="gifgen",
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )


@mock_aws
@mock.patch.dict(os.environ, ENVIRONMENT)
class ADeployment(unittest.TestCase):
    def architecture(self, *arguments: str) -> str:
        return check_deploy.check("gifgen", list(arguments))

    def problem(self, *arguments: str) -> str:
        with self.assertRaises(check_deploy.Problem) as raised:
            self.architecture(*arguments)
        return str(raised.exception)

    def test_takes_a_layer_for_its_architecture(self):
        intel, arm = publish_layer(["x86_64"]), publish_layer(["arm64"])
        self.assertEqual(self.architecture(f"FfmpegLayerArn={intel}"), "x86_64")
        self.assertEqual(
            self.architecture(f"FfmpegLayerArn={arm}", "Architecture=arm64"), "arm64"
        )

    def test_refuses_a_layer_for_the_other_architecture(self):
        said = self.problem(f"FfmpegLayerArn={publish_layer(['arm64'])}")
        self.assertIn("the layer is for arm64 and the functions for x86_64", said)
        self.assertIn("give Architecture=arm64", said)

    def test_keeps_the_architecture_of_its_stack(self):
        arm = publish_layer(["arm64"])
        create_stack(FfmpegLayerArn=arm, Architecture="arm64")
        self.assertEqual(self.architecture(), "arm64")
        self.assertIn("for x86_64", self.problem("Architecture=x86_64"))

    def test_refuses_urls_that_expire_before_the_worker_ends(self):
        layer = f"FfmpegLayerArn={publish_layer(['x86_64'])}"
        said = self.problem(layer, "WorkerTimeout=900")
        self.assertIn("UrlExpirySeconds is 900, and must be above WorkerTimeout", said)
        self.assertEqual(
            self.architecture(layer, "WorkerTimeout=900", "UrlExpirySeconds=901"), "x86_64"
        )

    def test_holds_a_new_number_against_those_of_its_stack(self):
        create_stack(
            FfmpegLayerArn=publish_layer(["x86_64"]), UrlExpirySeconds="700", WorkerTimeout="600"
        )
        self.assertEqual(self.architecture(), "x86_64")
        self.assertIn("WorkerTimeout, which is 800", self.problem("WorkerTimeout=800"))

    def test_asks_for_the_layer_the_first_time(self):
        self.assertIn("a new stack needs FfmpegLayerArn", self.problem())

    def test_knows_no_other_parameter_than_the_template(self):
        self.assertIn("is WorkerMemory meant?", self.problem("WorkerMemmory=2048"))

    def test_refuses_what_is_out_of_its_range_before_anything_is_built(self):
        arn = publish_layer(["x86_64"])
        for value in ["GifWidth=5000", "GifWidth=abc", "Frames=all", "MaxVideoHours=0", "WorkerMemory="]:
            with self.assertRaisesRegex(check_deploy.Problem, value):
                self.architecture(f"FfmpegLayerArn={arn}", value)
        for value in ["GifWidth=320", "Frames=storyboard", "SubnetIds=", "WorkerReservedConcurrency=-1"]:
            self.architecture(f"FfmpegLayerArn={arn}", value)

    def test_says_of_a_layer_version_that_is_not_there_what_to_do(self):
        arn = publish_layer(["x86_64"])
        with self.assertRaisesRegex(check_deploy.Problem, "there is no layer version .*:7; publish it"):
            self.architecture(f"FfmpegLayerArn={arn.removesuffix('1')}7")

    def test_refuses_a_layer_of_another_region(self):
        arn = publish_layer(["x86_64"]).replace(REGION, "us-east-1")
        self.assertIn("set AWS_REGION=us-east-1", self.problem(f"FfmpegLayerArn={arn}"))

    def test_says_of_what_is_no_layer_version_what_one_looks_like(self):
        self.assertIn("is no layer version", self.problem("FfmpegLayerArn=ffmpeg"))


class WhatWasBuilt(unittest.TestCase):
    def check(self, architecture: str, start: bytes) -> tuple[int, str]:
        with tempfile.NamedTemporaryFile() as program:
            program.write(start)
            program.flush()
            done = subprocess.run(
                ["scripts/check-architecture", architecture, program.name],
                capture_output=True,
                text=True,
                check=False,
            )
        return done.returncode, done.stderr

    def test_is_for_the_architecture_or_is_refused(self):
        for machine, architecture, other in [(62, "x86_64", "arm64"), (183, "arm64", "x86_64")]:
            start = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + bytes([machine, 0])
            self.assertEqual(self.check(architecture, start), (0, ""))
            code, said = self.check(other, start)
            self.assertEqual(code, 1)
            self.assertIn(f"is not for {other} (its ELF machine is {machine}", said)

    def test_is_a_program(self):
        code, said = self.check("x86_64", b"#!/bin/sh\nexit 0\n          ")
        self.assertEqual(code, 1)
        self.assertIn("is no program", said)


if __name__ == "__main__":
    unittest.main()
