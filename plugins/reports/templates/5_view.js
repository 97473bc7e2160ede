// A page of tables: choosing one, asking for rows of it, and turning its pages.

const AT_ONCE = 24;  // parts that are looked through without being asked to
const NAMES = new Set(["event_id", "event_record_id", "entry", "sequence", "current_sequence",
  "table_sequence", "usn", "mask", "option_number"]);  // numbers that nobody counts with
const HYPHENED = /^[^\s\\/-]{1,16}(-[^\s\\/-]{1,16})+$/;  // ids and channels, which break well
const PREFERRED = ["vm_id", "what", "code", "severity", "state", "system_id", "topic", "table"];

class View {
  constructor(place) {
    this.place = place;
    this.links = [...document.querySelectorAll("a[data-table]")];
    this.turn = 0;
    window.addEventListener("hashchange", () => this.read().catch(error => this.fail(error)));
    document.addEventListener("keydown", event => {
      const isTyping = /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName);
      if (event.key === "/" && !isTyping && this.box) {
        event.preventDefault();
        this.box.focus();
      }
    });
  }

  // What the address says: #event&vm_id=...&text=...&from=...&to=...&page=2&size=50
  async read() {
    const [wanted, ...rest] = location.hash.slice(1).split("&");
    const asked = new URLSearchParams(rest.join("&"));
    const link = this.links.find(one => one.dataset.table === wanted)
      || this.links.find(one => one.dataset.rows !== "0") || this.links[0];
    for (const one of this.links)
      if (one === link) one.setAttribute("aria-current", "true"); else one.removeAttribute("aria-current");
    if (link.dataset.rows === "0") {
      this.place.replaceChildren(element("p", {}, "This table has no rows in what could be read."));
      return;
    }
    if (!this.table || this.table.name !== link.dataset.table) {
      this.table = await Table.open(link.dataset.table);
      this.shown = link.dataset.columns.split(" ");
      this.build();
    }
    const facets = new Map([...asked].filter(([name]) => this.table.facets[name]
      || this.table.columns.some(([column, kind]) => column === name && kind === "text")));
    const text = asked.get("text") || "";
    this.wanted = {text, facets, from: this.table.time ? ticksOf(asked.get("from") || "") : null,
      to: this.table.time ? ticksOf(asked.get("to") || "") : null};
    this.page = Math.max(0, parseInt(asked.get("page") || "1", 10) - 1) || 0;
    this.size = Math.min(5000, Math.max(10, parseInt(asked.get("size") || "50", 10) || 50));
    this.fill();
    await this.start();
  }

  // Put what is wanted into the address and begin anew.
  ask(change) {
    const wanted = {...this.wanted, page: 0, size: this.size, ...change};
    const said = new URLSearchParams();
    for (const [name, value] of wanted.facets) said.set(name, value);
    if (wanted.text) said.set("text", wanted.text);
    for (const end of ["from", "to"]) if (wanted[end] !== null) said.set(end, iso(wanted[end]));
    if (wanted.page) said.set("page", wanted.page + 1);
    if (wanted.size !== 50) said.set("size", wanted.size);
    const hash = [this.table.name, ...said.size ? [said] : []].join("&");
    if (location.hash.slice(1) !== hash) location.hash = hash;
  }

  fail(error) {
    this.place.replaceChildren(element("p", {class: "more", role: "alert"}, error.message));
    this.table = null;
    document.body.dataset.ready = "failed";
  }

  known(kind, id) { return Object.hasOwn(this.names[kind], id) ? this.names[kind][id] : ""; }

  // What else a text stands for: the machine's name for its id.
  words(column, text) {
    if (column === "vm_id") return (this.known("machines", text) || []).map(([name]) => name).join(" / ");
    if (column === "system_id") return this.known("systems", text);
    if (column === "snapshot_id") return this.known("snapshots", text);
    return "";
  }

  build() {
    this.box = element("input", {type: "search", id: "text", autocomplete: "off", spellcheck: "false"});
    this.box.addEventListener("change", () => this.ask({text: this.box.value}));
    const fields = [element("label", {for: "text"}, "Text in any column", this.box)];
    this.selects = new Map();
    const columns = Object.keys(this.table.facets).sort((one, other) =>
      this.rank(one) - this.rank(other)).slice(0, 8);
    for (const column of columns) fields.push(this.select(column));
    this.axis = null;
    this.ends = {};
    if (this.table.time) {
      this.axis = new Axis(this.table, (from, to) => this.ask({from, to}));
      for (const end of ["from", "to"]) fields.push(this.timeField(end));
    }
    const clear = element("button", {type: "button"}, "Show all rows");
    clear.addEventListener("click", () =>
      this.ask({text: "", facets: new Map(), from: null, to: null}));
    this.status = element("p", {class: "status", role: "status"});
    this.more = element("span", {class: "buttons"});
    this.pages = element("div", {class: "buttons"});
    this.pagesBelow = element("div", {class: "buttons"});
    this.rows = element("div", {class: "scroll", tabindex: 0, role: "region",
      "aria-label": "Rows of the table"});
    const form = element("form", {class: "ask"}, ...fields, clear);
    form.addEventListener("submit", event => { event.preventDefault(); this.ask({text: this.box.value}); });
    this.place.replaceChildren(form, ...(this.axis ? [this.axis.element] : []),
      element("div", {class: "found"}, this.status, this.more), this.pages, this.rows,
      this.pagesBelow);
  }

  rank(column) {
    const shown = this.shown.indexOf(column), preferred = PREFERRED.indexOf(column);
    return preferred >= 0 ? preferred : shown >= 0 ? 20 + shown : 99;
  }

  select(column) {
    const {values} = this.table.facets[column];
    const select = element("select", {id: `facet-${column}`}, element("option", {value: ""}, "any"));
    values.map(([text, rows], place) => [this.words(column, text) || text, rows, place])
      .sort((one, other) => show(one[0]).localeCompare(show(other[0])))
      .forEach(([word, rows, place]) => select.append(element("option", {value: `=${place}`},
        `${show(word).slice(0, 80) || "(none)"}  (${rows.toLocaleString("en")})`)));
    select.addEventListener("change", () => {
      const facets = new Map(this.wanted.facets);
      facets.delete(column);
      if (select.value) facets.set(column, values[Number(select.value.slice(1))][0]);
      this.ask({facets});
    });
    this.selects.set(column, select);
    return element("label", {for: select.id}, titleOf(column), select);
  }

  timeField(end) {
    const field = element("input", {id: end, placeholder: "2009-07-16 20:20:31", autocomplete: "off"});
    field.addEventListener("change", () => {
      const ticks = ticksOf(field.value);
      field.setAttribute("aria-invalid", String(Boolean(field.value && ticks === null)));
      if (!field.value || ticks !== null) this.ask({[end]: ticks});
    });
    this.ends[end] = field;
    return element("label", {for: end}, end === "from" ? "From (UTC)" : "To before (UTC)", field);
  }

  // Show in the fields what is wanted.
  fill() {
    const {wanted} = this;
    this.box.value = wanted.text;
    for (const [column, select] of this.selects) {
      const place = this.table.facets[column].values.findIndex(([text]) => text === wanted.facets.get(column));
      select.value = place < 0 ? "" : `=${place}`;
    }
    for (const [end, field] of Object.entries(this.ends))
      field.value = wanted[end] === null ? "" : clock(wanted[end]);
  }

  async start() {
    const turn = this.turn += 1;
    this.search = new Search(this.table, this.wanted, (column, text) => this.words(column, text));
    if (this.axis) {
      this.axis.show(this.wanted.from, this.wanted.to);
      if (this.isFew) await this.count(turn);
      else if (this.search.isOpen || this.onlyTime) this.axis.spread();
      if (turn !== this.turn) return;
      this.axis.draw(this.isFew);
    }
    await this.look(turn, this.isFew ? Infinity : (this.page + 1) * this.size + 1);
  }

  get isFew() { return this.search.parts.length <= AT_ONCE; }
  get onlyTime() { return !this.wanted.text && !this.wanted.facets.size; }

  // The exact bars of an open search over few parts.
  async count(turn) {
    if (!this.search.isOpen) return;
    for (const number of this.search.parts) {
      const chunk = await this.table.chunk(number);
      if (turn !== this.turn) return;
      this.axis.add(chunk, Array.from({length: chunk.rows}, (_, row) => row));
    }
  }

  // Look through parts until so many rows are found, showing how far that has got.
  async look(turn, enough) {
    const {search} = this;
    let told = performance.now();
    this.tell(true);
    while (!search.isDone && search.hits.length < enough) {
      await search.step((chunk, rows) => {
        if (this.axis && (this.isFew || !this.onlyTime)) this.axis.add(chunk, rows);
      });
      if (turn !== this.turn) return;
      if (performance.now() - told > 200) {
        told = performance.now();
        this.tell(true);
        await new Promise(go => setTimeout(go));
      }
    }
    if (this.axis && !search.isOpen) this.axis.draw(search.isDone || !this.onlyTime);
    this.tell(false);
    await this.list(turn);
  }

  tell(isLooking) {
    const {search, table} = this, parts = search.parts.length;
    const all = counted(table.rows, "row");
    if (search.isOpen) this.status.textContent = all;
    else {
      const far = search.isDone ? `of ${all}` : `so far; ${search.done.toLocaleString("en")} of `
        + `${counted(parts, "part")} looked through (${counted(search.rowsDone, "row")}), the table has ${all}`;
      this.status.textContent = `${counted(search.hits.length, "row")} found ${far}`;
    }
    this.more.replaceChildren();
    if (search.isDone) return;
    const bar = element("progress", {max: parts, value: search.done, "aria-label": "Looked through"});
    const button = element("button", {type: "button"}, isLooking ? "Stop" : "Look through all parts");
    button.addEventListener("click", () => {
      const turn = this.turn += 1;
      if (isLooking) { this.tell(false); this.list(turn); } else this.look(turn, Infinity);
    });
    this.more.append(bar, button);
  }

  async list(turn) {
    const found = this.search.slice(this.page * this.size, this.size), body = element("tbody");
    for (const [number, row] of found) {
      const chunk = await this.table.chunk(number);
      if (turn !== this.turn) return;
      this.line(body, chunk.row(row));
    }
    const heads = this.shown.map(column => element("th", {scope: "col"}, titleOf(column)));
    this.rows.replaceChildren(element("table", {},
      element("thead", {}, element("tr", {}, ...heads, element("th", {scope: "col", class: "s"}, "Source"))), body));
    for (const place of [this.pages, this.pagesBelow]) this.turnings(place);
    document.body.dataset.ready = "true";
  }

  turnings(place) {
    const {search} = this, last = Math.max(0, Math.ceil(search.total / this.size) - 1);
    const go = (word, page, isOff) => {
      const button = element("button", {type: "button"}, word);
      button.disabled = isOff;
      button.addEventListener("click", () => this.ask({page}));
      return button;
    };
    const sizes = element("select", {"aria-label": "Rows on a page"}, ...[50, 200, 1000, 5000].map(
      size => element("option", {value: size}, `${size} a page`)));
    sizes.value = String(this.size);
    sizes.addEventListener("change", () => this.ask({size: Number(sizes.value)}));
    const first = this.page * this.size + 1, end = Math.min(search.total, first + this.size - 1);
    place.replaceChildren(go("First", 0, !this.page), go("Previous", this.page - 1, !this.page),
      element("span", {}, end < first ? "no rows" :
        `rows ${first.toLocaleString("en")} to ${end.toLocaleString("en")}`),
      go("Next", this.page + 1, this.page >= last), go("Last", last, this.page >= last || !search.isDone),
      sizes);
  }

  line(body, row) {
    const open = element("button", {type: "button", class: "ref", "aria-expanded": "false",
      "aria-label": "Open the source of this row"}, "source");
    const cells = this.shown.map(column => this.cell(column, row[column], row));
    const line = element("tr", {}, ...cells, element("td", {class: "s"}, open));
    const printed = placeOf(row).filter(([title]) => title !== "Volume")  // the path has it
      .map(([title, value]) => `${title}: ${show(value)}`).join(" · ");
    let details = null;
    open.addEventListener("click", () => {
      if (details) { details.remove(); details = null; } else {
        details = element("tr", {class: "details"},
          element("td", {colspan: cells.length + 1}, this.facts(row)));
        line.after(details);
      }
      open.setAttribute("aria-expanded", String(Boolean(details)));
    });
    body.append(line, element("tr", {class: "paper"},
      element("td", {colspan: cells.length + 1}, printed)));
  }

  cell(column, value, row) {
    const cell = element("td");
    if (value === null || value === "") return cell;
    if (column === "at" || column.endsWith("_at")) {
      cell.className = "t";
      cell.append(element("time", {title: iso(value)}, clock(value)));
    } else if (["state", "verdict", "severity"].includes(column)) {
      const mark = GOOD.has(value) ? " good" : BAD.has(value) ? " bad" : CALM.has(value) ? " calm" : "";
      cell.append(element("span", {class: `tag${mark}${value.length <= 28 ? " short" : ""}`}, show(value)));
    } else if (column === "vm_id") cell.append(this.machine(value, row));
    else {
      const words = this.words(column, value) || value;
      if (typeof value === "bigint") cell.className = "n";
      else cell.className = String(words).length > 24 && !HYPHENED.test(words) ? "wide" : "word";
      cell.append(this.text(words, column));
    }
    return cell;
  }

  text(value, column) {
    if (typeof value === "bigint") return NAMES.has(column) ? String(value) : value.toLocaleString("en");
    if (typeof value === "boolean") return value ? "yes" : "no";
    return show(Array.isArray(value) ? value.join(", ") : value);
  }

  // The machine's name, leading to its page; of several with this id the one of the row's host.
  machine(id, row) {
    const known = this.known("machines", id);
    if (!known) return show(id);
    const [name, page] = known.find(([, , system]) => system === row.system_id) || known[0];
    return element("a", {href: page}, show(name));
  }

  // Everything the row says, its place, and the commands that read it again.
  facts(row) {
    const said = element("dl");
    const put = (list, title, ...value) => list.append(
      element("div", {}, element("dt", {}, title), element("dd", {}, ...value)));
    for (const [column, kind] of this.table.columns) {
      const value = row[column];
      if (column.startsWith("source_") || value === null || value === "" || value.length === 0) continue;
      const words = this.words(column, value);
      put(said, titleOf(column), kind === "time" ? iso(value)
        : words ? `${show(words)} — ${show(value)}` : this.text(value, column));
    }
    const apart = this.table.time && this.known("clocks", row.system_id);
    if (apart) put(said, "Clock against its host's", show(apart));
    const place = element("dl", {class: "place"});
    for (const [title, value] of placeOf(row)) put(place, title, show(value));
    for (const [title, command] of commandsOf(row, this.names.images))
      put(place, title, element("code", {}, command));
    return element("div", {}, said, place);
  }
}

async function begin() {
  const place = document.getElementById("view");
  if (!place) return;
  const view = new View(place);
  try {
    view.names = await loadJson("names");
    await view.read();
  } catch (error) {
    view.fail(error);
  }
}

begin();
