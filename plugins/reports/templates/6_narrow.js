// The list of machines: shows those that have a text in their line.

function narrow() {
  const form = document.getElementById("narrow");
  if (!form) return;
  const box = document.getElementById("name"), lines = [...document.querySelectorAll(".listed")];
  const texts = lines.map(line => line.textContent.toLowerCase());
  form.hidden = false;
  form.addEventListener("submit", event => event.preventDefault());
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    lines.forEach((line, place) => { line.hidden = !texts[place].includes(wanted); });
    const rows = document.querySelectorAll("tr.listed"), left = [...rows].filter(row => !row.hidden);
    document.getElementById("narrowed").textContent = `${left.length} of ${rows.length}`;
  });
}

narrow();
