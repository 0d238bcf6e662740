"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)");
  const chosen = data.panels.slice();
  let printing = false;

  // Sorting: unknown values stay last in either direction.
  const keyOf = (row, column) => {
    const key = row.cells[column].dataset.k;
    if (key === undefined) return null;
    if (key === "inf" || key === "-inf") return key === "inf" ? Infinity : -Infinity;
    return key.trim() !== "" && !Number.isNaN(Number(key)) ? Number(key) : key;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? (a === b ? 0 : a < b ? -1 : 1)
      : String(a).localeCompare(String(b), undefined, { numeric: true });

  const sortBy = (table, header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [keyOf(row, header.cellIndex), row]);
    rows.sort(([a], [b]) =>
      a === null || b === null ? (a === null) - (b === null)
        : descending ? compare(b, a) : compare(a, b));
    body.append(...rows.map(([, row]) => row));
  };
  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sortBy(button.closest("table"), button.closest("th")));
  }

  // Paper cannot be clicked.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

  if (typeof Plotly === "undefined") return;

  // One set of pictures, two themes: on a dark page each colour is swapped for its partner.
  const themed = (value) => {
    if (!prefersDark.matches || printing) return structuredClone(value);
    let text = JSON.stringify(value);
    for (const [light, dark] of Object.entries(data.dark)) text = text.replaceAll(light, dark);
    return JSON.parse(text);
  };
  const config = { displayModeBar: false, responsive: true, plotlyServerURL: "" };
  const draw = (chart, traces, layout) => {
    const drag = coarse.matches ? false : "zoom"; // a finger on a chart scrolls the page
    Plotly.react(chart, themed(traces), { ...themed(layout), dragmode: drag }, config);
  };

  const panels = [...document.querySelectorAll(".panel")];
  const metric = document.getElementById("metric");
  const scale = document.getElementById("scale");

  const drawPanel = (panel) => {
    const which = metric ? Number(metric.value) : 0;
    const picture = data.pictures[chosen[panel]][which];
    const log = scale.value === "auto" ? picture.log : scale.value === "log";
    const traces = picture.traces.map(({ style, ...rest }) => ({ ...data.styles[style], ...rest }));
    const layout = {
      ...data.frame,
      shapes: picture.shapes,
      xaxis: data.axes.x,
      yaxis: { ...data.axes.y[which], ...(log ? { type: "log", ...picture.ticks } : {}) },
      height: 340,
      showlegend: true,
    };
    draw(panels[panel].querySelector(".chart"), traces, layout);
    panels[panel].querySelector("select.trial").value = String(chosen[panel]);
  };
  const markRows = () => {
    for (const button of document.querySelectorAll("button.pick")) {
      const on = chosen.includes(Number(button.dataset.place));
      button.setAttribute("aria-pressed", String(on));
      button.closest("tr").classList.toggle("chosen", on);
    }
  };
  const drawAll = () => {
    panels.forEach((_, panel) => drawPanel(panel));
    for (const chart of document.querySelectorAll(".chart[data-figure]")) {
      const figure = data.figures[chart.dataset.figure];
      if (figure) draw(chart, figure.data, { ...figure.layout, hovermode: "closest" });
    }
    markRows();
  };
  const choose = (panel, place) => {
    chosen[panel] = place;
    drawPanel(panel);
    markRows();
  };

  for (const select of document.querySelectorAll("select.trial")) {
    data.trials.forEach((name, place) => {
      select.add(new Option(`${name} – ${data.outcomes[place]}`, String(place)));
    });
    select.addEventListener("change", () =>
      choose(Number(select.dataset.panel), Number(select.value)));
  }
  for (const button of document.querySelectorAll("button.pick")) {
    button.addEventListener("click", () => {
      const panel = panels.length - 1;
      choose(panel, Number(button.dataset.place));
      panels[panel].scrollIntoView({ block: "nearest" });
    });
  }
  metric?.addEventListener("change", drawAll);
  scale?.addEventListener("change", drawAll);
  prefersDark.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => { printing = true; drawAll(); });
  addEventListener("afterprint", () => { printing = false; drawAll(); });
  drawAll();
})();
