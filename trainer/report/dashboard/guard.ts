/** @file Accepts only requests to this server's own name, from its own pages or typed by hand, that read. */
import type { IncomingMessage } from "node:http";

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The only names of this server. Any other name that leads a browser here is somebody's attack (DNS rebinding). */
const names = (port: number): readonly string[] =>
  // Browsers leave out the usual port.
  ["127.0.0.1", "localhost"].map((name) => (port === 80 ? name : `${name}:${port}`));

/** Why a request is refused; null if it is accepted. */
export function refusal({ method, url, headers }: IncomingMessage, port: number): Refusal | null {
  const hosts = names(port);
  if (headers.host === undefined || !hosts.includes(headers.host.toLowerCase())) {
    return { status: 421, reason: "this server answers to 127.0.0.1 and localhost only" };
  }
  const { origin } = headers;
  if (origin !== undefined && !hosts.some((name) => origin.toLowerCase() === `http://${name}`)) {
    return { status: 403, reason: "pages of other origins are not answered" };
  }
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") {
    return { status: 403, reason: "pages of other sites are not answered" };
  }
  if (method !== "GET") return { status: 405, reason: "only GET is answered", headers: { Allow: "GET" } };
  if (url === undefined || !url.startsWith("/") || url.startsWith("//")) {
    return { status: 400, reason: "the request names no path" };
  }
  return null;
}

/** Headers of every answer. `scripts` are further sources of scripts, such as a hash. */
export function securityHeaders(scripts = ""): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src 'self'${scripts === "" ? "" : ` ${scripts}`}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    "Content-Security-Policy": policy.join("; "),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  };
}
