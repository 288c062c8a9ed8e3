/** @file Checks of graphics and of the capabilities that welcome names. */
import type { ParameterSpec } from "../environment.js";
import { bytesOf } from "../spaces.js";
import { above, below, type Check, checkOf, core, NotTried } from "./check.js";
import { demand, Finding, type Peer, within } from "./peer.js";
import { inSpace, play, samePlay } from "./playing.js";

/** A parameter must show its effect within this many steps, in an episode where it has one. */
const SHOWS_WITHIN = 20;
const TOLD = { seed: 7 };

type Value = ParameterSpec["default"];

/** An allowed value other than the default. */
function another({ type, default: standard, low, high }: ParameterSpec): Value | undefined {
  if (type === "bool") return !standard;
  if (type === "string" || typeof standard !== "number") return undefined;
  return [high, low, standard + 1, standard - 1].find(
    (value) =>
      value !== undefined &&
      Number.isFinite(value) &&
      value !== standard &&
      value >= (low ?? value) &&
      value <= (high ?? value),
  );
}

/** Values that the parameter must refuse. */
function wrongValues({ type, low, high }: ParameterSpec): unknown[] {
  return [
    null,
    type === "string" ? 1 : "text",
    ...(type === "bool" ? [1] : [true]),
    ...(type === "int" ? [0.5] : []),
    ...(type === "float" ? [Number.NaN] : []),
    ...(low === undefined ? [] : [below(low)]),
    ...(high === undefined ? [] : [above(high)]),
  ];
}

async function configure(peer: Peer, parameters: Record<string, Value>): Promise<void> {
  const { header } = await peer.ask({ t: "configure", parameters });
  const said = JSON.stringify(parameters);
  demand(header["t"] === "configured", `${said} was answered by "${header["t"]}" ${header["message"] ?? ""}`);
  const set = (header["parameters"] ?? {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(parameters))
    demand(set[name] === value, `configured says ${name} = ${JSON.stringify(set[name])} after ${said}`);
}

/** A parameter with another value that changes an episode, and the episode without and with it. */
async function showing(
  peer: Peer,
): Promise<{ name: string; value: Value; standard: Awaited<ReturnType<typeof play>> }> {
  if (!peer.welcome.parameters.some((parameter) => another(parameter) !== undefined)) {
    throw new NotTried(
      "the suite knows no other value of any parameter: all are texts, or have bounds that leave one value",
    );
  }
  await peer.hello();
  const standard = await play(peer, TOLD, SHOWS_WITHIN);
  for (const parameter of peer.welcome.parameters) {
    const value = another(parameter);
    if (value === undefined) continue;
    await configure(peer, { [parameter.name]: value });
    const shows = !samePlay(standard, await play(peer, TOLD, SHOWS_WITHIN));
    await peer.hello();
    if (shows) return { name: parameter.name, value, standard };
  }
  throw new Finding(`no parameter's other value shows in the first ${SHOWS_WITHIN} steps of an episode`);
}

export const CAPABILITIES: readonly Check[] = [
  core(
    "graphics.honest",
    "without a renderer, a wanted image is NO_GRAPHICS, never a black frame",
    "look at the spec's graphics flag before the batch is executed",
    async (peer) => {
      const image = peer.welcome.observations.find((spec) => spec.graphics === true);
      if (image === undefined) throw new NotTried("no observation needs a renderer");
      if (peer.welcome.graphics !== null) throw new NotTried("this server has a renderer");
      const batch = { t: "batch", ops: [{ env: 0, op: "reset", seed: 1 }], want: [image.uid] };
      const { uid } = await peer.refused("NO_GRAPHICS", batch);
      demand(uid === image.uid, `detail.uid is ${JSON.stringify(uid)}, not "${image.uid}"`);
    },
  ),
  core(
    "graphics.size",
    "images have the shape in welcome, whether hello's image_size was granted or not",
    "take a session's image size from its hello, or keep your own",
    async (peer) => {
      // Few servers can draw the smallest and the largest size; they may answer with their own size.
      for (const side of [1, 48, 65_535]) {
        await peer.hello({ image_size: side });
        const image = peer.observable.find((spec) => spec.graphics === true);
        if (image === undefined) throw new NotTried("the server gives no images");
        const { tensors } = await peer.one({ env: 0, op: "reset", seed: 1 }, [image.uid]);
        const data = tensors.get(image.uid);
        if (data !== undefined) inSpace(peer, image.uid, data);
      }
      await peer.hello();
    },
  ),
  checkOf("images")(
    "images.drawn",
    "an image shows something, and the same state gives the same image",
    "render on request, after the state has settled",
    async (peer) => {
      const image = peer.welcome.observations.find(
        ({ graphics, dtype, shape }) => graphics === true && dtype === "uint8" && shape.length === 3 && shape[2] === 3,
      );
      demand(image !== undefined, "images is claimed, but no observation uint8 [H, W, 3] has graphics: true");
      await peer.one({ env: 0, op: "reset", seed: 1 });
      const first = (await peer.one({ env: 0, op: "noop" }, [image.uid])).tensors.get(image.uid);
      const second = (await peer.one({ env: 0, op: "noop" }, [image.uid])).tensors.get(image.uid);
      demand(first !== undefined && second !== undefined, "no image came");
      demand(Buffer.compare(bytesOf(first), bytesOf(second)) === 0, "two images of one state differ");
      demand(
        first.some((value) => value !== first[0]),
        "the image has a single colour",
      );
    },
  ),
  checkOf("state_hash")(
    "state_hash.follows_state",
    "state_hash has 16 hexadecimal digits, repeats with seed and actions, changes with the state, and not with a noop",
    "hash the integers of the state as protocol/README.md says",
    async (peer) => {
      const hash = async (op: Parameters<Peer["one"]>[0]): Promise<string> => {
        const { stateHash } = (await peer.one(op)).result;
        demand(
          stateHash !== undefined && /^[0-9a-f]{16}$/.test(stateHash),
          `state_hash is ${JSON.stringify(stateHash)}`,
        );
        return stateHash;
      };
      const start = await hash({ env: 0, op: "reset", seed: 11 });
      demand((await hash({ env: 0, op: "noop" })) === start, "a noop changed it");
      demand((await hash({ env: 0, op: "reset", seed: 11 })) === start, "the same seed gave another");
      const others = new Set<string>();
      for (let seed = 0; seed < 8; seed++) others.add(await hash({ env: 0, op: "reset", seed }));
      demand(others.size > 1 || peer.options.singleStart === true, "eight seeds gave the same");
      const [a, b] = [await play(peer, { seed: 12 }, SHOWS_WITHIN), await play(peer, { seed: 12 }, SHOWS_WITHIN)];
      demand(samePlay(a, b), "the same seed and actions gave others");
    },
  ),
  checkOf("configure")(
    "configure.values",
    "unknown names, wrong types, nil and values out of bounds are BAD_MESSAGE; each parameter takes its default and its bounds",
    "check against the definitions that welcome carries",
    async (peer) => {
      const { parameters } = peer.welcome;
      demand(parameters.length > 0, "configure is claimed, but welcome defines no parameters");
      for (const parameter of parameters) {
        const { name, default: standard, low, high } = parameter;
        for (const value of [low, high, standard]) if (value !== undefined) await configure(peer, { [name]: value });
        for (const value of wrongValues(parameter)) {
          await within(`${name} = ${JSON.stringify(value)}`, async () => {
            await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { [name]: value } }, [], {
              field: `parameters.${name}`,
            });
          });
        }
      }
      await peer.refused("BAD_MESSAGE", { t: "configure", parameters: { "no such parameter": 1 } });
      await peer.refused("BAD_MESSAGE", { t: "configure" }, [], { field: "parameters" });
    },
  ),
  checkOf("configure")(
    "configure.effect",
    "a set parameter shows in every environment, at once and until it is set again or the session ends",
    "pass it to each environment, and restore the defaults in each new session",
    async (peer) => {
      const { name, value, standard } = await showing(peer);
      const last = peer.welcome.envCount - 1;
      await configure(peer, { [name]: value });
      for (const env of new Set([0, last])) {
        for (const when of ["first", "second"]) {
          const shows = !samePlay(standard, await play(peer, { ...TOLD, env }, SHOWS_WITHIN));
          demand(shows, `${name} = ${value} does not show in the ${when} episode of environment ${env}`);
        }
      }
      await peer.hello();
      demand(
        samePlay(standard, await play(peer, TOLD, SHOWS_WITHIN)),
        `in a new session ${name} is not at its default any more`,
      );
    },
  ),
  checkOf("configure")(
    "configure.whole",
    "all parameters of a message are checked before the first is set",
    "check them all, then set them",
    async (peer) => {
      const { name, value, standard } = await showing(peer);
      const parameters = { [name]: value, "no such parameter": 1 };
      await peer.refused("BAD_MESSAGE", { t: "configure", parameters });
      demand(
        samePlay(standard, await play(peer, TOLD, SHOWS_WITHIN)),
        `${name} was set by a message that was refused for another parameter`,
      );
    },
  ),
];
