import type { JsonObject } from "../../protocol/json.ts";
import { readUpdate, receiptText } from "../model/publish-form.ts";
import type { ApiFailure, ServerApi } from "../model/server-api.ts";
import { byId, make } from "./dom.ts";

const MAYBE = "The update may have been published; sent again as it is, it is not published twice.";

/** A form to publish one update by hand. The credential stays in its field until the panel is closed. */
export class PublishPanel {
  readonly #api: ServerApi;
  readonly #feed: string;
  readonly #dialog = byId("publish", HTMLDialogElement);
  readonly #credential = byId("publish-credential", HTMLInputElement);
  readonly #key = byId("publish-key", HTMLInputElement);
  readonly #change = byId("publish-change", HTMLSelectElement);
  readonly #value = byId("publish-value", HTMLTextAreaElement);
  readonly #send = byId("publish-send", HTMLButtonElement);
  readonly #result = byId("publish-result");
  #examples = { patch: "", set: "" };
  /** The last update that has no receipt. It may have been applied nevertheless. */
  #attempt: { readonly body: string; readonly idempotencyKey: string } | undefined;

  constructor(api: ServerApi, feed: string) {
    this.#api = api;
    this.#feed = feed;
    byId("publish-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#publish();
    });
    this.#change.addEventListener("change", () => this.#showChange());
    // The button, Escape and the page can close it.
    this.#dialog.addEventListener("close", () => this.#clear());
  }

  /** `key`: fills the field. `patch` and `value`: examples for a patch and for a set. */
  open(key: string | undefined, patch: JsonObject, value: JsonObject | undefined): void {
    this.#key.value = key ?? "";
    this.#change.value = "patch";
    this.#examples = { patch: JSON.stringify(patch, null, 2), set: JSON.stringify(value ?? patch, null, 2) };
    this.#value.value = this.#examples.patch;
    this.#showChange();
    this.#dialog.showModal();
    this.#credential.focus();
  }

  #showChange(): void {
    const { patch, set } = this.#examples;
    // What the reader wrote stays.
    if ([patch, set].includes(this.#value.value)) this.#value.value = this.#change.value === "set" ? set : patch;
    const isDeletion = this.#change.value === "delete";
    this.#value.disabled = isDeletion;
    byId("publish-value-row").hidden = isDeletion;
  }

  async #publish(): Promise<void> {
    if (this.#send.ariaBusy === "true") return;
    const read = readUpdate({ key: this.#key.value, change: this.#change.value, value: this.#value.value });
    for (const field of [this.#key, this.#value]) field.removeAttribute("aria-invalid");
    if (!read.ok) {
      const field = read.field === "key" ? this.#key : this.#value;
      field.setAttribute("aria-invalid", "true");
      field.focus();
      return this.#show("problem", read.problem);
    }
    // Not `disabled`: that would take the focus away.
    this.#send.ariaBusy = "true";
    if (this.#attempt?.body !== read.body) this.#attempt = { body: read.body, idempotencyKey: randomKey() };
    const answer = await this.#api.publish(
      this.#feed,
      read.body,
      this.#credential.value.trim(),
      this.#attempt.idempotencyKey,
    );
    this.#send.ariaBusy = null;
    if (answer.ok) this.#attempt = undefined;
    // The panel was closed meanwhile. When it opens again, it is for another update.
    if (!this.#dialog.open) return;
    if (answer.ok) this.#show("receipt", receiptText(answer.value));
    else this.#showFailure(answer);
  }

  #showFailure({ status, title, detail, issues }: ApiFailure): void {
    const items = issues.map(({ path, message }) =>
      make("li", {}, ...(path === "" ? [] : [make("code", {}, path), " "]), message),
    );
    this.#show(
      "problem",
      status === undefined ? `${title}. ${MAYBE}` : `${title} (${status}). ${detail}`,
      ...(items.length > 0 ? [make("ul", {}, ...items)] : []),
    );
  }

  #show(kind: "receipt" | "problem", text: string, ...more: readonly Node[]): void {
    this.#result.dataset["kind"] = kind;
    this.#result.replaceChildren(make("p", {}, text), ...more);
  }

  #clear(): void {
    this.#credential.value = "";
    this.#value.value = "";
    this.#attempt = undefined;
    this.#examples = { patch: "", set: "" };
    this.#result.replaceChildren();
    delete this.#result.dataset["kind"];
  }
}

/** `randomUUID` does not exist on a page that is served over plain http. */
function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
