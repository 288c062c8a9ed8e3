"""How protocol/examples/gymnasium_env.py handles faults around it: `gymnasium_faults.py CHECK`, for python-client.test.ts.

The server is protocol/examples/lights_server.py in a thread, so that a check can have it drop, delay and lose what it likes.
An assertion that fails ends it with 1.
"""
import os
import struct
import sys
import threading
import time

import msgpack
import numpy
import zmq
from gymnasium_contract import RemoteEnv, RemoteVectorEnv, refusal

import lights_server  # In the folder that gymnasium_contract.py adds to the path.


class Served:
    """Lights Out at `endpoint`: `drop` has the types of lost messages, `delay` the seconds until a step is answered."""

    def __init__(self, envs=1, endpoint="tcp://127.0.0.1:*"):
        self.envs, self.drop, self.delay, self.heard = envs, set(), 0.0, []
        self._parameters, self._stop, self._late, self._socket = None, threading.Event(), [], zmq.Context().socket(zmq.ROUTER)
        self.restart()
        self._socket.linger = 0
        self._socket.ipv6 = "[" in endpoint
        self._socket.bind(endpoint)
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def restart(self):
        self._server = lights_server.Server(self.envs)

    def _serve(self):
        while not self._stop.is_set():
            if self._socket.poll(20):
                peer, *frames = self._socket.recv_multipart()
                self._answer(peer, frames, msgpack.unpackb(frames[0]))
            while self._late and time.monotonic() > self._late[0][0]:
                self._socket.send_multipart(self._late.pop(0)[1])
        self._socket.close()

    def _answer(self, peer, frames, header):
        self.heard.append(header)
        if header["t"] in self.drop:
            return
        is_step = any(op["op"] == "step" for op in header.get("ops", ()))
        answer = [peer, *self._server.answer(frames)]
        if is_step and self.delay:
            self._late.append((time.monotonic() + self.delay, answer))
        else:
            self._socket.send_multipart(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def taken_by(other, served):
    """Whether another client may have the session now."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger, socket.rcvtimeo = 0, 10_000
        socket.connect(served.endpoint)
        socket.send(msgpack.packb({"v": 1, "t": "hello", "req": 1, "client": other}))
        return msgpack.unpackb(socket.recv())["t"] == "welcome"


IMPATIENT = {"timeouts": {"hello": 0.6, "step": 0.6, "reset": 5.0}, "resend": 0.1}


def parameters_of_its_own():
    """The server of a world with a parameter, unlike lights_server.py: it accepts any value."""

    def execute(self, header, payload, req, session):
        if header.get("t") == "configure":
            return self.pack("configured", req, session["sid"], {"parameters": header["parameters"]})
        return plain(self, header, payload, req, session)

    plain, lights_server.Server.execute = lights_server.Server.execute, execute


def lose(served, env, dropped, phase):
    """The server restarts and loses messages of one type: each reset times out."""
    env.reset(seed=1)
    served.restart()
    served.drop = {dropped}
    refusal("NO_SESSION", lambda: env.step([1, 1]))
    for _ in range(3):
        assert phase in refusal("TIMEOUT", lambda: env.reset(seed=1))


def failed_hello():
    """A reset without an answer to its hello leaves no half-open session: each later reset says hello again."""
    with Served() as served, RemoteEnv(served.endpoint, **IMPATIENT) as env:
        lose(served, env, "hello", "hello: ")
        assert "reset() begins another" in refusal("NO_SESSION", lambda: env.step([1, 1]))
        served.drop = set()
        env.reset(seed=1)
        assert env.step([1, 1])[1] != 0


def failed_parameters():
    """Every episode has the parameters that were set."""
    parameters_of_its_own()
    with Served() as served, RemoteEnv(served.endpoint, parameters={"hard": 0.5}, **IMPATIENT) as env:
        lose(served, env, "configure", "step: ")
        served.drop, served.heard = set(), []
        env.reset(seed=1)
        said = [header["t"] for header in served.heard if header["t"] in ("hello", "configure", "batch")]
        assert said[:1] == ["hello"] and "configure" in said[: said.index("batch")], said
        env.step([1, 1])


def failed_start():
    """An environment that could not be made ends its session, and a closed one begins none."""
    with Served() as served:
        assert "parameters.hard" in refusal(
            "BAD_MESSAGE", lambda: RemoteEnv(served.endpoint, parameters={"hard": 0.5}, **IMPATIENT)
        )
        assert taken_by("another", served)
        served.restart()
        env = RemoteEnv(served.endpoint, **IMPATIENT)
        env.close()
        env.close()
        refusal("CLOSED", env.reset)
        assert taken_by("another", served)
    command = [sys.executable, lights_server.__file__]
    env = RemoteEnv(spawn=command)
    server = env._session._server
    env.close()
    refusal("CLOSED", env.reset)
    assert env._session._server is server and not server.runs()


def bytes_as_actions():
    """Actions of uint8 accept any integer type, and no value changes."""
    lights_server.ACTION.update(dtype="uint8")
    plain = lights_server.Server.actions

    def actions(tensors, payload, steps):
        """As for int32, the only dtype of the server under test."""
        wide = [{**tensor, "dtype": "int32", "frame": i} for i, tensor in enumerate(tensors or [])]
        assert all(tensor["dtype"] == "uint8" for tensor in tensors or [])
        return plain(wide, [struct.pack(f"<{len(frame)}i", *frame) for frame in payload], steps)

    lights_server.Server.actions = staticmethod(actions)
    with Served(2) as served:
        with RemoteEnv(served.endpoint) as env:
            told = []
            for action in ([3, 4], numpy.array([3, 4]), (numpy.int64(3), numpy.int64(4)), numpy.array([3, 4], "uint64")):
                env.reset(seed=1)
                told.append(env.step(action)[0].tolist())
            assert told == [told[0]] * 4
            for wrong in ([256, 0], [-1, 0], numpy.array([3 - 256, 4]), [2**70, 0], [1.0, 2.0], numpy.zeros(2)):
                assert "uint8" in refusal("BAD_ACTION", lambda: env.step(wrong))
            assert env.step(env.action_space.sample())
        with RemoteEnv(served.endpoint, flat=True) as env:
            corner = env.reset(seed=1)[0] != env.step(numpy.array([-1, 1], "float32"))[0]
        assert corner.reshape(20, 20)[0, 19] and corner.sum() == 3
        vector = RemoteVectorEnv(served.endpoint)
        vector.reset(seed=1)
        assert vector.step([[3, 4], [0, 0]])[0][0].tolist() == told[0]
        vector.step(vector.action_space.sample())
        refusal("BAD_ACTION", lambda: vector.step([[3, 4], [0, 256]]))
        vector.close()
        vector = RemoteVectorEnv(served.endpoint, flat=True)
        vector.reset(seed=1)
        vector.step(numpy.zeros((2, 2), "float32"))
        vector.close()


def wrong_keys():
    """Keys that no server has are refused by name, whether from a file or not."""
    good = {"serverPublicKey": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "token": "a token of some length"}
    for change, told in (
        ({"serverPublicKey": " " * 40}, "serverPublicKey must be 40"),
        ({"serverPublicKey": "#" * 40}, "serverPublicKey is no key"),
        ({"token": "short"}, "token must be"),
        ({"token": None}, "token must be"),
    ):
        assert told in refusal("CONFIGURATION", lambda: RemoteEnv("tcp://127.0.0.1:9", keys={**good, **change}))


def wrong_answers():
    """Answers that break the specification are BAD_MESSAGE, and whole floats count as integers."""
    plain = lights_server.Server.pack
    for change, told in (
        ({"v": 2}, "v 2"),
        ({"sid": "other"}, "sid"),
        ({"t": "pong"}, "pong"),
        ({"results": None}, "results"),
        ({"tensors": [{"uid": "lights", "dtype": "uint8", "shape": [1, 20, 20], "frame": 7}]}, "frame"),
        ({"tensors": [{"uid": "lights", "dtype": "uint8", "shape": [1.0, 20.0, 20], "frame": 0.0}]}, None),
    ):

        def pack(kind, req, sid, fields, payload=()):
            frames = plain(kind, req, sid, fields, payload)
            if kind == "batch_result":
                frames[0] = msgpack.packb({**msgpack.unpackb(frames[0]), **change})
            return frames

        lights_server.Server.pack = staticmethod(pack)
        with Served() as served, RemoteEnv(served.endpoint) as env:
            if told is None:
                env.reset(seed=1)
            else:
                assert told in refusal("BAD_MESSAGE", lambda: env.reset(seed=1))


def long_steps():
    """During a long step, the server hears from its client every ping period, however rarely requests are repeated."""
    lights_server.LIMITS["ping_period_ms"] = 300
    for most in (8, 1):
        lights_server.LIMITS["max_in_flight"] = most
        with Served() as served, RemoteEnv(served.endpoint, resend=60.0) as env:
            env.reset(seed=1)
            served.delay = 2.5
            came = []
            other = threading.Timer(1.8, lambda: came.append(taken_by("another", served)))
            other.start()
            env.step([1, 1])
            other.join()
            assert came == [False]
            served.delay = 0.0
            assert env.step([1, 1])[-1] == {} and served._server.session["envs"][0].step_count == 2


def full_line():
    """A request that waits behind an abandoned step keeps the session, too."""
    lights_server.LIMITS.update(ping_period_ms=300, max_in_flight=1)
    with Served() as served, RemoteEnv(served.endpoint, resend=60.0, timeouts={"step": 0.2}) as env:
        env.reset(seed=1)
        served.delay = 2.5
        refusal("TIMEOUT", lambda: env.step([1, 1]))
        came = []
        other = threading.Timer(1.6, lambda: came.append(taken_by("another", served)))
        other.start()
        env.reset(seed=1)
        other.join()
        assert came == [False]


def ipv6():
    with Served(endpoint="tcp://[::1]:*") as served, RemoteEnv(served.endpoint, timeouts={"hello": 10}) as env:
        env.reset(seed=1)


def forks():
    """In a fork, close() returns at once and everything else is refused; the session still belongs to its owner."""
    with Served() as served:
        env = RemoteEnv(served.endpoint)
        env.reset(seed=1)
        with env._session._lock:  # Like the pinging thread, which may hold it when the process is forked.
            child = os.fork()
            if child == 0:
                in_fork(env)
        begun = time.monotonic()
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() - begun > 10:
                os.kill(child, 9)
                os.waitpid(child, 0)
                raise AssertionError("the fork hangs")
            time.sleep(0.05)
        assert ended == (child, 0)
        assert env.step([1, 1])[-1] == {}
        assert not taken_by("another", served)
        env.close()
        assert taken_by("another", served)


def in_fork(env):
    told = []

    def check():
        for act in (lambda: env.step([1, 1]), env.reset, lambda: env.configure(hard=1)):
            told.append("forked" in refusal("CLOSED", act))
        env.close()
        told.append(True)

    other = threading.Thread(target=check, daemon=True)  # Another thread, which does not hold the lock.
    other.start()
    other.join(8)
    os._exit(0 if told == [True] * 4 else 1)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
