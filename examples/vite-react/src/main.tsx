import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Prices } from "./prices";
import "./style.css";

const url = import.meta.env.VITE_TICKERTAPE_URL ?? "http://127.0.0.1:8787";
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Prices url={url} />
    </StrictMode>,
  );
}
