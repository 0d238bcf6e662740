// Findings by severity, or those of the chosen trial only.
const findingEntries = all("#findings .entry");
const severity = first("#severity");
const ofChosen = first("#of-chosen");
const filterFindings = () => {
  findingEntries.forEach((entry, i) => {
    const places = data.findings[i];
    const fits = !severity.value || entry.dataset.badge === severity.value;
    const about = !ofChosen.checked || !places.length || places.includes(page.chosen);
    entry.hidden = !(fits && about);
  });
  const shown = findingEntries.filter((entry) => !entry.hidden).length;
  first("#findings-shown").textContent = `${shown} of ${findingEntries.length} kinds`;
};
if (severity) {
  severity.addEventListener("change", filterFindings);
  ofChosen.addEventListener("change", filterFindings);
  followers.push(() => ofChosen.checked && filterFindings());
}

// Paper cannot be clicked; a link to an entry must not lead to a hidden one.
addEventListener("beforeprint", () => {
  for (const details of all("details:not(.explanation)")) details.open = true;
});
addEventListener("click", (event) => {
  const target = event.target.closest?.("a[href^='#']");
  const entry = target && document.getElementById(target.getAttribute("href").slice(1));
  if (entry) entry.hidden = false;
});
