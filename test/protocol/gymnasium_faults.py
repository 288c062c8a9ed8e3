"""How protocol/examples/gymnasium_env.py bears what goes wrong around it: `gymnasium_faults.py CHECK`, for python-client.test.ts.

The server is protocol/examples/lights_server.py in a thread, so that a check can have it drop, delay and lose what it likes.
An assertion that fails ends it with 1.
"""
import struct
import sys
import threading
import time
from pathlib import Path

import msgpack
import numpy
import zmq

try:
    import gymnasium  # noqa: F401
except ImportError:
    import gymnasium_stub  # noqa: F401
sys.path.insert(0, str(Path(__file__).parents[2] / "protocol" / "examples"))
import lights_server  # noqa: E402
from gymnasium_env import RemoteEnv, RemoteError, RemoteVectorEnv  # noqa: E402


class Served:
    """Lights Out at `endpoint`: `drop` holds types of messages that get lost, `delay` how many seconds an answer to a step takes."""

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


def refusal(code, act):
    try:
        act()
    except RemoteError as error:
        assert error.code == code, error
        return str(error)
    raise AssertionError(f"not refused with {code}")


def bytes_as_actions():
    """Actions of uint8 come in whatever whole numbers, and none becomes another."""
    lights_server.ACTION.update(dtype="uint8")
    plain = lights_server.Server.actions

    def actions(tensors, payload, steps):
        """As of int32: the server under test knows no other."""
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


if __name__ == "__main__":
    globals()[sys.argv[1]]()
