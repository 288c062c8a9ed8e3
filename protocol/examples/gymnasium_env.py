"""A server of the environment protocol (protocol/README.md) as a Gymnasium environment: all of it in this file.

    rls3 env serve --bind tcp://127.0.0.1:5005            # or any other server
    python3 gymnasium_env.py tcp://127.0.0.1:5005         # a few random steps

    env = RemoteEnv("tcp://127.0.0.1:5005", observations=["state"], render_mode="rgb_array")
    observation, info = env.reset(seed=7)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())

Needs pyzmq and msgpack (Debian: python3-zmq, python3-msgpack). With gymnasium installed it is a gymnasium.Env with its
spaces, else a class with the same methods; with numpy observations are arrays, else memoryviews of that shape.
"""
import collections
import json
import math
import os
import random
import re
import secrets
import shlex
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref

import msgpack
import zmq

try:
    import numpy
except ImportError:
    numpy = None
try:
    from gymnasium import Env
    from gymnasium.spaces import Box, Dict, Discrete
except ImportError:

    class Env:
        """What of gymnasium.Env is needed here."""

        metadata, render_mode = {}, None

        def reset(self, *, seed=None, options=None):
            pass

        @property
        def unwrapped(self):
            return self

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.close()

    class Discrete:
        def __init__(self, n, start=0):
            self.n, self.start, self._random = n, start, random.Random()

        def seed(self, seed=None):
            self._random.seed(seed)

        def sample(self):
            return self._random.randrange(self.start, self.start + self.n)

    class Box:
        """Bounds are lists with a number for each element, in C order."""

        def __init__(self, low, high, shape, dtype):
            self.low, self.high, self.shape, self.dtype = low, high, tuple(shape), dtype
            self._random = random.Random()

        def seed(self, seed=None):
            self._random.seed(seed)

        def sample(self):
            draw = self._random.uniform if self.dtype.startswith("float") else self._random.randint
            finite = ((max(low, -1e6), min(high, 1e6)) for low, high in zip(self.low, self.high))
            flat = [draw(low, high) for low, high in finite]
            return _tensor(struct.pack(f"<{len(flat)}{_FORMAT[self.dtype]}", *flat), self.dtype, self.shape)

    class Dict:
        def __init__(self, spaces):
            self.spaces = spaces

        def __getitem__(self, uid):
            return self.spaces[uid]


_FORMAT = {"float32": "f", "float64": "d", "int32": "i", "uint8": "B"}
_RANGE = {"int32": (-(2**31), 2**31 - 1), "uint8": (0, 255)}
_SIZE = {"float32": 4, "float64": 8, "int32": 4, "uint8": 1}
_LOOPBACK = re.compile(r"tcp://(127(\.\d{1,3}){3}|localhost|\[::1\]):\d+$|ipc://")
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_TIMEOUTS = {"spawn": 60.0, "hello": 30.0, "reset": 60.0, "step": 60.0, "close": 3.0}


class RemoteError(RuntimeError):
    """What went wrong: `code` of the specification, or TIMEOUT, UNAVAILABLE (a server that was started ended), CLOSED or CONFIGURATION."""

    def __init__(self, code, message, detail=None, retryable=False):
        super().__init__(f"{code}: {message}")
        self.code, self.detail, self.retryable = code, detail or {}, retryable


class _Session:
    """One session with a server: hello, requests in a strict sequence, and the same bytes again until they are answered.

    A thread pings whenever nothing was said for the server's ping period, so that no other client takes the session while
    the trainer computes. It holds no reference to the session, and ends with it.
    """

    def __init__(self, endpoint, wishes, keys, timeouts, resend, spawn, parameters):
        if (endpoint is None) == (spawn is None):
            raise RemoteError("CONFIGURATION", "give either endpoint=... of a server that runs, or spawn=... to start one")
        if endpoint is not None and keys is None and not _LOOPBACK.match(endpoint):
            raise RemoteError("CONFIGURATION", f"{endpoint} is beyond this machine: it takes a keys file (keys=...)")
        self._timeouts, self._resend, self._encrypted = {**_TIMEOUTS, **(timeouts or {})}, resend, bool(keys)
        self._client, self.sid, self._req, self._waiting, self._late = secrets.token_hex(8), "", 0, {}, 0
        self._wishes, self._parameters, self.welcome = wishes, dict(parameters or {}), None
        self._lock, self._closing, self._spoke, self._server = threading.RLock(), threading.Event(), 0.0, None
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.heartbeat_ivl = 5000
        try:
            if keys:
                self._socket.curve_serverkey = keys["serverPublicKey"].encode()
                self._socket.curve_publickey, self._socket.curve_secretkey = zmq.curve_keypair()
            self._spawn = shlex.split(spawn) if isinstance(spawn, str) else spawn
            if endpoint is None:  # The server connects: no port can clash.
                self._socket.bind("tcp://127.0.0.1:*")
                self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
            else:
                self.endpoint = endpoint
                self._socket.connect(endpoint)
            self.open()
        except BaseException:
            self.close()
            raise
        threading.Thread(target=_keep_alive, args=(weakref.ref(self), self._closing), daemon=True).start()

    def open(self):
        """Begins a session, the first or another after the server lost one, with the parameters that were set."""
        with self._lock:
            if self._spawn and not (self._server and self._server.runs()):
                self._start()
            self.sid, self._waiting, self._late = "", {}, 0
            wishes = {key: value for key, value in self._wishes.items() if value is not None}
            hello = {"t": "hello", "protocols": [1], "client": self._client, "package": "gymnasium_env.py", **wishes}
            self.welcome, _ = self.request("hello", hello)
            self.sid = self.welcome["sid"]
            if self._parameters:
                self.configure(self._parameters)

    def configure(self, parameters):
        """Sets parameters for all environments; returns them as set. They are set again in a session that follows."""
        header, _ = self.request("step", {"t": "configure", "parameters": _plain(parameters, "parameters", 1)})
        self._parameters.update(header["parameters"])
        return header["parameters"]

    def batch(self, phase, ops, want, action=None):
        """Results, one for each operation, and by uid the bytes of what is wanted of all of them."""
        body, payload = {"t": "batch", "ops": ops, "want": want}, ()
        if action is not None:
            shape, data = action
            uid, dtype = self.welcome["action"]["uid"], self.welcome["action"]["dtype"]
            body["tensors"], payload = [{"uid": uid, "dtype": dtype, "shape": shape, "frame": 0}], (data,)
        header, frames = self.request(phase, body, payload)
        came = {tensor["uid"]: tensor for tensor in header.get("tensors") or []}
        specs = {spec["uid"]: spec for spec in self.welcome["observations"]}
        for uid in want:
            spec, tensor = specs[uid], came.get(uid)
            if tensor is None or (tensor["dtype"], tensor["shape"]) != (spec["dtype"], [len(ops), *spec["shape"]]):
                raise RemoteError("BAD_MESSAGE", f"the server sent {tensor}; welcome promised {spec}")
        return header["results"], {uid: frames[came[uid]["frame"]] for uid in want}

    def close(self):
        self._closing.set()
        with self._lock:
            if self._socket.closed:
                return
            try:
                if self.sid:
                    self.request("close", {"t": "close"})
            except RemoteError:
                pass  # A server that is gone is as closed as one that says so.
            finally:
                self._socket.close()
                self._context.term()
                if self._server:
                    self._server.stop(self._timeouts["close"])

    def request(self, phase, body, payload=()):
        """Sends a request and waits for its answer: header and frames. Raises RemoteError."""
        with self._lock:
            return self._request(phase, body, payload)

    def _request(self, phase, body, payload):
        if self._socket.closed:
            raise RemoteError("CLOSED", "close() was called; make another environment")
        if self.sid is None:
            raise RemoteError("NO_SESSION", "the server has given this session up; reset() begins another")
        req, sid = self._req + 1, {"sid": self.sid} if self.sid else {}
        frames = [_packed({"v": 1, **body, **sid, "req": req}), *payload]
        limit = self.welcome["limits"]["max_frame_bytes"] if self.sid else math.inf
        if (size := max(map(len, frames))) > limit:
            raise RemoteError("TOO_LARGE", f"a frame of {size} bytes; this server takes {limit}")
        deadline = time.monotonic() + self._timeouts[phase]
        self._make_room(phase, deadline)
        self._req = req  # Nothing is wrong with it: only now is the number used up.
        self._waiting[req] = frames
        self._send(frames)
        copies, unread = 1, 0
        again = time.monotonic() + self._resend
        busy = None
        while (now := time.monotonic()) < deadline:
            if now >= again:
                self._send_again()
                again, copies = now + self._resend, copies + 1
            if not self._poll(min(deadline, again) - now):
                continue
            head, *frames = self._socket.recv_multipart()
            header = _header(head)
            answered = header.get("req")
            if header.get("t") == "error":
                error = RemoteError(header["code"], header["message"], header.get("detail"), header.get("retryable"))
                if error.code == "OUT_OF_ORDER" and error.retryable and answered in self._waiting:
                    again = 0.0  # What came before it got lost on the way.
                    continue
                if error.code == "BUSY" and answered == req:
                    busy = error  # Another client's session, perhaps of one that died and will be given up.
                    continue
                if answered == 0 and self._late > 0:
                    self._late -= 1  # To one more copy of an earlier request that the server could not read.
                    continue
                if answered == 0 and (unread := unread + 1) < 2:
                    again = 0.0  # Perhaps not to this request: once more, to see.
                    continue
                if answered == 0:
                    self._take_back(req, copies - unread)
                    raise error
                if answered == req:
                    self._waiting.pop(req, None)
                    if error.code == "NO_SESSION":
                        self.sid = None
                    raise error
            self._waiting.pop(answered, None)
            if answered == req:
                return header, frames
        if phase == "hello":
            self._waiting.clear()
        told = f"{phase}: {self.endpoint} did not answer within {self._timeouts[phase]:g} s; does the server run"
        told += ", and is serverPublicKey its key?" if self._encrypted else "?"
        raise busy or RemoteError("TIMEOUT", told)

    def _take_back(self, req, late):
        """The server has not read the request, and so not counted it: the next one gets its number."""
        self._late = max(0, late)
        if list(self._waiting) == [req]:
            self._req = req - 1
        else:  # Which one it could not read is not to be told; a new session begins with none of them.
            self.sid = None
        self._waiting.clear()

    def _make_room(self, phase, deadline):
        """Until fewer requests are under way than the server takes: pings and those that were given up count too."""
        again = time.monotonic() + self._resend
        while self.sid and len(self._waiting) >= self.welcome["limits"]["max_in_flight"]:
            if (now := time.monotonic()) >= deadline:
                left = f"{self.endpoint} has left {len(self._waiting)} requests unanswered"
                raise RemoteError("TIMEOUT", f"{phase}: {left}, the last for {self._timeouts[phase]:g} s; close()")
            if now >= again:
                self._send_again()
                again = now + self._resend
            if self._poll(min(deadline, again) - now):
                self._read_late()

    def _read_late(self):
        """Answers to requests that nobody waits for any more: pings, and those that were given up."""
        while self._socket.poll(0):
            header = _header(self._socket.recv_multipart()[0])
            if header.get("req") == 0 and self._late > 0:
                self._late -= 1
            elif header.get("code") == "NO_SESSION":
                self.sid = None
                return
            elif header.get("code") != "OUT_OF_ORDER":
                self._waiting.pop(header.get("req"), None)

    def _send(self, frames):
        self._spoke = time.monotonic()
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            pass  # No connection to put it on: it is sent again like one that got lost.

    def _send_again(self):
        """All that is unanswered, also what was given up: the server executes all in sequence, each once."""
        for unanswered in self._waiting.values():
            self._send(unanswered)

    def _poll(self, seconds, flags=zmq.POLLIN):
        """As the socket's, but a server that was started here and has ended is not waited for."""
        deadline = time.monotonic() + seconds
        while not self._socket.poll(1000 * max(0.0, min(0.2, seconds)), flags):
            if self._server and not self._server.runs():
                self.sid = None
                raise RemoteError("UNAVAILABLE", self._server.obituary())
            if (seconds := deadline - time.monotonic()) <= 0:
                return False
        return True

    def _start(self):
        self._server = _Server([*self._spawn, "--connect", self.endpoint])
        weakref.finalize(self, self._server.stop, 0.0)  # Also where close() is forgotten.
        if not self._poll(self._timeouts["spawn"], zmq.POLLOUT):
            said = self._server.last_lines()
            self._server.stop(0.0)
            told = f"spawn: {shlex.join(self._spawn)} did not connect to {self.endpoint} in {self._timeouts['spawn']:g} s"
            raise RemoteError("TIMEOUT", f"{told}; does it take --connect ENDPOINT?{said}")

    def stay(self):
        """Pings if nothing was said for the ping period. Returns the seconds until it should look again."""
        with self._lock:
            if self._socket.closed or not self.sid:
                return 1.0
            period = max(0.05, self.welcome["limits"]["ping_period_ms"] / 1000)
            due = self._spoke + period - time.monotonic()
            if due > 0:
                return due
            try:
                self._read_late()
                if self._waiting:
                    self._send_again()  # Resends count as being heard, and pings that pile up help nobody.
                elif self.sid:
                    self._req += 1
                    self._waiting[self._req] = [_packed({"v": 1, "t": "ping", "sid": self.sid, "req": self._req})]
                    self._send(self._waiting[self._req])
            except RemoteError:
                pass  # An unreadable answer: the next request finds the same server.
            return period


def _keep_alive(reference, closing):
    seconds = 0.0
    while not closing.wait(seconds):
        session = reference()
        if session is None:
            return
        seconds = session.stay()
        del session


class _Server:
    """A server that was started here: in a process group of its own, its last lines kept for error messages."""

    def __init__(self, command):
        self._name, self._owner, self._lines = shlex.join(command), os.getpid(), collections.deque(maxlen=20)
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            self._process = subprocess.Popen(command, start_new_session=os.name == "posix", **pipes)
        except OSError as error:
            raise RemoteError("UNAVAILABLE", f"{self._name} could not be started: {error}") from None
        self._reader = threading.Thread(target=_keep, args=(self._process.stdout, self._lines), daemon=True)
        self._reader.start()
        self._over = False

    def runs(self):
        if not self._over and self._process.poll() is not None:
            self._end()
        return not self._over

    def _end(self):
        """Its own children go with it, once: later its group's number may be another's."""
        self._over = True
        self._signal(_KILL)

    def obituary(self):
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{self._name} {how}; reset() starts it again{self.last_lines()}"

    def last_lines(self):
        self._reader.join(0.2)  # They may still be in the pipe; a stray child that holds it open is not waited for.
        return "".join(f"\n  {line}" for line in self._lines)

    def stop(self, patience):
        """Waits for the end, then asks for it, then forces it."""
        if self._over or os.getpid() != self._owner:  # Else a fork of the process that started it.
            return
        for signal_ in (None, signal.SIGTERM, _KILL):
            if signal_ is not None:
                self._signal(signal_)
            try:
                self._process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                pass
        self._process.wait()
        self._end()

    def _signal(self, which):
        try:
            if os.name == "posix":
                os.killpg(self._process.pid, which)
            else:
                self._process.terminate()
        except (ProcessLookupError, PermissionError):
            pass  # Nobody of the group is left.


def _keep(stream, lines):
    with stream:
        for line in stream:
            lines.append(line.decode("utf8", "replace").rstrip()[:500])


class _Remote:
    """What one environment and a vector of them have in common: the session, and welcome's specs as spaces."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    _session = None

    def __init__(self, endpoint=None, observations=None, render_mode=None, image_size=None, seed=None, keys=None,
                 token=None, timeouts=None, resend=5.0, spawn=None, parameters=None):
        if isinstance(keys, str):
            with open(keys, encoding="utf8") as file:
                keys = json.load(file)
        self.render_mode = render_mode
        wishes = {"image_size": image_size, "seed": seed, "token": keys["token"] if keys else token}
        self._session = _Session(endpoint, wishes, keys, timeouts, resend, spawn, parameters)
        try:
            self._choose(observations)
        except BaseException:
            self._session.close()
            raise

    @property
    def welcome(self):
        """What the server said of itself: the specification's table."""
        return self._session.welcome

    @property
    def endpoint(self):
        return self._session.endpoint

    def configure(self, **parameters):
        """Sets parameters of welcome["parameters"] for all environments of the server; returns them as set."""
        return self._session.configure(parameters)

    def _choose(self, observations):
        specs = {spec["uid"]: spec for spec in self.welcome["observations"]}
        images = [uid for uid, spec in specs.items() if _is_image(spec)] if self.welcome.get("graphics") else []
        modes = [None, "rgb_array"] if images else [None]
        if self.render_mode not in modes:
            raise RemoteError("CONFIGURATION", f"render_mode is one of {modes} here, not {self.render_mode!r}")
        self._image = specs[images[0]] if images else None
        without = [uid for uid, spec in specs.items() if not spec.get("graphics")]
        uids = without if observations is None else list(observations)
        if not uids or any(uid not in specs for uid in uids):
            raise RemoteError("CONFIGURATION", f"observations are some of {list(specs)}, not {uids}")
        self._view = _View([specs[uid] for uid in uids], self.welcome["action"])


class RemoteEnv(_Remote, Env):
    """Environment `index` of the server at `endpoint`. A server has one session: one RemoteEnv at a time.

    endpoint:     of a server that runs; or spawn: a command (list or str) that is started with `--connect ENDPOINT` and ended by close().
    observations: uids to bring; one gives that space, several a Dict of them; by default all that need no renderer.
    render_mode:  None or "rgb_array": then render() brings the first image that the server offers.
    parameters:   of welcome's, to set in each session, as `configure` does.
    keys:         keys file or dict (serverPublicKey, token), needed beyond loopback; token: where that is all it asks.
    timeouts:     seconds for spawn, hello, reset, step, close; resend: after how many an unanswered request is repeated.
    image_size, seed: the hello's, see the specification.
    reset() and step() return what Gymnasium's do; info has the server's own keys, and `state_hash` where it has one.
    """

    def __init__(self, endpoint=None, observations=None, render_mode=None, index=0, **settings):
        self.index = index
        super().__init__(endpoint, observations, render_mode, **settings)

    def reset(self, *, seed=None, options=None):
        seed, options = _plain(seed, "seed", 3), _plain(options or {}, "options", 3)
        Env.reset(self, seed=seed)
        if self._session.sid is None:  # The server lost the session; a new episode may as well begin in a new one.
            self._session.open()
        operation = {"op": "reset", **({} if seed is None else {"seed": seed}), "options": options}
        observation, result = self._operate("reset", operation)
        return observation, _info(result)

    def step(self, action):
        shape, data = self._view.action(action)
        observation, result = self._operate("step", {"op": "step"}, ([1, *shape], data))
        ends = bool(result["terminated"]), bool(result["truncated"])
        return observation, float(result["reward"]), *ends, _info(result)

    def render(self):
        if self.render_mode is None:
            return None
        _, frames = self._batch("step", {"op": "noop"}, [self._image["uid"]])
        return _tensor(frames[self._image["uid"]], self._image["dtype"], self._image["shape"])

    def close(self):
        if self._session is not None:
            self._session.close()

    def _operate(self, phase, operation, action=None):
        result, frames = self._batch(phase, operation, self._view.uids, action)
        return self._view.observation(frames), result

    def _batch(self, phase, operation, want, action=None):
        [result], frames = self._session.batch(phase, [{"env": self.index, **operation}], want, action)
        if error := result.get("error"):
            raise RemoteError(error["code"], error["message"], error.get("detail"), error.get("retryable"))
        return result, frames

    def _choose(self, observations):
        if not 0 <= self.index < self.welcome["env_count"]:
            raise RemoteError("CONFIGURATION", f"index is below {self.welcome['env_count']}, not {self.index}")
        super()._choose(observations)
        self.observation_space, self.action_space = self._view.observation_space, self._view.action_space


class _View:
    """What of the server's tensors the trainer sees, and as what."""

    def __init__(self, specs, action):
        self.uids, self._specs, self._action = [spec["uid"] for spec in specs], specs, action
        self._single = self.uids[0] if len(self.uids) == 1 else None
        spaces = {spec["uid"]: _space(spec) for spec in specs}
        self.observation_space = Dict(spaces) if self._single is None else spaces[self._single]
        self.action_space = _space(action, action=True)

    def observation(self, frames):
        tensors = {spec["uid"]: _tensor(frames[spec["uid"]], spec["dtype"], spec["shape"]) for spec in self._specs}
        return tensors if self._single is None else tensors[self._single]

    def action(self, action):
        """Shape and bytes."""
        return _frame(action, self._action["dtype"])


def _info(result):
    return {**(result.get("info") or {}), **{key: result[key] for key in ("state_hash",) if result.get(key)}}


def _is_image(spec):
    return bool(spec.get("graphics")) and spec["dtype"] == "uint8" and len(spec["shape"]) == 3 and spec["shape"][2] == 3


def _space(spec, action=False):
    """A Box of the spec's dtype and shape; a whole-numbered scalar action with bounds is a Discrete."""
    dtype, shape, size = spec["dtype"], tuple(spec["shape"]), math.prod(spec["shape"])
    bounds = []
    for side, key in enumerate(("low", "high")):
        bound = spec.get(key)
        if bound is None:
            bound = _RANGE[dtype][side] if dtype in _RANGE else (-math.inf, math.inf)[side]
        bounds.append(list(bound) if isinstance(bound, list) else [bound] * size)
    if action and shape == () and dtype in _RANGE:
        low, high = int(bounds[0][0]), int(bounds[1][0])
        return Discrete(high - low + 1, start=low)
    if Box.__module__ == __name__:
        return Box(*bounds, shape, dtype)
    low, high = (numpy.array(bound, dtype).reshape(shape) for bound in bounds)
    return Box(low, high, shape, numpy.dtype(dtype).type)


def _frame(action, dtype):
    """Shape and bytes of an action; the server says what is wrong with its bounds or its shape."""
    if numpy is not None:
        array = _array(action, dtype)
        return list(array.shape), array.tobytes()
    shape, flat = [], action.tolist() if hasattr(action, "tolist") else action
    flat = [flat] if not isinstance(flat, (list, tuple)) else shape.append(len(flat)) or list(flat)
    while flat and isinstance(flat[0], (list, tuple)):
        shape.append(len(flat[0]))
        flat = [element for row in flat for element in row]
    try:
        return shape, struct.pack(f"<{len(flat)}{_FORMAT[dtype]}", *flat)
    except (struct.error, OverflowError) as error:
        raise RemoteError("BAD_ACTION", f"the action can't be sent as {dtype}: {error}") from None


def _array(action, dtype):
    """The action in the server's dtype, little-endian. Raises RemoteError where a value would become another one."""
    try:
        given = numpy.asarray(action)
        array = given.astype(numpy.dtype(dtype).newbyteorder("<"), casting="same_kind")
    except (TypeError, ValueError) as error:
        raise RemoteError("BAD_ACTION", f"the action can't be sent as {dtype}: {error}") from None
    if array.dtype.kind in "iu" and (array != given).any():  # 2**32 would wrap to 0, and pass for an action.
        raise RemoteError("BAD_ACTION", f"the action {given.tolist()} has values beyond {dtype}")
    return array


def _tensor(data, dtype, shape):
    if len(data) != math.prod(shape) * _SIZE[dtype]:
        raise RemoteError("BAD_MESSAGE", f"a frame has {len(data)} bytes; {dtype} {list(shape)} takes another number")
    if numpy is not None:
        flat = numpy.frombuffer(bytearray(data), numpy.dtype(dtype).newbyteorder("<"))
        return flat.reshape(shape).astype(dtype, copy=False)
    if sys.byteorder != "little":
        raise RemoteError("CONFIGURATION", "on this machine numpy is needed: tensors are little-endian")
    if not shape:
        return struct.unpack(f"<{_FORMAT[dtype]}", data)[0]
    return memoryview(bytearray(data)).cast(_FORMAT[dtype], list(shape))


def _packed(header):
    """The header as msgpack, of what the specification allows: a server that can't read it can't say whose it was."""
    data = msgpack.packb(_plain(header, "", 0))
    if len(data) > 4 * 2**20:
        raise RemoteError("BAD_MESSAGE", f"the header has {len(data)} bytes; at most {4 * 2**20} are allowed")
    return data


def _kind(value):
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _plain(value, path, depth):
    """Numbers and arrays of numpy and its kind as Python's; everything else that no server can read is refused by its key."""
    original = value
    for method in ("tolist", "item"):  # numpy, torch and others; a thing of one element may have `item` alone.
        if hasattr(value, method):
            value = getattr(value, method)()
            break

    def refused(problem):
        return RemoteError("BAD_MESSAGE", f"{path}: {problem}", {"field": path})

    if isinstance(value, str):
        try:
            size = len(value.encode("utf8"))
        except UnicodeEncodeError:
            raise refused("is no text that UTF-8 can write") from None
        if size > 65536:
            raise refused(f"a string of {size} bytes; at most 65536 are allowed")
        return str(value)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise refused(f"{value} is beyond the integers that can be sent, ±(2**53 - 1)")
        return int(value)
    if not isinstance(value, (dict, list, tuple)):
        raise refused(f"{_kind(original)} can't be sent; None, bool, int, float, str, list and dict can")
    if depth >= 16:
        raise refused("lists and dicts nest deeper than 16")
    if not isinstance(value, dict):
        return [_plain(entry, f"{path}[{i}]", depth + 1) for i, entry in enumerate(value)]
    inner = {}
    for key, entry in value.items():
        if not isinstance(key, str):
            raise refused(f"the key {key!r} can't be sent; keys are str")
        where = f"{path}.{key}" if path else key
        inner[_plain(key, where, depth)] = _plain(entry, where, depth + 1)
    return inner


def _header(data):
    """One bounded msgpack map, as the specification asks of every decoder."""
    try:
        if len(data) > 4 * 2**20:
            raise ValueError(f"{len(data)} bytes")
        most = {"max_array_len": 200000, "max_map_len": 200000, "max_bin_len": 0, "max_ext_len": 0}
        header = msgpack.unpackb(data, max_str_len=65536, **most)
    except (ValueError, msgpack.UnpackException) as error:
        raise RemoteError("BAD_MESSAGE", f"the server's header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise RemoteError("BAD_MESSAGE", "the server's header is not a map")
    return header


if __name__ == "__main__":
    with RemoteEnv(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5005") as example:
        example.action_space.seed(7)
        _, first = example.reset(seed=7)
        print(f"{example.welcome['name']}: reset, {first}")
        for count in range(5):
            _, gain, terminated, truncated, told = example.step(example.action_space.sample())
            print(f"step {count + 1}: reward {gain:g}, terminated {terminated}, truncated {truncated}, {told}")
            if terminated or truncated:
                example.reset()
