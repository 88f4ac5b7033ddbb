import { renewalAt, tokenExpiry } from "../connecting/token.ts";
import { principalOf } from "./repetition.ts";
import { Timer, within } from "./timer.ts";
import type { Key } from "./types.ts";

/** Asks for another token before the present one ends, for as long as a socket is open. */
export class TokenRenewal {
  readonly #key: Key | undefined;
  readonly #timeout: number;
  readonly #onToken: (token: string) => void;
  readonly #onOtherPrincipal: () => void;
  readonly #closing = new AbortController();
  readonly #timer = new Timer();
  #token: string | undefined;

  /** `timeout`: milliseconds that the key may take. A key that is no function is never asked for. */
  constructor(
    { key, timeout }: { readonly key: Key | undefined; readonly timeout: number },
    token: string | undefined,
    on: { readonly token: (token: string) => void; readonly otherPrincipal: () => void },
  ) {
    this.#key = key;
    this.#timeout = timeout;
    this.#token = token;
    this.#onToken = on.token;
    this.#onOtherPrincipal = on.otherPrincipal;
  }

  /** The token that is in use. */
  get token(): string | undefined {
    return this.#token;
  }

  /** `expires`: milliseconds since 1970, as the server says; else as the token says. */
  schedule(expires = tokenExpiry(this.#token)): void {
    const key = this.#key;
    const at = renewalAt(expires, Date.now());
    if (typeof key === "function" && at < Infinity) this.#timer.set(at - Date.now(), () => void this.#renew(key));
  }

  stop(): void {
    this.#closing.abort();
    this.#timer.clear();
  }

  async #renew(key: Extract<Key, Function>): Promise<void> {
    const { signal } = this.#closing;
    let token: string | undefined;
    try {
      token = await within(this.#timeout, signal, async () => key());
    } catch {
      // It is asked for again while the present one lasts.
    }
    if (signal.aborted) return;
    if (token === undefined || token === this.#token) this.schedule();
    else if (principalOf(token) === principalOf(this.#token)) {
      this.#token = token;
      this.schedule();
      this.#onToken(token);
    } else this.#onOtherPrincipal();
  }
}
