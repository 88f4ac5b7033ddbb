// What Vite knows of the modules of its projects.
interface ImportMeta {
  readonly env: Readonly<Record<string, string | undefined>>;
}
declare module "*.css";
