import { nearNames } from "../model/near-names.ts";
import { writeChoice } from "../model/page-url.ts";
import type { ServerApi } from "../model/server-api.ts";
import { byId, make, write } from "./dom.ts";

/** Says of a feed that nothing was ever published to that its name may be misspelt, and shows those that are near. */
export class NeverPublished {
  readonly #api: ServerApi;
  readonly #feed: string;
  #isAsked = false;
  /** It is in the list: it was reset. */
  #isListed = false;

  constructor(api: ServerApi, feed: string) {
    this.#api = api;
    this.#feed = feed;
  }

  /** `exists`: undefined if it is not known. */
  draw(exists: boolean | undefined): void {
    byId("never").hidden = exists !== false || this.#isListed;
    if (exists !== false || this.#isAsked) return;
    this.#isAsked = true;
    write(byId("never-name"), this.#feed);
    void this.#showNear();
  }

  /** A reader who may not see the list is shown no names. */
  async #showNear(): Promise<void> {
    const list = await this.#api.list();
    const names = list.ok ? list.value.feeds.map(({ feed }) => feed) : [];
    this.#isListed = names.includes(this.#feed);
    const links = nearNames(this.#feed, names).flatMap((feed) => [
      " ",
      make("a", { href: writeChoice({ feed, keys: [], hz: undefined, show: undefined }) }, feed),
    ]);
    byId("near").hidden = links.length === 0;
    byId("near").replaceChildren("Do you mean", ...links, "?");
  }
}
