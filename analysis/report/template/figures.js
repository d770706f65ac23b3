// What figures are drawn with: the library, packed above, and the figures are gzip, as base64. Nothing here asks a
// network for anything.
"use strict";

const unpackText = async (packed) => {
  const letters = atob(packed);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
};
const unpack = async (packed) => JSON.parse(await unpackText(packed));

// Unpacks the library once, and says why it cannot be had; nothing where it can.
const loadPlotly = async () => {
  if (!window.DecompressionStream)
    return "This browser cannot draw figures: it is older than Chrome or Edge 80, Firefox 113 or Safari 16.4. All that is said in words and tables stands here without them.";
  const script = document.createElement("script");
  script.textContent = await unpackText(packedPlotly);
  document.head.append(script);
  return window.Plotly ? "" : "Figures cannot be drawn here: whoever serves this page forbids the script that draws them (Content-Security-Policy without 'unsafe-inline'). Opened from a disk they are drawn.";
};
let loaded;

// Tells whether figures can be drawn; where they cannot, the place of the figure says why.
const canDraw = async (place) => {
  const reason = await (loaded ??= loadPlotly());
  if (!reason) return true;
  place.style.minHeight = "";
  place.replaceChildren(Object.assign(document.createElement("p"), { className: "warning", textContent: reason }));
  return false;
};
