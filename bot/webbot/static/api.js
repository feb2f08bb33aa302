// Requests. A gesture has one id for life: repeating its request can never act twice.
import { me } from "./dom.js";

export class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

// gesture mints an id. crypto.randomUUID would need https, getRandomValues does not.
export function gesture() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  return [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
}

// recordOf is the id under which the server keeps the gesture's record.
export const recordOf = (id) => "e-" + me() + "-" + id;

const waits = [400, 1200, 3000];

// post sends JSON. What failed on the way, or found drey restarting, is sent again with the same id.
export async function post(path, body) {
  for (let i = 0; ; i++) {
    try {
      return await once(path, body);
    } catch (err) {
      const again = !(err instanceof Refused) || err.status === 503;
      if (!again || i >= waits.length) throw again ? new Refused(err.status ?? 0, "drey does not answer.") : err;
      await new Promise((ok) => setTimeout(ok, waits[i]));
    }
  }
}

async function once(path, body) {
  const r = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Drey-User": me() ?? "-" },
    body: JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
    signal: AbortSignal.timeout(15000),
  });
  if (r.status === 204) return null;
  const text = await r.text();
  let answer;
  try { answer = JSON.parse(text); } catch { answer = {}; }
  if (r.ok) return answer;
  if (me() && (r.status === 401 || r.status === 409)) setTimeout(() => location.reload(), 900);
  throw new Refused(r.status, answer.error ?? "drey answered with an error.");
}

export async function part(path, signal) {
  const r = await fetch(path, { credentials: "same-origin", signal });
  if (r.redirected || r.status === 401) location.reload();
  if (!r.ok) {
    const a = await r.json().catch(() => ({}));
    throw new Refused(r.status, a.error ?? "drey answered with an error.");
  }
  return r.text();
}

export async function json(path, signal) {
  const r = await fetch(path, { credentials: "same-origin", signal });
  if (!r.ok) throw new Refused(r.status, "");
  return r.json();
}
