// For paper: hatched bars are made of lines, where a browser would print a picture of points for each of them, and a
// figure is one thing to whoever has the file read aloud.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";

  // The steps of which a pattern consists, as pairs of numbers: 4,-4 rises, 0,4 stands.
  const steps = (drawn) =>
    [...drawn.matchAll(/M(-?[\d.e-]+),(-?[\d.e-]+)([lL])(-?[\d.e-]+),(-?[\d.e-]+)/g)].map(([, x, y, how, toX, toY]) =>
      how === "l" ? [Number(toX), Number(toY)] : [toX - x, toY - y],
    );

  const range = (from, to) => Array.from({ length: Math.max(0, Math.floor(to) - Math.ceil(from) + 1) }, (_, n) => Math.ceil(from) + n);

  // Lines of one direction within a box, for a pattern that repeats after w and h.
  const LINES = {
    rising: ([x0, y0, x1, y1], w, h) =>
      range(x0 / w + y0 / h, x1 / w + y1 / h).map((k) => [Math.max(x0, w * (k - y1 / h)), Math.min(x1, w * (k - y0 / h)), (x) => h * (k - x / w)]),
    falling: ([x0, y0, x1, y1], w, h) =>
      range(x0 / w - y1 / h, x1 / w - y0 / h).map((k) => [Math.max(x0, w * (k + y0 / h)), Math.min(x1, w * (k + y1 / h)), (x) => h * (x / w - k)]),
    level: ([x0, y0, x1, y1], w, h) => range(y0 / h - 0.5, y1 / h - 0.5).map((k) => [x0, x1, () => h * (k + 0.5)]),
  };
  const along = (lines) => lines.map(([from, to, at]) => `M${from.toFixed(1)},${at(from).toFixed(1)}L${to.toFixed(1)},${at(to).toFixed(1)}`).join("");
  const upright = ([x0, y0, x1, y1], w) => range(x0 / w - 0.5, x1 / w - 0.5).map((k) => `M${(w * (k + 0.5)).toFixed(1)},${y0}V${y1}`).join("");
  const dots = ([x0, y0, x1, y1], w, h) =>
    range(x0 / w - 0.5, x1 / w - 0.5).flatMap((k) => range(y0 / h - 0.5, y1 / h - 0.5).map((n) => `M${(w * (k + 0.5)).toFixed(1)},${(h * (n + 0.5)).toFixed(1)}h0`)).join("");

  const hatched = (box, w, h, sign) => {
    if (sign.tagName === "circle") return dots(box, w, h);
    const found = steps(sign.getAttribute("d"));
    const has = (test) => found.some(([x, y]) => test(x, y));
    return (
      (has((x, y) => x * y < 0) ? along(LINES.rising(box, w, h)) : "") +
      (has((x, y) => x * y > 0) ? along(LINES.falling(box, w, h)) : "") +
      (has((x, y) => x !== 0 && y === 0) ? along(LINES.level(box, w, h)) : "") +
      (has((x, y) => x === 0 && y !== 0) ? upright(box, w) : "")
    );
  };

  for (const shape of document.querySelectorAll(".figure .pattern_filled")) {
    const pattern = document.getElementById(shape.style.fill.match(/#([^")]+)/)?.[1]);
    const sign = pattern?.querySelector("path, circle");
    if (!sign) continue;
    const scale = Number(pattern.getAttribute("patternTransform").match(/scale\((.+)\)/)?.[1] ?? 1);
    const [w, h] = ["width", "height"].map((name) => parseFloat(pattern.getAttribute(name)) * scale);
    const { x, y, width, height } = shape.getBBox();
    const lines = document.createElementNS(SVG, "path");
    lines.setAttribute("d", hatched([x, y, x + width, y + height], w, h, sign));
    if (shape.hasAttribute("transform")) lines.setAttribute("transform", shape.getAttribute("transform"));
    const round = sign.tagName === "circle";
    lines.style.cssText = "fill: none; pointer-events: none";
    lines.style.stroke = sign.getAttribute(round ? "fill" : "stroke");
    lines.style.strokeWidth = round ? `${2 * parseFloat(sign.getAttribute("r")) * scale}px` : `${parseFloat(sign.getAttribute("stroke-width")) * scale}px`;
    if (round) lines.style.strokeLinecap = "round";
    lines.style.opacity = sign.getAttribute("opacity") ?? 1;
    const ground = pattern.querySelector("rect");
    shape.style.fill = ground?.getAttribute("fill") ?? "none";
    shape.style.fillOpacity = ground?.getAttribute("fill-opacity") ?? 1;
    shape.after(lines);
  }

  for (const place of document.querySelectorAll(".figure")) {
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", place.closest("figure")?.getAttribute("aria-label") ?? "Figure");
    for (const inside of place.children) inside.setAttribute("aria-hidden", "true");
  }
})();
