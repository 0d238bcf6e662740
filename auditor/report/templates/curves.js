// Learning curves: the best trial beside the chosen one, in the styles of auditor/report/curves.py.
const metricChoice = first("#metric");
const scaleChoice = first("#scale");
const compare = first("#compare");

const styled = (style, name, x, y, more = {}) => ({ ...curves.styles[style], name, x, y, ...more });

// Least, mean and greatest value of each epoch, of the runs that had one there.
const spreadOf = (lines) => {
  const at = new Map();
  for (const { x, y } of lines) {
    x.forEach((epoch, i) => {
      if (!at.has(epoch)) at.set(epoch, []);
      if (y[i] !== null) at.get(epoch).push(y[i]);
    });
  }
  const x = [...at.keys()].sort((a, b) => a - b);
  const each = (of) => x.map((epoch) => (at.get(epoch).length ? of(at.get(epoch)) : null));
  const mean = (values) => values.reduce((sum, value) => sum + value / values.length, 0);
  return { x, least: each((v) => Math.min(...v)), mean: each(mean), most: each((v) => Math.max(...v)) };
};

const tracesOf = (side, rows) => {
  const lines = rows.map((row) => curveOf(side, row));
  const filled = lines.filter(({ x }) => x.length);
  if (filled.length < 2) {
    return filled.map(({ x, y }) =>
      styled(`${side.kind}-line`, side.name, x, y, x.length > curves.few_points ? {} : { mode: "markers+lines" }));
  }
  const { x, least, mean, most } = spreadOf(filled);
  const ones = filled.length > curves.most_ones ? [] : lines.map((line, i) =>
    styled(`${side.kind}-one`, `${side.name}, ${curves.names[rows[i]]}`, line.x, line.y));
  return [
    styled("edge", "", x, least),
    styled(`${side.kind}-band`, "", x, most),
    ...ones,
    styled(`${side.kind}-line`, `${side.name}, mean of ${filled.length}`, x, mean),
  ];
};

const marksOf = (metric, rows) => {
  const at = rows.filter((row) => curves.best[row] !== null && metric.best[row] !== null);
  if (!at.length) return [];
  const name = at.length > 1 ? "best epochs" : `best epoch ${curves.best[at[0]]}`;
  return [styled("best", name, at.map((row) => curves.best[row]), at.map((row) => metric.best[row]))];
};

// Shaded epochs; their label stands above the chart, where no curve is, and grows inwards.
const shaded = ([text, from, to]) => ({
  type: "rect", yref: "paper", x0: from - 0.5, x1: to + 0.5, y0: 0, y1: 1,
  line: { width: 0 }, fillcolor: data.shade, layer: "below",
  label: {
    text, textposition: from + to < curves.epochs ? "top left" : "top right", textangle: 0,
    yanchor: "bottom", padding: 1, font: { size: 11, color: data.muted },
  },
});

// The best trial's validation curve, thin, for comparison.
const reference = (metric, place) => {
  const rows = rowsOf(curves.winner);
  if (!compare.checked || place === curves.winner || !rows.length) return [];
  const side = metric.sides[metric.sides.length - 1];
  const { x, y } = curveOf(side, rows[0]);
  const line = { color: data.muted, width: 1.5, dash: "10px,3px" };
  return [{ mode: "lines", name: `${side.name} of the best`, x, y, line }];
};

const drawCurves = (chart) => {
  const panel = chart.closest(".panel");
  const place = placeIn(panel);
  const metric = curves.metrics[metricChoice ? Number(metricChoice.value) : 0];
  const rows = rowsOf(place);
  const own = metric.sides.flatMap((side) => tracesOf(side, rows));
  const traces = [...reference(metric, place), ...own, ...marksOf(metric, rows)];
  const values = own.flatMap(({ y }) => y).filter((value) => value !== null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const fits = low > 0 && high / low > curves.log_ratio;
  const log = scaleChoice.value === "auto" ? fits : scaleChoice.value === "log";
  draw(chart, traces, {
    ...data.frame,
    shapes: (curves.intervals[place] ?? []).map(shaded),
    xaxis: curves.axis,
    yaxis: { ...metric.axis, ...(log ? { type: "log", dtick: high / low < 1000 ? "D2" : 1 } : {}) },
    height: 340,
    showlegend: true,
    legend: { ...data.frame.legend, traceorder: "normal" },
  });
};

const placeIn = (panel) =>
  panel.dataset.role === "best" ? curves.winner ?? curves.trials[0] : page.chosen;

// The chosen trial in words: what it came to, where it differs from the best, what was found.
const describe = (place) => {
  const name = nameOf(place);
  const own = first(".panel[data-role=chosen]");
  first(".who", own).textContent = `Trial ${name}`;
  const badge = first(".badge", own);
  const outcomes = columnOf(board, "outcome");
  badge.className = `badge ${outcomes.tones[outcomeOf(place)] ?? ""}`;
  badge.textContent = outcomeOf(place);
  const list = first(".differs", own);
  list.replaceChildren();
  const best = curves.winner;
  for (const column of board.columns) {
    if (column.about !== data.setting) continue;
    const [mine, theirs] = [textOf(column, place), best === null ? null : textOf(column, best)];
    if (mine === theirs && place !== best) continue;
    const item = made("li", `${column.name} = ${mine}`);
    if (place !== best && theirs !== null) item.append(made("span", ` (best: ${theirs})`));
    list.append(item);
  }
  const seen = data.findings.flatMap((places, i) => (places.includes(place) ? [i] : []));
  const found = first(".found", own);
  found.replaceChildren();
  const entries = all("#findings .entry");
  for (const i of seen) {
    if (!entries[i]) continue;
    const item = made("li");
    item.append(made("a", entries[i].dataset.title, { href: `#${entries[i].id}` }));
    found.append(item);
  }
  first(".none", own).hidden = rowsOf(place).length > 0;
  const what = `trial ${name}: ${outcomeOf(place)}`;
  first(".chart", own).setAttribute("aria-label", `Learning curves of ${what}`);
  say(`Chosen: ${what}.`);
};

if (curves && typeof Plotly !== "undefined") {
  const charts = all(".panel .chart");
  for (const chart of charts) drawLater(chart, drawCurves);
  const drawnAlready = () => charts.filter((chart) => done.has(chart));
  for (const control of [metricChoice, scaleChoice, compare]) {
    control?.addEventListener("change", () => drawnAlready().forEach(drawCurves));
  }
  followers.push((place) => {
    describe(place);
    drawnAlready().forEach((chart) => {
      if (chart.closest(".panel").dataset.role === "chosen") drawCurves(chart);
    });
  });
  for (const button of all("button[data-step]")) {
    button.addEventListener("click", () => stepIn(grids.get(0), Number(button.dataset.step)));
  }
  first("#curves-view").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || typing()) return;
    event.preventDefault();
    stepIn(grids.get(0), step);
  });
}
