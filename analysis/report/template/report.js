// Draws the figures from the data beside them, sorts and filters tables. Nothing here asks a network for anything.
"use strict";

const drawing = [];

// One figure: drawn once.
const draw = (place) => {
  if (place.dataset.asked) return;
  place.dataset.asked = "yes";
  drawing.push(drawOne(place));
};
const drawOne = async (place) => {
  if (!(await canDraw(place))) return;
  const figure = await unpack(place.nextElementSibling.textContent);
  const config = Object.assign({ responsive: true, displaylogo: false }, figure.config, { plotlyServerURL: "" });
  await Plotly.newPlot(place, figure.data, figure.layout, config);
  place.classList.add("drawn");
  // What can be moved sideways can be by keyboard.
  if (place.parentElement.scrollWidth > place.parentElement.clientWidth) place.parentElement.tabIndex = 0;
  place.on("plotly_click", (event) => follow(event.points[0]));
};

// What is seen: the page, or one of the pages of a file.
const shown = () => document.querySelector(".page:not([hidden])") ?? document;

const drawAll = (within) => {
  for (const place of within.querySelectorAll(".figure")) draw(place);
};

// What is near is drawn at once, all else that is shown while nothing else is to be done: a page can be read as soon as
// it opens, however many figures it holds.
const near = new IntersectionObserver((seen) => {
  for (const one of seen) if (one.isIntersecting) draw(one.target);
});
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 50));
const drawInTurn = () => {
  const place = shown().querySelector(".figure:not([data-asked])");
  if (!place) return;
  draw(place);
  drawing.at(-1).then(() => whenIdle(drawInTurn));
};
for (const place of document.querySelectorAll(".figure")) near.observe(place);

// Every figure of what is shown, at once.
window.drawEverything = async () => {
  drawAll(shown());
  await Promise.all(drawing);
};

// A click on a service leads to its page, which begins with its findings.
const follow = (point) => {
  if (typeof point?.customdata !== "string") return;
  [...shown().querySelectorAll("main a, .page a")].find((one) => one.textContent === point.customdata)?.click();
};

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
      const keyed = [...table.tBodies[0].rows].map((row) => [sortKey(row, column), row]);
      keyed.sort(([a], [b]) => compare(a, b) * (falling ? -1 : 1));
      table.tBodies[0].append(...keyed.map(([, row]) => row));
    });
  });
}

for (const form of document.querySelectorAll("form.filters")) {
  const section = form.closest(".page") ?? document;
  const rows = [...section.querySelectorAll(`table[id$="${form.dataset.for}"] tbody tr`)];
  const said = form.querySelector("output");
  let texts;
  const chosen = () => {
    texts ??= rows.map((row) => row.cells[1].textContent.toLowerCase());
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...form.querySelectorAll("select")].filter((select) => select.value);
    let shown = 0;
    rows.forEach((row, index) => {
      const fits =
        words.every((word) => texts[index].includes(word)) &&
        wanted.every((select) => row.dataset[select.name].split("\n").includes(select.value));
      row.hidden = !fits;
      shown += fits;
    });
    said.textContent = shown === rows.length ? `${rows.length} findings` : `${shown} of ${rows.length} findings`;
  };
  form.addEventListener("input", chosen);
  form.addEventListener("submit", (event) => event.preventDefault());
}

// Where all pages are one file, the address names the page, and what is to be seen on it.
const pages = [...document.querySelectorAll(".page")];
const show = () => {
  const name = decodeURIComponent(location.hash.slice(1));
  const target = name ? document.getElementById(name) : null;
  const page = target?.closest(".page") ?? pages[0];
  for (const other of pages) other.hidden = other !== page;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${page.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = page.dataset.title;
  whenIdle(drawInTurn);
  if (target && target !== page) target.scrollIntoView();
  else window.scrollTo(0, 0);
};

// For printing: every page at once, and every figure at the width of the paper.
window.showAll = async (highest) => {
  for (const page of pages) page.hidden = false;
  drawAll(document);
  await Promise.all(drawing);
  const places = [...document.querySelectorAll(".figure.drawn")];
  await Promise.all(places.map((place) => Plotly.Plots.resize(place)));
  // What is wider or higher than a sheet is made smaller as a whole: else the browser makes every page smaller.
  for (const table of document.querySelectorAll(".table > table")) {
    const room = table.parentElement.clientWidth / table.offsetWidth;
    if (room < 1) table.style.zoom = room;
  }
  for (const place of places) if (place.offsetHeight > highest) place.style.zoom = highest / place.offsetHeight;
};

// A figure as a picture on white, whether it is shown or not.
window.pictureOf = async (number, format, width) => {
  const place = document.querySelectorAll(".figure")[number];
  if (!(await canDraw(place))) throw new Error(place.textContent);
  const { data, layout } = await unpack(place.nextElementSibling.textContent);
  const sized = Object.assign({}, layout, { width, paper_bgcolor: "#fff" });
  return Plotly.toImage({ data, layout: sized }, { format, width, height: layout.height ?? width / 2, scale: format === "png" ? 2 : 1 });
};

if (pages.length) {
  window.addEventListener("hashchange", show);
  show();
} else whenIdle(drawInTurn);
