// One run on one screen: what is known comes as events; what is asked goes to /what-if; what is chosen to the run's schedule; what is
// looked at is in the address.

import { Plot, at, count, number } from "/plot.js";
import { drawSchedule, drawTables, get } from "/tables.js";

const metricPlot = new Plot(get("metric-plot"), { label: "The metric over steps" });
const ratePlot = new Plot(get("rate-plot"), { log: true, label: "The learning rate over steps" });
const forecastPlot = new Plot(get("forecast-plot"), { label: "Forecasts of the end, by the step at which they were made" });
const HANDLES = 6;
// Where this run is asked for: a page of one run is at /, one of many at /runs/NAME.
const BASE = location.pathname.replace(/\/$/, "");

// A page that was saved holds what it shows: there is nobody to ask.
const saved = document.getElementById("saved");

let view = null;
// What is asked about: {from, places: [{step, value}]}, and the answer.
let asked = null;
let answer = null;
const looked = { cursor: null, loss: false, range: "" };

// The address holds what is looked at.
function readAddress() {
  const state = new URLSearchParams(location.hash.slice(1));
  const cursor = Number(state.get("step"));
  looked.cursor = state.has("step") && Number.isFinite(cursor) ? cursor : null;
  looked.loss = state.get("loss") === "1";
  looked.range = ["end", "whole"].includes(state.get("range")) ? state.get("range") : "";
  const places = (state.get("what-if") ?? "").split(",").map((part) => part.split(":").map(Number));
  const usable = places.filter(([step, value]) => step >= 0 && value > 0).map(([step, value]) => ({ step, value }));
  asked = usable.length > 1 && !saved ? { places: usable } : null;
  get("with-loss").checked = looked.loss;
  get("range").value = looked.range;
}

function writeAddress() {
  const state = new URLSearchParams();
  if (looked.cursor !== null) state.set("step", Math.round(looked.cursor));
  if (looked.loss) state.set("loss", "1");
  if (looked.range) state.set("range", looked.range);
  if (asked) state.set("what-if", asked.places.map(({ step, value }) => `${Math.round(step)}:${Number(value.toPrecision(4))}`).join(","));
  const hash = state.toString();
  history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
}

const line = (name, { step, value }) => ({ name, step, value });

// The plan at evenly spaced steps from here to the end, to be dragged.
function handlesOfPlan() {
  const from = view.earliest_change, total = view.total_steps;
  if (saved || from >= total || view.finished) return [];
  return Array.from({ length: HANDLES }, (_, k) => {
    const step = from + ((total - from) * k) / (HANDLES - 1);
    return { step, value: at(view.schedule, Math.min(step, total)) ?? view.schedule.value.at(-1) };
  });
}

// The values by which the metric's scale is chosen. The first fall of a run would flatten all that comes after it, the interval of the
// end with it: it is the scale of the last third so far and of what is to come, of most of a run that is over, or of the end alone.
function lateValues(lines, bands, ends) {
  const now = view.last_step ?? 0;
  const end = looked.range === "end" ? 0.85 * view.total_steps : 0;
  const ahead = Math.max(now, 0.1 * view.total_steps, end);
  const sinceMeasured = Math.max((view.finished ? 0.2 : 0.7) * now, end);
  const isMeasured = (name) => name === "measured" || name === "loss";
  const late = ({ name, step }, value) => value.filter((_, k) => step[k] >= (isMeasured(name) ? sinceMeasured : Math.min(ahead, step.at(-1))));
  // What was measured last belongs to what is to come.
  const latest = lines.filter(({ name }) => isMeasured(name) && !end).flatMap((line) => line.value.slice(-1));
  return [
    ...latest,
    ...lines.flatMap((line) => usual(late(line, line.value))),
    ...bands.flatMap((band) => [...late(band, band.low), ...late(band, band.high)]),
    ...ends,
  ];
}

// Of many values those that are not the most extreme: a spike is no reason to see less of the rest.
function usual(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const out = Math.floor(sorted.length * 0.02);
  return sorted.slice(out, sorted.length - out);
}

// A pick and the law alone are two opinions of one end.
const isOfPick = () => view.forecast && view.forecast.predicted.mean !== view.predicted.mean;

function drawMetric() {
  const lines = [];
  const total = view.total_steps;
  if (looked.loss) lines.push(line("loss", view.train_loss));
  if (view.best.course.step.length) lines.push(line("best", view.best.course));
  const marks = [{ name: "best", step: total, value: view.best.final_metric }];
  const bands = [], whiskers = [];
  if (view.forecast) {
    bands.push({ name: "forecast", ...view.forecast });
    lines.push({ name: "forecast", step: view.forecast.step, value: view.forecast.mean });
    // The end is known less well than the course is by the model alone: its interval is that of runs that were held out, too.
    whiskers.push({ step: total, ...view.predicted });
  }
  lines.push(line("measured", view.measured));
  if (answer) {
    bands.push({ name: "asked", ...answer });
    lines.push({ name: "asked", step: answer.step, value: answer.mean });
  }
  const measured = view.measured.value;
  const ends = whiskers.flatMap(({ low, high }) => [low, high]);
  const all = [...lines.flatMap(({ value }) => value), ...bands.flatMap(({ low, high }) => [...low, ...high]), ...ends, view.best.final_metric];
  const focus = looked.range === "whole" ? all : lateValues(lines, bands, [...ends, view.best.final_metric]);
  // What falls towards a floor is seen to its end on a logarithmic scale; what rises, as an accuracy, is not.
  metricPlot.log = !view.higher_is_better && focus.every((value) => value > 0);
  const summary = `${view.metric} was ${number(measured.at(-1))} at step ${count(view.measured.step.at(-1) ?? 0)}; ${view.sentence}`;
  metricPlot.show({ total, lines, bands, whiskers, marks, now: view.last_step, summary, focus });
  get("key-measured").hidden = !measured.length;
  get("key-forecast").hidden = !view.forecast;
  get("in-band").textContent = view.band_of_members ? "the members of the model" : "two of three runs";
  get("key-course").hidden = !view.best.course.step.length;
  const { low, high } = metricPlot.scale;
  const beyond = all.some((value) => value < low || value > high);
  const scale = `${metricPlot.log ? "A logarithmic scale" : "The scale goes"} from ${number(low)} to ${number(high)}`;
  const whose = isOfPick() ? " The bar at the end is what the pick says, which counts the doubt whether law or plain process is right; the curve is the law's." : "";
  get("metric-range").textContent = `${scale}${beyond ? ": what lies beyond is left out" : ""}.${whose}`;
}

function drawRate() {
  const lines = view.rejected.map((curve) => line("rejected", curve));
  lines.push(line("best", view.best.schedule), line("plan", view.schedule), line("measured", view.logged_rate));
  const places = asked ? asked.places : handlesOfPlan();
  if (asked) lines.push(line("asked", { step: places.map(({ step }) => step), value: places.map(({ value }) => value) }));
  const now = at(view.schedule, view.last_step ?? 0);
  ratePlot.show({
    total: view.total_steps, lines, now: view.last_step, summary: `The plan is ${number(now)} now`,
    handles: { places, ...view.limits, onMove: moveHandle },
  });
  document.querySelectorAll(".if-asked").forEach((key) => { key.hidden = !asked; });
  get("key-logged").hidden = !view.logged_rate.step.length;
  get("key-rejected").hidden = !view.rejected.length;
  get("forget").hidden = !asked;
  drawSchedule(view);
  drawChoosing();
}

function drawChoosing() {
  get("use").hidden = !(view?.may_choose && !view.finished && asked && answer);
  get("hand-back").hidden = !(view?.may_choose && !view.finished && view.by_hand);
}

function drawForecasts() {
  const whiskers = view.forecasts.map((made) => ({ step: made.at_step ?? 0, ...made.predicted }));
  const end = view.finished ? view.measured.value.at(-1) : null;
  const lines = end === null ? [] : [{ name: "measured", step: [0, view.total_steps], value: [end, end] }];
  forecastPlot.show({ total: view.total_steps, lines, whiskers, now: view.last_step, summary: `${whiskers.length} forecasts` });
  const held = whiskers.filter(({ low, high }) => end !== null && low <= end && end <= high).length;
  get("right").textContent = end === null
    ? "Each forecast of the end as it was made; none is drawn again with what came later. The end itself is not known yet."
    : `The run ended at ${number(end)}: ${held} of ${whiskers.length} forecasts have it in their interval, which is meant to hold two of three.`;
}

function drawReadout() {
  const step = looked.cursor;
  for (const plot of [metricPlot, ratePlot, forecastPlot]) plot.setCursor(step);
  if (step === null || !view) {
    get("readout").textContent = "";
    return;
  }
  const parts = [`step ${count(step)}`];
  const add = (name, curve) => {
    const value = curve && at(curve, step);
    if (value !== null && value !== undefined) parts.push(`${name} ${number(value)}`);
  };
  add(view.metric, view.measured);
  if (view.forecast) {
    add("forecast", { step: view.forecast.step, value: view.forecast.mean });
    add("from", { step: view.forecast.step, value: view.forecast.low });
    add("to", { step: view.forecast.step, value: view.forecast.high });
  }
  if (looked.loss) add("train loss", view.train_loss);
  add("best of the sweep", view.best.course);
  add("logged rate", view.logged_rate);
  add("plan", view.schedule);
  get("readout").textContent = parts.join(" · ");
}

function draw() {
  if (!view) return;
  const set = (id, text) => { if (get(id).textContent !== text) get(id).textContent = text; };
  document.title = `${view.run}: ${view.sentence} – lodecast`;
  // Plots need their width.
  get("main").hidden = false;
  get("remedy").hidden = true;
  set("run", view.run);
  set("sentence", view.sentence);
  set("metric-title", view.metric);
  const part = view.finished ? 100 : Math.round((100 * (view.last_step ?? 0)) / view.total_steps);
  get("progress").setAttribute("aria-valuenow", part);
  get("progress").firstElementChild.style.setProperty("width", `${part}%`);
  const alerts = get("alerts");
  if (alerts.dataset.said !== JSON.stringify(view.alerts)) {
    alerts.dataset.said = JSON.stringify(view.alerts);
    alerts.replaceChildren(...view.alerts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }
  // There is something to ask about once there is a plan with a rest.
  for (const id of ["decay-now", "hold"]) get(id).disabled = !handlesOfPlan().length;
  drawMetric();
  drawRate();
  drawForecasts();
  drawTables(view);
  drawReadout();
}

function setCursor(step) {
  looked.cursor = step;
  drawReadout();
  later("address", writeAddress, 150);
}

// Runs the last of several calls.
const timers = {};
function later(name, what, milliseconds) {
  clearTimeout(timers[name]);
  timers[name] = setTimeout(what, milliseconds);
}

// Within the rates that the run may have.
const bounded = (rate) => Math.min(Math.max(rate, view.limits.lowest), view.limits.highest);

function moveHandle(index, value, isEnd) {
  asked ??= { places: handlesOfPlan() };
  asked.places = asked.places.map((place, k) => (k === index ? { ...place, value: bounded(value) } : place));
  drawRate();
  later("ask", ask, isEnd ? 0 : 120);
}

function askAbout(rate) {
  if (!view) return;
  const places = handlesOfPlan();
  if (!places.length) return;
  const first = at(view.schedule, places[0].step) ?? places[0].value;
  asked = { places: places.map(({ step }, k) => ({ step, value: bounded(rate(first, k / (places.length - 1))) })) };
  drawRate();
  ask();
}

// What is asked about, as the server takes it. What has been passed in the meantime cannot be changed any more.
const question = () => ({
  from_step: Math.ceil(Math.max(view.earliest_change, asked.places[0].step)),
  knots: asked.places.map(({ step, value }) => ({ progress: Math.min(step / view.total_steps, 1), learning_rate: bounded(value) })),
});

let asking = 0;
async function ask() {
  if (!asked || !view) return;
  const open = asked.places.filter(({ step }) => step >= view.earliest_change);
  const asked_ = question();
  const number_ = ++asking;
  writeAddress();
  try {
    if (!open.length) throw new Error("the run is beyond what you asked about");
    const response = await fetch(`${BASE}/what-if`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(asked_),
    });
    const body = await response.json();
    if (number_ !== asking) return;
    if (!response.ok) throw new Error(`${body.title}: ${body.detail}`);
    answer = body;
    const instead = view.forecast ? ` instead of ${view.forecast.in_words}${isOfPick() ? ", both by the law alone" : ""}` : "";
    const beyond = answer.outside_experience ? `; ${answer.outside_experience}` : "";
    get("answer").textContent = `With your schedule from step ${count(asked_.from_step)}: ends at ${answer.in_words}${instead}${beyond}.`;
  } catch (error) {
    if (number_ !== asking) return;
    answer = null;
    get("answer").textContent = `No answer: ${error.message}.`;
  }
  drawMetric();
  drawChoosing();
  drawReadout();
}

// The token to write is in this variable and nowhere else.
let token = null;
// What is to be written once there is a token.
let held = null;
const say = (text) => { get("chosen").textContent = text; };

async function write(method, body) {
  say("");
  held = null;
  get("token-form").hidden = true;
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const response = await fetch(`/v1${BASE}/schedule`, { method, headers, body: body && JSON.stringify(body) });
    const told = await response.json();
    if (response.status === 401 || response.status === 403) {
      if (token) say(`Not done: ${told.title}; ${told.detail}.`);
      token = null;
      held = { method, body };
      get("token-form").hidden = false;
      get("token").focus();
      return;
    }
    if (!response.ok) throw new Error(`${told.title}; ${told.detail}`);
    if (body) {
      forget();
      say(`Your schedule holds from step ${count(told.effective_from_step)} on, until you let lodecast decide again.`);
    } else {
      say("lodecast decides again.");
    }
  } catch (error) {
    say(`Not done: ${error.message}.`);
  }
}

function forget() {
  asked = answer = null;
  asking += 1;
  get("answer").textContent = "";
  writeAddress();
  draw();
}

for (const plot of [metricPlot, ratePlot, forecastPlot]) plot.onCursor = setCursor;
get("with-loss").addEventListener("change", (event) => {
  looked.loss = event.target.checked;
  writeAddress();
  draw();
});
get("range").addEventListener("change", (event) => {
  looked.range = event.target.value;
  writeAddress();
  draw();
});
get("decay-now").addEventListener("click", () => askAbout((first, part) => Math.max(first * (1 - part), first * 0.01)));
get("hold").addEventListener("click", () => askAbout((first) => first));
get("forget").addEventListener("click", forget);
get("use").addEventListener("click", () => { if (asked) write("PUT", question()); });
get("hand-back").addEventListener("click", () => write("DELETE"));
get("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = get("token").value.trim();
  get("token").value = "";
  if (held) write(held.method, held.body);
});
get("no-token").addEventListener("click", () => {
  held = null;
  get("token-form").hidden = true;
});
addEventListener("hashchange", () => { readAddress(); answer = null; draw(); ask(); });

const connection = get("connection");
const AGAIN = 3000;

function sayConnection(text, isLost = false) {
  connection.textContent = text;
  connection.className = isLost ? "lost" : "";
}

function listen() {
  const source = new EventSource(`${BASE}/events`);
  source.addEventListener("open", () => sayConnection("live"));
  const show = (event) => {
    const before = view?.last_step;
    view = JSON.parse(event.data) ?? view;
    draw();
    if (asked && before !== view?.last_step) later("ask", ask, 0);
  };
  source.addEventListener("view", show);
  // The one who followed the run has ended: what is shown stays, and another one may come.
  source.addEventListener("ended", (event) => {
    source.close();
    show(event);
    sayConnection(view?.finished ? "the run has ended, and so has lodecast follow" : "lodecast follow has ended");
    later("again", () => lookAgain(true), AGAIN);
  });
  source.addEventListener("error", () => {
    sayConnection("connection lost, trying again", true);
    // A browser tries again of itself where there is no answer, but not where it is refused.
    if (source.readyState === EventSource.CLOSED) lookAgain();
  });
}

// Asks why there are no events, and listens again as soon as there are.
async function lookAgain(hasEnded = false) {
  try {
    const response = await fetch(`${BASE}/view`);
    if (response.status === 401) {
      location.assign(`/login?to=${BASE}`);
      return;
    }
    // At 503 nothing is known yet, and will be.
    if (response.ok || response.status === 503) {
      listen();
      return;
    }
    const { title, detail } = await response.json();
    sayConnection("looking again every few seconds", true);
    if (!view) {
      document.title = `${title} – lodecast`;
      get("sentence").textContent = title;
      get("remedy").textContent = detail;
      get("remedy").hidden = false;
    }
  } catch {
    if (!hasEnded) sayConnection("connection lost, trying again", true);
  }
  later("again", () => lookAgain(hasEnded), AGAIN);
}

// What can be done where there is somebody to ask.
function showSaved() {
  for (const id of ["decay-now", "hold", "how-to-ask", "keep"]) get(id).hidden = true;
  get("home").removeAttribute("href");
  sayConnection("saved page");
  view = JSON.parse(saved.textContent);
  get("right-or-not").hidden = view.forecasts.length < 2;
  draw();
}

get("save").href = `${BASE}/saved`;
readAddress();
if (saved) showSaved(); else listen();
