// The list of runs: a page of it at a time, looked at every two seconds. What is looked for is in the address.

import { count } from "/plot.js";

const get = (id) => document.getElementById(id);
const PAGE = 100;
const looked = { q: "", which: "", after: 0 };
const PARTS = { "under-way": "under way", "with-alerts": "with alerts", finished: "finished" };
let drawn = "";

function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  looked.q = (state.get("q") ?? "").replace(/[^A-Za-z0-9._-]/g, "");
  looked.after = Math.max(Number.parseInt(state.get("after") ?? "0", 10) || 0, 0);
  const which = state.get("which") ?? "";
  looked.which = Object.hasOwn(PARTS, which) ? which : "";
  get("which").value = looked.which;
  if (get("filter").value !== looked.q) get("filter").value = looked.q;
}

function go(change) {
  Object.assign(looked, change);
  const state = new URLSearchParams();
  if (looked.q) state.set("q", looked.q);
  if (looked.which) state.set("which", looked.which);
  if (looked.after) state.set("after", looked.after);
  const hash = state.toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
  look();
}

function cell(row, text, kind = "td", className = "") {
  const made = document.createElement(kind);
  made.className = className;
  // A narrow screen sets a run as a block, which takes what it is from it.
  made.setAttribute("role", kind === "th" ? "rowheader" : "cell");
  made.textContent = text;
  row.append(made);
  return made;
}

function draw({ runs, count: all }) {
  const text = JSON.stringify([runs, all, looked]);
  if (text === drawn) return;
  drawn = text;
  const holding = looked.q ? ` whose name holds “${looked.q}”` : "";
  const part = looked.which ? ` ${PARTS[looked.which]}` : "";
  get("count").textContent = `${count(all)} ${all === 1 ? "run" : "runs"}${part}${holding}`;
  const rows = runs.map((run) => {
    const row = document.createElement("tr");
    row.setAttribute("role", "row");
    const name = cell(row, "", "th");
    name.scope = "row";
    const link = document.createElement("a");
    link.href = `/runs/${run.id}`;
    link.textContent = run.id;
    name.append(link);
    cell(row, run.last_step === null ? "–" : count(run.last_step), "td", "number");
    cell(row, run.total_steps === undefined ? "–" : count(run.total_steps), "td", "number total");
    cell(row, run.sentence ?? "", "td", "sentence");
    cell(row, (run.alerts ?? []).join("; "), "td", "alert");
    return row;
  });
  get("runs").replaceChildren(...rows);
  get("before").hidden = looked.after === 0;
  get("after").hidden = looked.after + runs.length >= all;
}

let asked = 0;
async function look() {
  const number = ++asked;
  const connection = get("connection");
  try {
    const query = new URLSearchParams({ q: looked.q, which: looked.which, after: looked.after, limit: PAGE });
    const response = await fetch(`/v1/runs?${query}`);
    if (response.status === 401) location.assign("/login");
    if (!response.ok) throw new Error(response.statusText);
    const list = await response.json();
    if (number !== asked) return;
    draw(list);
    connection.textContent = "live";
    connection.className = "";
  } catch {
    connection.textContent = "connection lost, trying again";
    connection.className = "lost";
  }
}

let typing = null;
get("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => go({ q: event.target.value.replace(/[^A-Za-z0-9._-]/g, ""), after: 0 }), 200);
});
get("which").addEventListener("change", (event) => go({ which: event.target.value, after: 0 }));
get("before").addEventListener("click", () => go({ after: Math.max(looked.after - PAGE, 0) }));
get("after").addEventListener("click", () => go({ after: looked.after + PAGE }));
addEventListener("hashchange", () => { readAddress(); look(); });

readAddress();
look();
setInterval(() => { if (!document.hidden) look(); }, 2000);
