/** @file `rls3 env keys`: makes keys files for a server that other machines reach, and for its clients. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { CommandModule } from "yargs";
import { generateKeys, SHORTEST_TOKEN } from "../../protocol/index.js";
import { InputError } from "../errors.js";
import { writingError } from "../files/durable-file.js";
import { printJson } from "./outcome.js";
import { plain } from "./plain.js";

interface Arguments {
  out: string;
  token: string | undefined;
  json: boolean;
}

export const command: CommandModule<object, Arguments> = {
  command: "keys",
  describe: "make keys files for a server that other machines reach, and its clients",
  builder: (yargs) =>
    plain<Arguments>(yargs, {
      out: { type: "string", default: ".", describe: "folder for server-keys.json and client-keys.json" },
      token: {
        type: "string",
        describe: `the clients' secret, ${SHORTEST_TOKEN} characters or more; random by default`,
      },
    }),
  handler: (args) => {
    const token = args.token ?? randomBytes(24).toString("base64url");
    if (token.length < SHORTEST_TOKEN) {
      throw new InputError(`--token: has ${token.length} characters; give ${SHORTEST_TOKEN} or more`);
    }
    const server = path.join(args.out, "server-keys.json");
    const client = path.join(args.out, "client-keys.json");
    const { serverSecretKey, ...shared } = generateKeys(token);
    writeSecrets([
      [server, { serverSecretKey, ...shared }],
      [client, shared],
    ]);
    if (args.json) printJson({ server, client });
    else process.stdout.write(`${server}: for the server; keep it there\n${client}: for its clients\n`);
  },
};

/** Writes files that only their owner may read. Existing files stay: replacing them would lock out every client. */
function writeSecrets(files: readonly (readonly [file: string, content: object])[]): void {
  const there = files.find(([file]) => existsSync(file));
  if (there !== undefined) {
    throw new InputError(`${there[0]} exists already; name another folder with --out, or remove it`);
  }
  for (const [file, content] of files) {
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { flag: "wx", mode: 0o600 });
    } catch (error) {
      throw writingError(file, error);
    }
  }
}
