// Light, dark, or as the system has it; remembered where storage is allowed.
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const themeChoice = first("#theme");
const themeListeners = [];
const stored = (name, value) => {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch { /* a file opened without storage still has a theme, until it is closed */ }
  return null;
};
const isDark = () =>
  root.dataset.theme === "dark" || (root.dataset.theme !== "light" && systemDark.matches);
const onTheme = (listener) => themeListeners.push(listener);
const retheme = () => themeListeners.forEach((listener) => listener());

themeChoice.value = root.dataset.theme ?? "auto";
themeChoice.addEventListener("change", () => {
  if (themeChoice.value === "auto") delete root.dataset.theme;
  else root.dataset.theme = themeChoice.value;
  stored("auditor-theme", themeChoice.value);
  retheme();
});
systemDark.addEventListener("change", retheme);
