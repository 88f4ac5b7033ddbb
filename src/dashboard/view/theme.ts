const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const STORED = "tickertape.theme";

/** Anything but a theme's name is `system`. */
export function readTheme(text: string | null | undefined): Theme {
  return THEMES.find((theme) => theme === text) ?? "system";
}

/** Lets the reader choose between light, dark and what the system says, and remembers it. */
export function setUpTheme(select: HTMLSelectElement, onChange: () => void): void {
  const apply = (theme: Theme): void => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    onChange();
  };
  select.value = readTheme(remembered());
  apply(readTheme(select.value));
  select.addEventListener("change", () => {
    remember(select.value);
    apply(readTheme(select.value));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
}

/** Storage may be forbidden, and throws then. */
function remembered(): string | null {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function remember(theme: string): void {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // It holds for this visit.
  }
}

/** What a custom property's colour is at this moment, as `rgb(…)`. */
export function colorOf(property: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
