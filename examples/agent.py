"""The tool append_memory for an agent of your own. Python 3.9, no packages.

    MEMORY_URL=http://127.0.0.1:8080 python3 examples/agent.py <<'END'
    {"entity_id": "rob", "domain": "work", "content": "Rob prefers mornings."}
    END

Each line on stdin is the arguments of one call, where your model's would be; each line on stdout is what to give back to the
model. MEMORY_API_KEY is sent where it is set. An agent that speaks MCP needs none of this: see the README.
"""

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("MEMORY_API_KEY")
# A repeat may help after these, and after no answer at all.
PASSING = {429, 502, 503, 504}
ATTEMPTS = 5
# Longer than the service takes for its own answer.
ATTEMPT_SECONDS = 15


def append_memory(arguments):
    """Stores one memory and gives the tool's result, {"status": "ok", ...} or {"status": "error", "error": ...}."""
    # The timestamp is chosen before the first attempt and never after it. With it every attempt is the same memory, which is
    # stored once, even if an answer was lost.
    timestamp = arguments.get("timestamp") or datetime.now(timezone.utc).isoformat()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if KEY:
        headers["x-api-key"] = KEY
    body = json.dumps({**arguments, "timestamp": timestamp}).encode()
    request = urllib.request.Request(f"{URL}/memory", body, headers)
    for attempt in range(1, ATTEMPTS + 1):
        status, retry_after, result = send(request)
        if status not in PASSING or attempt == ATTEMPTS:
            # A fault of the arguments is for the model to mend: its words say how.
            return result
        # A full jitter: clients that failed together do not come back together.
        time.sleep(retry_after + random.uniform(0, 0.25 * 2**attempt))


def send(request):
    """One attempt: the status, how many seconds to wait, and the result."""
    try:
        with urllib.request.urlopen(request, timeout=ATTEMPT_SECONDS) as answer:
            return answer.status, 0, json.load(answer)
    except urllib.error.HTTPError as answer:
        retry_after = answer.headers.get("Retry-After", "")
        return answer.code, int(retry_after) if retry_after.isdigit() else 0, result_of(answer)
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Whether it is stored is not known, and a repeat does not store it twice.
        return 504, 0, {"status": "error", "error": f"No answer: {error}."}


def result_of(answer):
    """A gateway before the service may word its refusals otherwise."""
    try:
        result = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        result = None
    if isinstance(result, dict) and result.get("status") == "error":
        return result
    return {"status": "error", "error": f"The answer was {answer.code}."}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(append_memory(json.loads(line))), flush=True)
