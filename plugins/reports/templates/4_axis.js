// The axis of time above a table: how many rows lie where, and zooming by pointer or keyboard.

const BARS = 120, WIDE = 960, HIGH = 96;

class Axis {
  // zoom(from, to) is called with ticks, or with null, null for the whole.
  constructor(table, zoom) {
    const ends = table.chunks.filter(([, first]) => first !== null);
    this.table = table;
    this.zoom = zoom;
    this.first = ends.length ? BigInt(ends[0][1]) : 0n;
    this.last = ends.reduce((last, [, , end]) => BigInt(end) > last ? BigInt(end) : last, 0n) + 1n;
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({viewBox: `0 0 ${WIDE} ${HIGH}`, tabindex: 0,
      preserveAspectRatio: "none", role: "group", class: "bars"})) this.svg.setAttribute(name, value);
    this.marks = element("div", {class: "ends"});
    this.hint = element("p", {class: "note"});
    this.element = element("div", {class: "axis-of-time"}, this.svg, this.marks, this.buttons(),
      this.hint);
    this.listen();
  }

  // Show the time between, without bars yet.
  show(from, to) {
    this.from = from === null ? this.first : from;
    this.to = to === null ? this.last : to;
    if (this.to <= this.from) this.to = this.from + 1n;
    this.counts = new Float64Array(BARS);
    this.marks.replaceChildren(...[0n, 1n, 2n, 3n, 4n].map(part =>
      element("span", {}, clock(this.from + (this.to - this.from) * part / 4n))));
  }

  // Count the rows of a chunk that were found.
  add(chunk, rows) {
    const column = chunk.byName.get(this.table.time), span = Number(this.to - this.from);
    for (const row of rows) {
      const at = column.value(row);
      if (at === null || at < this.from || at >= this.to) continue;
      this.counts[Math.min(BARS - 1, Math.floor(Number(at - this.from) / span * BARS))] += 1;
    }
  }

  // Rows of the chunks as the index has them: each chunk's spread over its time.
  spread() {
    const step = Number(this.to - this.from) / BARS;
    for (const [rows, first, last] of this.table.chunks) {
      if (first === null || BigInt(last) < this.from || BigInt(first) >= this.to) continue;
      const begin = Number(BigInt(first) - this.from) / step;
      const end = Math.max(begin + 1e-9, Number(BigInt(last) - this.from) / step);
      for (let bar = Math.max(0, Math.floor(begin)); bar < BARS && bar < end; bar++)
        this.counts[bar] += rows * (Math.min(bar + 1, end) - Math.max(bar, begin)) / (end - begin);
    }
  }

  draw(isExact) {
    const most = Math.log1p(Math.max(1, ...this.counts)), wide = WIDE / BARS;
    this.svg.replaceChildren();
    this.counts.forEach((count, bar) => {
      if (!count) return;
      const high = Math.max(2, (HIGH - 4) * Math.log1p(count) / most);
      const rect = document.createElementNS(this.svg.namespaceURI, "rect");
      for (const [name, value] of Object.entries({x: bar * wide + 0.5, y: HIGH - high,
        width: wide - 1, height: high})) rect.setAttribute(name, value);
      this.svg.append(rect);
    });
    const top = Math.round(Math.max(0, ...this.counts));
    this.svg.setAttribute("aria-label",
      `Rows over time from ${clock(this.from)} to ${clock(this.to)}, at most ${top} a bar`);
    this.hint.textContent = `Heights are logarithmic; the highest bar has ${counted(top, "row")}`
      + `${isExact ? "" : " (about: rows of a part are spread evenly over its time)"}. `
      + "Drag over the bars to zoom in; keys: arrows, +, −, 0.";
  }

  move(by, size) {
    const span = this.to - this.from, middle = this.from + span / 2n + BigInt(Math.round(Number(span) * by));
    const half = BigInt(Math.max(1, Math.round(Number(span) * size / 2)));
    this.zoom(middle - half, middle + half);
  }

  buttons() {
    const actions = [["Earlier", () => this.move(-0.5, 1)], ["Later", () => this.move(0.5, 1)],
      ["Zoom in", () => this.move(0, 0.5)], ["Zoom out", () => this.move(0, 2)],
      ["Whole time", () => this.zoom(null, null)]];
    return element("div", {class: "buttons"}, ...actions.map(([word, act]) => {
      const button = element("button", {type: "button"}, word);
      button.addEventListener("click", act);
      return button;
    }));
  }

  listen() {
    const keys = {ArrowLeft: () => this.move(-0.25, 1), ArrowRight: () => this.move(0.25, 1),
      "+": () => this.move(0, 0.5), "-": () => this.move(0, 2), 0: () => this.zoom(null, null)};
    this.svg.addEventListener("keydown", event => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    let start = null;
    const at = event => {
      const box = this.svg.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      return this.from + BigInt(Math.round(Number(this.to - this.from) * share));
    };
    this.svg.addEventListener("pointerdown", event => {
      start = at(event);
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointerup", event => {
      const end = at(event), width = this.to - this.from;
      const [low, high] = start < end ? [start, end] : [end, start];
      if (high - low > width / 100n) this.zoom(low, high);
      start = null;
    });
  }
}
