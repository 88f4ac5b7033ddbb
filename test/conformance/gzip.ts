/** Text or bytes compressed as `Content-Encoding: gzip` has it. */
export async function gzip(text: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
