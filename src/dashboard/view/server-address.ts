/** Where the server is mounted: the folder that the page is in, such as `https://example.com/live`. */
export const serverAddress = new URL(".", location.href).href.replace(/\/$/, "");
