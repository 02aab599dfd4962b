// Sorts and filters the table that is there; without this script everything is still shown.
"use strict";
const body = document.querySelector("#board tbody");
const heads = [...document.querySelectorAll("#board thead th")];
const form = document.querySelector("#filters");

function sort(place) {
  const head = heads[place];
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of heads) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const sign = down ? -1 : 1;
  const by = (row) => row.cells[place].dataset.by;
  const number = (text) => (text === "" ? NaN : Number(text));
  const compare = (a, b) => {
    if (head.dataset.kind === "text") return sign * by(a).localeCompare(by(b));
    const [x, y] = [number(by(a)), number(by(b))];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // what is not known comes last
    return sign * (x - y);
  };
  body.append(...[...body.rows].sort(compare));
}

function filter() {
  const chosen = new FormData(form);
  const words = chosen.get("words").toLowerCase().split(/\s+/).filter(Boolean);
  const names = heads.map((head) => head.textContent.trim());
  let shown = 0;
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    const fits = words.every((word) => text.includes(word))
      && [...form.querySelectorAll("select")].every(
        (select) => !select.value || row.cells[names.indexOf(select.name)].dataset.by === select.value)
      && (!chosen.get("clean") || row.cells[row.cells.length - 1].dataset.by === "0");
    row.hidden = !fits;
    shown += fits;
  }
  document.querySelector("#shown").textContent = shown;
}

heads.forEach((head, place) => head.querySelector("button").addEventListener("click", () => sort(place)));
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();
