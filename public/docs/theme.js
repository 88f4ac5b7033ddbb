// @ts-check
// The theme that was chosen on the dashboard, for the pages under /docs/, which offer no choice.
try {
  const theme = localStorage.getItem("tickertape.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
} catch {
  // Storage may be forbidden; then the system's theme holds.
}
