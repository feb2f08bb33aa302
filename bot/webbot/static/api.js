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

// post sends JSON.
export const post = (path, body) => untilTaken(() => once(path, body));

// upload sends JSON and files; moved is told how much of it has gone, from 0 to 1.
export const upload = (path, body, files, moved) => untilTaken(() => whole(path, body, files, moved));

// untilTaken sends what failed on the way, or found drey restarting, again with the same id.
async function untilTaken(send) {
  for (let i = 0; ; i++) {
    try {
      return await send();
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
  return r.status === 204 ? null : understand(r.status, await r.text());
}

function understand(status, text) {
  let answer;
  try { answer = JSON.parse(text); } catch { answer = {}; }
  if (status >= 200 && status < 300) return answer;
  if (me() && (status === 401 || status === 409)) setTimeout(() => location.reload(), 900);
  throw new Refused(status, answer.error ?? "drey answered with an error.");
}

// whole is one request with files. fetch could not say how far it is.
function whole(path, body, files, moved) {
  const form = new FormData();
  form.append("gesture", JSON.stringify(body));
  for (const f of files) form.append("file", f, f.name);
  const x = new XMLHttpRequest();
  return new Promise((ok, bad) => {
    let stalled = 0;
    const alive = () => { clearTimeout(stalled); stalled = setTimeout(() => x.abort(), 60000); };
    const lost = () => { clearTimeout(stalled); bad(new Error("lost on the way")); };
    x.upload.addEventListener("progress", (e) => { alive(); if (e.lengthComputable) moved(e.loaded / e.total); });
    x.addEventListener("load", () => {
      clearTimeout(stalled);
      try { ok(understand(x.status, x.responseText)); } catch (err) { bad(err); }
    });
    x.addEventListener("error", lost);
    x.addEventListener("abort", lost);
    x.open("POST", path);
    x.setRequestHeader("X-Drey-User", me() ?? "-");
    alive();
    x.send(form);
  });
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
