/**
 * @file Checks of the environment behind the server, after Gymnasium's check_env: resets, seeds, steps and episodes.
 */
import { type Check, core, NotTried, sampleAction } from "./check.js";
import { demand, type Peer } from "./peer.js";
import { dataOf, inSpace, look, play, rowOf, samePlay, sameRows, wanted } from "./playing.js";

const EPISODE_STEPS = 2000;

/** Reset options that the environment must refuse, from the user or from its catalog of scenes. */
/** With a single start, starts cannot differ. */
function severalStarts({ options }: Peer): void {
  if (options.singleStart === true) throw new NotTried("the environment has a single start");
}

function wrongOptions(peer: Peer): NonNullable<Peer["options"]["wrongOptions"]> {
  const { wrongOptions } = peer.options;
  if (wrongOptions !== undefined) return wrongOptions;
  const scenes = peer.welcome.catalog?.["scenes"];
  if (Array.isArray(scenes)) return { scene: scenes.length };
  throw new NotTried("welcome's catalog does not tell which options this environment refuses");
}

export const ENVIRONMENT: readonly Check[] = [
  core(
    "reset.required",
    "in a new session a step or noop before the first reset is NOT_RESET, as that environment's own error",
    "keep a flag for each environment, and clear it in each new session",
    async (peer) => {
      await peer.hello();
      await peer.one({ env: 0, op: "reset", seed: 1 });
      await peer.hello(); // a new session: no environment has been reset
      const action = sampleAction(peer.welcome.action, 0);
      for (const op of [
        { env: 0, op: "step", action },
        { env: 0, op: "noop" },
      ]) {
        const { results } = await peer.batch([op]);
        peer.mustFail("NOT_RESET", results[0], op.op);
      }
    },
  ),
  core(
    "reset.first_seed",
    "the first reset of environment i in a session, without a seed, has the seed (hello's seed + i) mod 2^53",
    "give it that seed; later resets without one go on with the random numbers",
    async (peer) => {
      const last = Math.min(peer.welcome.envCount, 3) - 1;
      for (const seed of [undefined, 5, 2 ** 53 - 1]) {
        // The sum may exceed the integers that doubles represent exactly.
        const room = 2 ** 53 - 1 - (seed ?? 0);
        const sum = (env: number): number => (env <= room ? (seed ?? 0) + env : env - room - 1);
        const said = seed === undefined ? "no seed" : `seed ${seed}`;
        for (const env of new Set([0, last])) {
          await peer.hello();
          const expected = await play(peer, { env, seed: sum(env) }, 3);
          await peer.hello(seed === undefined ? {} : { seed });
          const got = await play(peer, { env }, 3);
          demand(
            samePlay(got, expected),
            `after a hello with ${said}, environment ${env} did not begin as with ${sum(env)}`,
          );
        }
      }
      await peer.hello();
    },
  ),
  core(
    "reset.draws_on",
    "a later reset without a seed goes on with the random numbers: the same in each session, and another start",
    "seed the generator where a reset brings a seed, and nowhere else",
    async (peer) => {
      const series = async (): Promise<Awaited<ReturnType<typeof play>>[]> => {
        await peer.hello();
        const starts = [await play(peer, { seed: 3 }, 2)];
        for (let i = 0; i < 6; i++) starts.push(await play(peer, {}, 2));
        return starts;
      };
      const [a, b] = [await series(), await series()];
      demand(
        a.every((start, i) => samePlay(start, b[i] as typeof start)),
        "resets without seeds after the same seed gave other episodes in another session",
      );
      const [, first] = a;
      demand(
        peer.options.singleStart === true ||
          a.slice(2).some((start) => first !== undefined && !sameRows(start.rows, first.rows)),
        "six resets without a seed all gave the same episode",
      );
    },
  ),
  core(
    "reset.observations",
    "a reset brings every wanted observation, in its dtype, shape and bounds, with reward 0 and no end",
    "compare what you write with the specs in welcome",
    async (peer) => {
      const ops = Array.from({ length: peer.welcome.envCount }, (_, env) => ({ env, op: "reset", seed: env }));
      for (const { uid } of peer.observable) {
        const { results, tensors } = await peer.batch(ops, [uid]);
        for (const { env, error, reward, terminated, truncated, step } of results) {
          demand(error === undefined, `environment ${env}: ${error?.code} ${error?.message}`);
          const isPlain = reward === 0 && !terminated && !truncated;
          demand(isPlain, "a reset must have reward 0, terminated false, truncated false");
          demand(step === 0, `a reset must have step 0, not ${step}`);
        }
        for (let i = 0; i < ops.length; i++)
          for (const data of rowOf(tensors, [uid], i, ops.length)) inSpace(peer, uid, data);
      }
    },
  ),
  core(
    "reset.seed_repeats",
    "the same seed gives the same episode start",
    "draw everything in a reset from a generator seeded with it",
    async (peer) => {
      for (const seed of [0, 123, 2 ** 53 - 1]) {
        const [a, b] = [await play(peer, { seed }, 0), await play(peer, { seed }, 0)];
        demand(samePlay(a, b), `two resets with seed ${seed} gave different observations or infos`);
      }
    },
  ),
  core(
    "reset.seeds_differ",
    "different seeds give different starts (of eight, not all the same)",
    "use the seed; or tell the suite that the environment has a single start (--single-start)",
    async (peer) => {
      severalStarts(peer);
      const { rows: first } = await play(peer, { seed: 0 }, 0);
      let differ = false;
      for (let seed = 1; seed < 8; seed++) differ ||= !sameRows((await play(peer, { seed }, 0)).rows, first);
      demand(differ, "eight seeds gave the same observations");
    },
  ),
  core(
    "reset.again",
    "a reset begins an episode, whatever the environment was doing",
    "forget the episode that was running",
    async (peer) => {
      const start = await play(peer, { seed: 6 }, 0);
      const { result: before } = await peer.one({
        env: 0,
        op: "step",
        action: sampleAction(peer.welcome.action, 1),
      });
      const again = await play(peer, { seed: 6 }, 0);
      demand(samePlay(start, again), "in the middle of an episode, the same seed gave another start");
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.step === 0, `after it, step is ${result.step}, not 0`);
      demand(result.episode === before.episode + 1, `after episode ${before.episode} came ${result.episode}`);
    },
  ),
  core(
    "reset.options",
    "wrong options of a reset are that environment's own BAD_MESSAGE, and its episode goes on",
    "look at the options before you touch the episode",
    async (peer) => {
      const options = wrongOptions(peer);
      await peer.one({ env: 0, op: "reset", seed: 9 });
      const { result: before } = await peer.one({ env: 0, op: "step", action: sampleAction(peer.welcome.action, 1) });
      if (before.terminated || before.truncated) await peer.one({ env: 0, op: "reset", seed: 10 });
      const { episode } = (await peer.one({ env: 0, op: "noop" })).result;
      const was = await look(peer);
      const { results } = await peer.batch([{ env: 0, op: "reset", seed: 1, options }]);
      const what = `a reset with options ${JSON.stringify(options)}`;
      const detail = peer.mustFail("BAD_MESSAGE", results[0], what);
      demand(typeof detail["field"] === "string", `${what}: the error has no detail.field`);
      const is = await look(peer);
      demand(sameRows(was.rows, is.rows) && was.hash === is.hash, `after ${what}, the environment was not as before`);
      const { result } = await peer.one({ env: 0, op: "noop" });
      demand(result.episode === episode, "the refused reset was counted as an episode");
    },
  ),
  core(
    "step.repeats",
    "the same seed and actions give the same rewards, ends, infos and observations",
    "no clock, no unseeded generator, no state left over from the episode before",
    async (peer) => {
      const a = await play(peer, { seed: 7 }, 20);
      await play(peer, { seed: 8 }, 3);
      const b = await play(peer, { seed: 7 }, 20);
      demand(JSON.stringify(a.record) === JSON.stringify(b.record), "rewards, ends or infos differ");
      demand(sameRows(a.rows, b.rows), "observations differ");
    },
  ),
  core(
    "step.results",
    "each step has a finite reward, counts one, and its observations lie in their spaces",
    "see batch_result in protocol/README.md",
    async (peer) => {
      const want = wanted(peer);
      const start = (await peer.one({ env: 0, op: "reset", seed: 3 })).result;
      for (let i = 1; i <= 20; i++) {
        const { result, tensors } = await peer.one(
          { env: 0, op: "step", action: sampleAction(peer.welcome.action, i) },
          want,
        );
        demand(Number.isFinite(result.reward), `step ${i}: reward is ${result.reward}`);
        demand(result.step === i, `step ${i} is counted as ${result.step}`);
        demand(
          result.episode === start.episode,
          `the episode's number changed from ${start.episode} to ${result.episode} without a reset`,
        );
        for (const [uid, data] of tensors) inSpace(peer, uid, data);
        if (result.terminated || result.truncated) return;
      }
    },
  ),
  core(
    "noop.observes",
    "a noop brings observations and changes nothing; its reward is 0, and it is no end",
    "observe without a tick",
    async (peer) => {
      const want = wanted(peer);
      await peer.one({ env: 0, op: "reset", seed: 4 });
      const action = sampleAction(peer.welcome.action, 1);
      const { result: step, tensors } = await peer.one({ env: 0, op: "step", action }, want);
      const first = await look(peer);
      demand(
        sameRows(rowOf(tensors, want, 0, 1), first.rows),
        "a noop brought other observations than the step before it",
      );
      for (let i = 0; i < 3; i++) {
        const { result } = await peer.one({ env: 0, op: "noop" });
        demand(result.reward === 0, `a noop has reward ${result.reward}`);
        demand(!result.terminated && !result.truncated, "a noop ends an episode");
        demand(result.step === step.step, "a noop was counted as a step");
        demand(result.episode === step.episode, "a noop was counted as an episode");
      }
      const second = await look(peer);
      demand(sameRows(first.rows, second.rows), "observations changed between two noops");
      demand(first.hash === second.hash, "state_hash changed between two noops");
    },
  ),
  core(
    "episode.counts",
    "episode counts the successful resets of each environment in this session, from 1",
    "count for each environment, from the start in each new session",
    async (peer) => {
      await peer.hello();
      const { envCount } = peer.welcome;
      for (let episode = 1; episode <= 3; episode++) {
        const { result } = await peer.one({ env: 0, op: "reset", seed: episode });
        demand(result.episode === episode, `reset ${episode} of the session is counted as episode ${result.episode}`);
      }
      if (envCount > 1) {
        const { result } = await peer.one({ env: 1, op: "reset", seed: 1 });
        demand(result.episode === 1, `the first reset of environment 1 is counted as episode ${result.episode}`);
      }
    },
  ),
  core(
    "episode.end",
    `an episode that ends (looked for over ${EPISODE_STEPS} steps) delivers its last observation, and then wants a reset`,
    "autoreset is off: answer NOT_RESET to a step after the end",
    async (peer) => {
      const want = wanted(peer);
      const { action } = peer.welcome;
      const { result: start } = await peer.one({ env: 0, op: "reset", seed: 5 });
      for (let i = 1; i <= EPISODE_STEPS; i++) {
        const { result, tensors } = await peer.one({ env: 0, op: "step", action: sampleAction(action, i) }, want);
        if (!result.terminated && !result.truncated) continue;
        const { results } = await peer.batch([{ env: 0, op: "step", action: sampleAction(action, 0) }]);
        peer.mustFail("NOT_RESET", results[0], "a step after the end");
        const last = await peer.one({ env: 0, op: "noop" }, want);
        for (const uid of want) {
          const same = sameRows([dataOf(last.tensors, uid)], [dataOf(tensors, uid)]);
          demand(same, `after the end, ${uid} is not the last observation any more`);
        }
        const { result: next } = await peer.one({ env: 0, op: "reset", seed: 5 });
        demand(next.episode === start.episode + 1, `the next episode is ${next.episode}, not ${start.episode + 1}`);
        return;
      }
      throw new NotTried(`no episode ended within ${EPISODE_STEPS} steps`);
    },
  ),
];
