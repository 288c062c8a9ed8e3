"""A whole server of the protocol in one file, with pyzmq and msgpack: environments of Lights Out. It passes `rls3 env check`.

    python3 lights_server.py --bind tcp://127.0.0.1:5005        or, as a trainer starts it: --connect tcp://127.0.0.1:PORT
"""
import argparse, math, os, random, re, struct, time, traceback
import msgpack, zmq
from zmq.utils.monitor import parse_monitor_message

SIDE, LONGEST, MOST = 20, 200, 2**53 - 1
LIMITS = {"max_frame_bytes": 2**23, "max_in_flight": 8, "ping_period_ms": 5000}
ACTION = {"uid": "press", "dtype": "int32", "shape": [2], "low": 0, "high": SIDE - 1, "names": ["row", "column"]}
LIGHTS = {"uid": "lights", "dtype": "uint8", "shape": [SIDE, SIDE], "low": 0, "high": 1}
SIZES = {"float32": 4, "float64": 8, "int32": 4, "uint8": 1}


class Refusal(Exception):
    def __init__(self, code, message, retryable=False, **detail):
        self.body = {"code": code, "message": message, "detail": detail, "retryable": retryable}


def reason(failure):
    """The text of an exception, in a form that can be sent; prints its traceback to standard error."""
    traceback.print_exception(type(failure), failure, failure.__traceback__)
    return f"{type(failure).__name__}: {failure}"[:200].encode("utf8", "replace").decode()


def bad(field, what):
    return Refusal("BAD_MESSAGE", f"{field} must be {what}", field=field)


def integer(value, field, low, high):
    """Any whole number, in whatever format it came."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        if value == int(value) and low <= value <= high:
            return int(value)
    raise bad(field, f"an integer from {low} to {high}")


def typed(value, field, kind, what):
    if not isinstance(value, kind):
        raise bad(field, what)
    return value


class Lights:
    """A press turns a light and its four neighbours on or off; the episode ends when all are off.

    `presses` and `check` say what is wrong with options and actions, before anything moves. An exception in `reset` or `step` is ENV_CRASH.
    """

    REWARD = 0  # Takes as many msgpack bytes as any reward here, -5 … 5. For fractional rewards: 0.5.

    def __init__(self):
        self.state, self.episode, self.step_count, self.random, self.lights = "new", 0, 0, random.Random(), []

    @staticmethod
    def presses(options):
        return integer(options.get("presses", 12), "options.presses", 1, 1000)

    @staticmethod
    def check(action):
        for i, value in enumerate(action):
            if not 0 <= value < SIDE:
                bound, name = "low" if value < 0 else "high", ACTION["names"][i]
                raise Refusal("BAD_ACTION", f"press[{i}] ({name}) = {value} must be a number from 0 to {SIDE - 1}", uid="press",
                              element=i, name=name, bound=bound, low=0, high=SIDE - 1, value=value)

    def reset(self, seed, options):
        if seed is not None:
            self.random = random.Random(seed)
        self.lights = bytearray(SIDE * SIDE)
        for _ in range(self.presses(options)):
            self.press(self.random.randrange(SIDE), self.random.randrange(SIDE))
        self.state, self.episode, self.step_count = "running", self.episode + 1, 0

    def press(self, row, column):
        for r, c in ((row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < SIDE and 0 <= c < SIDE:
                self.lights[r * SIDE + c] ^= 1

    def step(self, action):
        before = sum(self.lights)
        self.press(*action)
        self.step_count += 1
        terminated = not any(self.lights)
        truncated = not terminated and self.step_count >= LONGEST
        self.state = "over" if terminated or truncated else "running"
        return {"reward": before - sum(self.lights), "terminated": terminated, "truncated": truncated}


def decode(frame):
    """Decodes a header within the limits of every decoder. msgpack allocates an array by its count alone, whatever bytes follow, so that has a limit, too."""
    if len(frame) > 4 * 1024 * 1024:
        raise Refusal("BAD_MESSAGE", "a header over 4 MiB")
    try:
        most = {"max_array_len": 200_000, "max_map_len": 200_000, "max_str_len": 65536, "max_bin_len": 0, "max_ext_len": 0}
        header = msgpack.unpackb(frame, unicode_errors="replace", **most)
    except (ValueError, RecursionError, MemoryError) as error:
        raise Refusal("BAD_MESSAGE", f"the header can't be read: {error}")
    count, level = 0, [header]
    for depth in range(18):
        count += len(level)
        if count > 200_000 or (depth == 16 and any(isinstance(v, (dict, list)) for v in level)):
            raise Refusal("BAD_MESSAGE", "too many values in a header, or nested too deep")
        for v in level:
            whole = type(v) is int and abs(v) > MOST
            if whole or not (v is None or isinstance(v, (bool, int, float, str, dict, list))):
                raise Refusal("BAD_MESSAGE", f"the header holds {type(v).__name__} {v!r:.60}")
            count += len(v) if isinstance(v, dict) else 0
            if isinstance(v, dict) and not all(isinstance(key, str) for key in v):
                raise Refusal("BAD_MESSAGE", "a key of a map is no string")
        level = [e for v in level if isinstance(v, (dict, list)) for e in (v.values() if isinstance(v, dict) else v)]
    if not isinstance(header, dict):
        raise Refusal("BAD_MESSAGE", "the header must be a map")
    return header


def elements(shape, most):
    """The product of a shape, or some number above `most`: a shape may be as long as a header, and its product longer still."""
    count = 0 if 0 in shape else 1
    for n in shape:
        if count > most:
            break
        count *= n
    return count


class Server:
    def __init__(self, env_count):
        self.env_count, self.session, self.closed = env_count, None, False

    def answer(self, frames):
        """Turns the frames of a message into the frames of its answer."""
        req, sid = 0, ""
        try:
            if len(frames[0]) > LIMITS["max_frame_bytes"]:
                raise self.too_large(len(frames[0]), LIMITS["max_frame_bytes"])
            header = decode(frames[0])
            given = header.get("req")
            wrong = None
            try:
                req = integer(given, "req", 1, MOST)
            except Refusal as refusal:
                wrong = refusal
            if type(header.get("v")) not in (int, float) or header["v"] != 1:
                raise Refusal("VERSION", "this server speaks protocol 1", protocols=[1])
            if wrong:
                raise wrong
            if header.get("t") == "hello":
                return self.hello(header, req)
            session = self.session
            if session is None or header.get("sid") != session["sid"]:
                raise Refusal("NO_SESSION", "there is no such session here (any more); say hello first")
            sid = session["sid"]
            session["heard"] = time.monotonic()
            if req != session["last"] + 1:
                if session["hello"] < req and req in session["kept"]:
                    return session["kept"][req]
                raise Refusal("OUT_OF_ORDER", f"the next is {session['last'] + 1}", req > session["last"], expected=session["last"] + 1)
        except Exception as failure:
            return self.refuse(failure, req, sid)
        try:
            if len(frames) > 64:
                raise Refusal("BAD_MESSAGE", f"{len(frames)} frames; at most 64 are allowed")
            for frame in frames[1:]:
                if len(frame) > LIMITS["max_frame_bytes"]:
                    raise self.too_large(len(frame), LIMITS["max_frame_bytes"])
            reply = self.execute(header, frames[1:], req, session)
            # Everything except infos and crashes was checked against the limit before anything moved.
            if len(reply[0]) > session["limit"]:
                raise self.too_large(len(reply[0]), session["limit"])
        except Exception as failure:
            reply = self.refuse(failure, req, sid)
        # Another client's hello may be read next, before what this one sent during a long request.
        session["last"], session["heard"] = req, time.monotonic()
        session["kept"] = {n: kept for n, kept in session["kept"].items() if n > req - LIMITS["max_in_flight"]} | {req: reply}
        return reply

    def refuse(self, failure, req, sid):
        """Any other exception is a fault of this server, which goes on."""
        if not isinstance(failure, Refusal):
            failure = Refusal("INTERNAL", f"a fault of this server: {reason(failure)}")
        return self.pack("error", req, sid, failure.body)

    @staticmethod
    def pack(kind, req, sid, fields, payload=()):
        return [msgpack.packb({"v": 1, "t": kind, "sid": sid, "req": req, **fields}), *payload]

    @staticmethod
    def too_large(size, limit):
        return Refusal("TOO_LARGE", f"{size} bytes; max_frame_bytes is {limit}", bytes=size, limit=limit)

    def hello(self, header, req):
        def get(key, standard):
            return standard if header.get(key) is None else header[key]

        client = typed(header.get("client"), "client", str, "a string")
        spoken = [integer(n, "protocols", 0, 65535) for n in typed(get("protocols", [1]), "protocols", list, "an array")]
        for name in ("package", "token"):
            typed(get(name, ""), name, str, "a string")
        for name in typed(get("capabilities", []), "capabilities", list, "an array"):
            typed(name, "capabilities", str, "an array of strings")
        limit = typed(get("limits", {}), "limits", dict, "a map").get("max_frame_bytes")
        limit = integer(2**40 if limit is None else limit, "limits.max_frame_bytes", 1024, 2**40)
        integer(get("image_size", 1), "image_size", 1, 65535)
        seed = integer(get("seed", 0), "seed", 0, MOST)
        if 1 not in spoken:
            raise Refusal("VERSION", "this server speaks protocol 1", protocols=[1])
        now, session = time.monotonic(), self.session
        if session and session["client"] != client and now - session["heard"] < 3 * LIMITS["ping_period_ms"] / 1000:
            raise Refusal("BUSY", "another client has a session here", True, ping_period_ms=LIMITS["ping_period_ms"])
        if session and session["client"] == client and session["hello"] == req:
            session["heard"] = now
            if session["last"] == req:
                return session["kept"][req]
            raise Refusal("OUT_OF_ORDER", "other messages have followed this hello", expected=session["last"] + 1)
        sid = os.urandom(8).hex()
        reply = self.pack("welcome", req, sid, {
            "protocols": [1], "name": "lights", "package": "lights-server/1.0", "env_count": self.env_count, "action": ACTION,
            "observations": [LIGHTS], "autoreset": "disabled", "graphics": None, "time_step": None, "capabilities": [],
            "state_hash": None, "parameters": [], "limits": LIMITS, "catalog": None})
        envs = [Lights() for _ in range(self.env_count)]
        self.session = {"sid": sid, "client": client, "hello": req, "last": req, "kept": {req: reply}, "heard": time.monotonic(),
                        "limit": limit, "seed": seed, "envs": envs}
        return reply

    def execute(self, header, payload, req, session):
        kind = header.get("t")
        if kind == "batch":
            return self.batch(header, payload, req, session)
        if kind == "ping":
            return self.pack("pong", req, session["sid"], {"tick_age_ms": 0, "queue_depth": 0})
        if kind == "configure":
            for name in typed(header.get("parameters"), "parameters", dict, "a map"):
                raise bad(f"parameters.{name}", "one of welcome's, which has none")
            return self.pack("configured", req, session["sid"], {"parameters": {}})
        if kind == "close":
            self.session, self.closed = None, True
            return self.pack("closed", req, session["sid"], {})
        raise bad("t", "hello, batch, ping, configure or close")

    def batch(self, header, payload, req, session):
        """First checks the whole message, then runs one operation after another."""
        ops, seen = typed(header.get("ops"), "ops", list, "an array"), set()
        for i, op in enumerate(ops):
            env = integer(typed(op, f"ops[{i}]", dict, "a map").get("env"), f"ops[{i}].env", 0, self.env_count - 1)
            if env in seen or op.get("op") not in ("reset", "step", "noop"):
                raise bad(f"ops[{i}]", "reset, step or noop of an environment, each once")
            seen.add(env)
            if op["op"] == "reset" and op.get("seed") is not None:
                integer(op["seed"], f"ops[{i}].seed", 0, MOST)
            if op["op"] == "reset":
                typed({} if op.get("options") is None else op["options"], f"ops[{i}].options", dict, "a map")
        want = typed([] if header.get("want") is None else header["want"], "want", list, "an array")
        if want not in ([], ["lights"]):
            raise bad("want", 'nothing or ["lights"]')
        if want and SIDE * SIDE * len(ops) > session["limit"]:
            raise self.too_large(SIDE * SIDE * len(ops), session["limit"])
        rows = iter(self.actions(header.get("tensors"), payload, sum(op["op"] == "step" for op in ops)))
        actions = [next(rows) if op["op"] == "step" else None for op in ops]
        envs = [session["envs"][int(op["env"])] for op in ops]
        errors = [self.error(one, op, action) for one, op, action in zip(envs, ops, actions)]
        tensors = [{"uid": "lights", "dtype": "uint8", "shape": [len(ops), SIDE, SIDE], "frame": 0}] if want else []

        def answer(results, payload=()):
            return self.pack("batch_result", req, session["sid"], {"results": results, "tensors": tensors}, payload)

        size = len(answer([self.foreseen(one, op, error) for one, op, error in zip(envs, ops, errors)])[0])
        # A result has 15 values without an error, and up to 43 with one.
        values = 26 + sum(15 if error is None else 27 + 2 * len(error["detail"]) for error in errors)
        if values > 200_000:
            raise Refusal("TOO_LARGE", f"the answer to {len(ops)} operations has {values} values; a header may have 200000: divide the batch",
                          bytes=size, limit=session["limit"], values=values)
        if size > session["limit"]:
            raise self.too_large(size, session["limit"])
        done = [self.operate(session["seed"], *each) for each in zip(envs, ops, actions, errors)]
        return answer([result for result, _ in done], [b"".join(lights for _, lights in done)] if want else [])

    @staticmethod
    def actions(tensors, payload, steps):
        found = {}
        for i, tensor in enumerate(typed([] if tensors is None else tensors, "tensors", list, "an array")):
            field = f"tensors[{i}]"
            uid = typed(typed(tensor, field, dict, "a map").get("uid"), field, str, "of a uid")
            shape = [integer(n, field, 0, MOST) for n in typed(tensor.get("shape"), field, list, "of a shape")]
            frame = payload[integer(tensor.get("frame"), field, 0, len(payload) - 1)]
            size = SIZES.get(tensor["dtype"]) if isinstance(tensor.get("dtype"), str) else None
            if uid in found or size is None or len(frame) != size * elements(shape, len(frame)):
                raise bad(field, "of a uid and a dtype of its own, and as long as its frame")
            found[uid] = (tensor["dtype"], shape, frame)
        if "press" not in found:
            if steps:
                raise bad("tensors", "there: a step takes an action")
            return []
        dtype, shape, frame = found["press"]
        if dtype != "int32" or shape != [steps, 2]:
            raise Refusal("BAD_ACTION", f"press must be int32 [{steps}, 2]", uid="press", dtype="int32", shape=[steps, 2])
        return struct.iter_unpack("<2i", frame)

    @staticmethod
    def error(one, op, action):
        """Why one environment cannot do an operation, or None. Nothing has moved yet, and nothing moves here."""
        try:
            if op["op"] == "reset":
                one.presses(op.get("options") or {})
            elif one.state == "new" or (one.state == "over" and op["op"] == "step"):
                raise Refusal("NOT_RESET", f"environment {int(op['env'])} needs a reset first")
            elif op["op"] == "step":
                one.check(action)
        except Refusal as refusal:
            return refusal.body
        return None

    @staticmethod
    def result(one, op, error, outcome):
        """The result of one operation: `outcome` is what a step returns, {} for anything else."""
        env = int(op["env"])
        told = {"env": env, "reward": 0, "terminated": False, "truncated": False, **outcome}
        told |= {"episode": one.episode, "step": one.step_count, "info": {}}
        return told if error is None else {**told, "error": {**error, "env": env}}

    def foreseen(self, one, op, error):
        """A result with the length of the one that will come."""
        told = self.result(one, op, error, {})
        if error is None and op["op"] == "reset":
            told |= {"episode": one.episode + 1, "step": 0}
        if error is None and op["op"] == "step":
            told |= {"reward": one.REWARD, "step": one.step_count + 1}
        return told

    def operate(self, seed, one, op, action, error):
        """The result and the observation."""
        env, outcome, steps = int(op["env"]), {}, one.step_count
        try:
            if error is None and op["op"] == "reset":
                first = (seed + env) % 2**53 if one.episode == 0 else None
                one.reset(first if op.get("seed") is None else int(op["seed"]), op.get("options") or {})
            elif error is None and op["op"] == "step":
                outcome = one.step(action)
                if not math.isfinite(outcome["reward"]):
                    raise ValueError(f"its reward is {outcome['reward']}")
            lights = bytes(SIDE * SIDE) if error else bytes(one.lights)
        except Exception as failure:
            one.state, one.step_count, outcome, lights, why = "new", steps, {}, bytes(SIDE * SIDE), reason(failure)
            error = Refusal("ENV_CRASH", f"environment {env} failed: {why}; reset it to go on", reason=why).body
        return self.result(one, op, error, outcome), lights


def main():
    parser = argparse.ArgumentParser(description="Lights Out as a server of the protocol")
    parser.add_argument("--bind", default="tcp://127.0.0.1:5005")
    parser.add_argument("--connect")
    parser.add_argument("--envs", type=int, default=1)
    parser.add_argument("--ping-period", type=int, default=LIMITS["ping_period_ms"], help="milliseconds")
    given = parser.parse_args()
    if not 1 <= given.envs <= 65535:
        parser.error(f"--envs {given.envs}: a server has 1 to 65535 environments")
    LIMITS["ping_period_ms"] = given.ping_period
    # When binding, ZeroMQ takes a name for that of a network device.
    endpoint = given.connect or given.bind.replace("tcp://localhost:", "tcp://127.0.0.1:")
    if not re.match(r"(tcp://(127\.[\d.]+|localhost|\[::1\]):(\d+|\*)|ipc://.+)$", endpoint):
        parser.error(f"{endpoint} is beyond this machine, which takes CURVE keys and a token; this example has none")
    socket = zmq.Context().socket(zmq.ROUTER)
    socket.setsockopt(zmq.IPV6, "[" in endpoint)
    socket.setsockopt(zmq.LINGER, 500)
    socket.setsockopt(zmq.SNDHWM, 2 * LIMITS["max_in_flight"] + 2)
    socket.setsockopt(zmq.MAXMSGSIZE, 2 * LIMITS["max_frame_bytes"])
    socket.setsockopt(zmq.HEARTBEAT_IVL, 5000)
    monitor = socket.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)
    try:
        (socket.connect if given.connect else socket.bind)(endpoint)
    except zmq.ZMQError as error:
        parser.error(f"{endpoint}: {error}")
    print(f"lights: {given.envs} environments at {socket.getsockopt_string(zmq.LAST_ENDPOINT)}", flush=True)
    server, unreachable = Server(given.envs), time.monotonic()
    while not (given.connect and (server.closed or time.monotonic() - (unreachable or math.inf) > 5)):
        if socket.poll(500):
            peer, *frames = socket.recv_multipart()
            socket.send_multipart([peer, *server.answer(frames or [b""])])
        while monitor.poll(0):
            event = parse_monitor_message(monitor.recv_multipart())["event"]
            unreachable = None if event == zmq.EVENT_CONNECTED else time.monotonic()


if __name__ == "__main__":
    main()
