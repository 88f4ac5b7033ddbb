import { FeedObject as PlainFeedObject } from "../../../src/durable/feed-object.ts";
import type { FeedObjectEnv } from "../../../src/durable/serving/options.ts";
import { createFeedApp } from "../../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../../src/http/deployment.ts";
import type { StorageCounts } from "./counts.ts";

export { DirectoryObject } from "../../../src/durable/directory/directory-object.ts";

/** The real object, with its SQL counted from outside. */
export class FeedObject extends PlainFeedObject {
  readonly #query: SqlStorage["exec"];
  #rowsWritten = 0;
  #journalRows = 0;

  constructor(ctx: DurableObjectState, env: FeedObjectEnv) {
    super(ctx, env);
    const { sql } = ctx.storage;
    const query: SqlStorage["exec"] = sql.exec.bind(sql);
    this.#query = query;
    sql.exec = (text, ...bindings) => {
      const cursor = query<Record<string, SqlStorageValue>>(text, ...bindings);
      // A statement that writes has run to its end by now.
      this.#rowsWritten += cursor.rowsWritten;
      if (text.includes("INSERT INTO journal")) this.#journalRows += cursor.rowsWritten;
      return cursor as never;
    };
  }

  storageCounts(): StorageCounts {
    const { generation } = this.#query<{ generation: number }>("SELECT generation FROM feed").one();
    const { journalLength } = this.#query<{ journalLength: number }>(
      "SELECT coalesce(sum(length), 0) AS journalLength FROM journal WHERE generation = ?",
      generation,
    ).one();
    return { rowsWritten: this.#rowsWritten, journalRows: this.#journalRows, generation, journalLength };
  }
}

interface CountingEnv extends FeedAppBindings {
  readonly FEEDS: DurableObjectNamespace<FeedObject>;
}

const app = createFeedApp<CountingEnv>(deploymentOf);

export default {
  async fetch(request, env, ctx): Promise<Response> {
    const feed = /^\/counts\/(.+)$/.exec(new URL(request.url).pathname)?.[1];
    if (feed === undefined) return app.fetch(request, env, ctx);
    return Response.json(await env.FEEDS.getByName(feed).storageCounts());
  },
} satisfies ExportedHandler<CountingEnv>;
