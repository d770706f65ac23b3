// Draws the figure of a slide when the slide is shown, as large as its frame allows.
"use strict";

const drawing = [];
const drawOne = async (place) => {
  if (!(await canDraw(place))) return;
  const { data, layout } = await unpack(place.nextElementSibling.textContent);
  const frame = place.parentElement.parentElement;
  const [width, height] = [frame.offsetWidth || Number(frame.dataset.width), frame.offsetHeight || Number(frame.dataset.height)];
  // Too tall for its frame, a figure is drawn wider and made smaller as a whole.
  const scale = Math.min(1, height / (layout.height ?? height));
  const sized = Object.assign({}, layout, { width: width / scale, autosize: false });
  await Plotly.newPlot(place, data, sized, { displayModeBar: false, plotlyServerURL: "" });
  place.style.transform = `scale(${scale})`;
  place.classList.add("drawn");
};
const draw = (within) => {
  for (const place of within.querySelectorAll(".figure")) {
    if (place.dataset.asked) continue;
    place.dataset.asked = "yes";
    drawing.push(drawOne(place));
  }
};

window.drawEverySlide = async () => {
  draw(document);
  await Promise.all(drawing);
};

Reveal.initialize({ width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none", pdfSeparateFragments: false, plugins: [RevealNotes] });
Reveal.on("ready", (event) => draw(event.currentSlide));
Reveal.on("slidechanged", (event) => draw(event.currentSlide));
