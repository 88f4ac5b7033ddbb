// The script of every page under /docs/: the theme that the dashboard has stored, and the search box.
import { startSearch } from "./search.ts";

const STORED_THEME = "tickertape.theme";

function applyTheme(): void {
  try {
    const theme = localStorage.getItem(STORED_THEME);
    if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
  } catch {
    // Storage may be forbidden; then the system's theme holds.
  }
}

/** On a phone the list of pages comes before the text, so it starts closed. */
function foldNavigation(): void {
  const list = document.querySelector(".contents > details");
  if (matchMedia("(max-width: 52rem)").matches) list?.removeAttribute("open");
}

applyTheme();
foldNavigation();
startSearch();
