/** Node 20 has no `WebSocket` of its own. */
export async function provideWebSocket(): Promise<void> {
  if ("WebSocket" in globalThis) return;
  const { WebSocket } = await import("ws");
  Object.assign(globalThis, { WebSocket });
}
