import type { FeedStatus } from "../../client/types.ts";
import { byId } from "./dom.ts";

/** Close codes and HTTP statuses that another credential may change. */
const ASKING = new Set([401, 403, 4401, 4403]);

/** Asks for a credential to read with, where the server wants one. It is kept as long as the page, and nowhere else. */
export class CredentialPanel {
  value: string | undefined;
  readonly #form = byId("credential-form");
  readonly #input = byId("credential", HTMLInputElement);

  constructor(onGiven: () => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.value = this.#input.value.trim() || undefined;
      this.#input.value = "";
      onGiven();
    });
  }

  show({ state, code }: FeedStatus): void {
    this.#form.hidden = state !== "closed" || code === undefined || !ASKING.has(code);
  }
}
