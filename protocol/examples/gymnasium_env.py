"""A server of the environment protocol (protocol/README.md) as Gymnasium environments, in one file.

    rls3 env serve --bind tcp://127.0.0.1:5005            # or any other server
    python3 gymnasium_env.py tcp://127.0.0.1:5005         # a few random steps

    env = RemoteEnv("tcp://127.0.0.1:5005", observations=["state"], render_mode="rgb_array")
    observation, info = env.reset(seed=7)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())

    envs = RemoteVectorEnv(spawn="npx rls3 env serve --envs 8", flat=True)    # eight of them, one request per step

Needs pyzmq and msgpack (Debian: python3-zmq, python3-msgpack). With gymnasium installed these are a gymnasium.Env and a
gymnasium.vector.VectorEnv with its spaces, made by gymnasium.make("gymnasium_env:RLS3/Remote-v0", endpoint=...) too; else
classes with the same methods. With numpy observations are arrays, else memoryviews of that shape; vectors and flat=True
need it. numpy 1 and 2: nothing that numpy 2.0 removed is used (float_, bool8, product, cast, Inf, ndarray.newbyteorder,
ptp and itemset), nor array(copy=False), which it changed.
"""
import collections
import enum
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
    import gymnasium
    from gymnasium import Env
    from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
    from gymnasium.vector import VectorEnv
except ImportError:
    gymnasium = None

    class Env:
        """The part of gymnasium.Env that is needed here."""

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

    class VectorEnv:
        """The part of gymnasium.vector.VectorEnv that is needed here."""

        render_mode, closed = None, False

        def reset(self, *, seed=None, options=None):
            pass

        @property
        def unwrapped(self):
            return self

        def close(self, **_):
            if not self.closed:
                self.close_extras()
                self.closed = True

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

    class MultiDiscrete:
        def __init__(self, nvec, start):
            self.nvec, self.start, self._random = nvec, start, random.Random()

        def seed(self, seed=None):
            self._random.seed(seed)

        def sample(self):
            return numpy.array([self._random.randrange(low, low + n) for low, n in zip(self.start, self.nvec)])

    class Dict:
        def __init__(self, spaces):
            self.spaces = spaces

        def __getitem__(self, uid):
            return self.spaces[uid]

        def __iter__(self):
            return iter(self.spaces)


try:
    from gymnasium.vector import AutoresetMode  # Since Gymnasium 1.1.
except ImportError:

    class AutoresetMode(enum.Enum):
        NEXT_STEP = "NextStep"
        SAME_STEP = "SameStep"
        DISABLED = "Disabled"


_FORMAT = {"float32": "f", "float64": "d", "int32": "i", "uint8": "B"}
_RANGE = {"int32": (-(2**31), 2**31 - 1), "uint8": (0, 255)}
_SIZE = {"float32": 4, "float64": 8, "int32": 4, "uint8": 1}
_LOOPBACK = re.compile(r"tcp://(127(\.\d{1,3}){3}|localhost|\[::1\]):\d+$|ipc://")
_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_ANSWERS = {"hello": "welcome", "batch": "batch_result", "configure": "configured", "close": "closed"}
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_TIMEOUTS = {"spawn": 60.0, "hello": 30.0, "reset": 60.0, "step": 60.0, "close": 3.0}


_RESULT = ("env", "reward", "terminated", "truncated", "step")


class RemoteError(RuntimeError):
    """An error. `code` is one of the specification, TIMEOUT, CLOSED, CONFIGURATION, or UNAVAILABLE: a server that was
    started here did not start, or has ended."""

    def __init__(self, code, message, detail=None, retryable=False):
        super().__init__(f"{code}: {message}")
        self.code, self.detail, self.retryable = code, detail or {}, retryable


class _Session:
    """One session with a server: hello, requests in strict order, resent unchanged until they are answered.

    A thread pings whenever nothing was said for the server's ping period, so that no other client takes the session while
    the trainer computes. It holds no reference to the session, and ends with it. A session belongs to the process that
    opened it: in a fork close() does nothing, and all else raises CLOSED.
    """

    def __init__(self, endpoint, wishes, keys, timeouts, resend, spawn, parameters):
        if (endpoint is None) == (spawn is None):
            raise RemoteError(
                "CONFIGURATION", "give either endpoint=... of a server that runs, or spawn=... to start one"
            )
        if endpoint is not None and keys is None and not _LOOPBACK.match(endpoint):
            raise RemoteError("CONFIGURATION", f"{endpoint} is beyond this machine: it needs a keys file (keys=...)")
        self._timeouts, self._resend, self._encrypted = {**_TIMEOUTS, **(timeouts or {})}, resend, bool(keys)
        self._client, self.sid, self._req, self._waiting, self._late = secrets.token_hex(8), "", 0, {}, 0
        self._wishes, self._parameters, self.welcome = wishes, dict(parameters or {}), None
        self._lock, self._closing, self._spoke, self._server = threading.RLock(), threading.Event(), 0.0, None
        self._owner = os.getpid()
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.heartbeat_ivl = 5000
        self._socket.ipv6 = "[" in (endpoint or "")
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
        with self._owned():
            self._must_be_open()
            if self._spawn and not (self._server and self._server.runs()):
                self._start()
            self.sid, self._waiting, self._late = "", {}, 0
            wishes = {key: value for key, value in self._wishes.items() if value is not None}
            hello = {"t": "hello", "protocols": [1], "client": self._client, "package": "gymnasium_env.py/1.0", **wishes}
            self.welcome, _ = self.request("hello", hello)
            self.sid = self.welcome["sid"]
            if self._parameters:
                self.configure(self._parameters)

    def reopen(self):
        """Like open. If it fails, no half-open session is left, so that the next reset() tries again."""
        with self._owned():
            try:
                self.open()
            except BaseException:
                self.sid = None
                raise

    def configure(self, parameters):
        """Sets parameters for all environments and returns them as set. They are set again in later sessions."""
        header, _ = self.request("step", {"t": "configure", "parameters": _plain(parameters, "parameters", 1)})
        self._parameters.update(header["parameters"])
        return header["parameters"]

    def batch(self, phase, ops, want, action=None):
        """One result for each operation, and by uid the bytes of the wanted observations of all of them."""
        body, payload = {"t": "batch", "ops": ops, "want": want}, ()
        if action is not None:
            shape, data = action
            uid, dtype = self.welcome["action"]["uid"], self.welcome["action"]["dtype"]
            body["tensors"], payload = [{"uid": uid, "dtype": dtype, "shape": shape, "frame": 0}], (data,)
        header, frames = self.request(phase, body, payload)
        tensors, results, needed = header.get("tensors") or [], header.get("results"), _RESULT
        if not isinstance(tensors, list) or not all(isinstance(tensor, dict) and "uid" in tensor for tensor in tensors):
            raise RemoteError("BAD_MESSAGE", "the server's answer has wrong tensors")
        came = {str(tensor["uid"]): tensor for tensor in tensors}
        specs = {spec["uid"]: spec for spec in self.welcome["observations"]}
        for uid in want:
            spec, tensor = specs[uid], came.get(uid, {})
            promised, frame = (spec["dtype"], [len(ops), *spec["shape"]]), tensor.get("frame")
            if (tensor.get("dtype"), tensor.get("shape")) != promised or frame not in range(len(frames)):
                raise RemoteError("BAD_MESSAGE", f"the server sent {tensor}, {len(frames)} frames; welcome promised {spec}")
        if not isinstance(results, list) or len(results) != len(ops):
            raise RemoteError("BAD_MESSAGE", f"the server's answer to {len(ops)} operations has not as many results")
        for op, result in zip(ops, results):
            if not isinstance(result, dict) or result.get("env") != op["env"] or any(key not in result for key in needed):
                raise RemoteError("BAD_MESSAGE", f"the result of environment {op['env']} is {result!r:.200}")
        return results, {uid: frames[int(came[uid]["frame"])] for uid in want}

    def close(self):
        if os.getpid() != self._owner:  # In a fork: sockets do not survive that, and the session still belongs to its owner.
            return
        self._closing.set()
        with self._lock:
            if self._socket.closed:
                return
            try:
                if self.sid:
                    self.request("close", {"t": "close"})
            except RemoteError:
                pass  # A server that is gone counts as closed.
            finally:
                self.sid = None
                self._socket.close()
                self._context.term()
                if self._server:
                    self._server.stop(self._timeouts["close"])

    def request(self, phase, body, payload=()):
        """Sends a request and waits for its answer: header and frames. Raises RemoteError."""
        with self._owned():
            self._must_be_open()
            return self._request(phase, body, payload)

    def _owned(self):
        """The lock. Refused in a fork of the process that opened the session, where a missing thread may hold it."""
        if os.getpid() != self._owner:
            raise RemoteError("CLOSED", "this process was forked from the one that opened it; make another environment")
        return self._lock

    def _must_be_open(self):
        if self._socket.closed:
            raise RemoteError("CLOSED", "close() was called; make another environment")

    def _request(self, phase, body, payload):
        if self.sid is None:
            raise RemoteError("NO_SESSION", "the server has ended this session; reset() begins another")
        req, sid = self._req + 1, {"sid": self.sid} if self.sid else {}
        frames = [_packed({"v": 1, **body, **sid, "req": req}), *payload]
        limit = self.welcome["limits"]["max_frame_bytes"] if self.sid else math.inf
        if (size := max(map(len, frames))) > limit:
            raise RemoteError("TOO_LARGE", f"a frame of {size} bytes; this server takes {limit}")
        deadline = time.monotonic() + self._timeouts[phase]
        self._make_room(phase, deadline)
        self._req = req  # The request is valid: only now is the number used up.
        self._waiting[req] = frames
        self._send(frames)
        copies, unread = 1, 0
        again = time.monotonic() + self._patience()
        busy = None
        while (now := time.monotonic()) < deadline:
            if now >= again:
                self._send_again()
                again, copies = now + self._patience(), copies + 1
            if not self._poll(min(deadline, again) - now):
                continue
            head, *frames = self._socket.recv_multipart()
            header = _header(head)
            answered = header.get("req")
            if header.get("v") != 1:
                raise RemoteError("BAD_MESSAGE", f"the server's answer has v {header.get('v')!r:.60}, not 1")
            if header.get("t") == "error":
                error = _error(header, header.get("message"))
                if error.code == "OUT_OF_ORDER" and error.retryable and answered in self._waiting:
                    again = 0.0  # An earlier request was lost on the way.
                    continue
                if error.code == "BUSY" and answered == req:
                    busy = error  # Another client has the session; if it is dead, the server will end it.
                    continue
                if answered == 0 and self._late > 0:
                    self._late -= 1  # The answer to another copy of an earlier request that the server could not read.
                    continue
                if answered == 0 and (unread := unread + 1) < 2:
                    again = 0.0  # Perhaps for another request: send it again, to find out.
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
                if header.get("t") != (expected := _ANSWERS[body["t"]]):
                    raise RemoteError("BAD_MESSAGE", f"the answer's t is {header.get('t')!r:.60}, not {expected!r}")
                if self.sid and header.get("sid") != self.sid:
                    raise RemoteError("BAD_MESSAGE", f"the answer's sid is {header.get('sid')!r:.60}, not this session's")
                return header, frames
        if phase == "hello":
            self._waiting.clear()
        told = f"{phase}: {self.endpoint} did not answer within {self._timeouts[phase]:g} s; does the server run"
        told += ", and is serverPublicKey its key?" if self._encrypted else "?"
        raise busy or RemoteError("TIMEOUT", told)

    def _take_back(self, req, late):
        """The server could not read the request, so it did not count it: the next one gets its number."""
        self._late = max(0, late)
        if list(self._waiting) == [req]:
            self._req = req - 1
        else:  # It is unknown which one it could not read; a new session begins without them.
            self.sid = None
        self._waiting.clear()

    def _make_room(self, phase, deadline):
        """Waits until the server accepts another request; pings and abandoned requests also count as under way."""
        again = time.monotonic() + self._patience()
        while self.sid and len(self._waiting) >= self.welcome["limits"]["max_in_flight"]:
            if (now := time.monotonic()) >= deadline:
                left = f"{self.endpoint} has left {len(self._waiting)} requests unanswered"
                raise RemoteError("TIMEOUT", f"{phase}: {left}, the last for {self._timeouts[phase]:g} s; close()")
            if now >= again:
                self._send_again()
                again = now + self._patience()
            if self._poll(min(deadline, again) - now):
                self._read_late()

    def _read_late(self):
        """Reads answers that nobody waits for: to pings, and to abandoned requests."""
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
            pass  # There is no connection: it is sent again later, like a lost one.

    def _period(self):
        """Ping period in seconds; the server tolerates three of them in silence."""
        return max(0.05, self.welcome["limits"]["ping_period_ms"] / 1000)

    def _patience(self):
        """Seconds until unanswered requests are sent again. In a session, resends replace pings."""
        return min(self._resend, self._period()) if self.sid else self._resend

    def _send_again(self):
        """Sends all unanswered requests again, also abandoned ones: the server executes all in order, each once."""
        for unanswered in self._waiting.values():
            self._send(unanswered)

    def _poll(self, seconds, flags=zmq.POLLIN):
        """Like the socket's poll, but does not wait for a server started here that has ended."""
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
        weakref.finalize(self, self._server.stop, 0.0)  # Also if close() is never called.
        if not self._poll(self._timeouts["spawn"], zmq.POLLOUT):
            said = self._server.last_lines()
            self._server.stop(0.0)
            told = (
                f"spawn: {shlex.join(self._spawn)} did not connect to {self.endpoint} in {self._timeouts['spawn']:g} s"
            )
            raise RemoteError("TIMEOUT", f"{told}; does it take --connect ENDPOINT?{said}")

    def stay(self):
        """Pings after a silent ping period. Returns the seconds until the next check."""
        with self._lock:
            period = self._period()
            if self._socket.closed or not self.sid:
                return period
            due = self._spoke + period - time.monotonic()
            if due > 0:
                return due
            try:
                self._read_late()
                if self._waiting:
                    self._send_again()  # Resends also keep the session, and pings would only pile up.
                elif self.sid:
                    self._req += 1
                    self._waiting[self._req] = [_packed({"v": 1, "t": "ping", "sid": self.sid, "req": self._req})]
                    self._send(self._waiting[self._req])
            except RemoteError:
                pass  # An unreadable answer; the next request will report it.
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
    """A server started here, in its own process group, with its last lines stored for error messages."""

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
        """Ends its children too, only once: later, another group may have its number."""
        self._over = True
        self._signal(_KILL)

    def obituary(self):
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{self._name} {how}; reset() starts it again{self.last_lines()}"

    def last_lines(self):
        self._reader.join(0.2)  # They may still be in the pipe; do not wait for a stray child that holds it open.
        return "".join(f"\n  {line}" for line in self._lines)

    def stop(self, patience):
        """Waits for the end, then asks for it, then forces it."""
        if self._over or os.getpid() != self._owner:  # Otherwise this is a fork of the process that started it.
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
            pass  # No process of the group is left.


def _keep(stream, lines):
    with stream:
        for line in stream:
            lines.append(line.decode("utf8", "replace").rstrip()[:500])


def _keys(keys):
    """A keys file's content or the dict itself, if it is valid: libzmq says of a wrong key only that it is invalid."""
    if keys is None:
        return None
    where, refused = "keys", lambda told: RemoteError("CONFIGURATION", f"{where}: {told}")
    if not isinstance(keys, dict):
        where = f"keys file {keys}"
        try:
            with open(keys, encoding="utf8") as file:
                keys = json.load(file)
        except (OSError, TypeError, ValueError) as error:
            raise refused(error) from None
    public, token = (keys.get(name) if isinstance(keys, dict) else None for name in ("serverPublicKey", "token"))
    if not isinstance(public, str) or len(public) != 40 or any(letter not in _Z85 for letter in public):
        raise refused("serverPublicKey must be 40 characters of Z85")
    for i in range(0, 40, 5):  # Five characters are four bytes.
        if sum(_Z85.index(letter) * 85 ** (4 - n) for n, letter in enumerate(public[i : i + 5])) >= 2**32:
            raise refused(f"serverPublicKey is no key: its characters {i + 1} to {i + 5} are beyond Z85's four bytes")
    if not isinstance(token, str) or len(token) < 16:
        raise refused("token must be a string of at least 16 characters")
    return keys


class _Remote:
    """Shared by one environment and a vector of them: the session, and welcome's specs as spaces."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    _session = None

    def __init__(
        self,
        endpoint=None,
        observations=None,
        render_mode=None,
        image_size=None,
        seed=None,
        keys=None,
        token=None,
        timeouts=None,
        resend=5.0,
        spawn=None,
        parameters=None,
        flat=False,
        max_episode_steps=None,
    ):
        keys = _keys(keys)
        self.render_mode, self._longest = render_mode, max_episode_steps
        wishes = {"image_size": image_size, "seed": seed, "token": keys["token"] if keys else token}
        self._session = _Session(endpoint, wishes, keys, timeouts, resend, spawn, parameters)
        try:
            self._choose(observations, flat)
        except BaseException:
            self._session.close()
            raise

    @property
    def welcome(self):
        """The server's welcome, as in the specification's table."""
        return self._session.welcome

    @property
    def endpoint(self):
        return self._session.endpoint

    def configure(self, **parameters):
        """Sets parameters of welcome["parameters"] for all environments of the server; returns them as set."""
        return self._session.configure(parameters)

    def _begin(self, seed, options):
        """Seed and options of a reset as plain values. Opens a new session if the server lost the old one."""
        plain = _plain(seed, "seed", 3), _plain(options or {}, "options", 3)
        if self._session.sid is None:
            self._session.reopen()
        return plain

    def _ends(self, result):
        """terminated, truncated. The server counts an episode's steps, so a repeated request counts once."""
        late = self._longest is not None and result["step"] >= self._longest
        return bool(result["terminated"]), bool(result["truncated"]) or late

    def _choose(self, observations, flat):
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
        self._view = _View([specs[uid] for uid in uids], self.welcome["action"], flat)


class RemoteEnv(_Remote, Env):
    """Environment `index` of the server at `endpoint`. A server has one session, so one RemoteEnv at a time.

    endpoint:     of a running server; or else
    spawn:        a command, list or str, started with `--connect ENDPOINT` added, and ended by close().
    observations: uids to return; one gives that space, several a Dict of them; by default all that need no renderer.
    flat:         observation and action are one float32 Box each: all tensors concatenated in the order of
                  `observations`, elements with both bounds scaled to -1 … 1.
    render_mode:  None or "rgb_array": then render() returns the first image that the server offers.
    max_episode_steps: after this many `truncated` is True, as with Gymnasium's TimeLimit (which make() adds itself).
    parameters:   parameters of welcome to set in each session, like `configure`.
    keys:         keys file or dict (serverPublicKey, token), needed beyond loopback; token: where only that is needed.
    timeouts:     seconds for spawn, hello, reset, step, close; resend: seconds after which an unanswered request is repeated,
                  or after the server's ping period where that is shorter.
    image_size, seed: of hello, see the specification.
    reset() and step() return what Gymnasium's do; info has the server's own keys, and `state_hash` where it has one.
    """

    def __init__(self, endpoint=None, observations=None, render_mode=None, index=0, **settings):
        self.index = index
        super().__init__(endpoint, observations, render_mode, **settings)

    def reset(self, *, seed=None, options=None):
        seed, options = self._begin(seed, options)
        Env.reset(self, seed=seed)
        operation = {"op": "reset", **({} if seed is None else {"seed": seed}), "options": options}
        observation, result = self._operate("reset", operation)
        return observation, _info(result)

    def step(self, action):
        shape, data = self._view.action(action)
        observation, result = self._operate("step", {"op": "step"}, ([1, *shape], data))
        return observation, float(result["reward"]), *self._ends(result), _info(result)

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
        _raise_first([result])
        return result, frames

    def _choose(self, observations, flat):
        if not 0 <= self.index < self.welcome["env_count"]:
            raise RemoteError("CONFIGURATION", f"index is below {self.welcome['env_count']}, not {self.index}")
        super()._choose(observations, flat)
        self.observation_space, self.action_space = self._view.observation_space, self._view.action_space


class RemoteVectorEnv(_Remote, VectorEnv):
    """The first `num_envs` environments of a server, by default all: each reset() and step() is one request.

    Arguments as in RemoteEnv, spaces and results as in Gymnasium's vectors. Needs numpy.
    autoreset_mode: "NextStep" (an environment that ended is reset by the next step, which ignores its action), "SameStep" (at
                  once, by a second request; what the end looked like is in infos["final_obs"] and ["final_info"]) or
                  "Disabled" (by reset(options={"reset_mask": ...}) alone).
    seed=s gives environment i the seed s + i; a list gives each its own. An action beyond its bounds is refused before any
    environment moves. Where one fails inside (ENV_CRASH), RemoteError names it, and the others have moved all the same; the next
    step resets it, but not in "Disabled".
    """

    def __init__(
        self, endpoint=None, num_envs=None, observations=None, render_mode=None, autoreset_mode="NextStep", **settings
    ):
        if numpy is None:
            raise RemoteError(
                "CONFIGURATION", "a vector needs numpy: apt-get install python3-numpy, or numpy for your Python"
            )
        self.num_envs, self._mode = num_envs, AutoresetMode(autoreset_mode)
        self.metadata = {**_Remote.metadata, "autoreset_mode": self._mode}
        super().__init__(endpoint, observations, render_mode, **settings)
        self._ended = numpy.zeros(self.num_envs, bool)

    def reset(self, *, seed=None, options=None):
        """With options["reset_mask"], bool [num_envs], resets only those; the others' observations are the current ones."""
        options = dict(options or {})
        chosen = self._chosen(options.pop("reset_mask", None))
        seeds, options = self._begin(seed, options)
        if not isinstance(seeds, list):
            VectorEnv.reset(self, seed=seeds)
            seeds = [None if seeds is None else seeds + i for i in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise RemoteError("CONFIGURATION", f"{len(seeds)} seeds for {self.num_envs} environments")
        ops = [
            self._reset(i, seeds[i], options) if chosen[i] else {"env": i, "op": "noop"} for i in range(self.num_envs)
        ]
        results, observation = self._operate("reset", ops)
        for i, result in enumerate(results):
            error = result.get("error")
            if not error:
                self._ended[i] &= not chosen[i]
            elif error.get("code") not in ("BAD_MESSAGE", "NOT_RESET"):  # Those leave an environment as it was.
                self._ended[i] = True
        _raise_first(results)
        return observation, _vector_info([_info(result) if yes else {} for yes, result in zip(chosen, results)])

    def step(self, actions):
        actions = self._view.actions(actions, self.num_envs)
        begins = self._ended  # In "SameStep" only after a failed step.
        if self._mode is AutoresetMode.DISABLED and self._ended.any():
            ended = numpy.flatnonzero(self._ended).tolist()
            raise RemoteError(
                "NOT_RESET", f"environments {ended} ended: reset(options={{'reset_mask': ...}}) begins them anew"
            )
        ops = [self._reset(i) if begins[i] else {"env": i, "op": "step"} for i in range(self.num_envs)]
        phase = "reset" if begins.any() else "step"
        results, observation = self._operate(phase, ops, None if begins.all() else _rows(actions[~begins]))
        rewards = numpy.array([result["reward"] for result in results], "float64")
        terminated, truncated = numpy.array([self._ends(result) for result in results], bool).T.copy()
        # A failed one needs a reset too, however the caller handles the error.
        self._ended = terminated | truncated | numpy.array([bool(result.get("error")) for result in results])
        _raise_first(results)
        told = [_info(result) for result in results]
        if self._mode is AutoresetMode.SAME_STEP and self._ended.any():
            observation, told = self._reset_ended(observation, told)
        return observation, rewards, terminated, truncated, _vector_info(told)

    def render(self):
        """A picture of each environment, or None."""
        if self.render_mode is None:
            return None
        ops, uid = [{"env": i, "op": "noop"} for i in range(self.num_envs)], self._image["uid"]
        results, frames = self._session.batch("step", ops, [uid])
        _raise_first(results)
        return tuple(_tensor(frames[uid], self._image["dtype"], [self.num_envs, *self._image["shape"]]))

    def close_extras(self, **_):
        if self._session is not None:
            self._session.close()

    def _reset_ended(self, observation, told):
        """The second request of a step in which episodes ended: first observations replace the last ones."""
        ended = numpy.flatnonzero(self._ended).tolist()
        results, first = self._operate("reset", [self._reset(i) for i in ended])
        self._ended[ended] = [bool(result.get("error")) for result in results]
        _raise_first(results)
        told = list(told)
        for row, (i, result) in enumerate(zip(ended, results)):
            told[i] = {"final_obs": _taken(observation, i), "final_info": told[i], **_info(result)}
            for tensor, new in zip(_tensors(observation), _tensors(first)):
                tensor[i] = new[row]
        return observation, told

    @staticmethod
    def _reset(i, seed=None, options=None):
        return {"env": i, "op": "reset", **({} if seed is None else {"seed": seed}), "options": options or {}}

    def _operate(self, phase, ops, action=None):
        results, frames = self._session.batch(phase, ops, self._view.uids, action)
        return results, self._view.observations(frames, len(ops))

    def _chosen(self, mask):
        mask = numpy.ones(self.num_envs, bool) if mask is None else numpy.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != bool or not mask.any():
            told = f"options['reset_mask'] is a bool array [{self.num_envs}] with a True in it, not {mask.tolist()}"
            raise RemoteError("CONFIGURATION", told)
        return mask

    def _choose(self, observations, flat):
        count = self.welcome["env_count"]
        self.num_envs = count if self.num_envs is None else int(self.num_envs)
        if not 1 <= self.num_envs <= count:
            raise RemoteError("CONFIGURATION", f"num_envs is 1 to {count} at this server, not {self.num_envs}")
        super()._choose(observations, flat)
        self.single_observation_space, self.single_action_space = self._view.observation_space, self._view.action_space
        self.observation_space = _batched(self.single_observation_space, self.num_envs)
        self.action_space = _batched(self.single_action_space, self.num_envs)


class _View:
    """Which of the server's tensors the trainer sees, and in which form."""

    def __init__(self, specs, action, flat):
        if flat and numpy is None:
            raise RemoteError(
                "CONFIGURATION", "flat=True needs numpy: apt-get install python3-numpy, or numpy for your Python"
            )
        self.uids, self._specs, self._action = [spec["uid"] for spec in specs], specs, action
        self._single = self.uids[0] if len(self.uids) == 1 else None
        if numpy is not None:
            bounds, shape = _bounds(action), action["shape"]
            self._limits = [numpy.reshape(numpy.array(bound, action["dtype"]), shape) for bound in bounds]
        self._seen, self._acts = (_Row(specs), _Row([action])) if flat else (None, None)
        spaces = {spec["uid"]: _space(spec) for spec in specs}
        self.observation_space = Dict(spaces) if self._single is None else spaces[self._single]
        self.action_space = _space(action, action=True)
        if flat:
            self.observation_space, self.action_space = self._seen.space(), self._acts.space()

    def observation(self, frames):
        return self._observation(frames, ())

    def action(self, action):
        """Shape and bytes."""
        if self._acts:
            action = self._acts.values(action, ()).reshape(self._action["shape"])
        return _frame(action, self._action["dtype"])

    def observations(self, frames, count):
        return self._observation(frames, (count,))

    def actions(self, actions, count):
        """An array [count, …] of the server's dtype."""
        shape, dtype = (count, *self._action["shape"]), self._action["dtype"]
        if self._acts:
            actions = self._acts.values(actions, (count,)).reshape(shape)
        actions = _array(actions, dtype)
        _must_have_shape(actions, shape)
        _must_be_within(actions, *self._limits, (count,), self._action.get("names") or ())
        return actions

    def _observation(self, frames, leading):
        tensors = {
            spec["uid"]: _tensor(frames[spec["uid"]], spec["dtype"], [*leading, *spec["shape"]]) for spec in self._specs
        }
        if self._seen:
            return self._seen.row(tensors.values(), leading)
        return tensors if self._single is None else tensors[self._single]


class _Row:
    """Tensors as one float32 row, for networks that need that: spec after spec, each in C order.

    An element with both bounds is mapped from low … high to -1 … 1, any other stays as it is. Back again, -1 … 1 is cut
    into equal parts for a whole-numbered element, one for each of its numbers.
    """

    def __init__(self, specs):
        bounds = [_bounds(spec) for spec in specs]
        self._low, self._high = (
            numpy.concatenate(
                [numpy.array(pair[side], spec["dtype"]) for pair, spec in zip(bounds, specs)], dtype="float64"
            )
            for side in (0, 1)
        )
        self._whole = numpy.concatenate(
            [numpy.full(len(low), spec["dtype"] in _RANGE) for (low, _), spec in zip(bounds, specs)]
        )
        widest = _RANGE["int32"]  # The range of an int32 without bounds: scaled, its values would all be 0.
        unbounded = (self._low == widest[0]) | (self._high == widest[1])
        self._scaled = numpy.isfinite(self._low) & numpy.isfinite(self._high) & ~unbounded
        self._origin = numpy.where(self._scaled, self._low, 0.0)
        span = numpy.where(self._scaled, self._high, 0.0) - self._origin
        self._span = numpy.where(span > 0, span, 1.0)

    def space(self):
        low, high = numpy.where(self._scaled, -1.0, self._low), numpy.where(self._scaled, 1.0, self._high)
        return _box(low, high, low.shape, "float32")

    def row(self, tensors, leading):
        flat = numpy.concatenate(
            [numpy.reshape(tensor, (*leading, -1)) for tensor in tensors], axis=-1, dtype="float64"
        )
        scaled = (flat - self._origin) / self._span * 2.0 - 1.0
        return numpy.where(self._scaled, scaled, flat).astype("float32")

    def values(self, rows, leading):
        """Scales -1 … 1 to the elements' own range. Raises RemoteError for an element outside."""
        rows = _array(rows, "float64")
        _must_have_shape(rows, (*leading, self._low.size))
        low, high = (numpy.where(self._scaled, one, bound) for one, bound in ((-1.0, self._low), (1.0, self._high)))
        _must_be_within(rows, low, high, leading)
        share = (rows + 1.0) / 2.0
        between = numpy.where(self._whole, numpy.floor(share * (self._span + 1.0)), share * self._span)
        plain = numpy.where(self._whole, numpy.rint(rows), rows)
        values = numpy.where(self._scaled, self._origin + between, plain)
        values = numpy.clip(values, self._low, self._high)  # 1 itself belongs to the last part; the rest is rounding.
        return values.astype("int64") if self._whole.all() else values


def _must_have_shape(actions, shape):
    if actions.shape != shape:
        raise RemoteError("BAD_ACTION", f"actions have the shape {actions.shape}; here it must be {shape}")


def _must_be_within(actions, low, high, leading, names=()):
    """Checked here, so that no other environment of the batch has moved."""
    wrong = numpy.argwhere(~((actions >= low) & (actions <= high)))
    if not wrong.size:
        return
    at = tuple(wrong[0])
    env, inner, shape = at[: len(leading)], at[len(leading) :], actions.shape[len(leading) :]
    element = int(numpy.ravel_multi_index(inner, shape)) if shape else 0
    low, high, value = (float(numpy.broadcast_to(each, actions.shape)[at]) for each in (low, high, actions))
    name = f" ({names[element]})" if element < len(names) else ""
    told = f"action[{element}]{name} = {value:g} is no number from {low:g} to {high:g}"
    told = "".join(f"environment {i}: " for i in env) + told
    raise RemoteError("BAD_ACTION", told, {"element": element, "value": value, "low": low, "high": high})


def _error(body, told):
    """An error as the server sent it; a missing code counts as INTERNAL, as one that is unknown."""
    return RemoteError(body.get("code", "INTERNAL"), told, body.get("detail"), body.get("retryable"))


def _raise_first(results):
    """Raises the error of a single environment; in a vector, names the environment."""
    for result in results:
        if error := result.get("error"):
            said = error.get("message")
            told = said if len(results) == 1 else f"environment {result['env']}: {said}"
            raise _error({**error, "detail": {"env": result["env"], **(error.get("detail") or {})}}, told)


def _vector_info(infos):
    """One dict of arrays; for each key, `_key` tells which environments have it. Missing numbers are 0, others None."""
    count, vector = len(infos), {}
    for key in dict.fromkeys(key for info in infos for key in info):
        said = numpy.array([key in info for info in infos])
        values = [info[key] for info in infos if key in info]
        kinds = {type(value) for value in values}
        if kinds == {dict} and key != "final_obs":
            array = _vector_info([info.get(key, {}) for info in infos])
        else:
            number = {"bool": bool, "int": "int64", "float": "float64", "float int": "float64"}
            dtype = number.get(" ".join(sorted(kind.__name__ for kind in kinds)), object)
            array = numpy.full(count, None if dtype is object else 0, dtype)
            for i, value in zip(numpy.flatnonzero(said), values):
                array[i] = value
        vector[key], vector[f"_{key}"] = array, said
    return vector


def _tensors(observation):
    return observation.values() if isinstance(observation, dict) else [observation]


def _taken(observation, i):
    """A copy of environment i's."""
    if isinstance(observation, dict):
        return {uid: tensor[i].copy() for uid, tensor in observation.items()}
    return observation[i].copy()


def _batched(space, count):
    """The space of `count` values of another space."""
    if isinstance(space, Dict):
        return Dict({uid: _batched(space[uid], count) for uid in space})
    if isinstance(space, Discrete):
        return MultiDiscrete([int(space.n)] * count, start=[int(space.start)] * count)
    shape = (count, *space.shape)
    if Box.__module__ == __name__:
        return Box(space.low * count, space.high * count, shape, space.dtype)
    return _box(*(numpy.stack([bound] * count) for bound in (space.low, space.high)), shape, space.dtype)


def _rows(actions):
    return list(actions.shape), actions.tobytes()


def _info(result):
    return {**(result.get("info") or {}), **{key: result[key] for key in ("state_hash",) if result.get(key)}}


def _is_image(spec):
    return bool(spec.get("graphics")) and spec["dtype"] == "uint8" and len(spec["shape"]) == 3 and spec["shape"][2] == 3


def _bounds(spec):
    """Lowest and highest values for each element in C order; without bounds infinite, or those of the dtype."""
    dtype, size, bounds = spec["dtype"], math.prod(spec["shape"]), []
    for side, key in enumerate(("low", "high")):
        bound = spec.get(key)
        if bound is None:
            bound = _RANGE[dtype][side] if dtype in _RANGE else (-math.inf, math.inf)[side]
        bounds.append(list(bound) if isinstance(bound, list) else [bound] * size)
    return bounds


def _space(spec, action=False):
    """A Box of the spec's dtype and shape; a scalar integer action with bounds is a Discrete."""
    dtype, shape, (lows, highs) = spec["dtype"], tuple(spec["shape"]), _bounds(spec)
    if action and shape == () and dtype in _RANGE:
        low, high = int(lows[0]), int(highs[0])
        return Discrete(high - low + 1, start=low)
    return _box(lows, highs, shape, dtype)


def _box(low, high, shape, dtype):
    if Box.__module__ == __name__:
        return Box(list(low), list(high), shape, dtype)
    low, high = (numpy.array(bound, dtype).reshape(shape) for bound in (low, high))
    return Box(low, high, shape, numpy.dtype(dtype).type)


def _frame(action, dtype):
    """Shape and bytes of an action; the server checks its bounds and shape."""
    if numpy is not None:
        return _rows(_array(action, dtype))
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
    """The action in the server's dtype, little-endian. Raises RemoteError where a value would change."""
    is_whole = dtype in _RANGE
    try:
        given = numpy.asarray(action)
        if is_whole and given.dtype.kind not in "iub":
            raise TypeError(f"{given.dtype} is no integer type")
        # Integers may have any integer type: their values are compared below.
        casting = "unsafe" if is_whole else "same_kind"
        array = given.astype(numpy.dtype(dtype).newbyteorder("<"), casting=casting)
    except (TypeError, ValueError) as error:
        raise RemoteError("BAD_ACTION", f"the action can't be sent as {dtype}: {error}") from None
    if is_whole and (array != given).any():  # 2**32 would wrap to 0, and pass for an action.
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
    """The header as msgpack, if the specification allows it: a server that cannot read it cannot say which request it was."""
    data = msgpack.packb(_plain(header, "", 0))
    if len(data) > 4 * 2**20:
        raise RemoteError("BAD_MESSAGE", f"the header has {len(data)} bytes; at most {4 * 2**20} are allowed")
    return data


def _kind(value):
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _plain(value, path, depth):
    """Converts numbers and arrays of numpy and the like to Python's; refuses anything unreadable, naming its key."""
    original = value
    for method in ("tolist", "item"):  # numpy, torch and others; some single elements have only `item`.
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
    """Decodes one bounded msgpack map, as the specification requires of every decoder."""
    try:
        if len(data) > 4 * 2**20:
            raise ValueError(f"{len(data)} bytes")
        most = {"max_array_len": 200000, "max_map_len": 200000, "max_bin_len": 0, "max_ext_len": 0}
        header = msgpack.unpackb(data, max_str_len=65536, unicode_errors="replace", **most)
    except (ValueError, msgpack.UnpackException) as error:
        raise RemoteError("BAD_MESSAGE", f"the server's header cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise RemoteError("BAD_MESSAGE", "the server's header is not a map")
    return _whole(header)


def _whole(header):
    """The header with integers in place of whole floats where the protocol wants integers: it may write 1 as 1.0."""
    for key in ("v", "req", "env_count"):
        if key in header:
            header[key] = _integer(header[key])
    limits, results = header.get("limits"), header.get("results")
    if isinstance(limits, dict):
        header["limits"] = {key: _integer(value) for key, value in limits.items()}
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict):
            result.update({key: _integer(result[key]) for key in ("env", "episode", "step") if key in result})
    tensors = [header.get("action")]
    for named in (header.get("observations"), header.get("tensors")):
        tensors += named if isinstance(named, list) else []
    for tensor in tensors:
        if isinstance(tensor, dict):
            if isinstance(tensor.get("shape"), list):
                tensor["shape"] = [_integer(size) for size in tensor["shape"]]
            if "frame" in tensor:
                tensor["frame"] = _integer(tensor["frame"])
    return header


def _integer(value):
    return int(value) if isinstance(value, float) and value.is_integer() else value


if gymnasium is not None and __name__ != "__main__":  # gymnasium.make("gymnasium_env:RLS3/Remote-v0", endpoint=...)
    points = {"entry_point": f"{__name__}:RemoteEnv", "vector_entry_point": f"{__name__}:RemoteVectorEnv"}
    gymnasium.register("RLS3/Remote-v0", **points)

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
