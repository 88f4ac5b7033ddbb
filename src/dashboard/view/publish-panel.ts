import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Api, Failure } from "../model/server-api.ts";
import { byId, make } from "./dom.ts";
import { readUpdate } from "../model/publish-form.ts";

const MAYBE = "The update may have been published; sent again as it is, it is not published twice.";

/** A form to publish one update by hand. The credential lives in its field, until the panel is closed. */
export class PublishPanel {
  readonly #api: Api;
  readonly #feed: string;
  readonly #dialog = byId("publish", HTMLDialogElement);
  readonly #credential = byId("publish-credential", HTMLInputElement);
  readonly #key = byId("publish-key", HTMLInputElement);
  readonly #change = byId("publish-change", HTMLSelectElement);
  readonly #value = byId("publish-value", HTMLTextAreaElement);
  readonly #send = byId("publish-send", HTMLButtonElement);
  readonly #result = byId("publish-result");
  #examples = { patch: "", set: "" };
  /** What was sent last and has no receipt: it may have been applied all the same. */
  #attempt: { readonly body: string; readonly key: string } | undefined;

  constructor(api: Api, feed: string) {
    this.#api = api;
    this.#feed = feed;
    byId("publish-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#publish();
    });
    this.#change.addEventListener("change", () => this.#showChange());
    // However it is closed: by its button, by Escape or by the page.
    this.#dialog.addEventListener("close", () => this.#clear());
  }

  /** `key`: an entry to begin with, where one is chosen; `patch` and `value`: what would fit for a patch and for a set. */
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
    // What somebody wrote stays.
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
      return this.#say("problem", read.problem);
    }
    // Not disabled, which would take the focus from under the keyboard.
    this.#send.ariaBusy = "true";
    if (this.#attempt?.body !== read.body) this.#attempt = { body: read.body, key: randomKey() };
    const answer = await this.#api.publish(this.#feed, read.body, this.#credential.value.trim(), this.#attempt.key);
    this.#send.ariaBusy = null;
    if (answer.ok) this.#attempt = undefined;
    // Closed meanwhile: what is shown next time belongs to the next update.
    if (!this.#dialog.open) return;
    if (answer.ok) this.#say("receipt", receiptText(answer.value));
    else this.#showFailure(answer);
  }

  #showFailure({ status, title, detail, issues }: Failure): void {
    const items = issues.map(({ path, message }) =>
      make("li", {}, ...(path === "" ? [] : [make("code", {}, path), " "]), message),
    );
    this.#say(
      "problem",
      status === undefined ? `${title}. ${MAYBE}` : `${title} (${status}). ${detail}`,
      ...(items.length > 0 ? [make("ul", {}, ...items)] : []),
    );
  }

  #say(kind: "receipt" | "problem", text: string, ...more: readonly Node[]): void {
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

/** Not `randomUUID`, which a page served over plain http does not have. */
function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}

function receiptText(receipt: Json): string {
  if (!isJsonObject(receipt)) return "Published.";
  const { epoch, seq, stale } = { epoch: receipt["epoch"], seq: receipt["seq"], stale: receipt["stale"] };
  const position = typeof epoch === "string" && typeof seq === "number" ? `${epoch}:${seq}` : "an unknown position";
  return stale === 1
    ? `Stale: not applied, its version is not above the key's last one. The feed stands at ${position}.`
    : `Published, and durable at ${position}.`;
}
