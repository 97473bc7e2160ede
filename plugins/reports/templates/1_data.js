// Loading tables from files beside the page. Layout of a chunk: plugins/reports/html/chunks.py.

const awaited = new Map();

// Called by the files of data, each of which is one such call.
window.vmtrail = (name, number, packed) => {
  const take = awaited.get(`${name} ${number}`);
  if (take) take(packed);
};

function loadScript(name, number) {
  const key = `${name} ${number}`, file = number < 0 ? name : `${name}-${number}`;
  return new Promise((take, fail) => {
    const script = document.createElement("script");
    awaited.set(key, packed => { awaited.delete(key); script.remove(); take(packed); });
    script.addEventListener("error", () =>
      fail(new Error(`data/${file}.js cannot be read; it belongs beside this page`)));
    script.src = `data/${file}.js`;
    document.head.append(script);
  });
}

async function inflate(packed) {
  const text = atob(packed), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

async function loadJson(name) {
  return JSON.parse(new TextDecoder().decode(await inflate(await loadScript(name, -1))));
}

// One column of a chunk; `value(row)` is text, BigInt, true, false, a list, or null.
class Column {
  constructor(about, buffer, base) {
    this.name = about.name;
    this.kind = about.kind;
    const bytes = ([offset, length]) => new Uint8Array(buffer, base + offset, length);
    if (about.lengths) {
      this.lengths = new Uint32Array(bytes(about.lengths).slice().buffer);
      this.blob = bytes(about.blob);
      const kinds = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array};
      this.rows = about.rows && new kinds[about.width](bytes(about.rows).slice().buffer);
    } else {
      const values = bytes(about.values);
      this.values = this.kind === "bool" ? values : new BigInt64Array(values.slice().buffer);
      this.missing = about.missing && bytes(about.missing);
    }
  }

  // Distinct texts of the column.
  get texts() {
    if (!this.known) {
      const decoder = new TextDecoder("utf-8", {ignoreBOM: true});
      const whole = decoder.decode(this.blob), isPlain = whole.length === this.blob.length;
      let at = 0;
      this.known = Array.from(this.lengths, length => {
        const from = at;
        at += length;
        return isPlain ? whole.slice(from, at) : decoder.decode(this.blob.subarray(from, at));
      });
    }
    return this.known;
  }

  which(row) { return this.rows ? this.rows[row] : 0; }

  value(row) {
    if (this.kind === "bool") return this.values[row] > 1 ? null : this.values[row] === 1;
    if (this.values) return this.missing && this.missing[row] ? null : this.values[row];
    const text = this.texts[this.which(row)];
    return this.kind === "list" ? JSON.parse(text) : text;
  }
}

class Chunk {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
    this.rows = header.rows;
    this.columns = header.columns.map(about => new Column(about, buffer, 4 + length));
    this.byName = new Map(this.columns.map(column => [column.name, column]));
  }

  row(number) {
    return Object.fromEntries(this.columns.map(column => [column.name, column.value(number)]));
  }
}

// A table beside the page: its index, and its chunks as they are wanted.
class Table {
  static async open(name) {
    return new Table(await loadJson(name));
  }

  constructor(index) {
    Object.assign(this, index);
    this.starts = [];
    let start = 0;
    for (const [rows] of this.chunks) {
      this.starts.push(start);
      start += rows;
    }
    this.kept = new Map();
  }

  async chunk(number) {
    let chunk = this.kept.get(number);
    this.kept.delete(number);
    chunk = chunk || new Chunk(await inflate(await loadScript(this.name, number)));
    this.kept.set(number, chunk);
    if (this.kept.size > 12) this.kept.delete(this.kept.keys().next().value);
    return chunk;
  }
}
