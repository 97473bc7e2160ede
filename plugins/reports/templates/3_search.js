// Which rows of a table are asked for, and finding them chunk by chunk.

class Search {
  // wanted: {text, facets: Map column -> value, from, to (BigInt or null)}
  constructor(table, wanted, words) {
    this.table = table;
    this.wanted = wanted;
    this.words = words;  // (column, text) -> what else the page shows for it
    this.isOpen = !wanted.text && !wanted.facets.size && wanted.from === null && wanted.to === null;
    this.parts = this.candidates();
    this.hits = [];
    this.done = 0;
    this.rowsDone = 0;
  }

  // Chunks that can have such rows, by the index.
  candidates() {
    const {table, wanted} = this, found = [];
    const tests = [];
    for (const [column, value] of wanted.facets) {
      const facet = table.facets[column];
      if (facet) {
        const place = facet.values.findIndex(([text]) => text === value);
        tests.push(number => facet.chunks[number].includes(place));
      }
    }
    for (let number = 0; number < table.chunks.length; number++) {
      const [, first, last] = table.chunks[number];
      if (this.hasTime && (first === null || wanted.to !== null && BigInt(first) >= wanted.to
          || wanted.from !== null && BigInt(last) < wanted.from)) continue;
      if (tests.every(test => test(number))) found.push(number);
    }
    return found;
  }

  get hasTime() { return this.wanted.from !== null || this.wanted.to !== null; }
  get isDone() { return this.isOpen || this.done === this.parts.length; }
  get total() { return this.isOpen ? this.table.rows : this.hits.length; }

  // Rows of the chunk that are asked for.
  matching(chunk) {
    const {wanted, table} = this, tests = [];
    for (const [name, value] of wanted.facets) {
      const column = chunk.byName.get(name);
      const place = column ? column.texts.indexOf(value) : -1;
      if (place < 0) return [];
      tests.push(row => column.which(row) === place);
    }
    if (this.hasTime) {
      const column = chunk.byName.get(table.time);
      tests.push(row => {
        const at = column.value(row);
        return at !== null && (wanted.from === null || at >= wanted.from)
          && (wanted.to === null || at < wanted.to);
      });
    }
    if (wanted.text) tests.push(this.textTest(chunk));
    const found = [];
    for (let row = 0; row < chunk.rows; row++)
      if (tests.every(test => test(row))) found.push(row);
    return found;
  }

  textTest(chunk) {
    const text = this.wanted.text.toLowerCase(), having = [];
    for (const column of chunk.columns) {
      if (!column.lengths) continue;
      const places = new Set();
      column.texts.forEach((value, place) => {
        if (`${value} ${this.words(column.name, value)}`.toLowerCase().includes(text))
          places.add(place);
      });
      if (places.size) having.push([column, places]);
    }
    return row => having.some(([column, places]) => places.has(column.which(row)));
  }

  // Look through the next chunk; `seen(chunk, rows)` is told what was found.
  async step(seen) {
    const number = this.parts[this.done];
    const chunk = await this.table.chunk(number);
    const rows = this.matching(chunk);
    for (const row of rows) this.hits.push([number, row]);
    this.done += 1;
    this.rowsDone += chunk.rows;
    seen(chunk, rows);
  }

  // Chunk and row of the hits from `start` on.
  slice(start, count) {
    if (!this.isOpen) return this.hits.slice(start, start + count);
    const {starts, chunks, rows} = this.table, found = [];
    let number = starts.findLastIndex(first => first <= start);
    for (let at = start; at < Math.min(rows, start + count); at++) {
      while (at - starts[number] >= chunks[number][0]) number += 1;
      found.push([number, at - starts[number]]);
    }
    return found;
  }
}
