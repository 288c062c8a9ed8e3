/** @file The live page's server: on loopback only, read-only, and it tells the page about changes as they happen. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError, UnavailableError } from "../../errors.js";
import { Answers, Unanswerable } from "./answers.js";
import { type Assets, loadAssets } from "./assets.js";
import { type ChangeDocument, type ErrorDocument, type IndexDocument, SCHEMA } from "./documents.js";
import { refusal, securityHeaders } from "./guard.js";
import { WatchedFolder } from "./watched-folder.js";

const ADDRESS = "127.0.0.1";
/** "RLS3" on a telephone's keys. */
export const USUAL_PORT = 7573;
/** A proxy or a sleeping machine closes what is silent for long. */
const HEARTBEAT = 15_000;

export interface Dashboard {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

type Answer = (query: URLSearchParams, request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** `port` undefined: the usual one, or a free one if that is taken. */
export async function startDashboard(folder: string, port: number | undefined): Promise<Dashboard> {
  const assets = await loadAssets();
  const watched = new WatchedFolder(folder);
  const answers = routes(watched, new Answers(watched));
  const server = createServer((request, response) => {
    answer(server, assets, answers, request, response).catch((error: unknown) => fail(response, error));
  });
  await listen(server, port);
  const { port: used } = server.address() as AddressInfo;
  return {
    url: `http://${ADDRESS}:${used}/`,
    port: used,
    close: () =>
      new Promise((resolve) => {
        watched.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, port: number | undefined): Promise<void> {
  try {
    await listenOn(server, port ?? USUAL_PORT);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "EADDRINUSE" && code !== "EACCES") throw error;
    if (port !== undefined) {
      const why = code === "EACCES" ? "may not be used" : "is taken";
      throw new UnavailableError(`--port ${port}: ${why}; choose another, or leave it out for a free one`);
    }
    await listenOn(server, 0);
  }
}

const listenOn = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: ADDRESS, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });

function routes(watched: WatchedFolder, answers: Answers): ReadonlyMap<string, Answer> {
  const json =
    (ask: (query: URLSearchParams) => Promise<object>): Answer =>
    async (query, _request, response) =>
      sendJson(response, 200, await ask(query));
  return new Map<string, Answer>([
    ["/api/v1/index", json(() => answers.index())],
    ["/api/v1/metrics", json((query) => answers.metrics(query))],
    ["/api/v1/configuration", json((query) => answers.configuration(query))],
    ["/api/v1/map", json((query) => answers.map(query))],
    ["/api/v1/samples", json((query) => answers.samples(query))],
    ["/api/v1/events", (_query, request, response) => tellChanges(watched, request, response)],
    [
      "/picture",
      async (query, _request, response) => {
        const { type, body } = await answers.picture(query);
        send(response, 200, type, body);
      },
    ],
    [
      "/drawn",
      async (query, _request, response) => {
        const { type, body } = await answers.drawn(query);
        send(response, 200, type, body);
      },
    ],
    [
      "/report",
      async (query, _request, response) => {
        const { type, body } = await answers.report(query);
        // It is a page of the user's own disk, and may do what it does from there: show itself.
        response.setHeader(
          "Content-Security-Policy",
          "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox",
        );
        send(response, 200, type, body);
      },
    ],
  ]);
}

async function answer(
  server: Server,
  { files, scriptHash }: Assets,
  answers: ReadonlyMap<string, Answer>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { port } = server.address() as AddressInfo;
  for (const [name, value] of Object.entries(securityHeaders(scriptHash))) response.setHeader(name, value);
  const refused = refusal(request, port);
  if (refused !== null) {
    for (const [name, value] of Object.entries(refused.headers ?? {})) response.setHeader(name, value);
    sendError(response, refused.status, refused.reason);
    return;
  }
  const [pathname = "/", search = ""] = (request.url ?? "/").split("?", 2);
  const file = files.get(pathname);
  if (file !== undefined) {
    send(response, 200, file.type, file.body);
    return;
  }
  const route = answers.get(pathname);
  if (route === undefined) throw new Unanswerable(404, "there is no such page");
  await route(new URLSearchParams(search), request, response);
}

/** Server-sent events: the whole index, then what changes. */
async function tellChanges(watched: WatchedFolder, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const tell = (event: string, data: IndexDocument | ChangeDocument): void => {
    response.write(`event: ${event}\nid: ${data.version}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const index = await watched.index();
  if (request.destroyed) return;
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.write("retry: 2000\n\n");
  tell("index", index);
  const stop = watched.listen((change) => tell("change", change));
  const heartbeat = setInterval(() => response.write(": still here\n\n"), HEARTBEAT);
  request.on("close", () => {
    clearInterval(heartbeat);
    stop();
  });
}

function fail(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  if (response.headersSent) response.destroy();
  else sendError(response, statusOf(error), message);
}

/** 500 is a fault of ours: what is wrong with a file on the disk, or can't be read, is no answer to be had. */
function statusOf(error: unknown): number {
  if (error instanceof Unanswerable) return error.status;
  return error instanceof InputError || (error instanceof Error && "syscall" in error) ? 404 : 500;
}

const sendError = (response: ServerResponse, status: number, error: string): void =>
  sendJson(response, status, { schema: SCHEMA, error } satisfies ErrorDocument);

const sendJson = (response: ServerResponse, status: number, document: object): void =>
  send(response, status, "application/json; charset=utf-8", Buffer.from(JSON.stringify(document)));

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length });
  response.end(body);
}
