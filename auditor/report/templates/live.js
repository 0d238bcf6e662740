// While the sweep goes on, the page loads itself again and stands where it stood.
const KEPT = `auditor-live ${location.pathname}`;
const keep = () => {
  const grid = grids.get(0);
  const state = {
    scroll: [scrollX, scrollY],
    chosen: page.chosen === null ? null : nameOf(page.chosen),
    sort: grid ? grid.getSorters().map(({ field, dir }) => ({ column: field, dir })) : [],
    filters: grid ? grid.getHeaderFilters().map(({ field, value }) => ({ field, value })) : [],
    open: all("details[open]").map((details) => all("details").indexOf(details)),
    values: controls().map((control) => control.type === "checkbox" ? control.checked : control.value),
  };
  try { sessionStorage.setItem(KEPT, JSON.stringify(state)); } catch { /* then it starts anew */ }
};
// What readers set outside of tables, and the search of the leaderboard.
const controls = () => all('.tools select[id], .tools input[id], [data-grid="0"] input.search');
const resume = (state, grid) => {
  controls().forEach((control, i) => {
    const value = state.values[i];
    if (value === undefined) return;
    if (control.type === "checkbox") control.checked = value;
    else control.value = value;
    for (const event of ["input", "change"]) control.dispatchEvent(new Event(event));
  });
  for (const i of state.open) if (all("details")[i]) all("details")[i].open = true;
  if (state.sort.length) grid.setSort(state.sort);
  for (const { field, value } of state.filters) grid.setHeaderFilterValue(field, value);
  const place = board.trials.findIndex((_, at) => nameOf(at) === state.chosen);
  if (place >= 0) choose(place);
  requestAnimationFrame(() => scrollTo(...state.scroll));
};
const restore = () => {
  let state = null;
  try { state = JSON.parse(sessionStorage.getItem(KEPT)); } catch { /* nothing was kept */ }
  if (state) onStanding.push((grid) => resume(state, grid));
};
// Somebody at work, or who looks elsewhere, is not interrupted.
const QUIET = 5000; // milliseconds since the last key, click or turn of the wheel
let touched = -QUIET;
for (const event of ["keydown", "pointerdown", "wheel"]) {
  addEventListener(event, () => { touched = performance.now(); }, { passive: true });
}
const again = () => {
  if (document.hidden || performance.now() - touched < QUIET) { setTimeout(again, 1000); return; }
  keep();
  location.reload();
};
if (data.seconds !== null) {
  history.scrollRestoration = "manual";
  restore();
  setTimeout(again, 1000 * data.seconds);
}
