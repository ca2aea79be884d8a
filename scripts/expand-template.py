"""Prints the CloudFormation template that template.yaml becomes in a deployment, as JSON.

Usage: expand-template.py TEMPLATE. Needs AWS_DEFAULT_REGION, but no network and no AWS account.
"""

import json
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform


class NoManagedPolicies(ManagedPolicyLoader):
    """Replaces the loader that asks IAM for managed policies, because our roles name none."""

    def __init__(self):
        super().__init__(None)

    def load(self):
        return {}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        # `sam build` puts the S3 address of the package here.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    json.dump(transform(template, {}, NoManagedPolicies()), sys.stdout, indent=2)


if __name__ == "__main__":
    main()
