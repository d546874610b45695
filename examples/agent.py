"""The tool append_memory, for your own agent. Python 3.9, no packages.

    MEMORY_URL=http://127.0.0.1:8080 python3 examples/agent.py <<'END'
    {"entity_id": "rob", "domain": "work", "content": "Rob prefers mornings."}
    END

Each line on stdin contains the arguments of one call, which would come from your model. Each line on stdout is the
result to give back to the model. If MEMORY_API_KEY is set, it is sent. An agent that speaks MCP does not need this
example: see the README.
"""

import email.utils
import http.client
import json
import os
import random
import re
import sys
import time
import urllib.request
from datetime import datetime, timezone

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("MEMORY_API_KEY", "").strip()
if not re.fullmatch("[!-~]*", KEY):
    sys.exit("MEMORY_API_KEY contains characters that a header must not contain.")
# After these, a repeat may help.
NO_ANSWER = 0
PASSING = {NO_ANSWER, 429, 502, 503, 504}
ATTEMPTS = 5
# The longest time without any data. It is longer than the service needs for its response. A slow response may take
# longer in total.
SILENCE_SECONDS = 15
# If the service asks for a longer pause, the call fails, so that the model can do something else.
PAUSE_SECONDS_MAX = 30
DAY_SECONDS = 24 * 60 * 60


class AnyAnswer(urllib.request.HTTPErrorProcessor):
    """Returns every response. A redirect is not followed, because it would send the key to another host."""

    def http_response(self, request, response):
        return response

    https_response = http_response


OPENER = urllib.request.build_opener(AnyAnswer)


def append_memory(arguments):
    """Stores one memory. Returns the tool's result: {"status": "ok", ...} or {"status": "error", "error": ...}.

    The arguments are the JSON that the model wrote, as bytes.
    """
    try:
        body, timestamp = dated(arguments.decode())
    except (ValueError, RecursionError):
        return failure("The arguments are not a JSON object in UTF-8: send one.")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if KEY:
        headers["x-api-key"] = KEY
    request = urllib.request.Request(f"{URL}/memory", body.encode(), headers)
    doubt = False
    for attempt in range(1, ATTEMPTS + 1):
        status, pause, answer = send(request)
        if status == 201 and answer.get("status") == "ok":
            return answer
        words = answer.get("error") if answer.get("status") == "error" else None
        # If the arguments have a fault, the model can correct it, and the service's text says how. The service's text
        # about its storage is true only for this attempt.
        is_all = isinstance(words, str) and not doubt and (400 <= status < 500 or '"timestamp":' in words)
        # A refused memory is not stored. A 503 means the same only if the service itself sent it.
        doubt = doubt or not (400 <= status < 500 and status != 408 or status == 503 and words)
        if status not in PASSING or attempt == ATTEMPTS or pause > PAUSE_SECONDS_MAX:
            wait = f" Wait {pause:.0f} s before." if pause > PAUSE_SECONDS_MAX else ""
            return failure((words if is_all else given_up(status, doubt, timestamp)) + wait)
        # Full jitter, so that clients that failed together do not all repeat at the same time.
        time.sleep(pause + random.uniform(0, 0.25 * 2**attempt))


def dated(arguments):
    """Returns the body to send, and the timestamp in it.

    The timestamp is chosen before the first attempt and does not change after it. So every attempt is the same memory,
    which is stored once, even if a response was lost. The rest of the text does not change: to the service 0.90 is not
    0.9, and it refuses a member that is given twice, which json.loads() would merge.
    """
    members = json.loads(arguments)
    if not isinstance(members, dict):
        raise ValueError("not an object")
    if members.get("timestamp") is not None:
        return arguments, members["timestamp"]
    timestamp = datetime.now(timezone.utc).isoformat()
    member = f'"timestamp":"{timestamp}"'
    if "timestamp" not in members:
        return f"{arguments.rstrip()[:-1]}{',' if members else ''}{member}}}", timestamp
    # The timestamp is null. A member timestamp of the metadata may be null too.
    for null in re.finditer(r'"timestamp"\s*:\s*null', arguments):
        body = arguments[: null.start()] + member + arguments[null.end() :]
        if json.loads(body)["timestamp"] == timestamp:
            return body, timestamp
    raise ValueError("the name timestamp is written with escapes")


def send(request):
    """Makes one attempt. Returns the status, the minimum pause in seconds, and the members of the response."""
    try:
        with OPENER.open(request, timeout=SILENCE_SECONDS) as answer:
            status, pause, text = answer.status, pause_of(answer.headers.get("Retry-After", "")), answer.read()
    except (OSError, ValueError, http.client.HTTPException):
        # The text of these errors is dropped, because it may contain the headers, and so the key.
        return NO_ANSWER, 0, {}
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        # A gateway in front of the service may send any response.
        members = None
    return status, pause, members if isinstance(members, dict) else {}


def pause_of(retry_after):
    """Returns the pause in seconds, from seconds or a date (RFC 9110, section 10.2.3). A day means never."""
    if re.fullmatch("[0-9]+", retry_after):
        return min(float(retry_after), DAY_SECONDS)
    try:
        date = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0
    return min(max(date - time.time(), 0), DAY_SECONDS)


def given_up(status, doubt, timestamp):
    """Returns a text with what is known and what to do.

    It names the timestamp, because without it a repeat by the model would be another memory.
    """
    what = "No response came." if status == NO_ANSWER else f"The response status was {status}."
    stored = "Whether the memory was stored is not known." if doubt else "The memory was not stored."
    repeat = "Repeat" if status in PASSING else "When that is fixed, repeat"
    call = f'the same call with "timestamp":{json.dumps(timestamp)}'
    return f"{what} {stored} {repeat} {call}: however often it is sent, it is stored once."


def failure(words):
    return {"status": "error", "error": words}


if __name__ == "__main__":
    # Reads bytes, so that a line that is not UTF-8 gets a result too.
    for line in sys.stdin.buffer:
        print(json.dumps(append_memory(line)), flush=True)
