// Figures are drawn when they come near the window, and on paper; a click chooses a trial.
const FIGURE_HEIGHT = 450;
const MARGIN = "600px"; // how far below the window a figure is drawn already
const PAPER = 660; // pixels across a printed page
const config = { displayModeBar: false, responsive: true, plotlyServerURL: "" };
const coarse = matchMedia("(pointer: coarse)");
const drawers = new Map(); // from a chart to what draws it
const done = new Set();
let printing = false;

// One set of figures, two themes: on a dark page each colour is swapped for its partner.
const themed = (value) => {
  if (typeof value === "string") return (isDark() && !printing && lookUp(data.dark, value)) || value;
  // Long lists of numbers hold no colour; a step of a scale of colours is a number and a colour.
  const isPlain = Array.isArray(value) && value.every((part) => typeof part === "number");
  if (Array.isArray(value)) return isPlain ? value : value.map(themed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, themed(part)]));
};

const draw = (chart, traces, layout) => {
  const drag = coarse.matches ? false : "zoom"; // a finger on a chart scrolls the page
  const paper = printing ? { width: Math.min(chart.clientWidth || PAPER, PAPER) } : {};
  Plotly.react(chart, themed(traces), { ...themed(layout), dragmode: drag, ...paper }, config);
  if (!done.has(chart)) {
    done.add(chart);
    chart.on("plotly_click", (event) => {
      const place = trialAt(event.points[0]);
      if (Number.isInteger(place)) choose(place);
    });
  }
};

// The trial of a point: its own, or that of its whole trace.
const trialAt = (point) => {
  const own = Array.isArray(point.customdata) ? point.customdata[0] : point.customdata;
  return Number.isInteger(own) ? own : point.data.meta?.trial;
};

// A crosshair on the chosen trial where a figure has a point for it (a ring is the winner's), and its
// line where it has one; the legend names them, for who opens the page has chosen nothing yet.
const mark = (traces, { showlegend = traces.length > 1 }) => {
  if (page.chosen === null) return [];
  for (const trace of traces) {
    if ((trace.type ?? "scatter") !== "scatter" || !Array.isArray(trace.customdata)) continue;
    const at = trace.customdata.indexOf(page.chosen);
    if (at < 0) continue;
    const marker = { symbol: "circle-cross-open", size: 18, color: data.ink, line: { width: 2 } };
    const { x, y, xaxis, yaxis } = trace;
    const axes = { ...(xaxis && { xaxis }), ...(yaxis && { yaxis }) };
    const isLine = trace.mode === "lines";
    const end = isLine ? trace.customdata.lastIndexOf(page.chosen) + 1 : at + 1;
    const look = isLine ? { mode: "lines", line: { color: data.ink, width: 3.5 } }
      : { mode: "markers", marker };
    return [{
      type: "scatter", x: x.slice(at, end), y: y.slice(at, end), ...look, ...axes,
      name: "chosen trial", showlegend, hoverinfo: "skip", cliponaxis: false,
    }];
  }
  return [];
};

const drawFigure = (chart) => {
  const figure = data.figures[chart.dataset.figure];
  const layout = { ...figure.layout, hovermode: "closest" };
  draw(chart, [...figure.data, ...mark(figure.data, figure.layout)], layout);
};

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    drawers.get(target)(target);
  }
}, { rootMargin: MARGIN });

const drawLater = (chart, drawer) => {
  drawers.set(chart, drawer);
  near.observe(chart);
};
const redraw = (every = false) => {
  for (const [chart, drawer] of drawers) if (every || done.has(chart)) drawer(chart);
};

if (typeof Plotly !== "undefined") {
  for (const chart of all(".chart[data-figure]")) {
    if (data.figures[chart.dataset.figure]) drawLater(chart, drawFigure);
    else chart.closest("figure").hidden = true;
  }
  followers.push(() => {
    for (const chart of done) if (chart.dataset.figure) drawFigure(chart);
  });
  onTheme(() => redraw());
  addEventListener("beforeprint", () => { printing = true; redraw(true); });
  addEventListener("afterprint", () => { printing = false; redraw(); });
}
