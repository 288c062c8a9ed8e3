"""Tests Gymnasium's contract with a server: `gymnasium_contract.py CHECK ENDPOINT`, for python-client.test.ts.

With Gymnasium where that is installed, else with gymnasium_stub.py. The endpoints serve three environments, of the tests' counter
(an episode is truncated at 5 steps) or of grid-world. Prints which Gymnasium it was; an assertion that fails ends it with 1.
"""
import sys
from pathlib import Path

import numpy

try:
    import gymnasium
except ImportError:
    import gymnasium_stub  # noqa: F401
    import gymnasium
sys.path.insert(0, str(Path(__file__).parents[2] / "protocol" / "examples"))
from gymnasium.vector import VectorEnv  # noqa: E402
from gymnasium_env import AutoresetMode, RemoteEnv, RemoteError, RemoteVectorEnv  # noqa: E402

ID = "gymnasium_env:RLS3/Remote-v0"


def moves(*each):
    """Actions of the counter: how far each environment's total moves."""
    return numpy.array([[move, 0] for move in each], "float32")


def refusal(code, act):
    try:
        act()
    except RemoteError as error:
        assert error.code == code, error
        return str(error)
    raise AssertionError(f"not refused with {code}")


def held(env, observation, rewards, terminated, truncated, infos):
    """Checks the shapes and types of a vector's step."""
    assert observation in env.observation_space
    assert rewards.shape == (env.num_envs,) and rewards.dtype == numpy.float64
    for ends in (terminated, truncated):
        assert ends.shape == (env.num_envs,) and ends.dtype == bool
    for key, value in infos.items():
        mask = value if key.startswith("_") else infos[f"_{key}"]
        assert mask.shape == (env.num_envs,) and mask.dtype == bool, key
    return observation, rewards, terminated, truncated, infos


def spaces(endpoint):
    env = RemoteVectorEnv(endpoint, observations=["count", "frame"], render_mode="rgb_array")
    assert isinstance(env, VectorEnv) and env.num_envs == 3 and env.unwrapped is env
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert env.single_observation_space["frame"].shape == (4, 4, 3)
    assert env.observation_space["frame"].shape == (3, 4, 4, 3)
    assert env.observation_space["frame"].dtype == numpy.uint8
    assert env.single_action_space.shape == (2,) and env.action_space.shape == (3, 2)
    assert env.action_space.low.tolist() == [[-1, -1]] * 3
    observation, infos = env.reset(seed=7)
    assert observation in env.observation_space
    assert infos["seed"].tolist() == [7, 8, 9] and infos["_seed"].all()
    pictures = env.render()
    assert isinstance(pictures, tuple) and [picture.shape for picture in pictures] == [(4, 4, 3)] * 3
    held(env, *env.step(moves(0.25, 0, -0.25)))
    env.action_space.seed(1)
    assert env.action_space.sample() in env.action_space
    env.close()
    assert env.closed
    env.close()
    refusal("CLOSED", env.reset)


def discrete(endpoint):
    with RemoteEnv(endpoint) as one:
        single = one.action_space
    env = RemoteVectorEnv(endpoint)
    assert env.action_space.nvec.tolist() == [4, 4, 4] and env.single_action_space.n == single.n
    env.reset(seed=1)
    env.action_space.seed(3)
    for _ in range(20):
        held(env, *env.step(env.action_space.sample()))
    assert "shape (2,)" in refusal("BAD_ACTION", lambda: env.step([0, 1]))
    assert "environment 1: action[0] (direction) = 4" in refusal("BAD_ACTION", lambda: env.step([0, 4, 1]))
    env.close()


def singles(endpoint):
    """With the same seeds and actions, each environment gives the same as alone."""
    env = RemoteVectorEnv(endpoint, observations=["count", "frame"])
    script = [moves(0.5 * i / 4, -0.25, 0.125) for i in range(4)]
    steps = [env.reset(seed=numpy.int64(40))] + [env.step(actions) for actions in script]
    env.close()
    for i in range(3):
        with RemoteEnv(endpoint, observations=["count", "frame"], index=i) as one:
            told = [one.reset(seed=40 + i)] + [one.step(actions[i]) for actions in script]
        for (batch, *_, infos), (alone, *_, info) in zip(steps, told):
            for uid in alone:
                assert numpy.array_equal(batch[uid][i], alone[uid]), (uid, i)
            assert infos["state_hash"][i] == info["state_hash"]
        assert [batch[1][i] for batch in steps[1:]] == [alone[1] for alone in told[1:]]


def ended_by(env, first, seed=10):
    """Environment `first` has just ended after five steps; the others were reset before."""
    env.reset(seed=seed)
    for _ in range(2):
        env.step(moves(0.5, 0.5, 0.5))
    mask = numpy.arange(3) != first
    observation, infos = env.reset(seed=[None, 20, 30], options={"reset_mask": mask})
    assert observation[:, 1].tolist() == [2, 0, 0] and infos["_seed"].tolist() == mask.tolist()
    for _ in range(2):
        env.step(moves(0.5, 0.5, 0.5))
    return held(env, *env.step(moves(0.5, 0.5, 0.5)))


def next_step(endpoint):
    env = RemoteVectorEnv(endpoint)
    observation, rewards, _, truncated, infos = ended_by(env, 0)
    assert truncated.tolist() == [True, False, False] and rewards.tolist() == [0.5] * 3
    assert observation.tolist() == [[12.5, 5], [21.5, 3], [31.5, 3]]
    assert "final_obs" not in infos
    observation, rewards, terminated, truncated, infos = held(env, *env.step(moves(1, 1, 1)))
    assert observation[:, 1].tolist() == [0, 4, 4] and rewards.tolist() == [0, 1, 1]
    assert not terminated.any() and not truncated.any()
    assert infos["_total"].tolist() == [False, True, True] and infos["_seed"].tolist() == [True, False, False]
    assert infos["total"][1] == 22.5
    env.step(moves(1, 1, 1))
    env.step(moves(1, 1, 1))
    observation = env.step(moves(1, 1, 1))[0]
    assert observation[:, 1].tolist() == [3, 1, 1]
    env.close()


def same_step(endpoint):
    env = RemoteVectorEnv(endpoint, autoreset_mode="SameStep")
    observation, rewards, _, truncated, infos = ended_by(env, 0)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert truncated.tolist() == [True, False, False] and rewards.tolist() == [0.5] * 3
    assert observation[:, 1].tolist() == [0, 3, 3] and observation[1:, 0].tolist() == [21.5, 31.5]
    assert infos["final_obs"].dtype == object and infos["final_obs"][0].tolist() == [12.5, 5]
    assert infos["final_obs"][1] is None and infos["_final_obs"].tolist() == [True, False, False]
    assert infos["final_info"]["total"][0] == 12.5
    assert infos["final_info"]["_total"].tolist() == [True, False, False]
    assert infos["_final_info"].tolist() == [True, False, False]
    assert infos["total"].tolist() == [0, 21.5, 31.5]
    observation = held(env, *env.step(moves(1, 1, 1)))[0]
    assert observation[:, 1].tolist() == [1, 4, 4]
    env.close()


def disabled(endpoint):
    env = RemoteVectorEnv(endpoint, autoreset_mode=AutoresetMode.DISABLED)
    ended_by(env, 0)
    assert "environments [0] ended" in refusal("NOT_RESET", lambda: env.step(moves(1, 1, 1)))
    observation, _ = env.reset(options={"reset_mask": numpy.array([True, False, False])})
    assert observation[:, 1].tolist() == [0, 3, 3]
    assert env.step(moves(1, 1, 1))[0][:, 1].tolist() == [1, 4, 4]
    for mask in (numpy.zeros(3, bool), numpy.ones(2, bool), numpy.ones(3)):
        assert "reset_mask" in refusal("CONFIGURATION", lambda: env.reset(options={"reset_mask": mask}))
    refusal("CONFIGURATION", lambda: env.reset(seed=[1, 2]))
    env.close()


def infos(endpoint):
    env = RemoteVectorEnv(endpoint)
    env.reset(seed=1)
    told = held(env, *env.step(numpy.array([[0.5, 0], [0.5, -1], [0, 0]], "float32")))[-1]
    assert told["_total"].tolist() == [True, False, True] and told["_pid"].tolist() == [False, True, False]
    assert told["total"].tolist() == [1.5, 0, 3] and told["total"].dtype == numpy.float64  # 1.5 and the integer 3
    assert told["pid"][1] > 1 and told["pid"].dtype == numpy.int64
    assert told["state_hash"].dtype == object and len(set(told["state_hash"])) == 3
    _, first = env.reset()
    assert first["seed"].tolist() == [None] * 3
    env.close()


def failures(endpoint):
    env = RemoteVectorEnv(endpoint)
    env.reset(seed=1)
    told = refusal("BAD_ACTION", lambda: env.step(moves(0, 0, 1.5)))
    assert told == "BAD_ACTION: environment 2: action[0] (move) = 1.5 is no number from -1 to 1", told
    assert "action[0] (move) = nan" in refusal("BAD_ACTION", lambda: env.step(moves(0, float("nan"), 0)))
    assert "(3, 1)" in refusal("BAD_ACTION", lambda: env.step(numpy.zeros((3, 1))))
    assert "options.x: object can't be sent" in refusal("BAD_MESSAGE", lambda: env.reset(options={"x": object()}))
    assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [1, 1, 1]  # None of these moved anything.
    crash = numpy.array([[0, 0], [0, 1], [0, 0]], "float32")
    assert "environment 1: " in refusal("ENV_CRASH", lambda: env.step(crash))
    assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [3, 0, 3]  # The failed one was reset.
    env.close()
    env = RemoteVectorEnv(endpoint, autoreset_mode="SameStep")
    env.reset(seed=1)
    for _ in range(4):
        env.step(moves(0, 0, 0))
    assert "environment 1: " in refusal("ENV_CRASH", lambda: env.step(crash))
    # The next step resets the failed environment, and those whose end the error hid.
    told = held(env, *env.step(moves(1, 1, 1)))
    assert told[0][:, 1].tolist() == [0, 0, 0] and told[1].tolist() == [0, 0, 0] and "final_obs" not in told[-1]
    refusal("ENV_CRASH", lambda: env.step(crash))
    assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [2, 0, 2]
    env.close()
    env = RemoteVectorEnv(endpoint, autoreset_mode="Disabled")
    env.reset(seed=1)
    refusal("ENV_CRASH", lambda: env.step(crash))
    assert "environments [1] ended" in refusal("NOT_RESET", lambda: env.step(moves(0, 0, 0)))
    env.close()
    failed_resets(endpoint)
    assert "1 to 3" in refusal("CONFIGURATION", lambda: RemoteVectorEnv(endpoint, num_envs=4))


def failed_resets(endpoint):
    """An environment that crashes in reset() is one that ended; a reset that is refused changes nothing."""
    second = numpy.array([False, True, False])
    crash, refused = ({"reset_mask": second, **more} for more in ({"crash": True}, {"mood": 1}))
    for mode in ("NextStep", "SameStep"):
        env = RemoteVectorEnv(endpoint, autoreset_mode=mode)
        env.reset(seed=1)
        env.step(moves(0, 0, 0))
        refusal("ENV_CRASH", lambda: env.reset(options=crash))
        refusal("BAD_MESSAGE", lambda: env.reset(options=refused))
        assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [2, 0, 2]
        refusal("BAD_MESSAGE", lambda: env.reset(options=refused))
        assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [3, 1, 3]
        env.close()
    env = RemoteVectorEnv(endpoint, autoreset_mode="Disabled")
    env.reset(seed=1)
    refusal("ENV_CRASH", lambda: env.reset(options=crash))
    assert "environments [1] ended" in refusal("NOT_RESET", lambda: env.step(moves(0, 0, 0)))
    env.reset(options={"reset_mask": second})
    assert env.step(moves(0, 0, 0))[0][:, 1].tolist() == [1, 1, 1]
    env.close()


def flat(endpoint):
    with RemoteEnv(endpoint, observations=["count", "frame"], flat=True) as env:
        space = env.observation_space
        assert (space.shape, space.dtype) == ((50,), numpy.float32)
        assert (
            numpy.isinf(space.low[:2]).all()
            and space.low[2:].tolist() == [-1] * 48
            and space.high[2:].tolist() == [1] * 48
        )
        assert (env.action_space.shape, env.action_space.dtype) == ((2,), numpy.float32)
        observation, _ = env.reset(seed=5)
        assert observation in space
        assert observation[:2].tolist() == [5, 0]  # `count` has no bounds, so it is unchanged.
        assert numpy.allclose(observation[2:], numpy.arange(48) / 255 * 2 - 1)  # `frame`: 0 … 255.
        observation = env.step(numpy.array([0.5, 0], "float32"))[0]
        assert observation[:2].tolist() == [5.5, 1]
        assert "action[0] = 1.5" in refusal("BAD_ACTION", lambda: env.step([1.5, 0]))
        assert "nan" in refusal("BAD_ACTION", lambda: env.step([0, float("nan")]))
        assert "shape" in refusal("BAD_ACTION", lambda: env.step([0]))
    with RemoteEnv(endpoint, observations=["frame", "count"], flat=True) as env:
        assert env.reset(seed=5)[0][-2:].tolist() == [5, 0]  # In the order of `observations`.
    vector = RemoteVectorEnv(endpoint, observations=["count", "frame"], flat=True, autoreset_mode="SameStep")
    assert vector.observation_space.shape == (3, 50) and vector.single_action_space.shape == (2,)
    assert vector.reset(seed=5)[0][:, 0].tolist() == [5, 6, 7]
    for _ in range(5):
        told = held(vector, *vector.step(moves(0.5, 0, -0.5)))
    assert told[-1]["final_obs"][2].shape == (50,) and told[-1]["final_obs"][2][:2].tolist() == [4.5, 5]
    assert "environment 2: action[1] = -2" in refusal("BAD_ACTION", lambda: vector.step([[0, 0], [0, 0], [0, -2]]))
    vector.close()


def flat_whole_numbers(endpoint):
    """Grid-world's moves 0 … 3 are quarters of -1 … 1; its cells 0 … 7 become -1 … 1."""
    moved = {0: (0, 1), 1: (1, 0), 2: (0, -1), 3: (-1, 0)}
    quarters = {-1.0: 0, -0.51: 0, -0.49: 1, -0.01: 1, 0.01: 2, 0.49: 2, 0.51: 3, 1.0: 3}
    with RemoteEnv(endpoint) as env:
        seed, start = next(
            (seed, at) for seed in range(99) if 0 < (at := env.reset(seed=seed)[0])[0] < 7 and 0 < at[1] < 7
        )
    with RemoteEnv(endpoint, flat=True) as env:
        assert env.action_space.shape == (1,) and env.observation_space.low.tolist() == [-1] * 4
        for action, move in quarters.items():
            first = env.reset(seed=seed)[0]
            assert numpy.allclose((first + 1) / 2 * 7, start)
            after = (env.step([action])[0] + 1) / 2 * 7
            assert tuple(numpy.rint(after - start)[:2].astype(int)) == moved[move], action


def registered(endpoint):
    env = gymnasium.make(ID, endpoint=endpoint, index=1, max_episode_steps=3)
    assert env.unwrapped.spec.id == "RLS3/Remote-v0" and isinstance(env.unwrapped, RemoteEnv)
    env.reset(seed=1)
    ends = [env.step(numpy.zeros(2, "float32"))[2:4] for _ in range(3)]
    assert ends == [(False, False), (False, False), (False, True)]
    env.close()
    limits = {"entry_point": "gymnasium_env:RemoteEnv", "vector_entry_point": "gymnasium_env:RemoteVectorEnv"}
    gymnasium.register("Tests/Counter-v0", max_episode_steps=2, kwargs={"endpoint": endpoint}, **limits)
    env = gymnasium.make("Tests/Counter-v0")
    env.reset(seed=1)
    assert [env.step(numpy.zeros(2, "float32"))[3] for _ in range(2)] == [False, True]
    env.close()
    vector = gymnasium.make_vec("Tests/Counter-v0", num_envs=2)
    assert isinstance(vector.unwrapped, RemoteVectorEnv) and vector.num_envs == 2
    vector.reset(seed=1)
    ends = [vector.step(moves(0, 0))[3].tolist() for _ in range(5)]  # The third only resets.
    assert ends == [[False] * 2, [True] * 2, [False] * 2, [False] * 2, [True] * 2]
    vector.close()


def time_limit(endpoint):
    with RemoteEnv(endpoint, max_episode_steps=2) as env:
        env.reset(seed=1)
        env.render()
        assert [env.step(moves(0)[0])[2:4] for _ in range(2)] == [(False, False), (False, True)]
        env.reset()
        assert env.step(moves(0)[0])[3] is False


def spawned(command):
    env = RemoteVectorEnv(spawn=command, max_episode_steps=3)
    assert env.num_envs == 3
    env.reset(seed=1)
    for _ in range(5):
        held(env, *env.step([0, 1, 2]))
    server = env._session._server._process
    assert server.poll() is None
    env.close()
    assert server.poll() is not None


def wrappers(endpoint):
    """Gymnasium's own wrapper of vectors, which depends on the autoreset mode."""
    from gymnasium.wrappers.vector import RecordEpisodeStatistics

    for mode in AutoresetMode:
        env = RecordEpisodeStatistics(RemoteVectorEnv(endpoint, autoreset_mode=mode))
        env.reset(seed=1)
        for _ in range(5):
            told = env.step(moves(0.5, 0.25, 0))[-1]
        assert told["episode"]["r"].tolist() == [2.5, 1.25, 0] and told["episode"]["l"].tolist() == [5, 5, 5]
        env.close()


def stable_baselines3(endpoint):
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env

    with RemoteEnv(endpoint, flat=True) as env:
        check_env(env)
        PPO("MlpPolicy", env, n_steps=32, batch_size=16, n_epochs=1, device="cpu", seed=1).learn(64)


if __name__ == "__main__":
    print(f"gymnasium {gymnasium.__version__}, numpy {numpy.__version__}")
    try:
        globals()[sys.argv[1]](sys.argv[2])
    except ImportError as error:
        print(f"not installed: {error.name}")
