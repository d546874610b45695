"""Callers that go on storing while their key is rotated, and what became of each of their requests."""

import json
import socket
import threading
import time
from urllib.parse import urlsplit

CALLERS = 3
ENOUGH = 5  # requests of each caller, before and after each step of a drill
PATIENCE_S = 300
PAUSE_S = 0.1  # so that the emulator has time for Terraform as well


class Callers:
    """Stores memories of one entity from several threads, until the block ends. `lead` gives them another door, or another
    key to it: an object with the method `send` of Caller."""

    def __init__(self, domain, entity_id, door):
        self.of, self.door, self.ends = {"domain": domain, "entity_id": entity_id}, door, False
        self.acknowledged, self.failed, self.done = [], [], [0] * CALLERS
        self.threads = [threading.Thread(target=self.store, args=(number,)) for number in range(CALLERS)]

    def store(self, number):
        while not self.ends:
            memory = {**self.of, "content": f"By {number}.", "timestamp": f"2026-01-27T03:14:22.{number:03}{self.done[number]:06}Z"}
            try:
                status, _, text = self.door.send("POST", "/memory", memory, accept="application/json")
            except OSError as error:
                status, text = 0, repr(error)
            if status == 201:
                self.acknowledged.append(json.loads(text)["memory_id"])
            else:
                self.failed.append((status, text))
            self.done[number] += 1
            time.sleep(PAUSE_S)

    def go_on(self):
        """Waits until each caller has ended enough requests that it began after this."""
        enough = [done + 1 + ENOUGH for done in self.done]
        end = time.monotonic() + PATIENCE_S
        while any(done < least for done, least in zip(self.done, enough, strict=True)):
            assert time.monotonic() < end, f"the callers are stuck: {self.failed[:3]}"
            time.sleep(0.05)

    def lead(self, door):
        """Leads the callers to another door. None of them has a request at the old one when this returns."""
        self.door = door
        self.go_on()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(self, *_):
        self.ends = True
        for thread in self.threads:
            thread.join()


class Begun:
    """A request whose body has not been sent when the service says that it has begun with it."""

    def __init__(self, url, key, memory):
        self.body = json.dumps(memory).encode()
        self.socket = socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=20)
        self.socket.sendall(
            f"POST /memory HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\nx-api-key: {key}\r\ncontent-type: application/json\r\n"
            f"accept: application/json\r\ncontent-length: {len(self.body)}\r\nexpect: 100-continue\r\n\r\n".encode()
        )
        assert self.socket.recv(1000).startswith(b"HTTP/1.1 100 ")

    def end(self):
        """Sends the body. Returns the response."""
        self.socket.sendall(self.body)
        answered = b""
        while part := self.socket.recv(4096):
            answered += part
        return answered.decode()
