// Draws the figure of a slide when the slide is shown, as large as its frame allows.
"use strict";

const figureOf = (text) => {
  const { texts, figure } = JSON.parse(text);
  const whole = (value) => {
    if (typeof value === "string") return value[0] === "\u0001" ? texts[Number(value.slice(1))] : value;
    if (Array.isArray(value)) return value.map(whole);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, whole(item)]));
  };
  return whole(figure);
};

const drawing = [];
const draw = (within) => {
  for (const place of within.querySelectorAll(".figure")) {
    if (place.dataset.asked) continue;
    place.dataset.asked = "yes";
    const { data, layout } = figureOf(place.nextElementSibling.textContent);
    const frame = place.parentElement.parentElement;
    const [width, height] = [frame.offsetWidth || Number(frame.dataset.width), frame.offsetHeight || Number(frame.dataset.height)];
    // Too tall for its frame, a figure is drawn wider and made smaller as a whole.
    const scale = Math.min(1, height / (layout.height ?? height));
    const sized = Object.assign({}, layout, { width: width / scale, autosize: false });
    const drawn = Plotly.newPlot(place, data, sized, { displayModeBar: false, plotlyServerURL: "" }).then(() => {
      place.style.transform = `scale(${scale})`;
      place.classList.add("drawn");
    });
    drawing.push(drawn);
  }
};

window.drawEverySlide = async () => {
  draw(document);
  await Promise.all(drawing);
};

Reveal.initialize({ width: 1280, height: 720, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none", pdfSeparateFragments: false, plugins: [RevealNotes] });
Reveal.on("ready", (event) => draw(event.currentSlide));
Reveal.on("slidechanged", (event) => draw(event.currentSlide));
