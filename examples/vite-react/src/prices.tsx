import { useEntry, useFeed, useFeedStatus, useKeys, type Feed } from "@tickertape/feed/react";

interface Quote {
  readonly last: number;
  readonly volume: number;
}

/** A table of all prices, over one connection: a row is rendered again when its own entry changes. */
export function Prices({ url }: { readonly url: string }) {
  const feed = useFeed<Quote, "last" | "volume">(url, "stocks", { fields: ["last", "volume"] });
  const keys = useKeys(feed);
  return (
    <>
      <h1>Prices</h1>
      <Connection feed={feed} />
      <table>
        <thead>
          <tr>
            <th scope="col">Stock</th>
            <th scope="col">Price</th>
            <th scope="col">Volume</th>
          </tr>
        </thead>
        <tbody>
          {keys.toSorted().map((key) => (
            <Row key={key} feed={feed} name={key} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Connection({ feed }: { readonly feed: Feed<Quote> | undefined }) {
  const { state, reason } = useFeedStatus(feed);
  return <p role="status">{state === "live" ? "Live" : `Not live: ${reason}`}</p>;
}

function Row({ feed, name }: { readonly feed: Feed<Quote> | undefined; readonly name: string }) {
  const quote = useEntry(feed, name);
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{quote?.last.toFixed(2)}</td>
      <td>{quote?.volume.toLocaleString()}</td>
    </tr>
  );
}
