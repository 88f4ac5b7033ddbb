/** A body as it is sent: gzipped where it is longer than `gzipOver` bytes and the platform can. */
export async function encodeBody(text: string, gzipOver: number): Promise<string | Uint8Array<ArrayBuffer>> {
  // A character takes three bytes at most.
  if (text.length * 3 <= gzipOver || typeof CompressionStream === "undefined") return text;
  const blob = new Blob([text]);
  if (blob.size <= gzipOver) return text;
  const packed = new Response(blob.stream().pipeThrough(new CompressionStream("gzip")));
  return new Uint8Array(await packed.arrayBuffer());
}
