// What is known of a run in tables: the schedule in numbers, what was weighed, every decision and forecast.

import { at, count, number } from "/plot.js";

export const get = (id) => document.getElementById(id);

function row(body, cells, className = "") {
  const made = document.createElement("tr");
  made.className = className;
  // A narrow screen sets a row as a block, which takes what it is from it.
  made.setAttribute("role", "row");
  cells.forEach(([text, kind, head], index) => {
    const cell = document.createElement(index === 0 ? "th" : "td");
    if (index === 0) cell.scope = "row";
    cell.setAttribute("role", index === 0 ? "rowheader" : "cell");
    cell.className = kind ?? "";
    if (head) cell.dataset.head = `${head} `;
    cell.textContent = text;
    made.append(cell);
  });
  body.append(made);
}

// A table whose rows are set as blocks on a narrow screen: there each cell says of itself what its column says above.
function headed(cells, heads) {
  return cells.map(([text, kind], index) => [text, kind, heads[index]]);
}

// The rates at tenths of the run, from the first step that can still be changed.
export function drawSchedule(view) {
  const total = view.total_steps, from = Math.min(view.earliest_change, total);
  const tenths = Array.from({ length: 11 }, (_, k) => Math.round((total * k) / 10));
  const steps = [...new Set([from, ...tenths.filter((step) => step > from)])];
  const body = get("schedule");
  body.replaceChildren();
  for (const step of steps) {
    row(body, [[count(step), "number"], [percent(step / total), "number"], [number(at(view.schedule, step)), "number"]]);
  }
}

// What is said of a candidate: the head of its column, what it means, and the cell.
const percent = (value) => `${Math.round(100 * value)} %`;
const COLUMNS = [
  { name: "mean", head: "predicted end", means: (view) => view.by_score
    ? "What the metric is predicted to end at, give or take how far the members of the model disagree."
    : "What the metric is predicted to end at, give or take half of the range of two of three runs.", cell: (weighed) => within(weighed.mean, weighed.spread) },
  { name: "probability", head: "beats the best run", means: "How likely it ends better than the best run of the sweep.", cell: ({ probability }) => percent(probability) },
  { name: "score", head: "score", means: "What the model goes by, the higher the better: what is expected, less the four tolls that follow." },
  { name: "reward", head: "expected", means: "The predicted end in the model's own units, turned so that higher is better." },
  { name: "pessimism", head: "− doubt", means: "A toll for how far the members of the model disagree about it." },
  { name: "edge", head: "− near an edge", means: "A toll for rates so high that somewhat higher ones would wreck the run." },
  { name: "distrust", head: "− unlike the sweep", means: "A toll for being far from every schedule that was tried." },
  { name: "roughness", head: "− rougher", means: "A toll for going up and down more than the nearest schedule that was tried." },
];

// A value to two digits of its doubt.
function within(mean, spread) {
  if (!Number.isFinite(mean) || !(spread > 0)) return number(mean);
  const digits = Math.min(Math.max(1 - Math.floor(Math.log10(spread)), 0), 12);
  return `${mean.toFixed(digits)} ± ${spread.toFixed(digits)}`;
}

function drawCandidates(view) {
  const weighed = view.candidates;
  const columns = COLUMNS.filter(({ name }) => weighed.some((one) => one[name] !== null));
  const of = (tag, text, set = {}) => Object.assign(document.createElement(tag), { textContent: text, ...set });
  const head = (text, kind = "") => {
    const made = of("th", text, { scope: "col", className: kind });
    made.setAttribute("role", "columnheader");
    return made;
  };
  get("candidates-heads").replaceChildren(head("candidate"), head("verdict"), ...columns.map((column) => head(column.head, "number")));
  const all = view.decisions.at(-1)?.weighed ?? weighed.length;
  const part = all > weighed.length ? `: ${weighed.length} of ${all}` : "";
  get("candidates-caption").textContent = `What was weighed in the last decision, the ${view.by_score ? "highest score" : "best predicted end"} first${part}`;
  const body = get("candidates");
  body.replaceChildren();
  for (const one of weighed) {
    row(body, headed([
      [one.origin], [one.reason ? `${one.verdict}: ${one.reason}` : one.verdict],
      ...columns.map(({ name, cell }) => [one[name] === null ? "–" : cell ? cell(one) : number(one[name]), "number"]),
    ], ["", "", ...columns.map(({ head }) => head)]), one.verdict);
  }
  if (!weighed.length) row(body, [["nothing was weighed"]]);
  get("candidates-heads").parentElement.hidden = !weighed.length;
  get("columns").hidden = !columns.length;
  // A list that is open stays so.
  const meanings = columns.flatMap(({ head, means }) => [of("dt", head.replace("− ", "")), of("dd", typeof means === "string" ? means : means(view))]);
  if (get("columns-meaning").childElementCount !== meanings.length) get("columns-meaning").replaceChildren(...meanings);
  get("choice").textContent = choiceInWords(view);
  get("ends").textContent = endsInWords(view);
}

// Why the chosen candidate is not the first of the list, where it is not.
function choiceInWords(view) {
  const weighed = view.candidates;
  const chosen = weighed.filter(({ verdict }) => verdict === "chosen");
  if (chosen.length > 1) return "The schedule is the average of those that are chosen.";
  if (!chosen.length) return weighed.length ? "None of them was taken: the schedule in force stays." : "";
  const before = weighed.indexOf(chosen[0]);
  if (before === 0) return `Chosen: ${chosen[0].origin}, the first of the list.`;
  const isCut = (view.decisions.at(-1)?.weighed ?? 0) > weighed.length;
  const others = `${before === 1 ? "one has" : `${isCut ? "others" : before} have`} a better ${view.by_score ? "score" : "predicted end"}`;
  return `Chosen: ${chosen[0].origin}, though ${others}: ${view.decisions.at(-1)?.reason ?? "it is kept"}.`;
}

// What was predicted of the schedule that holds is said twice: to compare it with the others, and for what it is.
function endsInWords(view) {
  const predicted = view.decisions.at(-1)?.predicted;
  if (!view.by_score || !predicted) return "";
  return "The predicted ends in this table are what the members of the model say on average, give or take how far they disagree: that is what "
    + `candidates are compared by. Of the schedule that was settled on, ${predicted} was forecast then, which counts what runs miss by besides; `
    + "the headline has the latest such forecast.";
}

export function drawTables(view) {
  const decisions = get("decisions"), forecasts = get("forecasts");
  [decisions, forecasts].forEach((body) => body.replaceChildren());
  drawCandidates(view);
  for (const decision of [...view.decisions].reverse()) {
    const weighed = decision.weighed ? ` (${decision.weighed} weighed, ${decision.rejected} rejected)` : "";
    row(decisions, headed([
      [String(decision.revision), "number"], [decision.at_step === null ? "start" : count(decision.at_step), "number"],
      [count(decision.effective_from_step), "number"], [decision.by_hand ? "chosen by hand" : decision.changed ? "new" : "kept"], [decision.predicted ?? "–"],
      [decision.reason + weighed],
    ], ["revision", "at", "from", "", "predicted", ""]));
  }
  for (const made of [...view.forecasts].reverse()) {
    row(forecasts, [[made.at_step === null ? "start" : count(made.at_step), "number"], [made.in_words]]);
  }
  const last = view.decisions.at(-1);
  const when = last?.at_step === null ? "before the start" : `at step ${count(last?.at_step ?? 0)}`;
  get("reason").textContent = last ? `Decided ${when}: ${last.reason}` : "";
}
