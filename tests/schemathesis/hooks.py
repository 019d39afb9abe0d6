"""Adapts what schemathesis sends to what a JSON Schema cannot say, and reads answers that it cannot."""

import itertools
import json
import re

import schemathesis

numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that is right is used once: with another request it is refused, which tests/runs/api/actions.rs tries."""
    headers = case.headers or {}
    for name, key in headers.items():
        if name.lower() != "idempotency-key" or not isinstance(key, str):
            continue
        if key != key.strip(" \t"):
            # Space around a header is not of its value: within, it stays wrong.
            headers[name] = key = f"a {key.strip()} b"
        if re.fullmatch("[!-~]{1,255}", key):
            number = f"-{next(numbers)}"
            headers[name] = key[: 255 - len(number)] + number
    # JSON Schema counts 3.0 as an integer; a client that writes one so is refused.
    body = whole(case.body)
    if repr(body) != repr(case.body):
        case.body = body


def whole(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, dict):
        return {name: whole(own) for name, own in value.items()}
    if isinstance(value, list):
        return [whole(own) for own in value]
    return value


@schemathesis.deserializer("application/x-ndjson")
def last_line(context, response):
    """The schema is that of a line; all are of one shape, and the last one says how it ended."""
    return json.loads(response.content.decode().splitlines()[-1])
