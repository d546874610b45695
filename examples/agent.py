"""The tool append_memory for an agent of your own. Python 3.9, no packages.

    MEMORY_URL=http://127.0.0.1:8080 python3 examples/agent.py <<'END'
    {"entity_id": "rob", "domain": "work", "content": "Rob prefers mornings."}
    END

Each line on stdin is the arguments of one call, where your model's would be; each line on stdout is what to give back to the
model. MEMORY_API_KEY is sent where it is set. An agent that speaks MCP needs none of this: see the README.
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
    sys.exit("MEMORY_API_KEY has characters that no header may have.")
# A repeat may help after these.
NO_ANSWER = 0
PASSING = {NO_ANSWER, 429, 502, 503, 504}
ATTEMPTS = 5
# The longest silence, longer than the service takes for its own answer. An answer that trickles may take longer.
SILENCE_SECONDS = 15
# Whoever is asked to wait longer gives up: the model can do something else meanwhile.
PAUSE_SECONDS_MAX = 30
DAY_SECONDS = 24 * 60 * 60


class AnyAnswer(urllib.request.HTTPErrorProcessor):
    """Hands on every answer. A redirect is not followed: it would take the key to another host."""

    def http_response(self, request, response):
        return response

    https_response = http_response


OPENER = urllib.request.build_opener(AnyAnswer)


def append_memory(arguments):
    """Stores one memory, and gives the tool's result: {"status": "ok", ...} or {"status": "error", "error": ...}.

    The arguments are JSON, as bytes, as the model wrote it.
    """
    try:
        body, timestamp = dated(arguments.decode())
    except (ValueError, RecursionError):
        return failure("The arguments are not one JSON object in UTF-8: send one.")
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
        # A fault of the arguments is for the model to mend, and the service's words say how. What it says of its storage is
        # true of one attempt.
        is_all = isinstance(words, str) and not doubt and (400 <= status < 500 or '"timestamp":' in words)
        # What is refused is not stored, and of a 503 only the service itself knows that.
        doubt = doubt or not (400 <= status < 500 and status != 408 or status == 503 and words)
        if status not in PASSING or attempt == ATTEMPTS or pause > PAUSE_SECONDS_MAX:
            wait = f" Wait {pause:.0f} s before." if pause > PAUSE_SECONDS_MAX else ""
            return failure((words if is_all else given_up(status, doubt, timestamp)) + wait)
        # A full jitter: clients that failed together do not come back together.
        time.sleep(pause + random.uniform(0, 0.25 * 2**attempt))


def dated(arguments):
    """The body to send, and the timestamp in it.

    It is chosen before the first attempt and never after it. With it every attempt is the same memory, which is stored once,
    even if an answer was lost. All else stays as it is spelled: to the service 0.90 is not 0.9, and it refuses a member given
    twice, which json.loads() would merge.
    """
    members = json.loads(arguments)
    if not isinstance(members, dict):
        raise ValueError("no object")
    if members.get("timestamp") is not None:
        return arguments, members["timestamp"]
    timestamp = datetime.now(timezone.utc).isoformat()
    member = f'"timestamp":"{timestamp}"'
    if "timestamp" not in members:
        return f"{arguments.rstrip()[:-1]}{',' if members else ''}{member}}}", timestamp
    # It is null, and so may be one in the metadata.
    for null in re.finditer(r'"timestamp"\s*:\s*null', arguments):
        body = arguments[: null.start()] + member + arguments[null.end() :]
        if json.loads(body)["timestamp"] == timestamp:
            return body, timestamp
    raise ValueError("its name is spelled with escapes")


def send(request):
    """One attempt: the status, how many seconds to wait at least, and the members of the answer."""
    try:
        with OPENER.open(request, timeout=SILENCE_SECONDS) as answer:
            status, pause, text = answer.status, pause_of(answer.headers.get("Retry-After", "")), answer.read()
    except (OSError, ValueError, http.client.HTTPException):
        # What these say is not handed on: it may hold the headers, and with them the key.
        return NO_ANSWER, 0, {}
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        # A gateway before the service may answer anything.
        members = None
    return status, pause, members if isinstance(members, dict) else {}


def pause_of(retry_after):
    """Seconds, or a date (RFC 9110, section 10.2.3); a day means never."""
    if re.fullmatch("[0-9]+", retry_after):
        return min(float(retry_after), DAY_SECONDS)
    try:
        date = email.utils.parsedate_to_datetime(retry_after).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0
    return min(max(date - time.time(), 0), DAY_SECONDS)


def given_up(status, doubt, timestamp):
    """What is known, and what to do. Without the timestamp the model's own repeat would be another memory."""
    what = "No answer came." if status == NO_ANSWER else f"The answer was {status}."
    stored = "Whether the memory was stored is not known." if doubt else "The memory was not stored."
    repeat = "Repeat" if status in PASSING else "When that is mended, repeat"
    call = f'the same call with "timestamp":{json.dumps(timestamp)}'
    return f"{what} {stored} {repeat} {call}: however often it is sent, it is stored once."


def failure(words):
    return {"status": "error", "error": words}


if __name__ == "__main__":
    # A line that is not UTF-8 is answered, too.
    for line in sys.stdin.buffer:
        print(json.dumps(append_memory(line)), flush=True)
