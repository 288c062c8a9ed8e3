/** @file What the npm package says about code and libraries of others: THIRD-PARTY-NOTICES.md. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadAssets } from "../../trainer/report/dashboard/assets.js";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly repository?: string | { readonly url: string };
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface Locked {
  readonly license?: string;
  readonly dev?: boolean;
}

/** Licences that a package may have without a word about it: they only ask that their text goes with a copy. */
const PERMISSIVE = ["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "(MIT OR CC0-1.0)"];

/** What npm installs beside the package under other licences. A new one needs an entry here, and so a decision. */
const OTHERS: readonly { readonly packages: RegExp; readonly what: string }[] = [
  {
    packages: /^@img\/sharp-/,
    what: "`sharp` loads libvips, a shared library under LGPL-3.0-or-later, from `@img/sharp-libvips-*` (on Windows from `@img/sharp-win32-*`)",
  },
  { packages: /^zeromq$/, what: "`zeromq` contains libzmq under MPL-2.0" },
];

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Manifest;

/** The text of a package's licence, which has to be in its folder. */
export function licenceText(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  if (file === undefined) {
    throw new Error(
      `${folder} has no licence file, and the live page sends its code to browsers. Use another package, or ask its authors for one.`,
    );
  }
  return readFileSync(path.join(folder, file), "utf8").trim();
}

/** One package's section. */
export function notice(folder: string): string {
  const { name, version, license, repository } = manifestOf(folder);
  const url = (typeof repository === "string" ? repository : repository?.url)?.replace(/^git\+|\.git$/g, "");
  const source = url === undefined ? "" : ` Source: <${/^\w+:/.test(url) ? url : `https://github.com/${url}`}>`;
  const text = licenceText(folder).replace(/^/gm, "> ").replace(/ +$/gm, "");
  return `### ${name} ${version}\n\nLicence: ${license}.${source}\n\n${text}\n`;
}

/** The packages whose modules the live page sends to a browser, and those they depend on, which their builds may have taken in. */
export async function pagePackages(root: string): Promise<readonly string[]> {
  const { files } = await loadAssets();
  const queue = [...files.keys()].flatMap((url) => /^\/modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.slice(1) ?? []);
  const found = new Set<string>();
  for (const name of queue) {
    if (found.has(name)) continue;
    found.add(name);
    queue.push(...Object.keys(manifestOf(path.join(root, "node_modules", name)).dependencies ?? {}));
  }
  return [...found].sort();
}

/** The packages that npm installs with this one, on whatever machine, by their licence. */
export function installed(root: string): ReadonlyMap<string, readonly string[]> {
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Locked>>;
  };
  const names = new Map<string, Set<string>>();
  for (const [place, { license, dev }] of Object.entries(lock.packages)) {
    if (place === "" || dev === true) continue;
    const name = place.split("node_modules/").at(-1) ?? place;
    // Builds for other machines have no licence in the lock: theirs is that of the package that asks for them.
    const stated = license ?? Object.entries(lock.packages).find(([other]) => isBuildOf(name, other))?.[1].license;
    if (stated === undefined) throw new Error(`package-lock.json states no licence of ${name}. Look it up and decide.`);
    names.set(stated, (names.get(stated) ?? new Set()).add(name));
  }
  return new Map([...names].sort(([a], [b]) => (a < b ? -1 : 1)).map(([licence, set]) => [licence, [...set].sort()]));
}

const isBuildOf = (name: string, place: string): boolean => {
  const [scope = ""] = name.split("/");
  return name.includes("/") && place === `node_modules/${scope.slice(1)}`;
};

/** Sentences about installed packages whose licences ask for more than their text. */
export function conditions(byLicence: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const named = [...byLicence].flatMap(([licence, names]) => (PERMISSIVE.includes(licence) ? [] : names));
  const unknown = named.filter((name) => !OTHERS.some(({ packages }) => packages.test(name)));
  if (unknown.length > 0) {
    throw new Error(
      `${unknown.join(", ")}: the licence is not in PERMISSIVE. Decide whether RLS3 may depend on it; then it needs an entry in OTHERS.`,
    );
  }
  return OTHERS.filter(({ packages }) => named.some((name) => packages.test(name))).map(({ what }) => what);
}

/** The whole file. */
export async function notices(root: string): Promise<string> {
  const byLicence = installed(root);
  const page = await pagePackages(root);
  const table = [...byLicence].map(([licence, names]) => `| ${licence} | ${names.map((n) => `\`${n}\``).join(", ")} |`);
  return `# Third-party notices

RLS3 is under the MIT licence ([LICENSE](LICENSE)). \`node dist/test/package/write-notices.js\` writes this file from the installed packages.

The npm package contains no code of others: npm installs the packages below beside it, each with its own licence.
The Unity package has [notices of its own](https://docs.unity3d.com/Manual/cus-legal.html): \`Third Party Notices.md\` in its folder.

## Installed by npm

No machine gets all of them: some are builds for one kind of machine. ${conditions(byLicence).join("; ")}.

| licence | packages |
|---|---|
${table.join("\n")}

## Sent to a browser by the live page

\`rls3 dashboard\` sends modules of these packages to the browser as they are.

${page.map((name) => notice(path.join(root, "node_modules", name))).join("\n")}`;
}

/** The scripts in a folder that tsc did not compile from one of the repository's sources, which a bundler would leave. */
export function notOurs(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.[cm]?js$/.test(file))
    .filter((file) => {
      const map = path.join(folder, `${file}.map`);
      if (!existsSync(map)) return true;
      const { sources } = JSON.parse(readFileSync(map, "utf8")) as { readonly sources: readonly string[] };
      return sources.length !== 1 || sources.some((source) => source.includes("node_modules"));
    });
}
