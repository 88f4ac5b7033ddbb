import { html } from "hono/html";
import type { Session } from "./session";

/** The page for who is signed in, or for who is not. */
export function page(session: Session | undefined) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Tea room</title>
        <style>
          :root {
            color-scheme: light dark;
            font-family: system-ui, sans-serif;
          }
          /* Only what was ordered: the keys are numbers that nobody wants to read. */
          ticker-tape::part(key) {
            display: none;
          }
        </style>
        <script type="module" src="/live/assets/tickertape.elements.js"></script>
      </head>
      <body>
        <main>
          <h1>Tea room</h1>
          <p>Last order: <ticker-value feed="kitchen" key="last" field="item">...</ticker-value></p>
          ${session ? ordersOf(session) : signIn}
        </main>
      </body>
    </html>`;
}

const signIn = html`<form method="post" action="/sign-in">
  <label>Your name: <input name="name" pattern="[a-z]{1,20}" required /></label>
  <button>Sign in</button>
</form>`;

const ordersOf = ({ name }: Session) =>
  html`<h2>Your orders, ${name}</h2>
    <ticker-tape feed="orders.${name}" field="item" label="Your orders"></ticker-tape>
    <form method="post" action="/orders">
      <label>What would you like? <input name="item" maxlength="40" required /></label>
      <button>Order</button>
    </form>
    <form method="post" action="/sign-out"><button>Sign out</button></form>`;
