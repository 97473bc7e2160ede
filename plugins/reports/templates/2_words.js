// Evidence text, times, places and commands as people read them; nothing here makes markup of text.

const HIDDEN = /[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;
const EPOCH = 116444736000000000n, SECOND = 10000000n;
const GOOD = new Set(["complete", "read", "registered", "present", "match"]);
const CALM = new Set(["low", "info", "absent"]);
const BAD = new Set(["unreadable", "missing", "parent missing", "wrong parent", "corrupt",
  "mismatch", "dangling parent", "dangling link", "cyclic", "high"]);

// As analyzer/text.py: what acts or hides is written \xNN or \uNNNN.
function show(text) {
  return String(text).replace(HIDDEN, character => {
    const code = character.codePointAt(0), hex = code.toString(16);
    return code < 0x100 ? `\\x${hex.padStart(2, "0")}`
      : code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
}

// Ticks as ISO 8601 with all seven digits.
function iso(ticks) {
  const since = ticks - EPOCH, rest = ((since % SECOND) + SECOND) % SECOND;
  const date = new Date(Number((since - rest) / SECOND) * 1000);
  return `${date.toISOString().slice(0, -5)}.${String(rest).padStart(7, "0")}Z`;
}

const clock = ticks => iso(ticks).slice(0, 19).replace("T", " ");

// Ticks of what a person types: 2009, 2009-07, 2009-07-16 20:20:31; null where it is no time.
function ticksOf(text) {
  const parts = /^\s*(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?Z?\s*$/.exec(text);
  if (!parts) return null;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0, fraction = ""] = parts.slice(1);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return BigInt(date.getTime()) * 10000n + EPOCH + BigInt(fraction.padEnd(7, "0"));
}

const counted = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

function titleOf(column) {
  const titles = {at: "Time (UTC)", vm_id: "Machine", system_id: "System", snapshot_id: "Snapshot",
    what: "What", sid: "SID", ace: "Entry", mac: "MAC", user_sid: "User SID", owner_sid: "Owner SID", table: "Told by", topic: "Kind", basis: "Why", vm_name: "Machine's name"};
  if (titles[column]) return titles[column];
  const words = column.replace(/_at$/, " (UTC)").replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

// An element with text and children; evidence text comes in as text only.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// One word of a POSIX shell, as plugins/reports/source_line.py.
function quoted(text) {
  if (show(text) === text) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = Array.from(text, character => {
    if (character === "\\" || character === "'") return `\\${character}`;
    if (show(character) === character) return character;
    const hex = character.codePointAt(0).toString(16).toUpperCase();
    return hex.length < 5 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  return `$'${escaped.join("")}'`;
}

function commandsOf(row, images) {
  const image = Object.hasOwn(images, row.source_evidence) ? images[row.source_evidence]
    : row.source_evidence;
  const path = row.source_path, address = quoted(path ? `${image}!${path}` : image);
  const inside = path.slice(path.lastIndexOf("!") + 1).replace(/^\/+|\/+$/g, "");
  const found = [["Look it up", `vmtrail stat ${address}`]];
  if (inside.includes("/")) {
    const skip = row.source_offset ? `tail -c +${row.source_offset + 1n} | ` : "";
    found.push(["Its bytes, where it is a file",
      `vmtrail cat ${address} | ${skip}head -c 256 | od -A x -t x1z`]);
  }
  return found;
}

// The facts of the place, in the words of the printed footnotes.
function placeOf(row) {
  const path = row.source_path, at = path.lastIndexOf("!");
  const volume = path.slice(at + 1).replace(/^\/+/, "").split("/")[0];
  const byte = value => `${value.toLocaleString("en")} (0x${value.toString(16)})`;
  return [["Evidence", row.source_evidence],
    ["Volume", volume && `${volume} of ${at > 0 ? path.slice(0, at) : "the image"}`],
    ["Path", path], ["Inside the file", row.source_detail],
    ["MFT entry", row.source_entry === null ? "" : String(row.source_entry)],
    ["Byte of the file", row.source_offset === null ? "" : byte(row.source_offset)],
    ["Byte of the image", row.source_image_offset === null ? "" : byte(row.source_image_offset)],
    ["Held by the layer", row.source_layer]].filter(([, value]) => value);
}
