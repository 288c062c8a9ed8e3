"""Drives protocol/examples/gymnasium_env.py for python-client.test.ts: one JSON object in, JSON lines out.

`steps` are worked through in order: ["reset", seed, options], ["odd", kind]: a reset with what msgpack or a server can't read, ["step", action], ["render"], ["wait"] for a line on standard input,
["configure", parameters], ["last"] element of the state, ["vector", options] of the server's environments, after ["close"], ["kill"] the server that was started, ["close"]. Each gives a line: what came back, or {"error": {code, message, detail}}.
"""
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

try:
    import numpy
except ImportError:
    numpy = None

task = json.loads(sys.argv[1])
for name in task.get("without", []):
    sys.modules[name] = None
sys.path.insert(0, str(Path(__file__).parents[2] / "protocol" / "examples"))
from gymnasium_env import Discrete, RemoteEnv, RemoteError, RemoteVectorEnv  # noqa: E402


last = {}


def nested(levels):
    return {"in": nested(levels - 1)} if levels else {}


class OneElement:
    """Other libraries' scalars share this with numpy's."""

    def item(self):
        return 1


ODD = {
    "numpy": lambda: {
        "seed": numpy.int64(7),
        "options": {"weight": numpy.float32(1), "at": numpy.zeros(2), "zero": numpy.array(0)},
    },
    "item": lambda: {"seed": OneElement(), "options": {"scene": OneElement()}},
    "complex": lambda: {"options": {"scene": numpy.complex128(1)}},
    "object": lambda: {"options": {"scene": object()}},
    "bytes": lambda: {"options": {"scene": [b"x"]}},
    "key": lambda: {"options": {1: 2}},
    "seed": lambda: {"seed": 2**63},
    "integer": lambda: {"options": {"any": -(2**60)}},
    "string": lambda: {"options": {"any": "x" * 70000}},
    "text": lambda: {"options": {"any": "\ud800"}},
    "large": lambda: {"options": {"any": ["x" * 60000] * 80}},
    "deep": lambda: {"options": nested(13)},
}


def digest(value):
    """Digest of an observation's bytes, in C order."""
    if isinstance(value, dict):
        return {uid: digest(tensor) for uid, tensor in value.items()}
    return hashlib.sha256(value.tobytes()).hexdigest()


def space(of):
    if hasattr(of, "spaces"):
        return {uid: space(one) for uid, one in of.spaces.items()}
    return {"n": int(of.n), "start": int(of.start)} if isinstance(of, Discrete) else {"shape": list(of.shape)}


def answer(env, name, *arguments):
    if name == "wait":
        print(json.dumps({"waiting": True}), flush=True)
        sys.stdin.readline()
        return {}
    if name == "reset":
        seed, options = (*arguments, None, None)[:2]
        observation, info = env.reset(seed=seed, options=options)
        last["state"] = observation["state"] if isinstance(observation, dict) else observation
        return {"observation": digest(observation), "info": info}
    if name == "odd":
        observation, info = env.reset(**ODD[arguments[0]]())
        return {"observation": digest(observation), "info": info}
    if name == "step":
        action = arguments[0]
        if isinstance(action, list):
            action = [float(text) if isinstance(text, str) else text for text in action]
        observation, reward, terminated, truncated, info = env.step(action)
        ends = {"terminated": terminated, "truncated": truncated}
        return {"observation": digest(observation), "reward": reward, **ends, "info": info}
    if name == "sample":
        env.action_space.seed(arguments[0])
        return {"samples": [len(env.action_space.sample().tolist()) for _ in range(3)]}
    if name == "vector":
        envs = RemoteVectorEnv(task["endpoint"], **arguments[0])
        envs.action_space.seed(1)
        first, _ = envs.reset(seed=1)
        batch, rewards, *ends, infos = envs.step(envs.action_space.sample())
        envs.close()
        return {"shapes": [list(array.shape) for array in (first, batch, rewards, *ends)], "closed": envs.closed}
    if name == "render":
        picture = env.render()
        return {"type": type(picture).__name__, "shape": list(picture.shape), "image": digest(picture)}
    if name == "configure":
        return {"parameters": env.configure(**arguments[0])}
    if name == "last":
        return {"last": float(last["state"].reshape(-1)[-1])}
    if name in ("kill", "pid"):
        pid = env._session._server._process.pid
        if name == "kill":
            os.kill(pid, signal.SIGKILL)
        return {"pid": pid}
    if name == "spaces":
        return {"observations": space(env.observation_space), "action": space(env.action_space)}
    if name == "check":
        try:
            from gymnasium.utils.env_checker import check_env
        except ImportError:
            return {"gymnasium": None}
        check_env(env)
        return {"gymnasium": "passed"}
    env.close()
    return {}


def attempt(act):
    try:
        result = act()
    except RemoteError as error:
        result = {"error": {"code": error.code, "message": str(error), "detail": error.detail}}
    if isinstance(result, dict):
        print(json.dumps(result), flush=True)
    return result


opened = attempt(lambda: RemoteEnv(**{"endpoint": task.get("endpoint"), **task.get("options", {})}))
if not isinstance(opened, dict):
    for step in task["steps"]:
        attempt(lambda: answer(opened, *step))
    if not task.get("forget"):
        opened.close()
