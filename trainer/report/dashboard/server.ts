/** @file The live page's server: on loopback only, read-only, and it tells the page about changes as they happen. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError, UnavailableError } from "../../errors.js";
import { type Answer, jsonAnswer, routesOf, Unanswerable } from "./answers.js";
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

/** `port` undefined: the usual one, or a free one if that is taken. */
export async function startDashboard(folder: string, port: number | undefined): Promise<Dashboard> {
  const assets = await loadAssets();
  const watched = new WatchedFolder(folder);
  const routes = routesOf(watched);
  const server = createServer((request, response) => {
    const { port: own } = server.address() as AddressInfo;
    respond(own, assets, watched, routes, request, response).catch((error: unknown) => fail(response, error));
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

async function listenOn(server: Server, port: number): Promise<void> {
  server.listen({ host: ADDRESS, port, exclusive: true });
  await once(server, "listening");
}

async function respond(
  port: number,
  { files, scriptHash }: Assets,
  watched: WatchedFolder,
  routes: ReturnType<typeof routesOf>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders(scriptHash))) response.setHeader(name, value);
  const refused = refusal(request, port);
  if (refused !== null) {
    for (const [name, value] of Object.entries(refused.headers ?? {})) response.setHeader(name, value);
    sendError(response, refused.status, refused.reason);
    return;
  }
  const [pathname = "/", search = ""] = (request.url ?? "/").split("?", 2);
  if (pathname === "/api/v1/events") return tellChanges(watched, request, response);
  const answer = files.get(pathname) ?? (await routes[pathname]?.(new URLSearchParams(search)));
  if (answer === undefined) throw new Unanswerable(404, "there is no such page");
  send(response, 200, answer);
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
  send(response, status, jsonAnswer({ schema: SCHEMA, error } satisfies ErrorDocument));

function send(response: ServerResponse, status: number, { type, body, policy }: Answer): void {
  if (policy !== undefined) response.setHeader("Content-Security-Policy", policy);
  response.writeHead(status, { "Content-Type": type, "Content-Length": body.length });
  response.end(body);
}
