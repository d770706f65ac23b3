// The map of the panel: drawn from the figure as JSON, again whenever that changes, by a library that is sent once and
// packed (gzip, as base64). A click on a node is told by its name.
const load = async () => {
  const letters = atob(packedPlotly);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  // As a module: what else is on the page has its own library, and keeps it.
  const [known, module] = [window.Plotly, { exports: {} }];
  new Function("module", text)(module);
  if (known) window.Plotly = known;
  else delete window.Plotly;
  return module.exports;
};
let loaded;

export default {
  async render({ model, el }) {
    const Plotly = await (loaded ??= load());
    let place;
    const clear = () => {
      if (place) Plotly.purge(place);
      place = undefined;
      el.replaceChildren();
    };
    const draw = async () => {
      clear();
      const text = model.get("figure");
      if (!text) return;
      const { data, layout } = JSON.parse(text);
      const here = (place = document.createElement("div"));
      el.append(here);
      await Plotly.newPlot(here, data, layout, { displaylogo: false, plotlyServerURL: "" });
      // The next figure may have come meanwhile.
      if (here !== place) return;
      here.on("plotly_click", ({ points: [point] }) => {
        if (point.data.name === "nodes") model.send({ clicked: point.customdata });
      });
    };
    model.on("change:figure", draw);
    await draw();
    return () => {
      model.off("change:figure", draw);
      clear();
    };
  },
};
