import { choiceProblem, readChoice } from "./model/page-url.ts";
import { Api } from "./model/server-api.ts";
import { byId, write } from "./view/dom.ts";
import { Page } from "./view/page.ts";
import { setUpPanels } from "./view/panels.ts";
import { setUpTheme } from "./view/theme.ts";

const choice = readChoice(location.search);
const problem = choiceProblem(choice);
document.title = `${choice.feed} · Tickertape`;
write(byId("feed"), choice.feed);

if (problem === undefined) {
  const page = new Page(choice);
  setUpTheme(byId("theme", HTMLSelectElement), () => page.recolour());
} else {
  setUpTheme(byId("theme", HTMLSelectElement), () => {});
  document.body.dataset["state"] = "closed";
  write(byId("state"), "Not a feed");
  write(byId("reason"), problem);
  // There may be others to go to.
  const api = new Api(location.origin, () => undefined);
  setUpPanels(
    api,
    () => ({ choice, key: undefined, value: undefined, main: undefined }),
    () => {},
  );
  for (const id of ["open-publish", "open-snippets"]) byId(id).hidden = true;
  byId("open-feeds").click();
}
