// Draws the figures from the data beside them, and sorts tables. Nothing here asks a network for anything.
"use strict";

for (const data of document.querySelectorAll("script.figure-data")) {
  const figure = JSON.parse(data.textContent);
  const place = data.previousElementSibling;
  const config = Object.assign({ responsive: true, displaylogo: false }, figure.config, { plotlyServerURL: "" });
  Plotly.newPlot(place, figure.data, figure.layout, config).then(() => place.classList.add("drawn"));
}

window.addEventListener("beforeprint", () => {
  for (const place of document.querySelectorAll(".figure.drawn")) Plotly.Plots.resize(place);
});

const sortKey = (row, column) => {
  const cell = row.cells[column];
  const key = cell.dataset.sort ?? cell.textContent.trim();
  return Number.isNaN(Number(key)) ? key : Number(key);
};

const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));

for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => compare(sortKey(a, column), sortKey(b, column)) * (falling ? -1 : 1));
      table.tBodies[0].append(...rows);
    });
  });
}
