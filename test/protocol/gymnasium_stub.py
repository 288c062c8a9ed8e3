"""Replaces Gymnasium where it is not installed: `import gymnasium_stub` puts modules of its names into sys.modules.

Only the contract's form: what a space holds, what an environment's classes are called, and how make() and make_vec() pass
arguments on. Stricter than Gymnasium where it can be: a Box takes no other dtype and no bounds of another shape.
"""
import enum
import importlib
import sys
import types

import numpy


class Space:
    def __init__(self, shape, dtype):
        self.shape, self.dtype, self._random = (
            shape,
            None if dtype is None else numpy.dtype(dtype),
            numpy.random.default_rng(),
        )

    def seed(self, seed=None):
        self._random = numpy.random.default_rng(seed)

    def __contains__(self, value):
        return self.contains(value)

    def _fits(self, value):
        return isinstance(value, numpy.ndarray) and value.shape == self.shape and value.dtype == self.dtype


class Box(Space):
    def __init__(self, low, high, shape=None, dtype=numpy.float32):
        super().__init__(tuple(low.shape if shape is None else shape), dtype)
        for bound in (low, high):
            if bound.shape != self.shape or bound.dtype != self.dtype:
                raise TypeError(f"a bound of {bound.shape} {bound.dtype} for a Box of {self.shape} {self.dtype}")
        self.low, self.high = low, high

    def contains(self, value):
        return self._fits(value) and bool((value >= self.low).all() and (value <= self.high).all())

    def sample(self):
        low, high = (numpy.clip(bound.astype("float64"), -1e6, 1e6) for bound in (self.low, self.high))
        return self._random.uniform(low, high).astype(self.dtype)


class Discrete(Space):
    def __init__(self, n, start=0):
        super().__init__((), numpy.int64)
        self.n, self.start = n, start

    def contains(self, value):
        return isinstance(value, (int, numpy.integer)) and self.start <= value < self.start + self.n

    def sample(self):
        return self.start + self._random.integers(self.n)


class MultiDiscrete(Space):
    def __init__(self, nvec, dtype=numpy.int64, start=None):
        self.nvec = numpy.array(nvec, dtype)
        self.start = numpy.zeros_like(self.nvec) if start is None else numpy.array(start, dtype)
        super().__init__(self.nvec.shape, dtype)

    def contains(self, value):
        return self._fits(value) and bool((value >= self.start).all() and (value < self.start + self.nvec).all())

    def sample(self):
        return self.start + self._random.integers(self.nvec)


class Dict(Space):
    def __init__(self, spaces):
        super().__init__(None, None)
        self.spaces = spaces

    def __getitem__(self, key):
        return self.spaces[key]

    def __iter__(self):
        return iter(self.spaces)

    def contains(self, value):
        return set(value) == set(self.spaces) and all(value[key] in space for key, space in self.spaces.items())


class Env:
    metadata, render_mode, spec = {"render_modes": []}, None, None

    def reset(self, *, seed=None, options=None):
        if seed is not None and type(seed) is not int:
            raise TypeError(f"Gymnasium refuses seeds that are no Python integers: {type(seed)}")

    @property
    def unwrapped(self):
        return self

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class AutoresetMode(enum.Enum):
    NEXT_STEP = "NextStep"
    SAME_STEP = "SameStep"
    DISABLED = "Disabled"


class VectorEnv:
    metadata, spec, render_mode, closed = {}, None, None, False

    def reset(self, *, seed=None, options=None):
        Env.reset(self, seed=seed)

    @property
    def unwrapped(self):
        return self

    def close(self, **extras):
        if not self.closed:
            self.close_extras(**extras)
            self.closed = True

    def close_extras(self):
        pass


class TimeLimit:
    """The wrapper that make() adds to an environment with max_episode_steps."""

    def __init__(self, env, max_episode_steps):
        self.env, self.unwrapped, self._most, self._count = env, env.unwrapped, max_episode_steps, 0

    def reset(self, **arguments):
        self._count = 0
        return self.env.reset(**arguments)

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._count += 1
        return observation, reward, terminated, truncated or self._count >= self._most, info

    def close(self):
        self.env.close()


registry = {}


def register(id, entry_point=None, max_episode_steps=None, kwargs=None, vector_entry_point=None):
    points = {"entry_point": entry_point, "vector_entry_point": vector_entry_point}
    registry[id] = types.SimpleNamespace(id=id, max_episode_steps=max_episode_steps, kwargs=kwargs or {}, **points)


def _spec(id):
    module, _, name = id.rpartition(":")
    if module:
        importlib.import_module(module)
    return registry[name]


def _loaded(entry_point):
    module, _, name = entry_point.partition(":")
    return getattr(importlib.import_module(module), name)


def make(id, max_episode_steps=None, **kwargs):
    spec = _spec(id)
    env = _loaded(spec.entry_point)(**{**spec.kwargs, **kwargs})
    env.unwrapped.spec = spec
    most = spec.max_episode_steps if max_episode_steps is None else max_episode_steps
    return env if most is None else TimeLimit(env, most)


def make_vec(id, num_envs=1, **kwargs):
    spec = _spec(id)
    limit = {} if spec.max_episode_steps is None else {"max_episode_steps": spec.max_episode_steps}
    env = _loaded(spec.vector_entry_point)(num_envs=num_envs, **{**limit, **spec.kwargs, **kwargs})
    env.unwrapped.spec = spec
    return env


def _module(name, **contents):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(contents, __version__="stub")
    return module


_spaces = _module("gymnasium.spaces", Space=Space, Box=Box, Discrete=Discrete, MultiDiscrete=MultiDiscrete, Dict=Dict)
_vector = _module("gymnasium.vector", VectorEnv=VectorEnv, AutoresetMode=AutoresetMode)
_whole = {"Env": Env, "spaces": _spaces, "vector": _vector, "registry": registry}
_module("gymnasium", register=register, make=make, make_vec=make_vec, **_whole)
