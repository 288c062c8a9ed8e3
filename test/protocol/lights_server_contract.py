"""What protocol/examples/lights_server.py does with what would cost it dear, without sockets: `lights_server_contract.py CHECK`, for python-server.test.ts.

An assertion that fails ends it with 1.
"""
import resource
import sys
import time
from pathlib import Path

import msgpack

sys.path.insert(0, str(Path(__file__).parents[2] / "protocol" / "examples"))
import lights_server  # noqa: E402

MANY = 2**53 - 1


class Client:
    def __init__(self, envs=1, **hello):
        self.server, self.req, self.sid = lights_server.Server(envs), 0, None
        self.sid = self.ask("hello", client="c0ffee", **hello)["sid"]

    def ask(self, t, payload=(), **fields):
        """The answer's header."""
        self.req += 1
        sid = {} if self.sid is None else {"sid": self.sid}
        frames = self.server.answer([msgpack.packb({"v": 1, "t": t, "req": self.req, **sid, **fields}), *payload])
        return msgpack.unpackb(frames[0])


def long_shapes():
    """A shape is multiplied no further than its frame is long."""
    client = Client()
    for shape, payload, is_right in (
        ([MANY] * 100_000, b"", False),
        ([MANY] * 100_000, b"1", False),
        ([MANY] * 100_000 + [0], b"", True),
        ([0] + [MANY] * 100_000, b"1", False),
        ([1] * 100_000, b"1", True),
        ([1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3], b"123456", True),
    ):
        tensor = {"uid": "other", "dtype": "uint8", "shape": shape, "frame": 0}
        begun = time.process_time()
        told = client.ask("batch", [payload], ops=[], tensors=[tensor])
        assert time.process_time() - begun < 5  # Multiplied out it takes half a minute.
        assert told["t"] == "batch_result" if is_right else told["code"] == "BAD_MESSAGE", (shape[:3], told)


def promised_arrays():
    """Arrays in arrays, each of which promises four million values: gigabytes, were they believed."""
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    for promised, problem in ((4_190_000, "max_array_len"), (200_001, "max_array_len"), (200_000, "incomplete")):
        nested = (b"\xdd" + promised.to_bytes(4, "big")) * 900
        assert problem in refused(nested + b"\xc0" * (4 * 2**20 - len(nested)))
    assert "max_map_len" in refused(b"\xdf" + (2**22 - 5).to_bytes(4, "big") + b"\xc0" * (2**22 - 5))
    # As much as is allowed is taken.
    assert len(lights_server.decode(msgpack.packb({"all": [None] * 199_997}))["all"]) == 199_997


def refused(header):
    try:
        lights_server.decode(header)
    except lights_server.Refusal as refusal:
        assert refusal.body["code"] == "BAD_MESSAGE"
        return refusal.body["message"]
    raise AssertionError("taken")


def out_of_memory():
    """An array that finds no memory is a header that can't be read."""
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))
    nested = (b"\xdd" + (200_000).to_bytes(4, "big")) * 900
    refused(nested + b"\xc0" * 1000)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
