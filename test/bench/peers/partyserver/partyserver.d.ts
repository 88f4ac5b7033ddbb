/** What the bench uses of it, so that types are checked without partyserver installed. */
declare module "partyserver" {
  import type { DurableObject } from "cloudflare:workers";

  export class Server extends DurableObject {
    static options: { hibernate: boolean };
    onRequest(request: Request): Response | Promise<Response>;
    broadcast(message: string): void;
  }

  export function getServerByName<T extends Server>(
    namespace: DurableObjectNamespace<T>,
    name: string,
  ): Promise<DurableObjectStub<T>>;
}
