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
    values: all(".tools select[id], .tools input[id], input.search").map((c) =>
      [c.type === "checkbox" ? c.checked : c.value]),
  };
  try { sessionStorage.setItem(KEPT, JSON.stringify(state)); } catch { /* then it starts anew */ }
};
const restore = () => {
  let state = null;
  try { state = JSON.parse(sessionStorage.getItem(KEPT)); } catch { /* nothing was kept */ }
  if (!state) return;
  all(".tools select[id], .tools input[id], input.search").forEach((control, i) => {
    const [value] = state.values[i] ?? [];
    if (value === undefined) return;
    if (control.type === "checkbox") control.checked = value;
    else control.value = value;
    control.dispatchEvent(new Event(control.tagName === "INPUT" ? "input" : "change"));
    if (control.type === "checkbox") control.dispatchEvent(new Event("change"));
  });
  for (const i of state.open) if (all("details")[i]) all("details")[i].open = true;
  standing.push((grid) => {
    if (state.sort.length) grid.setSort(state.sort);
    for (const { field, value } of state.filters) grid.setHeaderFilterValue(field, value);
  });
  const names = board ? board.trials.map((_, place) => nameOf(place)) : [];
  if (state.chosen !== null && names.includes(state.chosen)) choose(names.indexOf(state.chosen));
  requestAnimationFrame(() => scrollTo(...state.scroll));
};
const again = () => {
  // Somebody who writes, or looks elsewhere, is not interrupted.
  if (typing() || document.hidden) { setTimeout(again, 1000); return; }
  keep();
  location.reload();
};
if (data.seconds !== null) {
  history.scrollRestoration = "manual";
  restore();
  setTimeout(again, 1000 * data.seconds);
}
