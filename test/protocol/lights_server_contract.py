"""How protocol/examples/lights_server.py handles expensive messages, without sockets: `lights_server_contract.py CHECK`, for python-server.test.ts.

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
        """The answer's header; `size` is its number of bytes."""
        self.req += 1
        sid = {} if self.sid is None else {"sid": self.sid}
        frames = self.server.answer([msgpack.packb({"v": 1, "t": t, "req": self.req, **sid, **fields}), *payload])
        self.lights = frames[1:]
        return {**msgpack.unpackb(frames[0]), "size": len(frames[0])}

    def reset(self, *envs, want=()):
        return self.ask("batch", ops=[{"env": env, "op": "reset", "seed": 1} for env in envs], want=want)

    def step(self, *actions, want=("lights",)):
        """Steps the first environments, one for each action."""
        press = {"uid": "press", "dtype": "int32", "shape": [len(actions), 2], "frame": 0}
        payload = [b"".join(n.to_bytes(4, "little") for action in actions for n in action)]
        ops = [{"env": env, "op": "step"} for env in range(len(actions))]
        return self.ask("batch", payload, ops=ops, tensors=[press], want=want)


class Failing(lights_server.Lights):
    """A user's environment with a fault: it cannot be pressed at row 7, nor begin with 7 presses."""

    def press(self, row, column):
        if row == 7 and self.state == "running":
            raise IndexError("no such light: \ud800")
        super().press(row, column)

    @staticmethod
    def presses(options):
        if options.get("presses") == 7:
            raise ZeroDivisionError("seven")
        return 12


def long_shapes():
    """A shape is only multiplied up to the length of its frame."""
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
        assert time.process_time() - begun < 5  # The full product takes half a minute.
        assert told["t"] == "batch_result" if is_right else told["code"] == "BAD_MESSAGE", (shape[:3], told)


def promised_arrays():
    """Nested arrays that each announce four million values: gigabytes, if allocated."""
    resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
    for promised, problem in ((4_190_000, "max_array_len"), (200_001, "max_array_len"), (200_000, "incomplete")):
        nested = (b"\xdd" + promised.to_bytes(4, "big")) * 900
        assert problem in refused(nested + b"\xc0" * (4 * 2**20 - len(nested)))
    assert "max_map_len" in refused(b"\xdf" + (2**22 - 5).to_bytes(4, "big") + b"\xc0" * (2**22 - 5))
    # The largest allowed number is accepted.
    assert len(lights_server.decode(msgpack.packb({"all": [None] * 199_997}))["all"]) == 199_997


def refused(header):
    try:
        lights_server.decode(header)
    except lights_server.Refusal as refusal:
        assert refusal.body["code"] == "BAD_MESSAGE"
        return refusal.body["message"]
    raise AssertionError("taken")


def out_of_memory():
    """An array without memory for it makes the header unreadable."""
    resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))
    nested = (b"\xdd" + (200_000).to_bytes(4, "big")) * 900
    refused(nested + b"\xc0" * 1000)


def large_headers():
    """hello's max_frame_bytes limits the answer's header to the byte, before anything moves."""
    all_ = range(32)
    size = Client(32).reset(*all_)["size"]
    assert size > 1024
    for limit in (1024, size - 1):
        client = Client(32, limits={"max_frame_bytes": limit})
        told = client.reset(*all_)
        assert told["code"] == "TOO_LARGE" and told["detail"]["limit"] == limit < told["detail"]["bytes"], told
        assert client.ask("batch", ops=[{"env": 0, "op": "noop"}])["results"][0]["error"]["code"] == "NOT_RESET"
    # Refusals are predicted, too. The observations would be the larger frame, so none are wanted here.
    actions = [(3, 4)] * 30 + [(20, 0), (0, 99)]
    for spare, code in ((0, None), (-1, "TOO_LARGE")):
        client = Client(32)
        client.reset(*all_)
        client.server.session["limit"] = stepped(actions) + spare
        assert client.step(*actions, want=[]).get("code") == code
        moved = client.ask("batch", ops=[{"env": 0, "op": "noop"}])["results"][0]["step"]
        assert moved == (1 if code is None else 0)


def many_values():
    """A batch whose answer no decoder takes is refused before anything moves."""
    client = Client(14_000)
    told = client.reset(*range(14_000))
    assert told["code"] == "TOO_LARGE" and "divide the batch" in told["message"], told
    assert client.ask("batch", ops=[{"env": 0, "op": "noop"}])["results"][0]["error"]["code"] == "NOT_RESET"
    assert client.reset(*range(13_000))["t"] == "batch_result"


def stepped(actions):
    """The number of bytes in the header of the answer to these actions."""
    client = Client(len(actions))
    client.reset(*range(len(actions)))
    told = client.step(*actions, want=[])
    assert told["results"][-1]["error"]["code"] == "BAD_ACTION"
    return told["size"]


def crashes():
    """An exception in a user's environment only ends its episode; anywhere else it is INTERNAL, and the server goes on."""
    lights_server.Lights = Failing
    client = Client(2)
    client.reset(0, 1)
    first, second = client.step((7, 0), (1, 1))["results"]
    error = first.pop("error")
    assert error["code"] == "ENV_CRASH" and error["env"] == 0 and not error["retryable"], error
    assert error["detail"] == {"reason": "IndexError: no such light: ?"} and "IndexError" in error["message"]
    assert first == {"env": 0, "reward": 0, "terminated": False, "truncated": False, "episode": 1, "step": 0, "info": {}}
    assert "error" not in second and second["step"] == 1
    assert not any(client.lights[0][:400]) and any(client.lights[0][400:])
    first, second = client.step((1, 1), (1, 1))["results"]
    assert first["error"]["code"] == "NOT_RESET" and second["step"] == 2
    assert "error" not in client.reset(0)["results"][0]
    assert [result["step"] for result in client.step((1, 1), (1, 1))["results"]] == [1, 3]
    fault = {"ops": [{"env": 0, "op": "reset", "options": {"presses": 7}}]}
    told = client.ask("batch", **fault)
    assert (told["t"], told["code"], told["sid"]) == ("error", "INTERNAL", client.sid), told
    assert "ZeroDivisionError: seven" in told["message"] and told["req"] == client.req
    client.req -= 1
    assert client.ask("batch", **fault) == told  # It has taken its number.
    assert client.step((1, 1), (1, 1))["results"][0]["step"] == 2
    lights_server.Lights.__init__ = lambda self: [][0]
    told = client.ask("hello", client="another hello of one", protocols=[1])
    assert told["code"] == "BUSY"
    told = client.ask("hello", client="c0ffee")
    assert (told["code"], told["req"], told["sid"]) == ("INTERNAL", client.req, ""), told
    client.req -= 2  # The failed hello has not ended the session.
    assert client.step((1, 1), (1, 1))["results"][0]["step"] == 3


class Slow(lights_server.Lights):
    """Takes 20 s to be made, and for each press."""

    now = 0.0

    def __init__(self):
        super().__init__()
        Slow.now += 20

    def step(self, action):
        Slow.now += 20
        return super().step(action)


class Unfair(lights_server.Lights):
    def step(self, action):
        return {**super().step(action), "reward": float("nan") if action[0] == 1 else 0.5}


def rewards():
    """A reward that is not finite ends its environment's episode, and no other."""
    lights_server.Lights = Unfair
    client = Client(2)
    client.reset(0, 1)
    first, second = client.step((1, 0), (2, 0))["results"]
    assert first["error"]["code"] == "ENV_CRASH" and "its reward is nan" in first["error"]["message"], first
    assert (first["reward"], first["step"], second["reward"], second["step"]) == (0, 0, 0.5, 1)
    assert "error" not in second


def long_requests():
    """The silence of a session's client begins with the answer, however long hello or a step takes."""
    lights_server.Lights, lights_server.time.monotonic = Slow, lambda: Slow.now
    client = Client()
    other = msgpack.packb({"v": 1, "t": "hello", "req": 1, "client": "another"})

    def told():
        return msgpack.unpackb(client.server.answer([other])[0])

    assert told()["code"] == "BUSY"
    client.reset(0)
    assert client.step((1, 1))["t"] == "batch_result"
    Slow.now += 14.9
    assert told()["code"] == "BUSY"
    Slow.now += 0.1
    assert told()["t"] == "welcome"


if __name__ == "__main__":
    globals()[sys.argv[1]]()
