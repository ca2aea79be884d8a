"""A function on Lambda's runtime API that does what its event says. `GATE` is a file that makes
the messages of the on-failure destination succeed."""

import json
import os
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"


def post(path, value):
    urllib.request.urlopen(API + path, json.dumps(value).encode()).read()


def answer(event, context):
    if "Records" in event:
        [record] = event["Records"]
        if os.path.exists(os.environ["GATE"]) and int(record["attributes"]["ApproximateReceiveCount"]) > 2:
            return {"batchItemFailures": [], "took": json.loads(record["body"])}
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    match event["do"]:
        case "sleep":
            time.sleep(event.get("seconds", 60))
        case "exit":
            os._exit(1)
        case "fail":
            raise RuntimeError(context["id"])
    return {"event": event, "process": os.getpid(), **context}


while True:
    with urllib.request.urlopen(API + "next") as invocation:
        event, headers = json.load(invocation), invocation.headers
    context = {
        "id": headers["Lambda-Runtime-Aws-Request-Id"],
        "left": int(headers["Lambda-Runtime-Deadline-Ms"]) - time.time() * 1000,
        "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
    }
    try:
        post(context["id"] + "/response", answer(event, context))
    except RuntimeError as error:
        post(context["id"] + "/error", {"errorType": "Failed", "errorMessage": str(error)})
