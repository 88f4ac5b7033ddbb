const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const STORED = "tickertape.theme";

/** Any other text is `system`. */
export function readTheme(text: string | null | undefined): Theme {
  return THEMES.find((theme) => theme === text) ?? "system";
}

/** Lets the reader choose light, dark or the system's theme, and remembers the choice. `onChange`: colours have changed. */
export function setUpTheme(select: HTMLSelectElement, onChange: () => void): void {
  const apply = (theme: Theme): void => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    onChange();
  };
  select.value = readTheme(readStored());
  apply(readTheme(select.value));
  select.addEventListener("change", () => {
    store(select.value);
    apply(readTheme(select.value));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
}

/** Storage throws if the browser forbids it. */
function readStored(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function store(theme: string): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // The choice is valid for this visit only.
  }
}

/** The present colour of a custom property, as `rgb(…)`. */
export function colorOf(property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
