import { connect, type Feed } from "../client/index.ts";
import type { JsonObject } from "../protocol/json.ts";
import { choiceProblem, readChoice, selectionOf, type Choice } from "./model/page-url.ts";
import { ServerApi } from "./model/server-api.ts";
import { CredentialForm } from "./view/connection-view.ts";
import { byId, write } from "./view/dom.ts";
import { Page } from "./view/page.ts";
import { setUpPanels } from "./view/panels.ts";
import { serverAddress } from "./view/server-address.ts";
import { setUpTheme } from "./view/theme.ts";

const choice = readChoice(location.search);
const problem = choiceProblem(choice);
document.title = `${choice.feed} · Tickertape`;
write(byId("feed"), choice.feed);
if (problem === undefined) showFeed(choice);
else showProblem(choice, problem);

function showFeed(choice: Choice): void {
  const credential = new CredentialForm(() => feed.reconnect());
  const token = (): string | undefined => credential.value;
  const feed = connect<JsonObject>(serverAddress, choice.feed, { ...selectionOf(choice), token });
  const watch = (key: string): Feed<JsonObject> =>
    connect<JsonObject>(serverAddress, choice.feed, { keys: [key], token });
  new Page(choice, feed, watch, new ServerApi(serverAddress, token), credential).start();
}

function showProblem(choice: Choice, problem: string): void {
  setUpTheme(byId("theme", HTMLSelectElement), () => {});
  document.body.dataset["state"] = "closed";
  write(byId("state"), "Not a feed");
  write(byId("reason"), problem);
  // The reader can still go to other feeds.
  setUpPanels(
    new ServerApi(serverAddress, () => undefined),
    () => ({ choice, key: undefined, value: undefined, main: undefined }),
    () => {},
  );
  for (const id of ["open-publish", "open-snippets"]) byId(id).hidden = true;
  byId("open-feeds").click();
}
