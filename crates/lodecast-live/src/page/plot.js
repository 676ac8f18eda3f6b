// A picture of curves over steps, drawn as SVG: axes, a cursor, bands, whiskers, and handles that can be dragged.

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 14, top: 10, bottom: 24 };

export function element(name, attributes = {}, parent = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

export const number = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  // What a logarithm is kept finite by is nought.
  if (size < 1e-200) return "0";
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
};

export const count = (value) => Math.round(value).toLocaleString("en-US");

// Value of a curve at a step: on the straight line between its samples; null beyond its ends.
export function at(curve, step) {
  const steps = curve.step;
  if (!steps.length || step < steps[0] || step > steps[steps.length - 1]) return null;
  let low = 0, high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= step) low = middle; else high = middle - 1;
  }
  if (low === steps.length - 1) return curve.value[low];
  const weight = (step - steps[low]) / (steps[low + 1] - steps[low] || 1);
  return curve.value[low] + weight * (curve.value[low + 1] - curve.value[low]);
}

// The same curve with samples between those that lie far apart: where the scale is logarithmic, straight lines are curved.
function dense(line, total) {
  const most = total / 200;
  const step = [], value = [];
  line.step.forEach((here, k) => {
    if (k > 0) {
      const before = line.step[k - 1];
      const parts = Math.ceil((here - before) / most);
      for (let part = 1; part < parts; part += 1) {
        step.push(before + ((here - before) * part) / parts);
        value.push(line.value[k - 1] + ((line.value[k] - line.value[k - 1]) * part) / parts);
      }
    }
    step.push(here);
    value.push(line.value[k]);
  });
  return { step, value };
}

function ticks(from, to, most) {
  const raw = (to - from) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const unit = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
  const first = Math.ceil(from / unit - 1e-9);
  const found = [];
  for (let k = first; k * unit <= to + 1e-9 * unit; k += 1) found.push(Number((k * unit).toPrecision(12)));
  return found;
}

function decades(from, to) {
  const found = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power += 1) {
    for (const factor of [1, 2, 5]) {
      const tick = factor * 10 ** power;
      if (tick >= from * 0.999 && tick <= to * 1.001) found.push(tick);
    }
  }
  return found.length > 7 ? found.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9) : found;
}

export class Plot {
  constructor(host, { log = false, label }) {
    this.host = host;
    this.log = log;
    this.label = label;
    this.parts = {};
    this.cursor = null;
    this.dragging = false;
    this.onCursor = () => {};
    this.svg = element("svg", { role: "img", "aria-label": label }, host);
    host.addEventListener("pointermove", (event) => this.point(event));
    host.addEventListener("pointerdown", (event) => this.point(event));
    host.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(host);
  }

  // parts: total, lines [{name, step, value}], bands [{name, step, low, high}], whiskers [{step, mean, low, high}],
  // marks [{name, step, value}], now, handles, summary
  show(parts) {
    this.parts = parts;
    this.draw();
  }

  scales() {
    const { total, lines = [], bands = [], whiskers = [], focus } = this.parts;
    const values = focus ?? [
      ...lines.flatMap((line) => line.value),
      ...bands.flatMap((band) => [...band.low, ...band.high]),
      ...whiskers.flatMap((whisker) => [whisker.low, whisker.high]),
    ];
    const usable = values.filter((value) => Number.isFinite(value) && (!this.log || value > 0));
    let low = usable.length ? Math.min(...usable) : this.log ? 1e-4 : 0;
    let high = usable.length ? Math.max(...usable) : 1;
    if (this.log) {
      low = Math.max(low, high * 1e-4);
      const air = high / low < 1.01 ? 1.25 : (high / low) ** 0.06;
      low /= air;
      high *= air;
    } else {
      const air = 0.06 * (high - low || Math.abs(high) || 1);
      low -= air;
      high += air;
    }
    const box = this.host.getBoundingClientRect();
    const width = Math.max(box.width, 120), height = Math.max(box.height, 80);
    const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const up = (value) => (this.log ? Math.log(Math.max(value, low * 1e-3)) : value);
    const [bottom, top] = [up(low), up(high)];
    const x = (step) => MARGIN.left + (step / total) * inner.width;
    const y = (value) => MARGIN.top + (1 - (up(value) - bottom) / (top - bottom || 1)) * inner.height;
    const step = (pixel) => Math.min(Math.max(((pixel - MARGIN.left) / inner.width) * total, 0), total);
    const value = (pixel) => {
      const raw = bottom + (1 - (pixel - MARGIN.top) / inner.height) * (top - bottom);
      return this.log ? Math.exp(raw) : raw;
    };
    return { width, height, inner, low, high, x, y, step, value, total };
  }

  draw() {
    if (!this.parts.total) return;
    const scale = (this.scale = this.scales());
    const { width, height, x, y, low, high, total } = scale;
    const focused = document.activeElement?.dataset?.handle;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", `${this.label}. ${this.parts.summary ?? ""}`);
    this.svg.replaceChildren();
    const clip = `clip-${this.host.id}`;
    // What lies at an edge is seen whole.
    element("rect", { x: MARGIN.left - 5, y: MARGIN.top, width: scale.inner.width + 10, height: scale.inner.height },
      element("clipPath", { id: clip }, element("defs", {}, this.svg)));
    const axes = element("g", { "aria-hidden": "true" }, this.svg);
    for (const tick of this.log && high > 8 * low ? decades(low, high) : ticks(low, high, this.log ? 8 : 5)) {
      element("line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }, axes);
      element("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, axes).textContent = number(tick);
    }
    for (const tick of ticks(0, total, width < 420 ? 4 : 8).filter(Number.isInteger)) {
      const words = count(tick);
      // A long number at the end stays in the picture.
      const anchor = x(tick) + 3.2 * words.length > width ? "end" : "middle";
      element("text", { x: anchor === "end" ? width : x(tick), y: height - 6, "text-anchor": anchor }, axes).textContent = words;
    }
    const drawn = element("g", { "clip-path": `url(#${clip})` }, this.svg);
    for (const band of this.parts.bands ?? []) {
      const out = band.step.map((step, k) => `${x(step)},${y(band.high[k])}`);
      const back = band.step.map((step, k) => `${x(step)},${y(band.low[k])}`).reverse();
      element("polygon", { class: `band ${band.name}`, points: [...out, ...back].join(" ") }, drawn);
    }
    for (const line of this.parts.lines ?? []) {
      const { step: steps, value: values } = this.log ? dense(line, total) : line;
      const points = steps.map((step, k) => `${x(step).toFixed(1)},${y(values[k]).toFixed(1)}`);
      element("polyline", { class: `curve ${line.name}`, points: points.join(" ") }, drawn);
    }
    for (const { step, mean, low: from, high: to } of this.parts.whiskers ?? []) {
      element("line", { class: "whisker", x1: x(step), x2: x(step), y1: y(from), y2: y(to) }, drawn);
      for (const value of [from, to]) element("line", { class: "whisker", x1: x(step) - 4, x2: x(step) + 4, y1: y(value), y2: y(value) }, drawn);
      // A short one is not hidden by what is in its middle.
      element("circle", { class: "mean", cx: x(step), cy: y(mean), r: Math.min(3.5, Math.abs(y(from) - y(to)) / 5) }, drawn);
    }
    for (const { name, step, value } of this.parts.marks ?? []) {
      // Beside the curve that it is a mark of, in the margin.
      const [across, down] = [x(step) + 8, y(value)];
      const points = [[0, -6], [5, 0], [0, 6], [-5, 0]].map(([right, below]) => `${across + right},${down + below}`);
      element("polygon", { class: `mark ${name}`, points: points.join(" ") }, this.svg);
    }
    if (this.parts.now) element("line", { class: "now", x1: x(this.parts.now), x2: x(this.parts.now), y1: MARGIN.top, y2: height - MARGIN.bottom }, this.svg);
    this.marks = element("g", { "aria-hidden": "true" }, this.svg);
    this.drawCursor();
    const places = this.parts.handles?.places ?? [];
    // Fingers need more than what is seen. These lie below all handles, and are none of their own.
    for (const place of places) this.drawReach(place);
    places.forEach((place, index) => this.drawHandle(place, index));
    if (focused !== undefined) this.svg.querySelector(`[data-handle="${focused}"]`)?.focus({ preventScroll: true });
  }

  // Where a handle is seen: what is beyond the picture is held at its edge.
  spot({ step, value }) {
    return { cx: this.scale.x(step), cy: this.scale.y(Math.min(Math.max(value, this.scale.low), this.scale.high)) };
  }

  drawReach(place) {
    const reach = element("circle", { class: "reach", r: 22, "aria-hidden": "true", ...this.spot(place) }, this.svg);
    reach.addEventListener("pointerdown", (event) => this.drag(event));
  }

  drawHandle(place, index) {
    const { step, value } = place;
    const handle = element("circle", {
      class: "handle", ...this.spot(place), r: 8, tabindex: 0, role: "slider", "data-handle": index,
      "aria-label": `Learning rate at step ${count(step)}`, "aria-orientation": "vertical", "aria-valuenow": value,
      "aria-valuetext": number(value), "aria-valuemin": this.parts.handles.lowest, "aria-valuemax": this.parts.handles.highest,
    }, this.svg);
    handle.addEventListener("pointerdown", (event) => this.drag(event));
    handle.addEventListener("keydown", (event) => {
      const factor = { ArrowUp: 1.05, ArrowDown: 1 / 1.05, PageUp: 1.5, PageDown: 1 / 1.5 }[event.key];
      if (!factor) return;
      event.preventDefault();
      event.stopPropagation();
      this.parts.handles.onMove(index, value * factor, true);
    });
  }

  // Drags the handle that is nearest: late in a run they lie close together.
  drag(event) {
    event.preventDefault();
    event.stopPropagation();
    const { left, top } = this.svg.getBoundingClientRect();
    const distances = this.parts.handles.places.map((place) => {
      const { cx, cy } = this.spot(place);
      return Math.hypot(event.clientX - left - cx, event.clientY - top - cy);
    });
    const index = distances.indexOf(Math.min(...distances));
    this.dragging = true;
    const to = (event, isEnd) =>
      this.parts.handles.onMove(index, this.scale.value(event.clientY - this.svg.getBoundingClientRect().top), isEnd);
    const move = (event) => to(event, false);
    const end = (event) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      this.dragging = false;
      to(event, true);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  setCursor(step) {
    this.cursor = step;
    this.drawCursor();
  }

  drawCursor() {
    if (!this.marks || !this.scale) return;
    this.marks.replaceChildren();
    if (this.cursor === null) return;
    const { x, y, height } = this.scale;
    element("line", { class: "cursor", x1: x(this.cursor), x2: x(this.cursor), y1: MARGIN.top, y2: height - MARGIN.bottom }, this.marks);
    for (const line of this.parts.lines ?? []) {
      if (line.name === "rejected" || line.name === "best") continue;
      const value = at(line, this.cursor);
      if (value !== null) element("circle", { class: "dot", cx: x(this.cursor), cy: y(value), r: 3 }, this.marks);
    }
  }

  point(event) {
    if (!this.scale || this.dragging || event.buttons > 1) return;
    this.onCursor(Math.round(this.scale.step(event.clientX - this.svg.getBoundingClientRect().left)));
  }

  key(event) {
    if (!this.scale || event.target !== this.host) return;
    const { total } = this.scale;
    const unit = Math.max(1, Math.round(total / (event.shiftKey ? 10 : 100)));
    const from = this.cursor ?? this.parts.now ?? 0;
    const to = { ArrowLeft: from - unit, ArrowRight: from + unit, Home: 0, End: total, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.onCursor(to === null ? null : Math.min(Math.max(to, 0), total));
  }
}
